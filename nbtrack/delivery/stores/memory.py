"""The store in memory: quick, bounded, and gone with the process."""

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence

from nbtrack.common import lifecycle
from nbtrack.common.arguments import check_at_least, check_methods
from nbtrack.common.clock import monotonic
from nbtrack.delivery.encoding import decode
from nbtrack.delivery.models import DeadEvent, DropReason, PayloadDict, Row, RowId
from nbtrack.delivery.stores.base import SnowplowStoreMethods

LOG = logging.getLogger("nbtrack.delivery")
StoredEvent = tuple[bytes, str, bool, float]
"""Body, event id, anonymous, added: a tuple costs a tenth of a `Row`."""


class InMemoryEventStore(SnowplowStoreMethods):
    """Events in memory; when it is full, new events are refused.

    Parameters
    ----------
    logger : logging.Logger, optional
        Where a full buffer is logged; by default the package's own.
    buffer_capacity : int
        Most events kept, including those in flight and dead letters.
    max_bytes : int
        Most bytes kept.

    Examples
    --------
    >>> store = InMemoryEventStore(buffer_capacity=1)
    >>> store.add_event({"e": "pv"}), store.size()
    (True, 1)
    """

    durable = False
    # negative ids: a `FallbackStore` tells them from those of its other store by the sign
    _id_step = -1

    def __init__(
        self,
        logger: logging.Logger | None = None,
        buffer_capacity: int = 10_000,
        *,
        max_bytes: int = 128 * 2**20,
    ) -> None:
        check_methods(("error",), "a logging.Logger", logger=logger)
        check_at_least(1, buffer_capacity=buffer_capacity, max_bytes=max_bytes)
        self.logger = logger or LOG
        self.buffer_capacity = buffer_capacity
        self.max_bytes = max_bytes
        self._reset()
        lifecycle.watch(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._stored: dict[str, dict[RowId, StoredEvent]] = {}
        self._claims: dict[RowId, str] = {}
        self._attempts: dict[RowId, int] = {}
        self._due: dict[RowId, float] = {}
        self._dead: dict[RowId, DeadEvent] = {}
        self._events = 0
        self._bytes = 0
        self._ids = itertools.count(self._id_step, self._id_step)
        self.last_id: RowId = 0
        self._drops: Counter[str] = Counter()
        self._full = False

    def after_fork_in_child(self) -> None:
        """Start empty: what waits is the parent's to send."""
        self._reset()

    # The reference's methods

    @property
    def event_buffer(self) -> list[PayloadDict]:
        """The waiting payloads, decoded."""
        with self._lock:
            return [decode(row.body) for route in self._stored for row in self._waiting(route)]

    def get_events_batch(self) -> list[PayloadDict]:
        """Take out all waiting payloads."""
        with self._lock:
            rows = [row for route in self._stored for row in self._waiting(route)]
            self.ack([row.id for row in rows])
            return [decode(row.body) for row in rows]

    def size(self) -> int:
        """Return the number of waiting payloads."""
        with self._lock:
            return sum(map(len, self._stored.values())) - len(self._claims)

    # The methods of `Store`

    def add(
        self, *, route: str, body: bytes, event_id: str, anonymous: bool, added: float
    ) -> DropReason | None:
        """Store an event; return why it was not accepted, or None."""
        with self._lock:
            size = len(body)
            while self._events >= self.buffer_capacity or self._bytes + size > self.max_bytes:
                if not self._evict_oldest_dead():
                    if not self._full:
                        self._full = True
                        self.logger.error("Event buffer is full, dropping event.")
                    return DropReason.QUEUE_FULL
            stored = self._stored.get(route)
            if stored is None:
                stored = self._stored[route] = {}
            self._events += 1
            self._bytes += size
            # copied, in the quickest way: orjson's own bytes hold on to a kilobyte each, and to keep many costs 1.5 us
            # more apiece
            self.last_id = next(self._ids)
            stored[self.last_id] = (b"".join((body, b"")), event_id, anonymous, added)
            return None

    def claim(
        self, route: str, token: str, *, max_events: int, max_bytes: int, bytes_per_event: int
    ) -> list[Row]:
        """Claim the oldest waiting events of a route."""
        rows: list[Row] = []
        with self._lock:
            for row in self._waiting(route):
                max_bytes -= len(row.body) + bytes_per_event
                if rows and (max_bytes < 0 or len(rows) >= max_events or row.anonymous != rows[0].anonymous):
                    break
                rows.append(row)
            for row in rows:
                row.token = token
                self._claims[row.id] = token
        return rows

    def _waiting(self, route: str) -> Iterator[Row]:
        return (
            self._row(row_id, event)
            for row_id, event in self._stored.get(route, {}).items()
            if row_id not in self._claims and (not self._due or self.is_due(row_id))
        )

    def is_due(self, row_id: RowId) -> bool:
        """Check whether an event is not, or no longer, deferred."""
        return self._due.get(row_id, 0.0) <= monotonic()

    def _row(self, row_id: RowId, event: StoredEvent) -> Row:
        body, event_id, anonymous, added = event
        attempts, token = self._attempts.get(row_id, 0), self._claims.get(row_id, "")
        return Row(row_id, event_id, body, anonymous, added, attempts, token)

    def ack(self, ids: Sequence[RowId]) -> None:
        """Remove delivered events."""
        with self._lock:
            for row_id in ids:
                self._remove(row_id)

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""
        with self._lock:
            for row_id in ids:
                if any(row_id in stored for stored in self._stored.values()):
                    self._attempts[row_id] = self._attempts.get(row_id, 0) + 1
                    self._claims.pop(row_id, None)

    def defer(self, ids: Sequence[RowId], seconds: float) -> None:
        """Let events wait again after a failed attempt, but not be claimed for some seconds."""
        with self._lock:
            self.release(ids)
            for row_id in ids:
                if row_id in self._attempts:
                    self._due[row_id] = monotonic() + seconds

    def due_in(self, route: str) -> float | None:
        """Return the seconds until the first of a route's deferred events may be claimed; None if none is deferred."""
        with self._lock:
            stored, now = self._stored.get(route, {}), monotonic()
            return min(
                (due - now for row_id, due in self._due.items() if row_id in stored and due > now),
                default=None,
            )

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""
        with self._lock:
            for row_id in ids:
                for route, stored in self._stored.items():
                    if row_id in stored:
                        body, event_id, anonymous, added = stored[row_id]
                        self._dead[row_id] = DeadEvent(
                            row_id, event_id, route, reason, status, added, anonymous, body
                        )
                        del stored[row_id]
                        self._end_claim(row_id)

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""
        with self._lock:
            for row_id in [row_id for row_id, claim in self._claims.items() if claim == token]:
                del self._claims[row_id]

    def count(self, route: str) -> int:
        """Return the number of a route's events, waiting and claimed."""
        return len(self._stored.get(route, ()))

    def has_waiting(self, route: str) -> bool:
        """Check whether an event could be claimed now."""
        with self._lock:
            return next(self._waiting(route), None) is not None

    def peek(self, route: str, limit: int) -> list[Row]:
        """Return the oldest events of a route."""
        with self._lock:
            oldest = itertools.islice(self._stored.get(route, {}).items(), limit)
            return [self._row(row_id, event) for row_id, event in oldest]

    def find(self, route: str, event_id: str) -> bytes | None:
        """Return the payload of a pending event, or None."""
        with self._lock:
            stored = self._stored.get(route, {}).values()
            return next((body for body, stored_id, _, _ in stored if stored_id == event_id), None)

    def take_drops(self) -> dict[str, int]:
        """Return how many dead letters were lost to the limits since the last call, by reason."""
        with self._lock:
            drops, self._drops = dict(self._drops), Counter()
            return drops

    def dead(self, limit: int) -> list[DeadEvent]:
        """Return dead letters, oldest first."""
        with self._lock:
            return list(itertools.islice(self._dead.values(), limit))

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Delete dead letters; return how many."""
        with self._lock:
            present = [row_id for row_id in ids if row_id in self._dead]
            for row_id in present:
                self._remove(row_id)
            return len(present)

    def routes(self) -> list[str]:
        """Return the routes with events."""
        with self._lock:
            return [route for route, stored in self._stored.items() if stored]

    def persist_fallback(self) -> None:
        """Do nothing: there is no durable store."""

    def close(self) -> None:
        """Do nothing; what waits stays readable."""

    def _remove(self, row_id: RowId) -> None:
        # one step of each: an interrupt between two leaves a count too high, never an event lost
        for stored in self._stored.values():
            if row_id in stored:
                size = len(stored.pop(row_id)[0])
                break
        else:
            dead = self._dead.pop(row_id, None)
            if dead is None:
                return
            size = len(dead.body)
        self._end_claim(row_id)
        self._events -= 1
        self._bytes -= size
        self._full = False

    def _end_claim(self, row_id: RowId) -> None:
        self._claims.pop(row_id, None)
        self._attempts.pop(row_id, None)
        self._due.pop(row_id, None)

    def _evict_oldest_dead(self) -> bool:
        oldest = next(iter(self._dead), None)
        if oldest is None:
            return False
        self._remove(oldest)
        self._drops["dead_letters_full"] += 1
        return True
