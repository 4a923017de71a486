"""What an emitter tells: counters, the send log, what waits, callbacks."""

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from nbtrack.common.arguments import check_callables
from nbtrack.delivery import encoding as envelope
from nbtrack.delivery.models import (
    Attempt,
    FailureCallback,
    PayloadDict,
    PendingEvent,
    Stats,
    SuccessCallback,
)
from nbtrack.delivery.send_log import SendLog
from nbtrack.delivery.sender import Engine
from nbtrack.delivery.summary import state_of, summarise
from nbtrack.delivery.terms import Settled, Timing

LOG = logging.getLogger("nbtrack.delivery")


class Telling:
    """The part of an emitter that only looks; `Emitter` fills these attributes."""

    _engine: Engine
    _timing: Timing
    _accepted: int
    _queued: int
    _paused: bool
    _closed: bool
    _subscribers: Mapping[object, Callable[[], None]]
    on_success: SuccessCallback | None
    on_failure: FailureCallback | None
    on_attempt: Callable[[Attempt], Any] | None

    def _settled(self, settled: Settled) -> None:
        _guarded(self.on_attempt, settled.attempt)
        if settled.sent and self.on_success is not None:
            _guarded(self.on_success, [envelope.decode(row.body) for row in settled.sent])
        if settled.failed and self.on_failure is not None:
            _guarded(self.on_failure, 0, [envelope.decode(row.body) for row in settled.failed])
        self._tell()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called, on any thread, when anything changed.

        Returns
        -------
        callable
            Ends the subscription.
        """
        check_callables(callback=callback)
        key = object()
        self._subscribers = {**self._subscribers, key: callback}

        def unsubscribe() -> None:
            self._subscribers = {one: call for one, call in self._subscribers.items() if one is not key}

        return unsubscribe

    def _tell(self) -> None:
        for callback in self._subscribers.values():
            _guarded(callback)

    @property
    def log(self) -> SendLog:
        """The last attempts."""
        return self._engine.log

    @property
    def durable(self) -> bool:
        """Whether what waits outlives the process."""
        return self._engine.store.durable

    @property
    def destination(self) -> str:
        """Where events go: a base URL without credentials, or a logical name."""
        return self._engine.route.destination

    def _count(self) -> int:
        with contextlib.suppress(Exception):
            return self._engine.store.count(self._engine.route.key)
        return self._queued

    def stats(self) -> Stats:
        """Give the counters of this emitter; `pending` counts all of its route's events in the store."""
        engine = self._engine
        pending = self._count()
        oldest: list[Any] = []
        with contextlib.suppress(Exception):
            oldest = engine.store.peek(engine.route.key, 1)
        return Stats(
            accepted=self._accepted,
            sent=engine.sent,
            retried=engine.retried,
            bytes_sent=engine.bytes_sent,
            pending=pending,
            in_flight=engine.in_flight,
            dead=engine.dead,
            dropped=engine.dropped(),
            lag_seconds=max(0.0, self._timing.wall() - oldest[0].added) if oldest else 0.0,
            last_error=engine.last_error,
            last_status=engine.last_status,
            retry_at=engine.retry_at(),
            state=state_of(self._closed, self._paused, engine.failing, bool(engine.in_flight)),
            destination=self.destination,
        )

    def pending(self, limit: int = 100) -> list[PendingEvent]:
        """List waiting events, the oldest first."""
        with contextlib.suppress(Exception):
            return [summarise(row) for row in self._engine.store.peek(self._engine.route.key, limit)]
        return []

    def payload(self, event_id: str) -> PayloadDict | None:
        """Give the content of a waiting event."""
        with contextlib.suppress(Exception):
            body = self._engine.store.find(self._engine.route.key, event_id)
            return None if body is None else envelope.decode(body)
        return None


def _guarded(callback: Callable[..., Any] | None, *arguments: Any) -> None:
    """Call the user's function; what it raises is logged, never ours to raise."""
    if callback is None:
        return
    try:
        callback(*arguments)
    except Exception:
        LOG.exception("A callback of the emitter raised")
