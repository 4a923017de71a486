"""Event ids made from a row's key, in SQL and, by the same recipe, in Python."""

import hashlib
import json
import uuid
from collections.abc import Sequence

# a UUID's version and variant bits, for version 8: free to use, and filled from an MD5
_KEEP = ((1 << 128) - 1) & ~(0xF << 76) & ~(0x3 << 62)
_VERSION_8 = (0x8 << 76) | (0x2 << 62)


def make_event_id(namespace: uuid.UUID, key: Sequence[str]) -> uuid.UUID:
    """Give a row's event id, as the SQL of a backfill does; recipe version 1.

    The id is a UUID of version 8, filled from the MD5 of the namespace's 16 bytes followed by the compact JSON list
    of the key columns' texts in UTF-8; the digest is read as a little-endian number.

    Parameters
    ----------
    namespace : uuid.UUID
        Of the run: that of `make_namespace`.
    key : sequence of str
        The texts of the key columns' values, in their order: those of `nbtrack.values.text`.

    Examples
    --------
    >>> make_event_id(uuid.NAMESPACE_URL, ["o-1"])
    UUID('487150da-f865-890b-89f5-a0f92abbfd1b')
    """
    if not isinstance(namespace, uuid.UUID):
        raise TypeError(
            f"namespace must be a uuid.UUID, such as make_namespace(event) gives, not {namespace!r}"
        )
    if isinstance(key, str) or not all(isinstance(text, str) for text in key):
        raise TypeError(
            f"key must be a list of texts, such as ['o-1'], not {key!r}: nbtrack.values.text makes them"
        )
    written = namespace.bytes + json.dumps(list(key), ensure_ascii=False, separators=(",", ":")).encode()
    digest = hashlib.md5(written, usedforsecurity=False).digest()
    return uuid.UUID(int=(int.from_bytes(digest, "little") & _KEEP) | _VERSION_8)


def write_number(namespace: uuid.UUID, hashed: str) -> str:
    """Give SQL for the 128 bits of the id that a text, given in SQL, makes."""
    seed = f"unhex('{namespace.hex}') || encode({hashed})"
    return f"((md5_number({seed}) & {_KEEP}::uhugeint) | {_VERSION_8}::uhugeint)"
