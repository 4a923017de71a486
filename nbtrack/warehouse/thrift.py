"""The requests that a collector passes on, written by Thrift's binary protocol."""

import binascii
import struct
from typing import Any

_STOP, _BOOL, _I32, _I64, _STRING, _LIST = 0, 2, 8, 10, 11, 15
_NAMES = {
    100: "ipAddress", 200: "timestamp", 210: "encoding", 220: "collector", 300: "useragent", 310: "refererUri",
    320: "path", 330: "querystring", 340: "body", 350: "headers", 360: "contentType", 400: "hostname",
    410: "networkUserId", 31337: "schema",
}  # fmt: skip
"""Members of a request by their number."""
_MAX_ITEMS = 10_000


def read_thrift(text: str) -> dict[str, Any] | None:
    """Return the members of a request from the base64 of its bytes, once or twice encoded; None for anything else.

    Examples
    --------
    >>> read_thrift("CwFAAAAAAi9pCwFKAAAABGU9cHYA")
    {'path': '/i', 'querystring': 'e=pv'}
    """
    raw = _decode(text)
    if raw is not None and not raw.startswith((b"\x0b", b"\x0a", b"\x0f")):
        raw = _decode(raw.decode("ascii", "replace"))
    if raw is None:
        return None
    try:
        members = _read(raw)
    except (struct.error, ValueError, IndexError):
        return None
    return members or None


def _decode(text: str) -> bytes | None:
    clean = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return binascii.a2b_base64(clean + "=" * (-len(clean) % 4), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None


def _read(raw: bytes) -> dict[str, Any]:
    members: dict[str, Any] = {}
    place = 0
    while raw[place] != _STOP:
        type_, number = struct.unpack_from(">bh", raw, place)
        value, place = _read_value(raw, place + 3, type_)
        if number in _NAMES:
            members[_NAMES[number]] = value
    return members


def _read_value(raw: bytes, place: int, type_: int) -> tuple[Any, int]:
    if type_ == _STRING:
        (size,) = struct.unpack_from(">i", raw, place)
        end = place + 4 + size
        if size < 0 or end > len(raw):
            raise ValueError("cut")
        return raw[place + 4 : end].decode("utf-8", "replace"), end
    if type_ == _I64:
        return struct.unpack_from(">q", raw, place)[0], place + 8
    if type_ == _I32:
        return struct.unpack_from(">i", raw, place)[0], place + 4
    if type_ == _BOOL:
        return bool(raw[place]), place + 1
    if type_ == _LIST:
        item, count = struct.unpack_from(">bi", raw, place)
        if not 0 <= count <= _MAX_ITEMS:
            raise ValueError("not a list")
        items, place = [], place + 5
        for _ in range(count):
            value, place = _read_value(raw, place, item)
            items.append(value)
        return items, place
    raise ValueError("another type")
