"""The description of an event that both ``track()`` and ``backfill`` follow.

`describe` says which keys an event has, in which order, and where each value comes from; `render` turns that into the
texts of one payload. The bulk room compiles the same description against the columns of a frame.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrack.protocol import CONTEXTS, UNSTRUCT_EVENT
from nbtrack.template import Col, columns_of
from nbtrack.values import Encoder, Nan, encode, milliseconds, text

if TYPE_CHECKING:
    from nbtrack.tracker.entity import SelfDescribingJson
    from nbtrack.tracker.event import Event
    from nbtrack.tracker.subject import Subject

MOMENTS = frozenset({"dtm", "ttm"})
# a subject speaks of the page only where the event does not
_PAGE = frozenset({"url", "page", "refr"})
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


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
    from nbtrack.tracker.payload import TRACKER_VERSION  # noqa: PLC0415 - payload renders with this module

    standard = {"tv": TRACKER_VERSION, "tna": namespace, "aid": app_id}
    pairs = members(event, tracker_subject, standard, encode_base64, entities)
    return Plan([(k, v) for k, v in pairs.items() if k in {"eid", "dtm"} or not _is_nothing(v)])


def members(
    event: Event,
    tracker_subject: Subject | None,
    standard: Mapping[str, Any],
    encode_base64: bool,
    entities: Sequence[SelfDescribingJson] = (),
) -> dict[str, Any]:
    """Collect the pairs of an event: its own, those of the subjects, those of the tracker."""
    pairs = own_members(event, tracker_subject, encode_base64, entities)
    pairs["eid"] = event.event_id
    pairs["dtm"] = event.device_timestamp
    pairs.update(standard)
    return pairs


def own_members(
    event: Event,
    tracker_subject: Subject | None,
    encode_base64: bool,
    entities: Sequence[SelfDescribingJson] = (),
) -> dict[str, Any]:
    """Collect the pairs of an event and its subjects."""
    pairs: dict[str, Any] = dict(event.payload)
    if (document := event.event_json) is not None:
        envelope = {"schema": UNSTRUCT_EVENT, "data": document.to_json()}
        pairs["ue_px" if encode_base64 else "ue_pr"] = JsonNode(envelope, encode_base64)
    if event.context or entities:
        data = [entity.to_json() for entity in (*event.context, *entities)]
        pairs["cx" if encode_base64 else "co"] = JsonNode({"schema": CONTEXTS, "data": data}, encode_base64)
    if event.true_timestamp is not None:
        pairs["ttm"] = event.true_timestamp
    if event.event_subject is not None:
        subject = event.event_subject.combine_subject(tracker_subject)
    else:
        subject = {} if tracker_subject is None else tracker_subject.standard_nv_pairs
    if subject.keys() & _PAGE:
        subject = {k: v for k, v in subject.items() if k not in _PAGE or k not in pairs}
    pairs.update(subject)
    return pairs


def render(
    pairs: Iterable[tuple[str, Any]], json_encoder: Encoder | None = None, nan: Nan = "null"
) -> dict[str, str]:
    """Write each pair's value as the text that it is on the wire; empty ones are left out."""
    payload = {}
    for key, value in pairs:
        if value.__class__ is str and value.isascii():
            written = value
        elif value.__class__ is JsonNode:
            written = render_json(value, json_encoder, nan)
        elif value is None:
            continue
        else:
            written = _render_value(key, value, nan)
        if written:
            payload[key] = written
    return payload


def render_json(node: JsonNode, json_encoder: Encoder | None = None, nan: Nan = "null") -> str:
    """Write a JSON node as text."""
    data = encode(node.tree, encoder=json_encoder, nan=nan)
    return b2a_base64(data, newline=False).translate(_URL_SAFE).decode() if node.base64 else data.decode()


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


def _render_value(key: str, value: Any, nan: Nan) -> str:
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
