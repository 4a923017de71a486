"""Stores of the user, in the form that senders work with."""

import threading
from collections.abc import Sequence

from nbtrack.common import lifecycle
from nbtrack.common.arguments import check_methods
from nbtrack.delivery.encoding import decode, encode
from nbtrack.delivery.models import DeadEvent, DropReason, PayloadDict, Row, RowId
from nbtrack.delivery.stores.base import STORE_METHODS, UNLIMITED, EventStore, Store
from nbtrack.delivery.stores.fallback import FallbackStore
from nbtrack.delivery.stores.memory import InMemoryEventStore

BATCH_ROUTE = "batch"
"""Route under which a batch of the user's store is held."""


def as_store(store: EventStore | Store) -> Store:
    """Return a store in the form that senders work with."""
    if isinstance(store, InMemoryEventStore):
        return store
    check_methods(STORE_METHODS, "a store, such as SQLiteEventStore('outbox.sqlite')", event_store=store)
    return FallbackStore(store if isinstance(store, Store) else SnowplowStoreAdapter(store))


class _Batch(InMemoryEventStore):
    """The batch of a store; its ids are not those of a `FallbackStore`'s events in memory."""

    _id_step = 1


class SnowplowStoreAdapter:
    """A store written for the reference's protocol.

    Its events are taken out in one batch (the protocol has no other way), held here, and sent in claims. After a failed
    attempt they are handed back, and held here as far as the store does not accept them. Refused events are reported to
    the store as done and kept as dead letters here. All its events belong to one route: the protocol has none.

    Parameters
    ----------
    store : EventStore
        Anything with `add_event`, `get_events_batch`, `cleanup` and `size`.
    """

    durable = False

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._reset()
        lifecycle.watch(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._batch = _Batch(buffer_capacity=10**9, max_bytes=UNLIMITED)
        self._payloads: dict[RowId, PayloadDict] = {}
        self._store_removes = True

    def after_fork_in_child(self) -> None:
        """Leave the batch to the parent."""
        self._reset()

    def add(
        self, *, route: str, body: bytes, event_id: str, anonymous: bool, added: float
    ) -> DropReason | None:
        """Add an event to the store."""
        del route, event_id, anonymous, added
        with self._lock:
            return None if self._store.add_event(decode(body)) is not False else DropReason.QUEUE_FULL

    def claim(
        self, route: str, token: str, *, max_events: int, max_bytes: int, bytes_per_event: int
    ) -> list[Row]:
        """Claim from the batch; take another when it is used up."""
        with self._lock:
            if not self._batch.has_waiting(BATCH_ROUTE):
                self._take_batch(route)
            return self._batch.claim(
                BATCH_ROUTE,
                token,
                max_events=max_events,
                max_bytes=max_bytes,
                bytes_per_event=bytes_per_event,
            )

    def _take_batch(self, route: str) -> None:
        before = self._store.size()
        batch = list(self._store.get_events_batch())
        # some stores forget what they return, some keep it until `cleanup`
        if batch:
            self._store_removes = self._store.size() < before
        method = route.partition(" ")[0]
        held = {payload.get("eid") for payload in self._payloads.values()} - {None}
        for payload in batch:
            if payload.get("eid") in held:
                continue
            body, event_id = encode(payload, method)
            added = float(payload.get("dtm") or 0) / 1e3
            self._batch.add(route=BATCH_ROUTE, body=body, event_id=event_id, anonymous=False, added=added)
            self._payloads[self._batch.last_id] = payload

    def ack(self, ids: Sequence[RowId]) -> None:
        """Report delivered events to the store."""
        with self._lock:
            self._batch.ack(ids)
            self._report_done(ids)

    def _report_done(self, ids: Sequence[RowId]) -> None:
        done = {row_id: self._payloads[row_id] for row_id in ids if row_id in self._payloads}
        self._store.cleanup(list(done.values()), False)
        # after it: it may raise, and is called again
        for row_id in done:
            del self._payloads[row_id]

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again, in the store as far as it accepts them."""
        with self._lock:
            self._batch.release(ids)
            self._hand_back(deferred=False)

    def _hand_back(self, *, deferred: bool) -> None:
        rows = [
            row
            for row in self._batch.peek(BATCH_ROUTE, 10**9)
            if not row.token and (deferred or self._batch.is_due(row.id))
        ]
        payloads = [self._payloads[row.id] for row in rows]
        if not payloads or not self._store_removes:
            # a store that kept them still has them
            return
        before = self._store.size()
        self._store.cleanup(payloads, True)
        accepted = max(0, self._store.size() - before)
        self._batch.ack([row.id for row in rows[:accepted]])
        for row in rows[:accepted]:
            self._payloads.pop(row.id, None)

    def defer(self, ids: Sequence[RowId], seconds: float) -> None:
        """Let events wait again after a failed attempt, but not be claimed for some seconds."""
        with self._lock:
            self._batch.defer(ids, seconds)

    def due_in(self, route: str) -> float | None:
        """Return the seconds until the first deferred event may be claimed; None if none is deferred."""
        del route
        return self._batch.due_in(BATCH_ROUTE)

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Report refused events as done, and keep them as dead letters."""
        with self._lock:
            self._batch.bury(ids, reason, status)
            self._report_done(ids)

    def abandon(self, token: str) -> None:
        """Let a claim's events wait again."""
        with self._lock:
            self._batch.abandon(token)

    def count(self, route: str) -> int:
        """Return the number of events in the store and the batch."""
        del route
        with self._lock:
            return self._store.size() + (self._batch.count(BATCH_ROUTE) if self._store_removes else 0)

    def peek(self, route: str, limit: int) -> list[Row]:
        """Return the oldest events of the batch; the protocol has no way to look at the others."""
        del route
        return self._batch.peek(BATCH_ROUTE, limit)

    def find(self, route: str, event_id: str) -> bytes | None:
        """Return the payload of an event of the batch, or None."""
        del route
        return self._batch.find(BATCH_ROUTE, event_id)

    def take_drops(self) -> dict[str, int]:
        """Return how many dead letters were lost to the limits since the last call, by reason."""
        return self._batch.take_drops()

    def dead(self, limit: int) -> list[DeadEvent]:
        """Return dead letters, oldest first."""
        return self._batch.dead(limit)

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Delete dead letters; return how many."""
        return self._batch.remove_dead(ids)

    def routes(self) -> list[str]:
        """Return no routes: the protocol has none."""
        return []

    def persist_fallback(self) -> None:
        """Hand the whole batch back."""
        with self._lock:
            self._hand_back(deferred=True)

    def close(self) -> None:
        """Leave the store open: it is the user's."""
