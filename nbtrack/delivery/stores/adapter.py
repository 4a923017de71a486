"""Any store the user gives, in the form the engine works with."""

import itertools
import threading
from collections.abc import Sequence

from nbtrack.common import lifecycle
from nbtrack.common.arguments import check_methods
from nbtrack.delivery.encoding import decode, encode
from nbtrack.delivery.models import DeadEvent, PayloadDict, Row, RowId
from nbtrack.delivery.stores.base import STORE_METHODS, EventStore, Store
from nbtrack.delivery.stores.fallback import Shelter
from nbtrack.delivery.stores.memory import InMemoryEventStore

TAKEN_ROUTE = "taken"


def as_store(store: EventStore | Store) -> Store:
    """Give a store the form the engine works with."""
    if isinstance(store, InMemoryEventStore):
        return store
    check_methods(STORE_METHODS, "a store, such as SQLiteEventStore('outbox.sqlite')", event_store=store)
    if isinstance(store, Store):
        return Shelter(store)
    return FourMethodStore(store)


class FourMethodStore:
    """A store written for the reference's protocol.

    Its events are taken out in one batch (the protocol knows no other way), held here, and sent in claims. A failed
    attempt hands back what was taken, and holds what the store had no room for. Refused events are reported to the
    store as done, and kept as dead letters here. All its events are of one route: it cannot tell them apart.

    Parameters
    ----------
    store
        Anything with `add_event`, `get_events_batch`, `cleanup` and `size`.
    """

    durable = False

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._start()
        lifecycle.watch(self)

    def _start(self) -> None:
        self._lock = threading.RLock()
        self._taken = InMemoryEventStore(buffer_capacity=10**9, max_bytes=2**60)
        self._payloads: dict[RowId, PayloadDict] = {}
        self._removes = True
        self._numbers = itertools.count()

    def after_fork_in_child(self) -> None:
        """Leave to the parent what was taken out."""
        self._start()

    def add(self, route: str, body: bytes, event_id: str, anonymous: bool, added: float) -> str | None:
        """Hand an event to the store."""
        del route, event_id, anonymous, added
        with self._lock:
            return None if self._store.add_event(decode(body)) is not False else "queue_full"

    def claim(self, route: str, token: str, *, events: int, size: int, cost: int) -> list[Row]:
        """Claim from what was taken; take more when that is used up."""
        with self._lock:
            if not self._taken.count(TAKEN_ROUTE):
                self._take(route)
            return self._taken.claim(TAKEN_ROUTE, token, events=events, size=size, cost=cost)

    def _take(self, route: str) -> None:
        before = self._store.size()
        batch = list(self._store.get_events_batch())
        # some stores forget what they give, some keep it until `cleanup`
        self._removes = self._store.size() < before
        method = route.partition(" ")[0]
        for payload in batch:
            body, event_id = encode(payload, method)
            self._taken.add(
                TAKEN_ROUTE, body, event_id, anonymous=False, added=float(payload.get("dtm") or 0) / 1e3
            )
        self._payloads = {
            row.id: payload
            for row, payload in zip(self._taken.peek(TAKEN_ROUTE, len(batch)), batch, strict=True)
        }

    def ack(self, ids: Sequence[RowId]) -> None:
        """Report delivered events to the store."""
        with self._lock:
            self._taken.ack(ids)
            self._store.cleanup(
                [self._payloads.pop(number) for number in ids if number in self._payloads], False
            )

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again, in the store as far as it takes them."""
        with self._lock:
            self._taken.release(ids)
            self._hand_back()

    def _hand_back(self) -> None:
        rows = [row for row in self._taken.peek(TAKEN_ROUTE, 10**9) if not row.token]
        back = [self._payloads[row.id] for row in rows]
        if not back or not self._removes:
            # a store that kept them has them; one report a failure is what it expects
            return
        before = self._store.size()
        self._store.cleanup(back, True)
        accepted = self._store.size() - before
        kept = rows[: max(0, accepted)]
        self._taken.ack([row.id for row in kept])
        for row in kept:
            self._payloads.pop(row.id, None)

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Report refused events as done, and keep them as dead letters."""
        with self._lock:
            self._taken.bury(ids, reason, status)
            self._store.cleanup(
                [self._payloads.pop(number) for number in ids if number in self._payloads], False
            )

    def abandon(self, token: str) -> None:
        """Let a claim's events wait again."""
        with self._lock:
            self._taken.abandon(token)

    def count(self, route: str) -> int:
        """Count the store's events and those taken out of it."""
        del route
        with self._lock:
            return self._store.size() + (self._taken.count(TAKEN_ROUTE) if self._removes else 0)

    def peek(self, route: str, limit: int) -> list[Row]:
        """Show what was taken out; the protocol has no way to look at the rest."""
        del route
        return self._taken.peek(TAKEN_ROUTE, limit)

    def find(self, route: str, event_id: str) -> bytes | None:
        """Give the payload of an event that was taken out."""
        del route
        return self._taken.find(TAKEN_ROUTE, event_id)

    def take_drops(self) -> dict[str, int]:
        """Tell what was given up."""
        return self._taken.take_drops()

    def dead(self, limit: int) -> list[DeadEvent]:
        """Show dead letters."""
        return self._taken.dead(limit)

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Forget dead letters."""
        return self._taken.remove_dead(ids)

    def routes(self) -> list[str]:
        """Name no routes: the protocol has none."""
        return []

    def settle(self) -> None:
        """Hand back all that was taken."""
        with self._lock:
            self._hand_back()

    def close(self) -> None:
        """Leave the closing to the user, whose store it is."""
