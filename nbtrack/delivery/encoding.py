"""JSON of requests: each payload is encoded once, and `stm` (the sent timestamp) is spliced in when it leaves."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from nbtrack.common.payload_json import orjson
from nbtrack.delivery.models import PayloadDict, Row
from nbtrack.protocol import PAYLOAD_DATA

HEAD = b'{"schema":"' + PAYLOAD_DATA.encode() + b'","data":['
"""What stands before the first event of a body."""
TAIL = b"]}"
"""What stands behind the last event of a body."""
STAMP = b',"stm":"%d"}'
STAMP_BYTES = len(STAMP % 1_000_000_000_000) - 1
"""Bytes that the splice adds: it replaces the closing brace."""
BYTES_PER_EVENT = STAMP_BYTES + 1
"""Bytes that an event takes in a body beyond its own: `stm` and a comma."""
ENVELOPE_BYTES = len(HEAD) + len(TAIL) - 1
"""Bytes of a body beyond its events; there is no comma after the last one."""
ONLY_STRINGS = frozenset({str})
EMPTY_OBJECT = 2
"""Bytes of ``{}``, which takes no comma before `stm`."""


def _dumps(value: Any) -> bytes:
    """Write JSON as orjson does, which refuses what is not UTF-8."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise TypeError(str(error)) from None


dumps: Callable[[Any], bytes] = _dumps if orjson is None else orjson.dumps


def encode(payload: Mapping[str, Any], method: str) -> tuple[bytes, str]:
    """Encode a payload as it is stored.

    Parameters
    ----------
    payload : mapping
        Flat name-value pairs.
    method : str
        "post": every value becomes a string, as in the reference. "get": None is left out and lists stay lists, because
        they repeat their key in a query string.

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
        if ONLY_STRINGS.issuperset(map(type, payload.values())) and "stm" not in payload:
            try:  # a tracker's own payload
                return dumps(payload), payload.get("eid", "")
            except TypeError:
                pass  # a lone surrogate, or a key that is not a string
        flat: PayloadDict = {
            key if type(key) is str else str(key): value if type(value) is str else str(value)
            for key, value in payload.items()
        }
    else:
        flat = {
            str(key): [str(item) for item in value] if isinstance(value, list | tuple) else str(value)
            for key, value in payload.items()
            if value is not None
        }
    flat.pop("stm", None)
    try:
        body = dumps(flat)
    except TypeError:
        # a lone surrogate cannot be written in UTF-8, but JSON can escape it
        body = json.dumps(flat, separators=(",", ":")).encode("ascii")
    # stores keep the id as UTF-8
    return body, str(flat.get("eid", "")).encode("utf-8", "replace").decode()


def decode(body: bytes) -> PayloadDict:
    """Decode a stored payload."""
    payload: PayloadDict = json.loads(body)
    return payload


def stamp(body: bytes, milliseconds: int) -> bytes:
    """Return a stored payload with its `stm`."""
    tail = STAMP % milliseconds
    return body[:-1] + tail if len(body) > EMPTY_OBJECT else b"{" + tail[1:]


def build_body(rows: Sequence[Row], milliseconds: int) -> bytes:
    """Build the body of a POST request."""
    tail = STAMP % milliseconds
    if any(len(row.body) <= EMPTY_OBJECT for row in rows):
        events = b",".join([stamp(row.body, milliseconds) for row in rows])
        return b"%b%b%b" % (HEAD, events, TAIL)
    # b"{...}" each: one join writes `stm` and the next brace between two events
    return b"%b%b%b%b" % (HEAD, (tail + b",").join([row.body[:-1] for row in rows]), tail, TAIL)


def build_query(row: Row, milliseconds: int) -> str:
    """Build the query string of a GET request."""
    pairs = {**decode(row.body), "stm": str(milliseconds)}
    return urlencode(pairs, doseq=True, errors="replace")
