"""The JSON in a payload's fields (`ue_pr`, `ue_px`, `co`, `cx`): the one decoder."""

import binascii
import json
from collections.abc import Callable, Mapping, Sequence
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


def read_many(key: str, texts: Sequence[str]) -> list[Any]:
    """Decode the JSON of many texts of a field, which is faster than one by one.

    Parameters
    ----------
    key : str
        As for `read_json`.
    texts : sequence of str

    Returns
    -------
    list
        What `read_json` returns; None for a text that it may reject, which is left to it.
    """
    raws: Sequence[bytes | None] = (
        decode_many(texts)
        if key in BASE64_FIELDS
        else [text.encode("utf-8", "surrogatepass") for text in texts]
    )
    documents = []
    for raw in raws:
        document = None
        if raw is not None and raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
            try:
                document = loads(raw)
            except ValueError:
                document = None
        documents.append(document)
    return documents


def decode_many(texts: Sequence[str]) -> list[bytes | None]:
    """Decode many texts in either alphabet of base64; None for a text that is not base64 for sure."""
    joined = "\n".join(texts)
    if not joined.isascii() or joined.count("\n") != len(texts) - 1:
        return [None] * len(texts)
    decode = binascii.a2b_base64
    raws: list[bytes | None] = []
    for text in joined.encode("ascii").translate(URL_SAFE).split(b"\n"):
        try:
            rest = len(text) % 4
            raws.append(decode(text + PADDING[rest] if rest else text, strict_mode=True))
        except binascii.Error:
            raws.append(None)
    return raws


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
