"""The description of an event that both ``track()`` and ``backfill`` follow.

`describe` says which keys an event has, in which order, and where each value comes from; `render` turns that into the
texts of one payload. The bulk room compiles the same description against the columns of a frame.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrack._version import __version__
from nbtrack.template import Col, columns_of
from nbtrack.values import Encoder, Nan, encode, milliseconds, text

if TYPE_CHECKING:
    from nbtrack.tracker.entity import SelfDescribingJson
    from nbtrack.tracker.events.base import Event
    from nbtrack.tracker.subject import Subject

TRACKER_VERSION = f"py-nbtrack-{__version__}"
"""The tracker and its version: ``tv`` of every event."""
MOMENTS = frozenset({"dtm", "ttm"})


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What a payload is made of.

    Attributes
    ----------
    pairs : list of (str, value)
        Keys in the payload's order. A value is a plain one, a `Col`, or a `JsonNode`; None for an ``eid`` or
        ``dtm`` that is made at tracking. ``ttm`` and ``dtm`` are moments, written as `nbtrack.values.milliseconds`
        does; other values as `nbtrack.values.text` does, and left out when that is the empty text.
    """

    pairs: list[tuple[str, Any]]

    def columns(self) -> tuple[str, ...]:
        """Name the columns that the plan asks for, once each, in order."""
        return columns_of([v.tree if isinstance(v, JsonNode) else v for _, v in self.pairs])


def describe(
    event: Event,
    *,
    tracker_subject: Subject | None,
    app_id: Any,
    namespace: str,
    encode_base64: bool,
    entities: Sequence[SelfDescribingJson] = (),
) -> Plan:
    """Describe an event's payload.

    Parameters
    ----------
    event : Event
        What to describe; it is not changed.
    tracker_subject : Subject or None
        Whose values hold where the event's own subject has none.
    app_id : str or None
        The application.
    namespace : str
        The tracker's name.
    encode_base64 : bool
        Whether JSON goes out as base64.
    entities : sequence of SelfDescribingJson
        Attached to the event after its own.

    Returns
    -------
    Plan
        The pairs in the order of the payload.

    Examples
    --------
    >>> from nbtrack.tracker import PageView
    >>> from nbtrack.template import col
    >>> plan = describe(PageView(col("url")), tracker_subject=None, app_id=None, namespace="n", encode_base64=True)
    >>> [key for key, _ in plan.pairs], plan.columns()
    (['e', 'url', 'eid', 'dtm', 'tv', 'tna'], ('url',))
    """
    standard = {"tv": TRACKER_VERSION, "tna": namespace, "aid": app_id}
    pairs = event.members(tracker_subject, standard, encode_base64, entities, JsonNode)
    return Plan([(k, v) for k, v in pairs.items() if k in {"eid", "dtm"} or not _is_nothing(v)])


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
    if key in MOMENTS:
        return str(milliseconds(value))
    return text(value, nan=nan)


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value)
