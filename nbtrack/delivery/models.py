"""Values that stores, senders and emitters pass to each other and to the user."""

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from nbtrack.common.payload_json import schema_of
from nbtrack.protocol import EVENT_NAMES

PayloadDict = dict[str, Any]
SuccessCallback = Callable[[list[PayloadDict]], Any]
FailureCallback = Callable[[int, list[PayloadDict]], Any]
State = Literal["idle", "sending", "retrying", "paused", "closed"]
RowId = int | str


class DropReason(enum.StrEnum):
    """Why an event was not accepted; the keys of `Stats.dropped`."""

    CLOSED = "closed"
    OVERFLOW = "overflow"
    QUEUE_FULL = "queue_full"
    TOO_LARGE = "too_large"
    UNSERIALIZABLE = "unserializable"


@dataclass(frozen=True, slots=True)
class Route:
    """Destination, path and method of an event; never holds credentials.

    Parameters
    ----------
    destination : str
        Base URL of the collector, or a logical name such as "local".
    path : str
        Path of the endpoint.
    method : str
        "post" or "get".
    """

    destination: str
    path: str
    method: str

    @property
    def key(self) -> str:
        """The route as stores keep it."""
        return f"{self.method} {self.path} {self.destination}"

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Parse a `key`."""
        method, path, destination = key.split(" ", 2)
        return cls(destination, path, method)


@dataclass(slots=True)
class Row:
    """One stored event.

    Parameters
    ----------
    id : int or str
        Key in the store.
    event_id : str
        The payload's `eid`, or "".
    body : bytes
        The payload as a JSON object, UTF-8, without `stm`.
    anonymous : bool
        Whether the collector is asked not to keep IP address and cookies.
    added : float
        Unix timestamp in seconds at which it was accepted.
    attempts : int
        Failed requests that carried it.
    token : str
        The claim that holds it, "" while it waits.
    """

    id: RowId
    event_id: str
    body: bytes
    anonymous: bool
    added: float
    attempts: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Result of one request.

    Parameters
    ----------
    status : int or None
        HTTP status; None if there was no reply.
    error : str or None
        Why no collector replied, in a few words without credentials; None if one did.
    retry_after : float or None
        Seconds the server asked to wait.
    elapsed : float
        Seconds the request took.
    body : bytes
        The first bytes of the reply, at most 64 KiB.
    refused : bool
        Whether the connection was refused: a quick and cheap failure, so a probe may follow soon.
    unsent : bool
        Whether the request failed before it was sent, so that its events cannot be the reason.
    """

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    elapsed: float = 0.0
    body: bytes = b""
    refused: bool = False
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event that waits to be sent, as `Emitter.pending` lists it.

    Parameters
    ----------
    event_id : str
        The payload's `eid`, or "".
    time : float
        Unix timestamp in seconds at which it was accepted.
    kind : str
        The payload's `e`, such as "pv" or "ue".
    name : str
        Name of a self-describing event's schema, or of the type of any other event; never a value of the payload.
    bytes : int
        Size of the stored payload.
    attempts : int
        Failed requests that carried it.

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

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Summarise a stored event without its values."""
        kind = ""
        try:
            payload = json.loads(row.body)
            kind = str(payload.get("e", ""))
            name = EVENT_NAMES.get(kind, kind)
            if kind == "ue":
                name = _schema_name(payload) or name
        except ValueError:
            # a row that no emitter of ours wrote
            name = "unreadable"
        return cls(row.event_id, row.added, kind, name, len(row.body), row.attempts)


def _schema_name(payload: PayloadDict) -> str | None:
    uri = schema_of(payload)
    return uri.split("/")[1] if uri and uri.count("/") > 1 else None


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """A dead letter: an event that was given up, kept with the reason until it is sent again, exported or deleted.

    Parameters
    ----------
    id : int or str
        Key in the store.
    event_id : str
        The payload's `eid`, or "".
    route : str
        Method, path and destination, separated by spaces.
    reason : str
        Why it was given up: "refused", "too_large", "expired" or "attempts".
    status : int or None
        HTTP status of the last reply.
    time : float
        Unix timestamp in seconds at which it was accepted.
    anonymous : bool
        Whether the collector was asked not to keep IP address and cookies.
    body : bytes
        The payload as a JSON object, UTF-8.

    Examples
    --------
    >>> from nbtrack.delivery import InMemoryEventStore
    >>> store = InMemoryEventStore()
    >>> store.add(route="post / local", body=b"{}", event_id="1", anonymous=False, added=0.0)
    >>> rows = store.claim("post / local", "me", max_events=1, max_bytes=100, bytes_per_event=0)
    >>> store.bury([row.id for row in rows], "refused", status=400)
    >>> [(event.event_id, event.reason, event.status) for event in store.dead(limit=10)]
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
    """One request, as the send log keeps it and `on_attempt` receives it.

    Parameters
    ----------
    number : int
        Counts the emitter's requests, from 1.
    time : float
        Unix timestamp in seconds at which it ended.
    events : int
        Events it carried.
    bytes : int
        Size of its body.
    status : int or None
        HTTP status of the reply; None if there was no reply.
    elapsed_ms : float
        Milliseconds until the reply or the failure.
    retry_in : float or None
        Seconds until the next attempt; None if there will be none.
    error : str or None
        Why it failed.
    event_ids : tuple of str
        The ids of its events, at most 1,000.

    Examples
    --------
    >>> from nbtrack.delivery import Emitter
    >>> emitter = Emitter("127.0.0.1:9", protocol="http", batch_size=1)  # nothing listens there
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
    """Result of a flush, or of a close.

    Parameters
    ----------
    sent : int
        Events delivered meanwhile.
    pending : int
        Events that still wait.
    dead : int
        Events given up meanwhile; they became dead letters.
    elapsed : float
        Seconds it took.
    timed_out : bool
        Whether the timeout ended it before everything was sent.
    last_error : str or None
        Why events are pending: how the last request failed, or when those that were set aside are sent again.

    Examples
    --------
    >>> from nbtrack.collector import LocalCollector
    >>> from nbtrack.delivery import AsyncEmitter
    >>> with LocalCollector() as collector, AsyncEmitter(collector.url) as emitter:
    ...     accepted = emitter.input({"e": "pv", "p": "srv", "tv": "docs", "url": "https://acme.com"})
    ...     report = emitter.flush(timeout=10)
    >>> report.sent, report.pending, report.dead, report.timed_out
    (1, 0, 0, False)
    """

    sent: int
    pending: int
    dead: int
    elapsed: float
    timed_out: bool
    last_error: str | None = None

    def __add__(self, other: "FlushReport") -> "FlushReport":
        """Return the report of both, one after the other."""
        return FlushReport(
            self.sent + other.sent,
            self.pending + other.pending,
            self.dead + other.dead,
            self.elapsed + other.elapsed,
            self.timed_out or other.timed_out,
            other.last_error or self.last_error,
        )


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters of an emitter since it was created.

    Parameters
    ----------
    accepted : int
        Events accepted by `input`.
    sent : int
        Events delivered: the collector replied with a 2xx status.
    retried : int
        Events of failed requests that are tried again, counted each time.
    bytes_sent : int
        Bytes of the delivered request bodies.
    pending : int
        Events the store holds for this destination, including those in flight.
    in_flight : int
        Events in a request at this moment.
    dead : int
        Events given up; they became dead letters.
    dropped : mapping of str to int
        Events not accepted, or lost to a limit of the store, by reason.
    lag_seconds : float
        Age of the oldest pending event.
    last_error : str or None
        Why the last failed attempt failed.
    last_status : int or None
        HTTP status of the last reply.
    retry_at : float or None
        Unix timestamp in seconds of the next attempt; None unless the state is "retrying".
    state : str
        "idle", "sending", "retrying", "paused" or "closed".
    destination : str
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
