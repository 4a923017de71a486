"""Event ids made from a row's key: in SQL, and by the same recipe in Python."""

import hashlib
import json
import re
import uuid
from collections.abc import Sequence

RECIPE = 2
"""How ids are made; recipe 1 wrote integral floats as ``1.0`` in keys, and dropped the last zeros of decimals."""
# a UUID of version 8, whose other bits are free to use: they are those of an MD5
_KEEP = ((1 << 128) - 1) & ~(0xF << 76) & ~(0x3 << 62)
_VERSION_8 = (0x8 << 76) | (0x2 << 62)
# DuckDB writes the hex digits of an escape as capitals; a backslash that is itself escaped is stepped over
_ESCAPES = re.compile(r"\\\\|\\u00[0-9a-f]{2}")


def make_event_id(namespace: uuid.UUID, key: Sequence[str]) -> uuid.UUID:
    r"""Return the event id of a row, as the SQL of a backfill makes it; recipe 2.

    The id is a UUID of version 8, filled from the MD5 of the namespace's 16 bytes followed by the key as a compact JSON
    list of strings in UTF-8; control characters are escaped as JSON asks, those without a short form with capital hex
    digits (``\u001F``). The digest is read as a little-endian number.

    Parameters
    ----------
    namespace : uuid.UUID
        Namespace of the run, as `make_namespace` returns.
    key : sequence of str
        The values of the key columns in their order, each as the string that `nbtrack.values.key_text` returns.

    Returns
    -------
    uuid.UUID
        The event id.

    Raises
    ------
    TypeError
        If `namespace` is not a UUID, or `key` is not a list of strings.

    Examples
    --------
    >>> import uuid
    >>> make_event_id(uuid.NAMESPACE_URL, ["o-1"])
    UUID('487150da-f865-890b-89f5-a0f92abbfd1b')
    """
    if not isinstance(namespace, uuid.UUID):
        raise TypeError(
            f"namespace must be a uuid.UUID, such as make_namespace(event) returns, got {namespace!r}"
        )
    if isinstance(key, str) or not all(isinstance(value, str) for value in key):
        raise TypeError(
            f"key must be a list of strings, such as ['o-1'], got {key!r}; nbtrack.values.key_text converts values"
        )
    text = json.dumps(list(key), ensure_ascii=False, separators=(",", ":"))
    text = _ESCAPES.sub(lambda escape: escape[0][:2] + escape[0][2:].upper(), text)
    digest = hashlib.md5(namespace.bytes + text.encode(), usedforsecurity=False).digest()
    return uuid.UUID(int=(int.from_bytes(digest, "little") & _KEEP) | _VERSION_8)


def id_number_sql(namespace: uuid.UUID, text: str) -> str:
    """Return SQL for the 128 bits of the id made from a string, which is given in SQL."""
    seed = f"unhex('{namespace.hex}') || encode({text})"
    return f"((md5_number({seed}) & {_KEEP}::uhugeint) | {_VERSION_8}::uhugeint)"
