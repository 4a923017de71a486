"""The JSON in a payload's fields (`ue_pr`, `ue_px`, `co`, `cx`): the one decoder."""

import binascii
import contextlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

try:
    import orjson as orjson  # noqa: PLC0414 - others take it from here
except ModuleNotFoundError:  # compiled, and not loaded into every page of Pyodide
    orjson = None  # type: ignore[assignment]

from nbtrack.protocol import FIELDS

loads: Callable[[bytes | str], Any] = json.loads if orjson is None else orjson.loads
"""Parses JSON of untrusted length; raises ValueError."""
MAX_DEPTH = 40
"""Levels of nesting that a pipeline accepts."""
JSON_FIELDS = tuple(key for key, field in FIELDS.items() if field.kind in {"json", "base64_json"})
"""Payload fields that hold JSON, plain or in base64."""
BASE64_FIELDS = frozenset(key for key, field in FIELDS.items() if field.kind == "base64_json")
"""Those in base64."""
URL_SAFE = bytes.maketrans(b"-_", b"+/")
# padding that base64 lacks, by the length of its last group
PADDING = (b"", b"===", b"==", b"=")
MARK_TEXT = os.urandom(10).hex()
"""A string between pieces of JSON that are parsed together. It is random, so that none of them can have it inside."""
MARK = f',"{MARK_TEXT}",'.encode()
"""Has a multiple of three bytes, as base64 wants."""
BASE64_MARK = binascii.b2a_base64(MARK, newline=False).decode()


def depth_exceeds(text: bytes | str, limit: int = MAX_DEPTH) -> bool:
    """Check whether JSON is nested deeper than a pipeline accepts."""
    # most documents have fewer brackets than levels allowed
    brackets = (
        text.count("{") + text.count("[") if isinstance(text, str) else text.count(b"{") + text.count(b"[")
    )
    if brackets <= limit:
        return False
    level, inside = 0, [loads(text)]
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
        The value of the field.

    Raises
    ------
    ValueError
        If the text is neither JSON nor base64 of JSON, or is nested deeper than 40 levels.

    Examples
    --------
    >>> read_json("cx", "eyJhIjoxfQ")
    {'a': 1}
    """
    raw = json_text(key, text)
    if depth_exceeds(raw):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return loads(raw)


def read_many(key: str, values: Sequence[str]) -> list[Any]:
    """Decode the JSON of many values of a field, which is several times faster than one by one.

    Parameters
    ----------
    key : str
        As for `read_json`.
    values : sequence of str

    Returns
    -------
    list
        What `read_json` returns; None for a value that it may reject, which is left to it.
    """
    if key in BASE64_FIELDS:
        return parse_many(decode_many(values))
    return parse_many([value.encode("utf-8", "surrogatepass") for value in values])


def decode_many(values: Sequence[str]) -> list[bytes | None]:
    """Decode many strings in either alphabet of base64; None for a value that is not base64 for sure."""
    together = _decode_together(values)
    if together is not None:
        return together
    raws: list[bytes | None] = []
    for value in values:
        try:
            clean = value.encode("ascii").translate(URL_SAFE)
            raws.append(binascii.a2b_base64(clean + PADDING[len(clean) % 4], strict_mode=True))
        except (binascii.Error, UnicodeEncodeError):
            raws.append(None)
    return raws


def _decode_together(values: Sequence[str]) -> list[bytes | None] | None:
    """Decode many strings as one that has a mark behind each; None if they cannot be told apart for sure.

    Padding, which is allowed only where base64 ends, is decoded as zero bytes: it takes the place of the digit for zero.
    """
    import pybase64  # noqa: PLC0415 - trackers encode, and do not need it

    if any(length % 4 for length in set(map(len, values))):
        values = [value + "=" * (-len(value) % 4) for value in values]
    joined = BASE64_MARK.join([*values, ""])
    padding = joined.count("=")
    once, twice = joined.count("=" + BASE64_MARK), joined.count("==" + BASE64_MARK)
    if padding != once + twice:
        return None
    try:
        raw = pybase64.b64decode(joined.replace("=", "A").replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        return None
    if padding:
        zeros = raw.count(b"\0"), raw.count(b"\0" + MARK), raw.count(b"\0\0" + MARK)
        if zeros != (padding, once, twice):
            return None
        raw = raw.replace(b"\0", b"")
    raws: list[bytes | None] = [*raw.split(MARK)]
    return raws[:-1] if len(raws) == len(values) + 1 else None


def parse_many(raws: Sequence[bytes | None], brackets: int = 0) -> list[Any]:
    """Parse many pieces of JSON; None for one that is None, not JSON or maybe nested too deep.

    Parameters
    ----------
    raws : sequence of bytes or None
    brackets : int, default 0
        Opening brackets around each of them, which count as levels.
    """
    known = [raw for raw in raws if raw is not None]
    if len(known) == len(raws) and raws:
        levels = max(map(bytes.count, known, repeat(b"{"))) + max(map(bytes.count, known, repeat(b"[")))
        if brackets + levels <= MAX_DEPTH:
            items: list[Any] = []
            with contextlib.suppress(ValueError):
                items = loads(b"[" + MARK.join([*known, b"0]"]))
            # a piece that is not JSON by itself would take a mark away, or move it
            if len(items) == 2 * len(raws) + 1 and items[1::2].count(MARK_TEXT) == len(raws):
                return items[:-1:2]
    return [_parse(raw, brackets) for raw in raws]


def _parse(raw: bytes | None, brackets: int) -> Any:
    if raw is None or brackets + raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        return None
    try:
        return loads(raw)
    except ValueError:
        return None


def json_text(key: str, text: str) -> str | bytes:
    """Return the JSON of a field as text: decoded where the field is base64, in either alphabet, padded or not.

    Raises
    ------
    ValueError
        If it is not base64.
    """
    if FIELDS[key].kind != "base64_json":
        return text
    try:
        clean = text.encode("ascii").replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        return binascii.a2b_base64(clean + PADDING[len(clean) % 4], strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(f"not base64: {error}") from None


def decode_fields(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload with its JSON fields decoded; a field that cannot be decoded stays as it is.

    Examples
    --------
    >>> decode_fields({"e": "ue", "ue_px": "eyJhIjoxfQ"})
    {'e': 'ue', 'ue_px': {'a': 1}}
    """
    decoded = dict(payload)
    for key in JSON_FIELDS:
        if isinstance(text := decoded.get(key), str):
            try:
                # the standard library keeps integers of any size, as a reader expects
                decoded[key] = json.loads(json_text(key, text))
            except ValueError:
                continue
    return decoded


def schema_of(payload: Mapping[str, Any]) -> str | None:
    """Return the Iglu URI of a self-describing event's data, or None for other events and unreadable ones."""
    for key in ("ue_pr", "ue_px"):
        if isinstance(text := payload.get(key), str):
            try:
                uri = read_json(key, text)["data"]["schema"]
            except (ValueError, TypeError, KeyError):
                return None
            return uri if isinstance(uri, str) else None
    return None
