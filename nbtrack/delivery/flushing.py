"""How an emitter sends what waits: draining, flushing, pausing, closing."""

import contextlib
import threading
from typing import Self

from nbtrack.common import lifecycle
from nbtrack.common.arguments import check_numbers, check_positive
from nbtrack.delivery.models import FlushReport
from nbtrack.delivery.telling import Telling
from nbtrack.delivery.terms import Step
from nbtrack.delivery.timer import Timer

FLUSH_SECONDS = 10.0


class Flushing(Telling):
    """The part of an emitter that sends, on the calling thread; `AsyncEmitter` overrides what differs."""

    _changed: threading.Condition
    _queued_bytes: int
    _held: bool
    _ended: bool
    _busy: set[int]
    _timer: Timer | None
    _retry_timer: Timer | None

    def reached_limit(self) -> bool:
        """Tell whether enough waits to be sent."""
        raise NotImplementedError

    def _trigger(self) -> None:
        """Send on this thread what waits, unless a wait is on or a thread is at it: that one takes all."""
        if not (self._paused or self._busy or self._engine.delay()):
            self._drain(None)

    def _wake(self) -> None:
        """Tell the sender that the next attempt came nearer; there is none here."""

    def _drain(self, deadline: float | None) -> Step:
        """Step until nothing waits or an attempt fails."""
        me = threading.get_ident()
        self._busy.add(me)
        try:
            while True:
                accepted = self._accepted
                left = None if deadline is None else deadline - self._timing.monotonic()
                if left is not None and left <= 0:
                    return Step.WAIT
                sent = self._engine.sent + self._engine.dead
                outcome = self._engine.step(left)
                with self._changed:
                    if outcome is Step.EMPTY and accepted == self._accepted:
                        self._queued = self._queued_bytes = 0
                        self._let_go()
                    elif outcome is Step.SENT:
                        self._queued = max(0, self._queued - (self._engine.sent + self._engine.dead - sent))
                        self._queued_bytes = 0 if not self._queued else self._queued_bytes
                    self._changed.notify_all()
                if outcome is Step.FAILED:
                    self._after_failure()
                if outcome is not Step.SENT or self._paused or self._ended:
                    return outcome
        finally:
            self._busy.discard(me)

    def _let_go(self) -> None:
        """Nothing waits: the exit hook need not know us any more."""
        self._held = False
        lifecycle.release(self)

    def _after_failure(self) -> None:
        """Try again when the wait is over, without the caller."""
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        timer = Timer(self._engine.delay(), self._retry)
        with contextlib.suppress(RuntimeError):
            # no threads here, or no more: the next event or flush tries again
            timer.start()
            self._retry_timer = timer

    def _retry(self) -> None:
        if not self._closed:
            self._trigger()

    def flush(self, timeout: float | None = FLUSH_SECONDS) -> FlushReport:
        """Send all that waits, retries included.

        Parameters
        ----------
        timeout
            Seconds after which it returns in any case; None waits without end.

        Returns
        -------
        FlushReport
        """
        check_numbers(timeout=timeout)
        clock = self._timing.monotonic
        started = clock()
        deadline = None if timeout is None else started + timeout
        sent, dead = self._engine.sent, self._engine.dead
        timed_out = False
        if threading.get_ident() in self._busy:
            # from a callback: the drain that called it goes on after it
            self.async_flush()
        elif not self._paused:
            timed_out = self._flush(deadline)
        engine = self._engine
        return FlushReport(
            engine.sent - sent, self._count(), engine.dead - dead, clock() - started, timed_out
        )

    def _flush(self, deadline: float | None) -> bool:
        while True:
            if self._drain(deadline) is Step.EMPTY or self._paused:
                return False
            left = None if deadline is None else deadline - self._timing.monotonic()
            if left is not None and left <= 0:
                return True
            wait = max(self._engine.delay(), 0.01)
            with self._changed:
                self._changed.wait(wait if left is None else min(wait, left))

    def sync_flush(self) -> None:
        """Send all that waits, and wait for it; like `flush`, as the reference spells it."""
        self.flush()

    def async_flush(self) -> None:
        """Send soon; nothing to do here, as in the reference."""

    def pause(self) -> None:
        """Take and store events, send none."""
        self._paused = True
        self._tell()

    def resume(self) -> None:
        """Send again."""
        self._paused = False
        self._tell()
        if self.reached_limit():
            self._trigger()

    @property
    def paused(self) -> bool:
        """Whether sending is paused."""
        return self._paused

    def close(self, timeout: float | None = FLUSH_SECONDS) -> FlushReport:
        """Flush, then let go of threads and connections; events are refused from then on.

        Parameters
        ----------
        timeout
            Seconds for the flush.
        """
        if self._ended:
            return FlushReport(0, self._count(), 0, 0.0, timed_out=False)
        self._closed = True
        report = self.flush(timeout)
        self._ended = True
        self.cancel_flush_timer()
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        self._stop()
        self._engine.close()
        self._engine.store.settle()
        self._let_go()
        self._tell()
        return report

    def finish(self, budget: float) -> int:
        """Do at the end of the process what fits the budget; give the number of events left.

        Parameters
        ----------
        budget
            Seconds; nothing is sent when the last attempt failed.
        """
        if budget > 0 and not self._engine.failing:
            self.flush(budget)
        self._engine.store.settle()
        return self._count()

    def _stop(self) -> None:
        """Wait for our threads to end; there are none here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def set_flush_timer(self, timeout: float) -> None:
        """Flush every so many seconds, one flush at a time.

        Parameters
        ----------
        timeout
            Seconds between two flushes.
        """
        check_positive(timeout=timeout)
        if self._timer is None:
            self._timer = Timer(timeout, self._trigger, repeating=True)
            with contextlib.suppress(RuntimeError):
                self._timer.start()

    def cancel_flush_timer(self) -> None:
        """End what `set_flush_timer` began."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
