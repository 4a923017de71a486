"""The plain values of the delivery room: what a store keeps and what an emitter tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PayloadDict = dict[str, Any]
SuccessCallback = Callable[[list[PayloadDict]], Any]
FailureCallback = Callable[[int, list[PayloadDict]], Any]
State = Literal["idle", "sending", "retrying", "paused", "closed"]
RowId = int | str


@dataclass(frozen=True, slots=True)
class Route:
    """Where an event is meant to go; never holds credentials.

    Attributes
    ----------
    destination
        Base URL of the collector, or a logical name such as "local".
    path
        Path of the endpoint.
    method
        "post" or "get".
    """

    destination: str
    path: str
    method: str

    @property
    def key(self) -> str:
        """The form a store keeps."""
        return f"{self.method} {self.path} {self.destination}"

    @classmethod
    def from_key(cls, key: str) -> "Route":
        """Read what `key` wrote."""
        method, path, destination = key.split(" ", 2)
        return cls(destination, path, method)


@dataclass(slots=True)
class Row:
    """One stored event.

    Attributes
    ----------
    id
        The store's own number for it.
    event_id
        The payload's `eid`, or "".
    body
        The payload as a JSON object, UTF-8, without `stm`.
    anonymous
        Whether the collector is asked to forget who sent it.
    added
        Epoch seconds of its acceptance.
    attempts
        Requests that carried it and failed.
    token
        The claim that holds it, "" when it waits.
    """

    id: RowId
    event_id: str
    body: bytes
    anonymous: bool
    added: float
    attempts: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """A waiting event as people see it: what `Emitter.pending` lists.

    Attributes
    ----------
    event_id
        The payload's `eid`, or "".
    time
        Epoch seconds of its acceptance.
    kind
        The payload's `e`, such as "pv" or "ue".
    name
        Name of a self-describing event's schema, or of the type of any other event; never a value of the payload.
    bytes
        Size of the stored payload.
    attempts
        Requests that carried it and failed.

    Examples
    --------
    >>> from nbtrack.delivery import AsyncEmitter
    >>> emitter = AsyncEmitter("127.0.0.1:9", protocol="http")
    >>> emitter.input({"e": "se", "se_ca": "shop", "eid": "1"})
    True
    >>> (event,) = emitter.pending()
    >>> event.event_id, event.kind, event.name, event.attempts
    ('1', 'se', 'struct', 0)
    >>> _ = emitter.close(timeout=0)
    """

    event_id: str
    time: float
    kind: str
    name: str
    bytes: int
    attempts: int


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """An event refused for good: kept with the reason until it is re-sent, exported, purged or too old.

    Attributes
    ----------
    id
        The store's own number for it.
    event_id
        The payload's `eid`, or "".
    route
        Method, path and destination that it was meant for.
    reason
        Why it was given up, such as "refused" or "too_large".
    status
        The HTTP status of the last answer, or None.
    time
        Epoch seconds of its acceptance.
    anonymous
        Whether the collector was asked to forget who sent it.
    body
        The payload as a JSON object, UTF-8.

    Examples
    --------
    >>> from nbtrack.delivery import InMemoryEventStore
    >>> store = InMemoryEventStore()
    >>> store.add("post / local", b"{}", "1", anonymous=False, added=0.0)
    >>> rows = store.claim("post / local", "me", events=1, size=100, cost=0)
    >>> store.bury([row.id for row in rows], "refused", status=400)
    >>> [(letter.event_id, letter.reason, letter.status) for letter in store.dead(limit=10)]
    [('1', 'refused', 400)]
    """

    id: RowId
    event_id: str
    route: str
    reason: str
    status: int | None
    time: float
    anonymous: bool
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, as the send log and `on_attempt` tell of it.

    Attributes
    ----------
    number
        Counts the emitter's requests, from 1.
    time
        Epoch seconds of its start.
    events
        Events it carried.
    bytes
        Size of its body.
    status
        The HTTP status of the answer; None when there was none.
    elapsed_ms
        Milliseconds until the answer or the fault.
    retry_in
        Seconds until the next attempt; None when there will be none.
    error
        What went wrong, or None.
    event_ids
        The ids of its events.

    Examples
    --------
    >>> from nbtrack.delivery import Emitter
    >>> emitter = Emitter("127.0.0.1:9", protocol="http", batch_size=1)  # nobody listens there
    >>> emitter.input({"e": "pv", "eid": "1"})
    True
    >>> _ = emitter.close(timeout=0)
    >>> first = next(iter(emitter.log))
    >>> first.number, first.events, first.status, first.event_ids
    (1, 1, None, ('1',))
    """

    number: int
    time: float
    events: int
    bytes: int
    status: int | None
    elapsed_ms: float
    retry_in: float | None
    error: str | None
    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlushReport:
    """What a flush, or a close, did.

    Attributes
    ----------
    sent
        Events delivered meanwhile.
    pending
        Events that still wait.
    dead
        Events refused for good meanwhile.
    elapsed
        Seconds it took.
    timed_out
        Whether its time was over before all was sent.

    Examples
    --------
    >>> from nbtrack.collector import LocalCollector
    >>> from nbtrack.delivery import AsyncEmitter
    >>> with LocalCollector() as collector, AsyncEmitter(collector.url) as emitter:
    ...     taken = emitter.input({"e": "pv", "p": "srv", "tv": "docs", "url": "https://acme.com"})
    ...     report = emitter.flush(timeout=10)
    >>> report.sent, report.pending, report.dead, report.timed_out
    (1, 0, 0, False)
    """

    sent: int
    pending: int
    dead: int
    elapsed: float
    timed_out: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """An emitter's counters since it was made.

    Attributes
    ----------
    accepted
        Events taken by `input`.
    sent
        Events delivered: the collector answered 2xx.
    retried
        Events of requests that failed and are tried again, counted each time.
    bytes_sent
        Bytes of the bodies that were delivered.
    pending
        Events that the store holds for this destination, those in flight included.
    in_flight
        Events in a request at this moment.
    dead
        Events refused for good.
    dropped
        Events not taken or given up, by reason.
    lag_seconds
        Age of the oldest event that waits, in seconds.
    last_error
        What the last failed attempt failed of, or None.
    last_status
        The HTTP status of the last answer, or None.
    retry_at
        Epoch seconds of the next attempt while retrying, or None.
    state
        "idle", "sending", "retrying", "paused" or "closed".
    destination
        Where events go, without credentials.

    Examples
    --------
    >>> from nbtrack.delivery import AsyncEmitter
    >>> emitter = AsyncEmitter("sp.acme.com", max_event_bytes=100)
    >>> emitter.input({"e": "pv", "url": "https://acme.com/" + 100 * "x"})
    False
    >>> emitter.stats().accepted, emitter.stats().dropped
    (0, {'too_large': 1})
    >>> _ = emitter.close()
    """

    accepted: int
    sent: int
    retried: int
    bytes_sent: int
    pending: int
    in_flight: int
    dead: int
    dropped: Mapping[str, int]
    lag_seconds: float
    last_error: str | None
    last_status: int | None
    retry_at: float | None
    state: State
    destination: str
