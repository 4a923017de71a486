"""The emitter that sends in the background."""

import logging
import sys
import threading
from collections.abc import Mapping
from typing import Any

from nbtrack.common import lifecycle, pyodide
from nbtrack.common.arguments import check_at_least
from nbtrack.common.clock import monotonic
from nbtrack.delivery.emitter import Emitter
from nbtrack.delivery.http.urls import HttpProtocol, Method
from nbtrack.delivery.models import FailureCallback, SuccessCallback
from nbtrack.delivery.sender import Step
from nbtrack.delivery.stores.base import EventStore, Store

IDLE_SECONDS = 5.0
"""A thread without work ends after this time; the next event starts another."""
PROBE_WAIT_SECONDS = 0.05
"""While another thread's request is the one that is due, a thread looks this often whether it has ended."""
STOP_SECONDS = 0.2
LOG = logging.getLogger("nbtrack.delivery")
_warned: set[str] = set()
HAS_THREADS = sys.platform != "wasi" and not pyodide.IN_PYODIDE


class AsyncEmitter(Emitter):
    """Send events in the background: `input` only stores them.

    Where no thread can be started (Pyodide, the last moments of an interpreter) it sends as `Emitter` does; in Pyodide
    that is on the event loop.

    Parameters
    ----------
    endpoint, protocol, port, method, batch_size, on_success, on_failure
        See `Emitter`.
    thread_count : int
        Most threads that send.
    byte_limit, request_timeout, max_retry_delay_seconds, buffer_capacity, custom_retry_codes, event_store, session
        See `Emitter`.
    linger : float
        Seconds that events may gather before a thread sends them, after the first one and after each request during
        which others came in; a flush does not wait. Meanwhile the caller's thread has the interpreter to itself.
    **options
        The keyword-only arguments of `Emitter`.

    Raises
    ------
    TypeError, ValueError
        For invalid arguments.

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

    def _reset(self) -> None:
        super()._reset()
        self._threads: set[threading.Thread] = set()
        self._requests = 0
        self._draining = False
        self._gather_until = 0.0
        self._in_hurry = False

    def _max_connections(self) -> int:
        return self._thread_count

    def _start_sending(self) -> None:
        if self._paused:
            return
        if self._draining and self._threads:
            # the threads that are sending take the new events too
            self._requests += 1
        elif sys.is_finalizing():
            pass  # no thread runs any more: what is stored stays stored
        elif self._sender.delay() > 0:
            # the timer of the failed attempt starts a thread
            self._draining = True
        elif not self._start_draining(monotonic() + self._linger if self._linger else 0.0):
            super()._start_sending()

    def _wake_sender(self) -> None:
        self._schedule(self._sender.delay())

    def _retry(self) -> None:
        if not self._paused and not self._ended and not self._start_draining():
            super()._retry()

    def async_flush(self) -> None:
        """Send soon, without waiting for it."""
        lifecycle.ensure_process()
        if not self._paused and not self._start_draining() and pyodide.IN_PYODIDE:
            super()._start_sending()

    def resume(self) -> None:
        """Send again, what waited meanwhile first."""
        super().resume()
        if self._draining:
            self.async_flush()

    def _start_draining(self, gather_until: float = 0.0) -> bool:
        """Have the threads send everything, now or when events have gathered; return False if there is no thread."""
        with self._changed:
            self._gather_until = gather_until
            self._in_hurry |= not gather_until
            self._requests += 1
            self._draining = True
            self._changed.notify_all()
            # a thread that died without saying so is replaced
            self._threads = {thread for thread in self._threads if thread.is_alive()}
            while _can_start_threads() and len(self._threads) < self._thread_count:
                thread = threading.Thread(target=self._run, name="nbtrack-sender", daemon=True)
                self._threads.add(thread)
                try:
                    thread.start()
                except RuntimeError:
                    self._threads.discard(thread)
                    break
            return bool(self._threads)

    def _run(self) -> None:
        try:
            self._send_until_idle()
        finally:
            # whatever ended it: the next event starts another
            with self._changed:
                self._threads.discard(threading.current_thread())

    def _send_until_idle(self) -> None:
        while self._await_work():
            requests = self._requests
            step = self._drain(None)
            with self._changed:
                if step in {Step.EMPTY, Step.DEFERRED} and requests == self._requests:
                    self._draining = self._in_hurry = False
                elif step is Step.FAILED:
                    # another thread may have found nothing while this one held the rest
                    self._draining = True
                elif step is Step.WAIT and not self._ended:
                    self._changed.wait(PROBE_WAIT_SECONDS)
                if requests != self._requests and self._may_gather():
                    self._gather_until = monotonic() + self._linger
                self._changed.notify_all()

    def _may_gather(self) -> bool:
        return bool(self._threads) and self._linger > 0 and not self._in_hurry

    def _await_work(self) -> bool:
        """Wait until there is something to send; return False if this thread should end."""
        with self._changed:
            while not self._ended:
                if self._draining and not self._paused:
                    if (delay := self._sender.delay()) > 0:
                        # many emitters wait at the same time where a collector is down: a timer costs no thread
                        self._schedule(delay)
                        break
                    delay = self._gather_until - monotonic()
                    if delay <= 0:
                        return True
                    self._changed.wait(delay)
                elif not self._changed.wait(IDLE_SECONDS) and (self._paused or not self._draining):
                    break
            # under the lock: the next call that needs a thread sees that this one is gone
            self._threads.discard(threading.current_thread())
            return False

    def _flush(self, deadline: float | None) -> bool:
        if not self._start_draining():
            return super()._flush(deadline)
        with self._changed:
            while self._is_busy() and not self._paused:
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    return True
                self._changed.wait(left)
        return False

    def _is_busy(self) -> bool:
        sender = self._sender
        return bool(
            self._draining or sender.in_flight or sender.failing or sender.has_deferred(own=self._ending)
        )

    def _stop_threads(self) -> None:
        with self._changed:
            self._changed.notify_all()
        for thread in list(self._threads):
            # one in the middle of a slow request ends with it: it is a daemon
            thread.join(STOP_SECONDS)


def _can_start_threads() -> bool:
    return HAS_THREADS and not sys.is_finalizing() and not _is_uwsgi_without_threads()


def _is_uwsgi_without_threads() -> bool:
    """Check for uWSGI in its default: threads can be started, but run only while a request is served."""
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is None:
        return False
    options = {name.decode() if isinstance(name, bytes) else name for name in getattr(uwsgi, "opt", {})}
    if options & {"enable-threads", "threads"}:
        return False
    if "uwsgi" not in _warned:
        _warned.add("uwsgi")
        LOG.warning("uWSGI runs without enable-threads; events are sent on the calling thread")
    return True
