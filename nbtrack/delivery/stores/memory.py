"""The store in memory: quick, bounded, gone with the process."""

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence

from nbtrack.common import lifecycle
from nbtrack.common.arguments import check_at_least, check_methods
from nbtrack.delivery.encoding import decode, encode
from nbtrack.delivery.models import DeadEvent, PayloadDict, Row, RowId
from nbtrack.delivery.stores.reference import OWN

LOG = logging.getLogger("nbtrack.delivery")
Kept = tuple[bytes, str, bool, float]
"""What an event is while it waits: body, event id, anonymous, added. A tuple costs a tenth of a `Row`."""


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
        check_methods(("error",), "a logging.Logger", logger=logger)
        check_at_least(1, buffer_capacity=buffer_capacity, max_bytes=max_bytes)
        self.logger = logger or LOG
        self.buffer_capacity = buffer_capacity
        self.max_bytes = max_bytes
        self._reset()
        lifecycle.watch(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._kept: dict[str, dict[RowId, Kept]] = {}
        self._claims: dict[RowId, str] = {}
        self._attempts: dict[RowId, int] = {}
        self._dead: dict[RowId, DeadEvent] = {}
        self._events = 0
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
            return [decode(row.body) for route in self._kept for row in self._waiting(route)]

    def add_event(self, payload: PayloadDict) -> bool:
        """Add a payload; False when the buffer is full."""
        body, event_id = encode(payload, "post")
        return self.add(OWN, body, event_id, anonymous=False, added=0.0) is None

    def get_events_batch(self) -> list[PayloadDict]:
        """Take all the waiting payloads out."""
        with self._lock:
            rows = [row for route in self._kept for row in self._waiting(route)]
            self.ack([row.id for row in rows])
            return [decode(row.body) for row in rows]

    def cleanup(self, batch: list[PayloadDict], need_retry: bool) -> None:
        """Put a batch back when it needs a retry."""
        for payload in batch if need_retry else ():
            self.add_event(payload)

    def size(self) -> int:
        """Count the waiting payloads."""
        with self._lock:
            return sum(map(len, self._kept.values())) - len(self._claims)

    # What the engine works with

    def add(self, route: str, body: bytes, event_id: str, anonymous: bool, added: float) -> str | None:
        """Keep an event; give the reason when it was not taken."""
        with self._lock:
            size = len(body)
            while self._events >= self.buffer_capacity or self._bytes + size > self.max_bytes:
                if not self._drop_oldest_dead():
                    if not self._full:
                        self._full = True
                        self.logger.error("Event buffer is full, dropping event.")
                    return "queue_full"
            kept = self._kept.get(route)
            if kept is None:
                kept = self._kept[route] = {}
            self._events += 1
            self._bytes += size
            # copied, by the quickest way there is: orjson's own bytes hold on to a kilobyte each, and to keep many
            # costs 1.5 us more apiece
            kept[next(self._numbers)] = (b"".join((body, b"")), event_id, anonymous, added)
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
                self._claims[row.id] = token
        return taken

    def _waiting(self, route: str) -> Iterator[Row]:
        return (
            self._row(number, kept)
            for number, kept in self._kept.get(route, {}).items()
            if number not in self._claims
        )

    def _row(self, number: RowId, kept: Kept) -> Row:
        body, event_id, anonymous, added = kept
        attempts, token = self._attempts.get(number, 0), self._claims.get(number, "")
        return Row(number, event_id, body, anonymous, added, attempts, token)

    def ack(self, ids: Sequence[RowId]) -> None:
        """Forget delivered events."""
        with self._lock:
            for number in ids:
                self._remove(number)

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""
        with self._lock:
            for number in ids:
                if any(number in kept for kept in self._kept.values()):
                    self._attempts[number] = self._attempts.get(number, 0) + 1
                    self._claims.pop(number, None)

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""
        with self._lock:
            for number in ids:
                for route, kept in self._kept.items():
                    if number in kept:
                        body, event_id, anonymous, added = kept[number]
                        self._dead[number] = DeadEvent(
                            number, event_id, route, reason, status, added, anonymous, body
                        )
                        del kept[number]
                        self._forget_claim(number)

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""
        with self._lock:
            for number in [number for number, held in self._claims.items() if held == token]:
                del self._claims[number]

    def count(self, route: str) -> int:
        """Count a route's events, waiting and claimed."""
        return len(self._kept.get(route, ()))

    def peek(self, route: str, limit: int) -> list[Row]:
        """Show the oldest events of a route."""
        with self._lock:
            oldest = itertools.islice(self._kept.get(route, {}).items(), limit)
            return [self._row(number, kept) for number, kept in oldest]

    def find(self, route: str, event_id: str) -> bytes | None:
        """Give the payload of one event that has not left."""
        with self._lock:
            return next(
                (body for body, known, _, _ in self._kept.get(route, {}).values() if known == event_id), None
            )

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
            return [route for route, kept in self._kept.items() if kept]

    def settle(self) -> None:
        """Everything is where it belongs."""

    def close(self) -> None:
        """Nothing to let go of; what waits stays readable."""

    def _remove(self, number: RowId) -> None:
        # one step of each: an interrupt between two leaves a number too many, never an event too few
        for kept in self._kept.values():
            if number in kept:
                size = len(kept.pop(number)[0])
                break
        else:
            dead = self._dead.pop(number, None)
            if dead is None:
                return
            size = len(dead.body)
        self._forget_claim(number)
        self._events -= 1
        self._bytes -= size
        self._full = False

    def _forget_claim(self, number: RowId) -> None:
        self._claims.pop(number, None)
        self._attempts.pop(number, None)

    def _drop_oldest_dead(self) -> bool:
        oldest = next(iter(self._dead), None)
        if oldest is None:
            return False
        self._remove(oldest)
        self._drops["dead_letters_full"] += 1
        return True
