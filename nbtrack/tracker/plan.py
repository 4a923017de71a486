"""What a payload is made of: the description of an event that both ``track()`` and ``backfill`` follow.

`describe` returns the keys of an event, their order, and where each value comes from. `nbtrack.tracker.rendering` writes
it as the strings of one payload; the bulk package compiles it against the columns of a DataFrame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.template import columns_of
from nbtrack.tracker.contracts import refuse_misfits
from nbtrack.tracker.events.base import Event
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.tracker.rendering import TRACKER_VERSION, JsonNode
from nbtrack.tracker.subject import Subject


@dataclass(frozen=True, slots=True)
class Plan:
    """What a payload is made of.

    Attributes
    ----------
    pairs : list of (str, value)
        Keys in the payload's order. A value is a plain one, a `Col`, or a `JsonNode`; None for an ``eid`` or
        ``dtm`` that is set at tracking. ``ttm`` and ``dtm`` are timestamps, written as `nbtrack.values.milliseconds`
        does; other values as `nbtrack.values.text` does, and left out if that is an empty string.
    """

    pairs: list[tuple[str, Any]]

    def columns(self) -> tuple[str, ...]:
        """Return the columns that the plan needs, once each, in order."""
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
        Its values apply where the event's own subject has none.
    app_id : str or None
        The application.
    namespace : str
        The tracker's name.
    encode_base64 : bool
        Whether JSON goes out as base64.
    entities : sequence of SelfDescribingJson
        Attached to the event after its own.

    Raises
    ------
    ValueError
        For a constant that pipelines fail.

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
    pairs = event.payload_pairs(tracker_subject, standard, encode_base64, entities, JsonNode)
    described = [*event.context, *entities, *([] if event.event_json is None else [event.event_json])]
    refuse_misfits(pairs, [document.to_json().get("schema") for document in described])
    return Plan([(k, v) for k, v in pairs.items() if k in {"eid", "dtm"} or not _is_nothing(v)])


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value)
