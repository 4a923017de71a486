"""What a store is: the reference's four methods, and the richer form our engine works with."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from nbtrack.delivery.models import DeadEvent, PayloadDict, Row, RowId

STORE_METHODS = ("add_event", "get_events_batch", "cleanup", "size")
"""The methods that the reference tracker calls on a store."""


class EventStore(Protocol):
    """A buffer of events, as the reference tracker defines it: implement these four to bring your own.

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
    >>> emitter.pause()  # so that closing sends nothing to a host that is not ours
    >>> emitter.close().pending
    1
    """

    def add_event(self, payload: PayloadDict) -> bool:
        """Add a payload; False when it was not taken."""

    def get_events_batch(self) -> list[PayloadDict]:
        """Give all the payloads of the buffer."""

    def cleanup(self, batch: list[PayloadDict], need_retry: bool) -> None:
        """Forget a batch, or take it back for a retry."""

    def size(self) -> int:
        """Count the payloads of the buffer."""


@runtime_checkable
class Store(Protocol):
    """A buffer the engine works with: events are claimed under a token, then settled by id.

    A claim that ends in no settlement (a crash, Ctrl-C) is undone with `abandon`, or by its lease.
    """

    @property
    def durable(self) -> bool:
        """Whether an accepted event outlives the process."""

    def add(self, route: str, body: bytes, event_id: str, anonymous: bool, added: float) -> str | None:
        """Keep an event; give the reason when it was not taken."""

    def claim(self, route: str, token: str, *, events: int, size: int, cost: int) -> list[Row]:
        """Take the oldest waiting events of a route: at least one, at most `events`, whose bytes plus `cost` each fit `size`, all anonymous or none."""

    def ack(self, ids: Sequence[RowId]) -> None:
        """Forget delivered events."""

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""

    def count(self, route: str) -> int:
        """Count a route's events, waiting and claimed."""

    def peek(self, route: str, limit: int) -> list[Row]:
        """Show the oldest events of a route without claiming them."""

    def find(self, route: str, event_id: str) -> bytes | None:
        """Give the payload of one event that has not left."""

    def take_drops(self) -> dict[str, int]:
        """Tell, once, how many events were given up for age or room, by reason."""

    def dead(self, limit: int) -> list[DeadEvent]:
        """Show dead letters, the oldest first."""

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Forget dead letters; give how many there were."""

    def routes(self) -> list[str]:
        """Name the routes with events."""

    def settle(self) -> None:
        """Bring what is kept aside to the safest place there is: the emitter ends."""

    def close(self) -> None:
        """Let go of files and connections."""
