"""Bodies out: kept connections, the retry rules of delivery, nothing given up without a reason."""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nbtrack.bulk.encoder import Body
from nbtrack.delivery.envelope import HEAD, TAIL
from nbtrack.delivery.retry import Backoff, Verdict, decide
from nbtrack.delivery.transport import Transport

_POLL = 0.1  # seconds between looks at the stop sign


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a body, or of a part of one that was split.

    Parameters
    ----------
    body
        The events.
    reason
        Why they were refused for good; None when they were taken.
    attempts, bytes
        Requests made, and bytes of bodies that were taken.
    """

    body: Body
    reason: str | None
    attempts: int
    bytes: int


@dataclass(slots=True)
class SenderStats:
    """Counters that all senders share; guarded by ``lock``."""

    retries: int = 0
    requests: int = 0
    last_error: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sender:
    """Threads that post bodies.

    Parameters
    ----------
    transport
        Kept connections to the collector.
    connections
        How many threads.
    report
        Called with each outcome, on a sender's thread.
    """

    def __init__(self, transport: Transport, connections: int, report: Callable[[Outcome], None]) -> None:
        self._transport, self._report = transport, report
        self._queue: queue.Queue[Body | None] = queue.Queue(2 * connections)
        self._stopping = threading.Event()
        self.stats = SenderStats()
        self._threads = [
            threading.Thread(target=self._run, name=f"nbtrack-backfill-{number}", daemon=True)
            for number in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, body: Body) -> bool:
        """Hand over a body, waiting for room; False once stopped."""
        while not self._stopping.is_set():
            try:
                self._queue.put(body, timeout=_POLL)
            except queue.Full:
                continue
            return True
        return False

    def finish(self) -> None:
        """Wait until all bodies handed over have an outcome, or `stop` was called."""
        for _ in self._threads:
            while not self._stopping.is_set():
                try:
                    self._queue.put(None, timeout=_POLL)
                except queue.Full:
                    continue
                break
        for thread in self._threads:
            while thread.is_alive():
                thread.join(_POLL)

    def stop(self) -> None:
        """Stop after the requests under way; what waits stays unsent."""
        self._stopping.set()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                body = self._queue.get(timeout=_POLL)
            except queue.Empty:
                continue
            if body is None:
                return
            self._deliver(body, backoff)

    def _deliver(self, body: Body, backoff: Backoff) -> None:
        attempts = 0
        while not self._stopping.is_set():
            attempts += 1
            reply = self._transport.post([HEAD, body.data, TAIL])
            with self.stats.lock:
                self.stats.requests += 1
                self.stats.retries += attempts > 1
            verdict = decide(reply, events=body.events, custom={})
            if verdict is Verdict.SENT:
                backoff.reset()
                self._report(Outcome(body, None, attempts, len(HEAD) + len(body.data) + len(TAIL)))
                return
            reason = reply.error or f"HTTP {reply.status}"
            with self.stats.lock:
                self.stats.last_error = reason
            if verdict is Verdict.SPLIT:
                for part in body.split():
                    self._deliver(part, backoff)
                return
            if verdict is Verdict.BURY:
                self._report(Outcome(body, reason, attempts, 0))
                return
            self._wait(backoff.next(reply.retry_after))

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            self._stopping.wait(min(left, _POLL))
