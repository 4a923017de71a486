"""The JSON inside a payload's fields."""

from __future__ import annotations

import binascii
from typing import Any

import orjson

from nbtrack.protocol import FIELDS

# JSON nested deeper than this is refused by a pipeline
MAX_DEPTH = 40
# what base64 lacks, by the length of its last group
PADDING = (b"", b"===", b"==", b"=")


def depth_exceeds(text: bytes | str, limit: int = MAX_DEPTH) -> bool:
    """Tell whether JSON is nested deeper than a pipeline reads."""
    # most documents have fewer brackets than levels allowed
    brackets = (
        text.count("{") + text.count("[") if isinstance(text, str) else text.count(b"{") + text.count(b"[")
    )
    if brackets <= limit:
        return False
    level, inside = 0, [orjson.loads(text)]
    while inside:
        level += 1
        if level > limit + 1:
            return True
        inside = [
            inner
            for outer in inside
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return False


def read_json(key: str, text: str) -> Any:
    """Decode the JSON of a field, plain or in either alphabet of base64, with its padding or without.

    Parameters
    ----------
    key : str
        ``ue_px``, ``ue_pr``, ``cx`` or ``co``.
    text : str

    Raises
    ------
    ValueError
        With the reason, also for JSON nested deeper than 40 levels.

    Examples
    --------
    >>> read_json("cx", "eyJhIjoxfQ")
    {'a': 1}
    """
    raw: str | bytes = text
    if FIELDS[key].kind == "base64_json":
        try:
            clean = text.encode("ascii").replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
            raw = binascii.a2b_base64(clean + PADDING[len(clean) % 4], strict_mode=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise ValueError(f"not base64: {error}") from None
    if depth_exceeds(raw):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return orjson.loads(raw)
