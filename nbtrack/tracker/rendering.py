"""How a payload's values are written as strings; imports nothing of the tracker."""

from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbtrack._version import __version__
from nbtrack.template import Col
from nbtrack.values import Encoder, Nan, encode, milliseconds, text

TRACKER_VERSION = f"py-nbtrack-{__version__}"
"""Name and version of the tracker: ``tv`` of every event."""
TIMESTAMPS = frozenset({"dtm", "ttm"})


@dataclass(slots=True)
class JsonNode:
    """A value that is written as JSON into one text.

    Attributes
    ----------
    tree : Any
        Nested dicts and lists, with placeholders where a row's values go.
    base64 : bool
        Whether the text is the URL-safe base64 (padding kept) of the JSON.
    """

    tree: Any
    base64: bool


def render(pairs: dict[str, Any], json_encoder: Encoder | None = None, nan: Nan = "null") -> dict[str, str]:
    """Write each pair's value as the text that it is on the wire, in place; empty ones are taken out."""
    values = list(pairs.values())
    try:
        # the usual event is done here: it holds only texts, none empty, and no letter that could be half a pair
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
            written = pairs[key] = _render_value(key, value, json_encoder, nan)
        if not written:
            empty.append(key)
    for key in empty:
        del pairs[key]
    return pairs


def render_json(tree: Any, base64: bool, json_encoder: Encoder | None = None, nan: Nan = "null") -> str:
    """Write a tree as JSON, or as the base64 of it."""
    data = encode(tree, json_encoder, nan)
    if not base64:
        return data.decode()
    # ASCII text gives these two only for ?, > and ~: to find none is a third of the time of `translate`
    return b2a_base64(data, newline=False).decode().replace("+", "-").replace("/", "_")


def fill(value: Any, row: Mapping[str, Any]) -> Any:
    """Put a row's values in the place of the placeholders in a value."""
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


def _render_value(key: str, value: Any, json_encoder: Encoder | None, nan: Nan) -> str:
    if isinstance(value, JsonNode):
        return render_json(value.tree, value.base64, json_encoder, nan)
    if isinstance(value, Col):
        raise TypeError(
            f"{key} is {value!r}, which stands for a column and has no value of its own: "
            "give the event to nbtrack.backfill, which fills it in for each row"
        )
    if key in TIMESTAMPS:
        return str(milliseconds(value))
    return text(value, nan=nan)
