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
    """A waiting event as people see it: `name` is the schema's or the category's name, never a value of the payload."""

    event_id: str
    time: float
    kind: str
    name: str
    bytes: int
    attempts: int


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """An event refused for good: kept with the reason until it is re-sent, exported, purged or too old."""

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
    """One request: `time` is epoch seconds, `retry_in` seconds until the next try or None."""

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
    """What a flush did: events sent and buried meanwhile, events that still wait, seconds taken."""

    sent: int
    pending: int
    dead: int
    elapsed: float
    timed_out: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """An emitter's counters; times in epoch seconds, lag in seconds."""

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
