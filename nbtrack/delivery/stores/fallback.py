"""A durable store with a roof over it: while the disk or the server fails, events wait in memory."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nbtrack.delivery.models import DeadEvent, Row, RowId
from nbtrack.delivery.stores.base import Store
from nbtrack.delivery.stores.memory import InMemoryEventStore

LOG = logging.getLogger("nbtrack.delivery")
SPARE_EVENTS = 10_000
AVOID_SECONDS = 1.0
"""After a fault the store is left alone this long, doubling to 30 s: its timeouts must not slow each event."""
AVOID_MOST = 30.0
FAILED = "failed"
T = TypeVar("T")
U = TypeVar("U")


class Breaker:
    """Keeps us away from what failed, for a while."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Come near again: it works."""
        self.tripped = False
        self._until = 0.0
        self._pause = AVOID_SECONDS

    def trip(self) -> None:
        """Stay away after a failure, longer each time."""
        self.tripped = True
        self._until = time.monotonic() + self._pause
        self._pause = min(AVOID_MOST, 2 * self._pause)

    def is_open(self) -> bool:
        """Tell whether to stay away now."""
        return self.tripped and time.monotonic() < self._until


class Shelter:
    """A store that never raises: events it cannot keep go to a bounded spare one in memory.

    The spare's rows have negative numbers, so a settlement finds its way by the sign.

    Parameters
    ----------
    store
        The durable store; may raise anything.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._spare = InMemoryEventStore(buffer_capacity=SPARE_EVENTS)
        self._owed: list[tuple[str, tuple[Any, ...]]] = []
        self._lock = threading.Lock()
        self._writes = Breaker()
        self._reads = Breaker()
        self._warned = False

    @property
    def durable(self) -> bool:
        """Whether what waits outlives the process: the store's does, what it could not keep does not."""
        return self._store.durable and not self._spare.size()

    def _safely(self, work: Callable[[], T], otherwise: U, breaker: Breaker | None = None) -> T | U:
        breaker = breaker or self._writes
        if breaker.is_open():
            return otherwise
        try:
            result = work()
        except Exception as fault:  # noqa: BLE001 - sqlite3.Error, OSError, redis.RedisError, a user's own
            self._avoid(breaker, fault)
            return otherwise
        if breaker.tripped:
            breaker.reset()
        return result

    def _avoid(self, breaker: Breaker, fault: Exception) -> None:
        breaker.trip()
        if not self._warned:
            self._warned = True
            LOG.warning(
                "The store of unsent events failed (%s: %s); they wait in memory until it works again",
                type(fault).__name__,
                str(fault)[:200],
            )

    def _read(self, work: Callable[[], T], otherwise: U) -> T | U:
        # a full disk can still be read
        return self._safely(work, otherwise, self._reads)

    def add(self, route: str, body: bytes, event_id: str, anonymous: bool, added: float) -> str | None:
        """Keep an event, in memory if need be."""
        # as `_safely`, without its closure: each event pays for this
        if not self._writes.is_open():
            try:
                reason = self._store.add(route, body, event_id, anonymous, added)
            except Exception as fault:  # noqa: BLE001 - as there
                self._avoid(self._writes, fault)
            else:
                if self._writes.tripped:
                    self._writes.reset()
                return reason
        return self._spare.add(route, body, event_id, anonymous, added)

    def claim(self, route: str, token: str, *, events: int, size: int, cost: int) -> list[Row]:
        """Claim from the store, or else from memory."""
        self._pay()
        rows: list[Row] = self._safely(
            lambda: self._store.claim(route, token, events=events, size=size, cost=cost), []
        )
        return rows or self._spare.claim(route, token, events=events, size=size, cost=cost)

    def ack(self, ids: Sequence[RowId]) -> None:
        """Forget delivered events."""
        self._settle("ack", ids)

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again."""
        self._settle("release", ids)

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""
        self._settle("bury", ids, reason, status)

    def _settle(self, verb: str, ids: Sequence[RowId], *rest: Any) -> None:
        spare = [number for number in ids if isinstance(number, int) and number < 0]
        if spare:
            getattr(self._spare, verb)(spare, *rest)
        stored = [number for number in ids if not (isinstance(number, int) and number < 0)]
        if stored and not self._safely(lambda: (getattr(self._store, verb)(stored, *rest), True)[1], False):
            # the events stay claimed, so they are not sent again before this is made good
            with self._lock:
                self._owed.append((verb, (stored, *rest)))

    def _pay(self) -> None:
        """Make good the settlements that failed."""
        while self._owed:
            with self._lock:
                verb, arguments = self._owed[0]
            if not self._safely(lambda: (getattr(self._store, verb)(*arguments), True)[1], False):  # noqa: B023
                return
            with self._lock:
                self._owed.pop(0)

    def abandon(self, token: str) -> None:
        """Let a claim's events wait again."""
        self._spare.abandon(token)
        self._safely(lambda: self._store.abandon(token), None)

    def count(self, route: str) -> int:
        """Count a route's events in both places."""
        return self._read(lambda: self._store.count(route), 0) + self._spare.count(route)

    def peek(self, route: str, limit: int) -> list[Row]:
        """Show the oldest events of a route."""
        rows: list[Row] = self._read(lambda: self._store.peek(route, limit), [])
        return (rows + self._spare.peek(route, limit))[:limit]

    def find(self, route: str, event_id: str) -> bytes | None:
        """Give the payload of one event that has not left."""
        return self._read(lambda: self._store.find(route, event_id), None) or self._spare.find(
            route, event_id
        )

    def take_drops(self) -> dict[str, int]:
        """Tell, once, how many events were given up."""
        drops: dict[str, int] = self._read(self._store.take_drops, {})
        for reason, number in self._spare.take_drops().items():
            drops[reason] = drops.get(reason, 0) + number
        return drops

    def dead(self, limit: int) -> list[DeadEvent]:
        """Show dead letters of both places."""
        return (self._read(lambda: self._store.dead(limit), []) + self._spare.dead(limit))[:limit]

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Forget dead letters; give how many there were."""
        return self._safely(lambda: self._store.remove_dead(ids), 0) + self._spare.remove_dead(ids)

    def routes(self) -> list[str]:
        """Name the routes with events."""
        return sorted({*self._read(self._store.routes, []), *self._spare.routes()})

    def settle(self) -> None:
        """Try once more to bring what waits in memory to the store."""
        self._writes.reset()
        self._pay()
        for route in self._spare.routes():
            for row in self._spare.claim(route, "settle", events=SPARE_EVENTS, size=2**60, cost=0):
                arguments = (route, row.body, row.event_id, row.anonymous, row.added)
                if self._safely(lambda: self._store.add(*arguments), FAILED) is None:  # noqa: B023
                    self._spare.ack([row.id])
            self._spare.abandon("settle")

    def close(self) -> None:
        """Close the store."""
        with contextlib.suppress(Exception):
            self._store.close()
