"""How a payload's values are written as strings; imports nothing of the tracker."""

from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbtrack._version import __version__
from nbtrack.protocol import FIELDS
from nbtrack.template import Col
from nbtrack.values import Encoder, Nan, encode, key_text, milliseconds, text

TRACKER_VERSION = f"py-nbtrack-{__version__}"
"""Name and version of the tracker: ``tv`` of every event."""
TIMESTAMPS = frozenset({"dtm", "ttm"})
INTEGERS = frozenset(key for key, field in FIELDS.items() if field.kind == "integer")


@dataclass(slots=True)
class JsonNode:
    """A value that becomes one string of JSON.

    Attributes
    ----------
    tree : Any
        Nested dicts and lists; may hold `col` placeholders.
    base64 : bool
        Whether the string is URL-safe base64 (with padding) of the JSON.
    """

    tree: Any
    base64: bool


def render(pairs: dict[str, Any], json_encoder: Encoder | None = None, nan: Nan = "null") -> dict[str, str]:
    """Write each value as it goes on the wire, in place, and remove empty ones."""
    values = list(pairs.values())
    try:
        # the usual event ends here: only strings, none empty, and no character that could be a lone surrogate
        if "".join(values).isascii() and all(values):
            return pairs
    except TypeError:
        pass
    empty = []
    for key, value in pairs.items():
        if value.__class__ is str and value.isascii():
            written = value
        elif value is None:
            written = ""
        else:
            written = pairs[key] = render_value(key, value, json_encoder, nan)
        if not written:
            empty.append(key)
    for key in empty:
        del pairs[key]
    return pairs


def render_json(tree: Any, base64: bool, json_encoder: Encoder | None = None, nan: Nan = "null") -> str:
    """Return a tree as JSON, or as base64 of the JSON."""
    data = encode(tree, json_encoder, nan)
    if not base64:
        return data.decode()
    # ASCII JSON rarely produces these two; `replace` takes a third of the time of `translate`
    return b2a_base64(data, newline=False).decode().replace("+", "-").replace("/", "_")


def fill(value: Any, row: Mapping[str, Any]) -> Any:
    """Return a value with its placeholders replaced by a row's values."""
    if isinstance(value, Col):
        if value.name not in row:
            raise KeyError(f"{value!r}: the row has no such column, it has {', '.join(map(str, row))}")
        return value.evaluate(row[value.name])
    if isinstance(value, dict):
        return type(value)({k: fill(v, row) for k, v in value.items()})
    if isinstance(value, list):
        return [fill(v, row) for v in value]
    if type(value) is tuple:
        return tuple(fill(v, row) for v in value)
    substitute = getattr(value, "substitute", None)
    return value if substitute is None else substitute(row)


def render_value(key: str, value: Any, json_encoder: Encoder | None = None, nan: Nan = "null") -> str:
    """Return the value of a payload key as the string that is sent, empty if the key is left out."""
    if value.__class__ is int:  # the same for each kind of key
        return str(value)
    if isinstance(value, JsonNode):
        return render_json(value.tree, value.base64, json_encoder, nan)
    if isinstance(value, Col):
        raise TypeError(
            f"{key} is {value!r}, a placeholder for a column, which has no value here: "
            "pass the event to nbtrack.backfill, which fills it in for each row"
        )
    if key in TIMESTAMPS:
        return str(milliseconds(value))
    # pandas makes 1.0 of an int beside missing values; a pipeline reads "1" and fails "1.0"
    return key_text(value, nan=nan) if key in INTEGERS else text(value, nan=nan)
