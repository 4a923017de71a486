"""The emitters: one that sends on the caller's thread, one that sends in the background."""

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

from nbtrack.delivery import endpoint as uris
from nbtrack.delivery import envelope, lifecycle
from nbtrack.delivery.adapter import as_store
from nbtrack.delivery.endpoint import HttpProtocol, Method
from nbtrack.delivery.engine import Engine, Limits, Sender, Settled, Step, Timing
from nbtrack.delivery.log import SendLog
from nbtrack.delivery.memory import InMemoryEventStore
from nbtrack.delivery.records import (
    Attempt,
    FailureCallback,
    FlushReport,
    PayloadDict,
    PendingEvent,
    Route,
    Stats,
    SuccessCallback,
)
from nbtrack.delivery.retry import Backoff
from nbtrack.delivery.store import EventStore, Store
from nbtrack.delivery.summary import state_of, summarise
from nbtrack.delivery.timer import Timer
from nbtrack.delivery.transport import TIMEOUT, Headers, Transport

LOG = logging.getLogger("nbtrack.delivery")
BATCH_SIZE = {"post": 10, "get": 1}
BATCH_BYTES = 900_000
MEMORY_EVENTS = 250_000
FLUSH_SECONDS = 10.0


class EmitterProtocol(Protocol):
    """What a tracker needs of an emitter; `input` alone will do."""

    def input(self, payload: PayloadDict) -> Any:
        """Take a payload."""

    def flush(self) -> Any:
        """Send what waits."""

    def async_flush(self) -> None:
        """Send what waits, without waiting for it."""

    def sync_flush(self) -> None:
        """Send what waits, and wait for it."""


class Emitter:
    """Sends events on the caller's thread, when `batch_size` of them wait.

    Parameters
    ----------
    endpoint
        Host of the collector, maybe with scheme, port and path; with `resolve` a logical name as "local".
    protocol, port, method
        "https" or "http"; a port; "post" or "get".
    batch_size
        Events that trigger sending: 10 for post, 1 for get. A request carries all that wait, up to
        `max_batch_bytes`.
    on_success
        Called with the list of payloads of each delivered request.
    on_failure
        Called with a number of successes and the list of payloads of each failed request.
    byte_limit
        Bytes waiting that trigger sending.
    request_timeout
        Seconds for connecting and for reading, or a pair of them; (5, 15) by default.
    max_retry_delay_seconds
        Longest wait between two attempts.
    buffer_capacity
        Most events in the default store in memory (250,000 and 128 MiB without it).
    custom_retry_codes
        Status to "retry?"; wins over the built-in table.
    event_store
        Where events wait; in memory by default.
    session
        A `requests.Session` to send with.
    max_batch_bytes
        Bound of a request's body, exact.
    max_event_bytes
        Events above it are not taken; by default what fits a body.
    path
        Path of the endpoint, if not Snowplow's.
    headers
        Extra headers or a function that gives them; never stored, logged or shown.
    max_age, max_attempts
        Seconds, and failed requests, after which an event becomes a dead letter.
    on_attempt
        Called with an `Attempt` after each request.
    server_anonymisation
        Ask the collector to forget address and cookies; kept with each event.
    resolve, destination
        With `resolve` the base URL is asked for on the sender's thread, before the first request and after each
        failed connection; events are stored under `destination`.
    timing
        Clocks and chance, for tests.

    Raises
    ------
    ValueError
        For arguments that cannot work.

    Examples
    --------
    >>> with Emitter("127.0.0.1:9", protocol="http", request_timeout=0.2) as emitter:
    ...     emitter.input({"e": "pv", "eid": "1"})
    ...     emitter.flush(timeout=0.1).pending
    ...     _ = emitter.close(timeout=0.0)
    True
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
        byte_limit: int | None = None,
        request_timeout: float | tuple[float, float] | None = None,
        max_retry_delay_seconds: float = 60,
        buffer_capacity: int | None = None,
        custom_retry_codes: Mapping[int, bool] | None = None,
        event_store: EventStore | Store | None = None,
        session: Any = None,
        *,
        max_batch_bytes: int = BATCH_BYTES,
        max_event_bytes: int | None = None,
        path: str | None = None,
        headers: Headers = None,
        max_age: float | None = None,
        max_attempts: int | None = None,
        on_attempt: Callable[[Attempt], Any] | None = None,
        server_anonymisation: bool = False,
        resolve: Callable[[], str] | None = None,
        destination: str | None = None,
        timing: Timing | None = None,
    ) -> None:
        if method not in uris.METHODS:
            raise ValueError(f"{method!r} is no method of a collector; use one of {', '.join(uris.METHODS)}.")
        if protocol not in uris.PROTOCOLS:
            raise ValueError(f"{protocol!r} is not supported; use one of {', '.join(uris.PROTOCOLS)}.")
        _check_positive(
            batch_size=batch_size,
            byte_limit=byte_limit,
            buffer_capacity=buffer_capacity,
            max_event_bytes=max_event_bytes,
            max_attempts=max_attempts,
        )
        room = max_batch_bytes - envelope.FRAME_BYTES - envelope.EVENT_BYTES
        if room <= 0:
            raise ValueError(f"max_batch_bytes must leave room for an event, {max_batch_bytes} does not")
        self.method = method
        self.on_success = on_success
        self.on_failure = on_failure
        self.on_attempt = on_attempt
        self.byte_limit = byte_limit
        self.request_timeout = request_timeout
        self.max_retry_delay_seconds = max_retry_delay_seconds
        self.server_anonymisation = server_anonymisation
        self.batch_size = min(batch_size or BATCH_SIZE[method], buffer_capacity or 10**9)
        self._max_event_bytes = min(max_event_bytes or room, room)
        self._timing = timing or Timing()
        self._resolve = resolve
        self._session = session
        self._headers = headers
        self._path = path or uris.default_path(method)
        self._credentials: dict[str, str] = {}
        if resolve is None:
            base, self._credentials = uris.split_credentials(uris.base_uri(endpoint, protocol, port))
        else:
            base = endpoint
        self._base = base
        self.endpoint = base if resolve else base + self._path
        self.event_store = event_store or InMemoryEventStore(buffer_capacity=buffer_capacity or MEMORY_EVENTS)
        self._engine = Engine(
            as_store(self.event_store),
            Route(destination or base, self._path, method),
            self._connect,
            limits=Limits(max_batch_bytes, max_age, max_attempts),
            backoff=Backoff(self._timing.base, max_retry_delay_seconds, self._timing.rng),
            custom=dict(custom_retry_codes or {}),
            timing=self._timing,
            observe=self._settled,
            reconnect=resolve is not None,
        )
        self._begin()
        lifecycle.watch(self)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._accepted = 0
        self._queued = 0
        self._queued_bytes = 0
        self._held = False
        self._paused = False
        self._closed = False
        self._ended = False
        self._busy: set[int] = set()
        self._subscribers: dict[object, Callable[[], None]] = {}
        self._timer: Timer | None = None
        self._retry_timer: Timer | None = None

    def after_fork_in_child(self) -> None:
        """Begin anew in a forked child: what was taken before is the parent's to send."""
        paused, closed, subscribers = self._paused, self._closed, self._subscribers
        self._begin()
        self._paused, self._closed, self._subscribers = paused, closed, subscribers
        self._engine.after_fork_in_child()

    def _connect(self) -> Sender:
        limits = self.request_timeout
        timeout = TIMEOUT if limits is None else limits if isinstance(limits, tuple) else (limits, limits)
        if self._resolve is None:
            base, credentials = self._base, self._credentials
        else:
            base, credentials = uris.split_credentials(self._resolve())
        given = self._headers

        def headers() -> Mapping[str, str]:
            return {**credentials, **((given() if callable(given) else given) or {})}

        if self._session is not None:
            from nbtrack.delivery.session import SessionTransport  # noqa: PLC0415

            return SessionTransport(self._session, base, path=self._path, headers=headers, timeout=timeout)
        return Transport(base, path=self._path, headers=headers, timeout=timeout, pool=self._senders())

    def _senders(self) -> int:
        return 1

    # Taking events

    def input(self, payload: Mapping[str, Any]) -> bool:
        """Take a payload; send when enough wait.

        Parameters
        ----------
        payload
            Flat name-value pairs; copied.

        Returns
        -------
        bool
            False when it was not taken; `stats().dropped` tells why.
        """
        reason = self._keep(payload)
        if reason is not None:
            self._engine.drop(reason)
            self._tell()
            return False
        engine = self._engine
        if engine.failing and engine.nudge():
            self._wake()
        if self._queued >= self.batch_size or (self.byte_limit and self._queued_bytes >= self.byte_limit):
            self._trigger()
        if self._subscribers:
            self._tell()
        return True

    def _keep(self, payload: Mapping[str, Any]) -> str | None:
        if self._closed:
            return "closed"
        try:
            body, event_id = envelope.encode(payload, self.method)
        except Exception as fault:  # noqa: BLE001 - a value's own __str__
            LOG.warning("An event was not taken: a value of it has no text (%s)", type(fault).__name__)
            return "unserializable"
        if len(body) > self._max_event_bytes:
            LOG.warning(
                "An event of %d bytes was not taken: the limit is %d", len(body), self._max_event_bytes
            )
            return "too_large"
        reason = self._engine.store.add(
            self._engine.route.key, body, event_id, self.server_anonymisation, self._timing.wall()
        )
        if reason is None:
            with self._changed:
                self._accepted += 1
                self._queued += 1
                self._queued_bytes += len(body)
                if not self._held:
                    self._held = True
                    lifecycle.hold(self)
        return reason

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
        lifecycle.let_go(self)

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

    # Flushing

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
        if self._queued >= self.batch_size:
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
        if self._timer is None:
            self._timer = Timer(timeout, self._trigger, repeating=True)
            with contextlib.suppress(RuntimeError):
                self._timer.start()

    def cancel_flush_timer(self) -> None:
        """End what `set_flush_timer` began."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    # Telling

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


def _check_positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
