"""The emitter that sends in the background."""

import sys
import threading
from collections.abc import Mapping
from typing import Any

from nbtrack.common.arguments import check_at_least
from nbtrack.delivery.emitter import Emitter
from nbtrack.delivery.http.urls import HttpProtocol, Method
from nbtrack.delivery.models import FailureCallback, SuccessCallback
from nbtrack.delivery.stores.base import EventStore, Store
from nbtrack.delivery.terms import Step

IDLE_SECONDS = 5.0
"""A thread without work ends after this long; the next event starts another."""
PROBE_LOOK_SECONDS = 0.05
STOP_SECONDS = 0.2
HAS_THREADS = sys.platform not in {"emscripten", "wasi"}


class AsyncEmitter(Emitter):
    """Sends events in the background: `input` only stores them.

    Where no thread can be started (Pyodide, the last moments of an interpreter) it sends as `Emitter` does.

    Parameters
    ----------
    endpoint, protocol, port, method, batch_size, on_success, on_failure
        See `Emitter`.
    thread_count
        Most threads that send.
    byte_limit, request_timeout, max_retry_delay_seconds, buffer_capacity, custom_retry_codes, event_store, session
        See `Emitter`.
    linger
        Seconds that events may gather after the first one before a thread sends them; a flush does not wait. While
        it lasts, the caller's thread has the interpreter for itself.
    **options
        The keyword-only arguments of `Emitter`.

    Raises
    ------
    TypeError, ValueError
        For arguments that cannot work.

    Examples
    --------
    >>> emitter = AsyncEmitter("127.0.0.1:9", protocol="http")
    >>> emitter.input({"e": "pv", "eid": "1"}), emitter.stats().pending
    (True, 1)
    >>> emitter.close(timeout=0.0).pending
    1
    """

    def __init__(
        self,
        endpoint: str,
        protocol: HttpProtocol = "https",
        port: int | None = None,
        method: Method = "post",
        batch_size: int | None = None,
        on_success: SuccessCallback | None = None,
        on_failure: FailureCallback | None = None,
        thread_count: int = 1,
        byte_limit: int | None = None,
        request_timeout: float | tuple[float, float] | None = None,
        max_retry_delay_seconds: float = 60,
        buffer_capacity: int | None = None,
        custom_retry_codes: Mapping[int, bool] | None = None,
        event_store: EventStore | Store | None = None,
        session: Any = None,
        *,
        linger: float = 0.0,
        **options: Any,
    ) -> None:
        check_at_least(1, thread_count=thread_count)
        check_at_least(0, linger=linger)
        self._thread_count = thread_count
        self._linger = linger
        super().__init__(
            endpoint,
            protocol,
            port,
            method,
            batch_size,
            on_success,
            on_failure,
            byte_limit,
            request_timeout,
            max_retry_delay_seconds,
            buffer_capacity,
            custom_retry_codes,
            event_store,
            session,
            **options,
        )

    def _begin(self) -> None:
        super()._begin()
        self._threads: set[threading.Thread] = set()
        self._wanted = 0
        self._draining = False
        self._gather_until = 0.0

    def _senders(self) -> int:
        return self._thread_count

    def _trigger(self) -> None:
        if self._paused:
            return
        if self._draining and self._threads:
            # the drain that is on takes the new events with it
            self._wanted += 1
        elif not self._ask(self._timing.monotonic() + self._linger if self._linger else 0.0):
            super()._trigger()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _after_failure(self) -> None:
        """Nothing to arm: the sender waits by itself; without threads the next event tries again."""

    def async_flush(self) -> None:
        """Have what waits sent in the background, at once if no wait after a failure is on."""
        if not self._paused:
            self._ask()

    def resume(self) -> None:
        """Send again, what waited meanwhile first."""
        super().resume()
        self._wake()

    def _ask(self, gather_until: float = 0.0) -> bool:
        """Have the background drain the store, now or when events have gathered; False when no thread can be had."""
        with self._changed:
            self._gather_until = gather_until
            self._wanted += 1
            self._draining = True
            self._changed.notify_all()
            while HAS_THREADS and len(self._threads) < self._thread_count:
                thread = threading.Thread(target=self._run, name="nbtrack-sender", daemon=True)
                self._threads.add(thread)
                try:
                    thread.start()
                except RuntimeError:
                    self._threads.discard(thread)
                    break
            return bool(self._threads)

    def _run(self) -> None:
        while self._await_work():
            wanted = self._wanted
            outcome = self._drain(None)
            with self._changed:
                if outcome is Step.EMPTY and wanted == self._wanted:
                    self._draining = False
                elif outcome is Step.FAILED:
                    # another thread may have found nothing while we held the rest
                    self._draining = True
                elif outcome is Step.WAIT and not self._ended:
                    # another thread probes
                    self._changed.wait(PROBE_LOOK_SECONDS)
                self._changed.notify_all()

    def _await_work(self) -> bool:
        """Wait until there is something to do now; False when this thread should end."""
        with self._changed:
            while not self._ended:
                if self._draining and not self._paused:
                    delay = self._engine.delay() or self._gather_until - self._timing.monotonic()
                    if delay <= 0:
                        return True
                    self._changed.wait(delay)
                elif not self._changed.wait(IDLE_SECONDS) and (self._paused or not self._draining):
                    break
            # under the lock: whoever asks next sees that this thread is no more
            self._threads.discard(threading.current_thread())
            return False

    def _flush(self, deadline: float | None) -> bool:
        if not self._ask():
            return super()._flush(deadline)
        with self._changed:
            while (self._draining or self._engine.in_flight or self._engine.failing) and not self._paused:
                left = None if deadline is None else deadline - self._timing.monotonic()
                if left is not None and left <= 0:
                    return True
                self._changed.wait(left)
        return False

    def _stop(self) -> None:
        self._wake()
        for thread in list(self._threads):
            # one in the middle of a slow request ends when that does: it is a daemon
            thread.join(STOP_SECONDS)
