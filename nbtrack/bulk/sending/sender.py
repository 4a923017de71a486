"""Sending bodies: kept connections, the retry rules of delivery, nothing given up without a reason."""

import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from nbtrack.bulk.encoding.encoder import Body
from nbtrack.bulk.sending.rate_limit import Pace
from nbtrack.delivery.encoding import HEAD, TAIL
from nbtrack.delivery.http.transport import Transport
from nbtrack.delivery.models import Reply
from nbtrack.delivery.retry import Backoff, Decision, decide

_POLL = 0.1
"""Seconds between looks at the stop signal."""
_QUEUED = 32
"""Bodies that wait: an encoder makes 9 at once, and the threads need work while it makes the next ones."""
_MAX_WAIT = 5.0
"""Seconds between attempts: a few connections do not overload a collector, and its return is soon seen."""
_OVERLOADED = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a body, or of a part of one that was split.

    Parameters
    ----------
    body
        The events.
    reason
        Why they were refused for good; None if they were delivered.
    bytes
        Size of the body, if it was delivered.
    validation
        The collector's validation results of the events; None if it does not validate them at once.
    """

    body: Body
    reason: str | None
    bytes: int
    validation: "Validation | None" = None


class Validation(NamedTuple):
    """Validation result of a body.

    Attributes
    ----------
    good, bad : int
        Number of valid and of failed events.
    reasons : tuple of str
        Why events failed; only of the first ones, if there are many.
    unmatched : int
        Number of events that do not match the collector's tracking plan.
    findings : tuple of str
        What does not match; only of the first ones, if there are many.
    """

    good: int
    bad: int
    reasons: tuple[str, ...]
    unmatched: int = 0
    findings: tuple[str, ...] = ()


def read_validation(body: bytes) -> Validation | None:
    """Return the validation result in a response; None if it is something else.

    Examples
    --------
    >>> read_validation(b'{"good":1,"bad":1,"reasons":["$.n: too large"],"failed":[],"notes":[]}')
    Validation(good=1, bad=1, reasons=('$.n: too large',), unmatched=0, findings=())
    """
    if not body.startswith(b'{"good":'):
        return None
    try:
        result = json.loads(body)
        return Validation(
            int(result["good"]),
            int(result["bad"]),
            tuple(map(str, result["reasons"])),
            int(result.get("unmatched", 0)),  # not there in replies of earlier versions
            tuple(map(str, result.get("findings", ()))),
        )
    except (ValueError, TypeError, KeyError):
        return None


@dataclass(slots=True)
class SenderStats:
    """Counters that all sending threads share; guarded by ``lock``."""

    retries: int = 0
    requests: int = 0
    last_error: str | None = None
    last_success: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)


class BodySender:
    """Threads that post bodies.

    Parameters
    ----------
    transport
        Kept connections to the collector.
    connections
        Number of threads.
    on_outcome
        Called with each outcome, on a sending thread.
    rate, byte_rate
        Events and bytes per second; None for no limit.
    give_up_after
        Seconds without a success after which all threads stop.
    """

    def __init__(
        self,
        transport: Transport,
        connections: int,
        on_outcome: Callable[[Outcome], None],
        *,
        rate: float | None = None,
        byte_rate: float | None = None,
        give_up_after: float = float("inf"),
    ) -> None:
        self._transport, self._on_outcome, self._give_up_after = transport, on_outcome, give_up_after
        self._queue: queue.Queue[Body | None] = queue.Queue(_QUEUED)
        self.stopping = threading.Event()
        self.error: BaseException | None = None
        self.pace = Pace(connections, rate, byte_rate, self.stopping)
        self.stats = SenderStats()
        self._connections = connections
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()

    def put(self, body: Body) -> bool:
        """Queue a body, waiting for room; return False once stopped."""
        with self._starting:
            if len(self._threads) < self._connections:  # one for each body: a small run needs few
                name = f"nbtrack-backfill-{len(self._threads)}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                thread.start()  # before `join` sees it, which may be called meanwhile if reading fails
                self._threads.append(thread)
        return self._put(body)

    def close(self) -> None:
        """End the threads once every body has an outcome; no body may follow."""
        for _ in self._threads:
            self._put(None)

    def join(self, seconds: float) -> bool:
        """Wait for the threads to end, and return whether they have."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Stop after the requests in flight; queued bodies stay unsent."""
        self.stopping.set()

    def _put(self, body: Body | None) -> bool:
        while not self.stopping.is_set():
            try:
                self._queue.put(body, timeout=_POLL)
            except queue.Full:
                continue
            return True
        return False

    def _run(self) -> None:
        try:
            self._deliver_queued()
        except BaseException as error:  # noqa: BLE001 - raised again on the caller's thread
            self.error = self.error or error
            self.stop()

    def _deliver_queued(self) -> None:
        backoff = Backoff(cap=_MAX_WAIT)
        while not self.stopping.is_set():
            try:
                body = self._queue.get(timeout=_POLL)
            except queue.Empty:
                continue
            if body is None:
                return
            self._deliver(body, backoff)

    def _deliver(self, body: Body, backoff: Backoff) -> None:
        attempts = 0
        size = len(HEAD) + len(body.data) + len(TAIL)
        while self.pace.enter(body.events, size):
            attempts += 1
            reply = self._transport.post([HEAD, body.data, TAIL])
            decision = decide(reply, events=body.events, custom={})
            self._count(reply, decision, repeated=attempts > 1)
            if decision is Decision.SENT:
                backoff.reset()
                self._on_outcome(Outcome(body, None, size, read_validation(reply.body)))
                return
            if decision is Decision.SPLIT:
                for part in body.split():
                    self._deliver(part, backoff)
                return
            if decision is Decision.BURY:
                self._on_outcome(Outcome(body, _reason(reply), 0))
                return
            if time.monotonic() - self.stats.last_success > self._give_up_after:
                self.stop()
            self.stopping.wait(backoff.next(reply.retry_after))

    def _count(self, reply: Reply, decision: Decision, *, repeated: bool) -> None:
        if decision is Decision.SENT:
            self.pace.succeeded()
        else:
            self.pace.failed(overloaded=reply.status in _OVERLOADED)
        with self.stats.lock:
            self.stats.requests += 1
            self.stats.retries += repeated
            if decision is Decision.SENT:
                self.stats.last_success = time.monotonic()
            else:
                self.stats.last_error = _reason(reply)


def _reason(reply: Reply) -> str:
    return reply.error or f"HTTP {reply.status}"
