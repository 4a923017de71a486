"""A durable store with a fallback in memory: while its disk or server fails, events wait there."""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nbtrack.common.clock import monotonic
from nbtrack.delivery.models import DeadEvent, DropReason, Row, RowId
from nbtrack.delivery.stores.base import UNLIMITED, Store
from nbtrack.delivery.stores.memory import InMemoryEventStore

LOG = logging.getLogger("nbtrack.delivery")
FALLBACK_EVENTS = 10_000
MIN_PAUSE_SECONDS = 1.0
"""How long a failed store is left alone, doubling with each failure: its timeouts must not slow down each event."""
MAX_PAUSE_SECONDS = 30.0
T = TypeVar("T")
U = TypeVar("U")


class CircuitBreaker:
    """Stops calls to something that failed, for a while."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Allow calls: it works."""
        self.tripped = False
        self._until = 0.0
        self._pause = MIN_PAUSE_SECONDS

    def trip(self) -> None:
        """Stop calls after a failure, longer each time."""
        self.tripped = True
        self._until = monotonic() + self._pause
        self._pause = min(MAX_PAUSE_SECONDS, 2 * self._pause)

    def is_open(self) -> bool:
        """Check whether calls are stopped now."""
        return self.tripped and monotonic() < self._until

    def seconds_left(self) -> float:
        """Return the seconds until calls are allowed again; 0 if they are."""
        return max(0.0, self._until - monotonic()) if self.tripped else 0.0


class FallbackStore:
    """A store that never raises: events it cannot keep go to a bounded store in memory.

    Rows in memory have negative ids, so that a call finds its store by the sign.

    Parameters
    ----------
    store : Store
        The durable store; may raise anything.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memory = InMemoryEventStore(buffer_capacity=FALLBACK_EVENTS)
        self._unfinished: list[tuple[str, tuple[Any, ...]]] = []
        self._lock = threading.Lock()
        # events that this process put there and did not see leave
        self._stored_events = 0
        self._writes = CircuitBreaker()
        self._reads = CircuitBreaker()
        self._warned = False

    @property
    def durable(self) -> bool:
        """Whether everything that waits outlives the process; what is in memory does not."""
        return self._store.durable and not self._memory.size()

    def _write(self, call: Callable[[], T], default: U) -> T | U:
        return self._call(call, default, self._writes)

    def _read(self, call: Callable[[], T], default: U) -> T | U:
        # a full disk can still be read
        return self._call(call, default, self._reads)

    def _call(self, call: Callable[[], T], default: U, breaker: CircuitBreaker) -> T | U:
        if breaker.is_open():
            return default
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - sqlite3.Error, OSError, redis.RedisError, a user's own
            self._trip(breaker, error)
            return default
        if breaker.tripped:
            breaker.reset()
        return result

    def _trip(self, breaker: CircuitBreaker, error: Exception) -> None:
        breaker.trip()
        if not self._warned:
            self._warned = True
            LOG.warning(
                "The event store failed (%s: %s); events are kept in memory until it works again",
                type(error).__name__,
                str(error)[:200],
            )

    def add(
        self, *, route: str, body: bytes, event_id: str, anonymous: bool, added: float
    ) -> DropReason | None:
        """Store an event, in memory if need be."""
        # like `_write` without its closure: each event pays for this
        writes = self._writes
        if not (writes.tripped and writes.is_open()):
            try:
                reason = self._store.add(
                    route=route, body=body, event_id=event_id, anonymous=anonymous, added=added
                )
            except Exception as error:  # noqa: BLE001 - as in `_call`
                self._trip(writes, error)
            else:
                if writes.tripped:
                    writes.reset()
                if reason is None:
                    self._stored_events += 1
                return reason
        return self._memory.add(route=route, body=body, event_id=event_id, anonymous=anonymous, added=added)

    def unavailable_for(self) -> float:
        """Return the seconds until a store that failed with events of ours is asked again; 0 if it works."""
        return self._writes.seconds_left() if self._stored_events else 0.0

    def claim(
        self, route: str, token: str, *, max_events: int, max_bytes: int, bytes_per_event: int
    ) -> list[Row]:
        """Claim from the store, or else from memory."""
        self._finish()
        rows: list[Row] = self._write(
            lambda: self._store.claim(
                route, token, max_events=max_events, max_bytes=max_bytes, bytes_per_event=bytes_per_event
            ),
            [],
        )
        return rows or self._memory.claim(
            route, token, max_events=max_events, max_bytes=max_bytes, bytes_per_event=bytes_per_event
        )

    def ack(self, ids: Sequence[RowId]) -> None:
        """Remove delivered events."""
        self._settle("ack", ids)

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""
        self._settle("release", ids)

    def defer(self, ids: Sequence[RowId], seconds: float) -> None:
        """Let events wait again after a failed attempt, but not be claimed for some seconds."""
        self._settle("defer", ids, seconds)

    def due_in(self, route: str) -> float | None:
        """Return the seconds until the first of a route's deferred events may be claimed; None if none is deferred."""
        found = (self._read(lambda: self._store.due_in(route), None), self._memory.due_in(route))
        return min((seconds for seconds in found if seconds is not None), default=None)

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""
        self._settle("bury", ids, reason, status)

    def _settle(self, method: str, ids: Sequence[RowId], *arguments: Any) -> None:
        in_memory = [row_id for row_id in ids if _is_in_memory(row_id)]
        if in_memory:
            getattr(self._memory, method)(in_memory, *arguments)
        stored = [row_id for row_id in ids if not _is_in_memory(row_id)]
        if method in {"ack", "bury"}:
            self._stored_events = max(0, self._stored_events - len(stored))
        if stored and not self._succeeds(method, stored, *arguments):
            # the events stay claimed, so they are not sent again before this call is repeated
            with self._lock:
                self._unfinished.append((method, (stored, *arguments)))

    def _finish(self) -> None:
        """Repeat the calls that failed."""
        while self._unfinished:
            with self._lock:
                method, arguments = self._unfinished[0]
            if not self._succeeds(method, *arguments):
                return
            with self._lock:
                self._unfinished.pop(0)

    def _succeeds(self, method: str, *arguments: Any) -> bool:
        def call() -> bool:
            getattr(self._store, method)(*arguments)
            return True

        return self._write(call, default=False)

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""
        self._memory.abandon(token)
        self._write(lambda: self._store.abandon(token), None)

    def count(self, route: str) -> int:
        """Return the number of a route's events in both stores."""
        return self._read(lambda: self._store.count(route), 0) + self._memory.count(route)

    def peek(self, route: str, limit: int) -> list[Row]:
        """Return the oldest events of a route."""
        rows: list[Row] = self._read(lambda: self._store.peek(route, limit), [])
        return (rows + self._memory.peek(route, limit))[:limit]

    def find(self, route: str, event_id: str) -> bytes | None:
        """Return the payload of a pending event, or None."""
        stored = self._read(lambda: self._store.find(route, event_id), None)
        return stored or self._memory.find(route, event_id)

    def take_drops(self) -> dict[str, int]:
        """Return how many events were lost to a limit since the last call, by reason."""
        drops: dict[str, int] = self._read(self._store.take_drops, {})
        for reason, count in self._memory.take_drops().items():
            drops[reason] = drops.get(reason, 0) + count
        return drops

    def dead(self, limit: int) -> list[DeadEvent]:
        """Return dead letters of both stores."""
        return (self._read(lambda: self._store.dead(limit), []) + self._memory.dead(limit))[:limit]

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Delete dead letters; return how many."""
        return self._write(lambda: self._store.remove_dead(ids), 0) + self._memory.remove_dead(ids)

    def routes(self) -> list[str]:
        """Return the routes with events."""
        return sorted({*self._read(self._store.routes, []), *self._memory.routes()})

    def persist_fallback(self) -> None:
        """Try once more to move what waits in memory into the store."""
        self._writes.reset()
        self._finish()
        self._write(self._store.persist_fallback, None)
        token = "persist"  # noqa: S105 - names a claim
        for route in self._memory.routes():
            rows = self._memory.claim(
                route, token, max_events=FALLBACK_EVENTS, max_bytes=UNLIMITED, bytes_per_event=0
            )
            for row in rows:
                if self._persist(route, row):
                    self._memory.ack([row.id])
            self._memory.abandon(token)

    def _persist(self, route: str, row: Row) -> bool:
        def add() -> bool:
            reason = self._store.add(
                route=route,
                body=row.body,
                event_id=row.event_id,
                anonymous=row.anonymous,
                added=row.added,
            )
            return reason is None

        return self._write(add, default=False)

    def close(self) -> None:
        """Close the store."""
        with contextlib.suppress(Exception):
            self._store.close()


def _is_in_memory(row_id: RowId) -> bool:
    return isinstance(row_id, int) and row_id < 0
