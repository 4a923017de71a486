"""Bytes of a request: each payload is encoded once, `stm` is spliced in when it leaves."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from nbtrack.delivery.models import PayloadDict, Row
from nbtrack.protocol import PAYLOAD_DATA

HEAD = b'{"schema":"' + PAYLOAD_DATA.encode() + b'","data":['
TAIL = b"]}"
STAMP = b',"stm":"%d"}'
STAMP_BYTES = len(STAMP % 1_000_000_000_000) - 1
"""What the splice adds: the closing brace it replaces is not new."""
EVENT_BYTES = STAMP_BYTES + 1
"""What an event costs beyond its own bytes: its `stm` and a comma."""
FRAME_BYTES = len(HEAD) + len(TAIL) - 1
"""What a body costs beyond its events; the last one has no comma."""


_TEXT = frozenset({str})


def encode(payload: Mapping[str, Any], method: str) -> tuple[bytes, str]:
    """Encode a payload as it will be stored.

    Parameters
    ----------
    payload
        Flat name-value pairs.
    method
        "post": every value becomes a string, as in the reference. "get": None is left out and lists stay,
        for they repeat their key in a query string.

    Returns
    -------
    tuple of bytes and str
        The JSON object without `stm`, and the event id.

    Raises
    ------
    Exception
        Whatever a value's own `__str__` raises.

    Examples
    --------
    >>> encode({"e": "pv", "eid": "1", "stm": "7"}, "post")
    (b'{"e":"pv","eid":"1"}', '1')
    """
    if method == "post":
        if _TEXT.issuperset(map(type, payload.values())) and "stm" not in payload:
            try:  # a tracker's own payload: texts only
                return orjson.dumps(payload), payload.get("eid", "")
            except TypeError:
                pass  # a lone surrogate, or a key that is no text
        flat: PayloadDict = {
            key if type(key) is str else str(key): value if type(value) is str else str(value)
            for key, value in payload.items()
        }
    else:
        flat = {
            str(key): [str(one) for one in value] if isinstance(value, list | tuple) else str(value)
            for key, value in payload.items()
            if value is not None
        }
    flat.pop("stm", None)
    try:
        body = orjson.dumps(flat)
    except TypeError:
        # a lone surrogate: no UTF-8 form, but a JSON one
        body = json.dumps(flat, separators=(",", ":")).encode("ascii")
    return body, str(flat.get("eid", ""))


def decode(body: bytes) -> PayloadDict:
    """Read a stored payload back."""
    payload: PayloadDict = json.loads(body)
    return payload


def stamp(body: bytes, milliseconds: int) -> bytes:
    """Give a stored payload its time of sending."""
    tail = STAMP % milliseconds
    return body[:-1] + tail if len(body) > 2 else b"{" + tail[1:]  # noqa: PLR2004


def build_body(rows: Sequence[Row], milliseconds: int) -> bytes:
    """Make the body of a POST."""
    tail = STAMP % milliseconds
    if any(len(row.body) <= 2 for row in rows):  # noqa: PLR2004
        events = b",".join([stamp(row.body, milliseconds) for row in rows])
        return b"%b%b%b" % (HEAD, events, TAIL)
    # b"{...}" each: one join writes `stm` and the next brace between two events
    return b"%b%b%b%b" % (HEAD, (tail + b",").join([row.body[:-1] for row in rows]), tail, TAIL)


def build_query(row: Row, milliseconds: int) -> str:
    """Make the query string of a GET."""
    pairs = {**decode(row.body), "stm": str(milliseconds)}
    return urlencode(pairs, doseq=True, errors="replace")
