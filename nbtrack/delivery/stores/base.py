"""Interfaces of stores: the reference's four methods, and the larger one that senders work with."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from nbtrack.common import lifecycle
from nbtrack.common.clock import wall
from nbtrack.delivery.encoding import decode, encode
from nbtrack.delivery.models import DeadEvent, DropReason, PayloadDict, Row, RowId

STORE_METHODS = ("add_event", "get_events_batch", "cleanup", "size")
"""The methods that the reference tracker calls on a store."""
DIRECT_ROUTE = "post * direct"
"""Route of payloads that were added with `add_event`."""
UNLIMITED = 2**60
"""A number of bytes or events that is never reached."""


class EventStore(Protocol):
    """A buffer of events, as the reference tracker defines it: implement these four methods to bring your own.

    Examples
    --------
    >>> from nbtrack.delivery import Emitter
    >>> class ListStore:
    ...     def __init__(self):
    ...         self.waiting = []
    ...
    ...     def add_event(self, payload):
    ...         self.waiting.append(payload)
    ...         return True
    ...
    ...     def get_events_batch(self):
    ...         batch, self.waiting = self.waiting, []
    ...         return batch
    ...
    ...     def cleanup(self, batch, need_retry):
    ...         if need_retry:
    ...             self.waiting = batch + self.waiting
    ...
    ...     def size(self):
    ...         return len(self.waiting)
    >>> store = ListStore()
    >>> emitter = Emitter("sp.acme.com", event_store=store)
    >>> emitter.input({"e": "pv", "eid": "1"}), store.size()
    (True, 1)
    >>> emitter.pause()  # so that closing sends nothing
    >>> emitter.close().pending
    1
    """

    def add_event(self, payload: PayloadDict) -> bool:
        """Add a payload; return False if it was not accepted."""

    def get_events_batch(self) -> list[PayloadDict]:
        """Return all payloads of the buffer."""

    def cleanup(self, batch: list[PayloadDict], need_retry: bool) -> None:
        """Remove a batch, or put it back for a retry."""

    def size(self) -> int:
        """Return the number of payloads in the buffer."""


@runtime_checkable
class Store(Protocol):
    """A buffer that a sender works with: events are claimed under a token, then acknowledged, released or buried by id.

    A claim that ends in none of these (a crash, Ctrl-C) is undone with `abandon`, or when its lease ends.
    """

    @property
    def durable(self) -> bool:
        """Whether an accepted event outlives the process."""

    def add(
        self, *, route: str, body: bytes, event_id: str, anonymous: bool, added: float
    ) -> DropReason | None:
        """Store an event; return why it was not accepted, or None."""

    def claim(
        self, route: str, token: str, *, max_events: int, max_bytes: int, bytes_per_event: int
    ) -> list[Row]:
        """Claim the oldest waiting events of a route.

        At least one if any waits, and no more than fit: `max_events`, and `max_bytes` where each event counts its body
        and `bytes_per_event`. Either all are anonymous or none.
        """

    def ack(self, ids: Sequence[RowId]) -> None:
        """Remove delivered events."""

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""

    def defer(self, ids: Sequence[RowId], seconds: float) -> None:
        """Let events wait again after a failed attempt, but not be claimed for some seconds (at most 120)."""

    def due_in(self, route: str) -> float | None:
        """Return the seconds until the first of a route's deferred events may be claimed; None if none is deferred."""

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""

    def count(self, route: str) -> int:
        """Return the number of a route's events, waiting and claimed."""

    def peek(self, route: str, limit: int) -> list[Row]:
        """Return the oldest events of a route without claiming them."""

    def find(self, route: str, event_id: str) -> bytes | None:
        """Return the payload of a pending event, or None."""

    def take_drops(self) -> dict[str, int]:
        """Return how many events were lost to a limit since the last call, by reason."""

    def dead(self, limit: int) -> list[DeadEvent]:
        """Return dead letters, oldest first."""

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Delete dead letters; return how many."""

    def routes(self) -> list[str]:
        """Return the routes with events."""

    def persist_fallback(self) -> None:
        """Move what waits outside the durable store into it, when an emitter ends."""

    def close(self) -> None:
        """Close files and connections."""


class SnowplowStoreMethods:
    """The reference's methods on top of `add`, `claim` and `ack`, for stores that have those; `size` is their own."""

    max_events: int

    def add_event(self, payload: PayloadDict) -> bool:
        """Add a payload; return False if the store is full."""
        lifecycle.ensure_process()
        body, event_id = encode(payload, "post")
        return (
            self.add(route=DIRECT_ROUTE, body=body, event_id=event_id, anonymous=False, added=wall()) is None
        )

    def get_events_batch(self) -> list[PayloadDict]:
        """Take out the payloads that were added with `add_event`."""
        rows = self.claim(
            DIRECT_ROUTE, "batch", max_events=self.max_events, max_bytes=UNLIMITED, bytes_per_event=0
        )
        self.ack([row.id for row in rows])
        return [decode(row.body) for row in rows]

    def cleanup(self, batch: list[PayloadDict], need_retry: bool) -> None:
        """Put a batch back if it needs a retry."""
        for payload in batch if need_retry else ():
            self.add_event(payload)

    def add(
        self, *, route: str, body: bytes, event_id: str, anonymous: bool, added: float
    ) -> DropReason | None:
        """Store an event; return why it was not accepted, or None."""
        raise NotImplementedError

    def claim(
        self, route: str, token: str, *, max_events: int, max_bytes: int, bytes_per_event: int
    ) -> list[Row]:
        """Claim the oldest waiting events of a route."""
        raise NotImplementedError

    def ack(self, ids: Sequence[RowId]) -> None:
        """Remove delivered events."""
        raise NotImplementedError
