"""`Event`: content, subject, entities and timestamps of every event."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypedDict

from nbtrack.protocol import CONTEXTS, UNSTRUCT_EVENT
from nbtrack.tracker import contracts
from nbtrack.tracker.aliases import TimestampLike
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.tracker.payload import Payload
from nbtrack.tracker.rendering import JsonNode, fill, render
from nbtrack.tracker.subject import Subject
from nbtrack.values import Encoder

Context = Sequence[SelfDescribingJson]
# a subject's page applies only where the event has none
_PAGE = frozenset({"url", "page", "refr"})


class EventOptions(TypedDict, total=False):
    """Arguments that every event accepts beside its entities; see `Event`.

    Examples
    --------
    >>> from nbtrack.tracker import PageView
    >>> options: EventOptions = {"event_id": "c9f3b7d2-1f7a-4f0e-b0a1-6a5d3e8c7b32"}
    >>> PageView("https://acme.com", **options).event_id
    'c9f3b7d2-1f7a-4f0e-b0a1-6a5d3e8c7b32'
    """

    event_subject: Subject | None
    true_timestamp: TimestampLike | None
    event_id: Any
    device_timestamp: TimestampLike | None


class Common(EventOptions, total=False):
    """Arguments that every event accepts; see `Event`."""

    context: Context | None


class Event:
    """An event, and what every event can carry.

    Tracking an event never changes it: the same one can be tracked again, with a new id, by any tracker.

    Parameters
    ----------
    dict_ : mapping, optional
        Payload keys and values of the event; copied.
    event_subject : Subject, optional
        Its values override those of the tracker's subject for this event.
    context : sequence of SelfDescribingJson, optional
        Entities attached to the event.
    true_timestamp : int, float, datetime, pandas Timestamp or numpy scalar, optional
        When the event really happened; numbers are Unix timestamps in milliseconds, naive datetimes are UTC.
    event_id : str or uuid.UUID, optional
        The event's id in place of a random one. Tracking it twice then sends the same id twice.
    device_timestamp : as true_timestamp, optional
        When the event was created; by default the time of tracking.

    Raises
    ------
    ValueError
        For a value of the wrong type, while contracts are enabled.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> event = Event({"e": "pv", "url": "https://acme.com"}, true_timestamp=datetime(2026, 1, 31, tzinfo=UTC))
    >>> event.build_payload(encode_base64=True, json_encoder=None)
    {'e': 'pv', 'url': 'https://acme.com', 'ttm': '1769817600000'}
    """

    event_json: SelfDescribingJson | None = None
    specification: SelfDescribingJson | None = None
    """The entity that names the event's specification in a tracking plan; generated classes have one."""
    # on the class, so that an event stores only what it has
    _event_subject: Subject | None = None
    _true_timestamp: Any = None
    _event_id: Any = None
    _device_timestamp: Any = None
    if not TYPE_CHECKING:

        def __new__(cls, *_args: Any, **named: Any) -> Self:
            """Raise with the new name of an argument of snowplow-tracker 0.x."""
            if "tstamp" in named:
                raise TypeError(f"{cls.__name__} has no tstamp=; use true_timestamp=")
            return object.__new__(cls)

    def __init__(
        self,
        dict_: Mapping[str, Any] | None = None,
        event_subject: Subject | None = None,
        context: Context | None = None,
        true_timestamp: TimestampLike | None = None,
        *,
        event_id: Any = None,
        device_timestamp: TimestampLike | None = None,
    ) -> None:
        self._pairs: dict[str, Any] = {}
        if dict_:
            self._pairs = dict(dict_)
            if len(dict_) > 1 or type(self) is Event:  # not only the type that a class of ours gives
                contracts.warn_misfits(self._pairs)
        if event_subject is not None:
            self.event_subject = event_subject
        if context is None:
            self._context: Context = []
        else:
            contracts.entities(context, "context")
            self._context = context
        if true_timestamp is not None:
            self.true_timestamp = true_timestamp
        if event_id is not None:
            self.event_id = event_id
        if device_timestamp is not None:
            self.device_timestamp = device_timestamp

    @property
    def payload(self) -> Payload:
        """The event's own pairs, live."""
        if not isinstance(self._pairs, Payload):
            # created on demand: most events are created, tracked and dropped
            self._pairs = Payload(self._pairs)
        return self._pairs

    @payload.setter
    def payload(self, value: Payload) -> None:
        self._pairs = value

    @property
    def event_subject(self) -> Subject | None:
        """The event's own subject."""
        return self._event_subject

    @event_subject.setter
    def event_subject(self, value: Subject | None) -> None:
        if value is not None:
            contracts.offers(value, "combine_subject", "event_subject", "a Subject, such as Subject()")
        self._event_subject = value

    @property
    def context(self) -> Context:
        """Entities attached to the event."""
        return self._context

    @context.setter
    def context(self, value: Context | None) -> None:
        value = [] if value is None else value
        contracts.entities(value, "context")
        self._context = value

    @property
    def true_timestamp(self) -> Any:
        """When the event really happened."""
        return self._true_timestamp

    @true_timestamp.setter
    def true_timestamp(self, value: TimestampLike | None) -> None:
        contracts.moment(value, "true_timestamp")
        self._true_timestamp = value

    @property
    def event_id(self) -> Any:
        """The event's id, or None for a random one at each tracking."""
        return self._event_id

    @event_id.setter
    def event_id(self, value: Any) -> None:
        contracts.warn_misfit("eid", value, "event_id")
        self._event_id = value

    @property
    def device_timestamp(self) -> Any:
        """When the event was created, or None for the time of tracking."""
        return self._device_timestamp

    @device_timestamp.setter
    def device_timestamp(self, value: TimestampLike | None) -> None:
        contracts.moment(value, "device_timestamp")
        self._device_timestamp = value

    def build_payload(
        self, encode_base64: bool, json_encoder: Encoder | None, subject: Subject | None = None
    ) -> Payload:
        """Return a new payload of the event and its subjects, without what a tracker adds."""
        pairs = self.payload_pairs(subject, {}, encode_base64, (), JsonNode)
        del pairs["eid"], pairs["dtm"]
        return Payload(render(pairs, json_encoder))

    def payload_pairs(
        self,
        tracker_subject: Subject | None,
        standard: Mapping[str, Any],
        encode_base64: bool,
        entities: Context,
        node: Callable[[Any, bool], Any],
    ) -> dict[str, Any]:
        """Collect the pairs of the payload: the event's own, those of the subjects, those of the tracker.

        This is the one rule for a payload's content, order and precedence. `nbtrack.tracker.plan.describe` shows
        it to the bulk package, a tracker writes it out.

        Parameters
        ----------
        tracker_subject : Subject or None
            Its values apply where the event's own subject has none.
        standard : mapping
            The tracker's own pairs.
        encode_base64 : bool
            Whether JSON goes out as base64.
        entities : sequence of SelfDescribingJson
            Attached after the event's own.
        node : callable
            Called with a tree and `encode_base64`; returns the pair's value.

        Returns
        -------
        dict
            Keys and values in the payload's order; an ``eid`` or ``dtm`` of None is set at tracking.
        """
        pairs = dict(self._pairs)
        if self.event_json is not None:
            envelope = {"schema": UNSTRUCT_EVENT, "data": self.event_json.to_json()}
            pairs["ue_px" if encode_base64 else "ue_pr"] = node(envelope, encode_base64)
        # the call is for events that have more than their own entities, which few do
        attached = (
            self.list_entities(entities) if entities or self.specification is not None else self._context
        )
        if attached:
            data = [entity.to_json() for entity in attached]
            pairs["cx" if encode_base64 else "co"] = node({"schema": CONTEXTS, "data": data}, encode_base64)
        if self._true_timestamp is not None:
            pairs["ttm"] = self._true_timestamp
        subject: Mapping[str, Any] = {} if tracker_subject is None else tracker_subject.standard_nv_pairs
        if self._event_subject is not None:
            subject = self._event_subject.combine_subject(tracker_subject)
        if not _PAGE.isdisjoint(subject):
            subject = {k: v for k, v in subject.items() if k not in _PAGE or k not in pairs}
        pairs.update(subject)
        pairs["eid"] = self._event_id
        pairs["dtm"] = self._device_timestamp
        pairs.update(standard)
        return pairs

    def list_entities(self, more: Context = ()) -> Context:
        """Return all entities of the event: its own, `more` from the tracker, and its specification last."""
        if self.specification is not None:
            return [*self._context, *more, self.specification]
        return [*self._context, *more] if more else self._context

    def substitute(self, row: Mapping[str, Any]) -> Self:
        """Return the event to track for one row of a DataFrame.

        Parameters
        ----------
        row : mapping
            Column names and the row's values.

        Raises
        ------
        KeyError
            If a placeholder names a column that the row does not have.

        Examples
        --------
        >>> from nbtrack.template import col
        >>> Event({"e": "pv", "url": col("address")}).substitute({"address": "https://acme.com"})
        Event({'e': 'pv', 'url': 'https://acme.com'})
        """
        copy = object.__new__(type(self))
        copy.__dict__.update({name: fill(value, row) for name, value in self.__dict__.items()})
        return copy

    def __repr__(self) -> str:
        """Return the class and content of the event."""
        content = self.event_json if self.event_json is not None else dict(self._pairs)
        return f"{type(self).__name__}({content!r})"
