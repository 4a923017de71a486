"""The store in memory: quick, bounded, gone with the process."""

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence

from nbtrack.delivery import lifecycle
from nbtrack.delivery.envelope import decode, encode
from nbtrack.delivery.records import DeadEvent, PayloadDict, Row, RowId
from nbtrack.delivery.reference import OWN

LOG = logging.getLogger("nbtrack.delivery")


class InMemoryEventStore:
    """Events in memory, the newest refused when it is full.

    Parameters
    ----------
    logger
        Told when the buffer is full; the package's own by default.
    buffer_capacity
        Most events kept, those in flight and dead letters included.
    max_bytes
        Most bytes kept.

    Examples
    --------
    >>> store = InMemoryEventStore(buffer_capacity=1)
    >>> store.add_event({"e": "pv"}), store.size()
    (True, 1)
    """

    durable = False

    def __init__(
        self,
        logger: logging.Logger | None = None,
        buffer_capacity: int = 10_000,
        *,
        max_bytes: int = 128 * 2**20,
    ) -> None:
        self.logger = logger or LOG
        self.buffer_capacity = buffer_capacity
        self.max_bytes = max_bytes
        self._reset()
        lifecycle.watch(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._rows: dict[str, dict[RowId, Row]] = {}
        self._dead: dict[RowId, DeadEvent] = {}
        self._route_of: dict[RowId, str] = {}
        self._bytes = 0
        # negative: a sheltered store tells its own rows from those of the disk by the sign
        self._numbers = itertools.count(-1, -1)
        self._drops: Counter[str] = Counter()
        self._full = False

    def after_fork_in_child(self) -> None:
        """Start empty: what waits is the parent's to send."""
        self._reset()

    # The reference's four methods

    @property
    def event_buffer(self) -> list[PayloadDict]:
        """The payloads that wait, decoded."""
        with self._lock:
            return [
                decode(row.body) for rows in self._rows.values() for row in rows.values() if not row.token
            ]

    def add_event(self, payload: PayloadDict) -> bool:
        """Add a payload; False when the buffer is full."""
        body, event_id = encode(payload, "post")
        return self.add(OWN, body, event_id, anonymous=False, added=0.0) is None

    def get_events_batch(self) -> list[PayloadDict]:
        """Take all the waiting payloads out."""
        with self._lock:
            ids = [row.id for rows in self._rows.values() for row in rows.values() if not row.token]
            batch = self.event_buffer
            self.ack(ids)
            return batch

    def cleanup(self, batch: list[PayloadDict], need_retry: bool) -> None:
        """Put a batch back when it needs a retry."""
        for payload in batch if need_retry else ():
            self.add_event(payload)

    def size(self) -> int:
        """Count the waiting payloads."""
        with self._lock:
            return sum(not row.token for rows in self._rows.values() for row in rows.values())

    # What the engine works with

    def add(self, route: str, body: bytes, event_id: str, anonymous: bool, added: float) -> str | None:
        """Keep an event; give the reason when it was not taken."""
        with self._lock:
            while len(self._route_of) >= self.buffer_capacity or self._bytes + len(body) > self.max_bytes:
                if not self._drop_oldest_dead():
                    if not self._full:
                        self._full = True
                        self.logger.error("Event buffer is full, dropping event.")
                    return "queue_full"
            number = next(self._numbers)
            row = Row(number, event_id, body, anonymous, added)
            self._bytes += len(body)
            self._route_of[number] = route
            rows = self._rows.get(route)
            if rows is None:
                rows = self._rows[route] = {}
            rows[number] = row
            return None

    def claim(self, route: str, token: str, *, events: int, size: int, cost: int) -> list[Row]:
        """Take the oldest waiting events of a route under a token."""
        taken: list[Row] = []
        with self._lock:
            for row in self._waiting(route):
                size -= len(row.body) + cost
                if taken and (size < 0 or len(taken) >= events or row.anonymous != taken[0].anonymous):
                    break
                taken.append(row)
            for row in taken:
                row.token = token
        return taken

    def _waiting(self, route: str) -> Iterator[Row]:
        return (row for row in self._rows.get(route, {}).values() if not row.token)

    def ack(self, ids: Sequence[RowId]) -> None:
        """Forget delivered events."""
        with self._lock:
            for number in ids:
                self._remove(number)

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""
        with self._lock:
            for number in ids:
                row = self._rows.get(self._route_of.get(number, ""), {}).get(number)
                if row is not None:
                    row.attempts += 1
                    row.token = ""

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""
        with self._lock:
            for number in ids:
                route = self._route_of.get(number, "")
                row = self._rows.get(route, {}).get(number)
                if row is not None:
                    self._dead[number] = DeadEvent(
                        number, row.event_id, route, reason, status, row.added, row.anonymous, row.body
                    )
                    del self._rows[route][number]

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""
        with self._lock:
            for rows in self._rows.values():
                for row in rows.values():
                    if row.token == token:
                        row.token = ""

    def count(self, route: str) -> int:
        """Count a route's events, waiting and claimed."""
        return len(self._rows.get(route, ()))

    def peek(self, route: str, limit: int) -> list[Row]:
        """Show the oldest events of a route."""
        with self._lock:
            return list(itertools.islice(self._rows.get(route, {}).values(), limit))

    def find(self, route: str, event_id: str) -> bytes | None:
        """Give the payload of one event that has not left."""
        with self._lock:
            rows = self._rows.get(route, {}).values()
            return next((row.body for row in rows if row.event_id == event_id), None)

    def take_drops(self) -> dict[str, int]:
        """Tell, once, how many events were given up for room."""
        with self._lock:
            drops, self._drops = dict(self._drops), Counter()
            return drops

    def dead(self, limit: int) -> list[DeadEvent]:
        """Show dead letters, the oldest first."""
        with self._lock:
            return list(itertools.islice(self._dead.values(), limit))

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Forget dead letters; give how many there were."""
        with self._lock:
            found = [number for number in ids if number in self._dead]
            for number in found:
                self._remove(number)
            return len(found)

    def routes(self) -> list[str]:
        """Name the routes with events."""
        with self._lock:
            return [route for route, rows in self._rows.items() if rows]

    def settle(self) -> None:
        """Everything is where it belongs."""

    def close(self) -> None:
        """Nothing to let go of; what waits stays readable."""

    def _remove(self, number: RowId) -> None:
        # one step of each: an interrupt between two leaves a number too many, never an event too few
        route = self._route_of.get(number)
        if route is None:
            return
        row = self._rows.get(route, {}).pop(number, None) or self._dead.pop(number, None)
        self._route_of.pop(number, None)
        self._bytes -= len(row.body) if row is not None else 0
        self._full = False

    def _drop_oldest_dead(self) -> bool:
        oldest = next(iter(self._dead), None)
        if oldest is None:
            return False
        self._remove(oldest)
        self._drops["dead_letters_full"] += 1
        return True
