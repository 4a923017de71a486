"""The emitter that sends on the caller's thread; `AsyncEmitter` is built on it."""

import contextlib
import logging
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self
from urllib.parse import urlencode

from nbtrack.common import lifecycle, pyodide
from nbtrack.common.arguments import (
    check_at_least,
    check_callables,
    check_headers,
    check_methods,
    check_numbers,
    check_positive,
    check_timeout,
)
from nbtrack.common.clock import monotonic, wall
from nbtrack.delivery.encoding import BYTES_PER_EVENT, ENVELOPE_BYTES, decode, encode
from nbtrack.delivery.http import fetch
from nbtrack.delivery.http.connections import load_modules
from nbtrack.delivery.http.requests_transport import (
    MethodTransport,
    PatchableTransport,
    RequestsTransport,
    renew_connections,
)
from nbtrack.delivery.http.transport import TIMEOUT, Headers, Transport, TransportProtocol
from nbtrack.delivery.http.urls import (
    HttpProtocol,
    Method,
    base_uri,
    check_collector_options,
    default_path,
    split_credentials,
)
from nbtrack.delivery.models import (
    Attempt,
    DropReason,
    FailureCallback,
    FlushReport,
    PayloadDict,
    PendingEvent,
    Reply,
    Route,
    State,
    Stats,
    SuccessCallback,
)
from nbtrack.delivery.retry import NO_REPLY, Backoff, Decision, decide
from nbtrack.delivery.send_log import SendLog
from nbtrack.delivery.sender import Limits, RequestOutcome, Sender, Step
from nbtrack.delivery.stores.adapter import as_store
from nbtrack.delivery.stores.base import EventStore, Store
from nbtrack.delivery.stores.memory import InMemoryEventStore
from nbtrack.delivery.timer import Timer

LOG = logging.getLogger("nbtrack.delivery")
BATCH_SIZE = {"post": 10, "get": 1}
BATCH_BYTES = 900_000
MEMORY_EVENTS = 250_000
FLUSH_SECONDS = 10.0
BLOCK_SECONDS = 10.0
BLOCK_LOOK_SECONDS = 0.05
Overflow = Literal["drop_newest", "drop_oldest", "block"]
OVERFLOW = ("drop_newest", "drop_oldest", "block")
MANY_EMITTERS = 50
"""More emitters of one destination than this are probably one for each event."""
_emitters: dict[str, "weakref.WeakSet[Emitter]"] = {}
BACKOFF_SECONDS = 0.5
"""Upper bound of the first delay after a failure."""


class EmitterProtocol(Protocol):
    """What a tracker needs of an emitter; `input` alone is enough.

    Examples
    --------
    >>> from nbtrack.tracker import PageView, Tracker
    >>> class Printer:
    ...     def input(self, payload):
    ...         print(payload["e"], payload["url"])
    >>> event_id = Tracker("docs", Printer()).track(PageView("https://acme.com"))
    pv https://acme.com
    """

    def input(self, payload: PayloadDict) -> Any:
        """Accept a payload."""

    def flush(self) -> Any:
        """Send pending events."""

    def async_flush(self) -> None:
        """Send pending events without waiting for it."""

    def sync_flush(self) -> None:
        """Send pending events and wait for it."""


class Emitter:
    """Send events on the caller's thread, once `batch_size` of them are pending.

    Parameters
    ----------
    endpoint : str
        Host or URL of the collector, optionally with scheme, port and path; with `resolve` a logical name such as
        "local".
    protocol : str
        "https" or "http", unless the endpoint has a scheme.
    port : int, optional
        Port, unless the endpoint has one.
    method : str
        "post" or "get".
    batch_size : int, optional
        Pending events that start a request: by default 10 for post, 1 for get. A request carries all pending events, up
        to `max_batch_bytes`.
    on_success : callable, optional
        Called with the list of payloads of each delivered request.
    on_failure : callable, optional
        Called with a number of successes and the list of payloads of each failed request.
    byte_limit : int, optional
        Pending bytes that start a request.
    request_timeout : float or tuple of float, optional
        Seconds to connect and to read, or a pair of both; by default (5, 15).
    max_retry_delay_seconds : float
        Longest wait between two attempts.
    buffer_capacity : int, optional
        Most events in the default store; by default 250,000, and 128 MiB.
    custom_retry_codes : mapping of int to bool, optional
        Status to "retry?"; wins over the built-in table.
    event_store : EventStore, optional
        Where events wait; by default in memory.
    session : requests.Session, optional
        Sends the requests.
    max_batch_bytes : int
        Largest body of a request, exact.
    max_event_bytes : int, optional
        Larger events are not accepted; by default what fits a body.
    path : str, optional
        Path of the endpoint; by default Snowplow's.
    headers : mapping or callable, optional
        Extra headers, or a function that returns them; never stored, logged or shown.
    max_age : float, optional
        Seconds after which an event becomes a dead letter.
    max_attempts : int, optional
        Failed requests that carried an event alone after which it becomes a dead letter; each process counts its own. 1
        means no retry: the events of any failed request become dead letters.
    on_attempt : callable, optional
        Called with an `Attempt` after each request.
    server_anonymisation : bool
        Whether to ask the collector not to keep IP address and cookies; stored with each event.
    resolve : callable, optional
        Returns the base URL; called on the sending thread before the first request and after each failed connection.
    destination : str, optional
        Name under which events are stored; by default the base URL.
    transport : TransportProtocol, optional
        Sends the requests in place of HTTP, as a test may want.
    report_at_exit : bool
        Whether to write a line to stderr if events are unsent when the process ends.
    flush_interval : float, optional
        Seconds between two flushes, as `set_flush_timer`.
    overflow : str
        What happens to a new event when the store is full: "drop_newest" refuses it, "drop_oldest" deletes the oldest
        waiting event in its place, "block" waits for room, up to `block_timeout`, and refuses it then.
    block_timeout : float
        Seconds that `input` may wait for room with `overflow="block"`.
    proxies : mapping of str to str, optional
        Proxy of each scheme, in place of the environment's.
    verify : bool or str
        Whether to check certificates, or the file or folder of those to trust.

    Raises
    ------
    TypeError, ValueError
        For invalid arguments.

    Examples
    --------
    >>> with Emitter("127.0.0.1:9", protocol="http", request_timeout=0.2) as emitter:
    ...     emitter.input({"e": "pv", "eid": "1"})
    ...     emitter.flush(timeout=0.1).pending
    ...     _ = emitter.close(timeout=0.0)
    True
    1
    """

    if not TYPE_CHECKING:

        def __new__(cls, *_: Any, **options: Any) -> Self:
            """Point users of snowplow-tracker 0.x to the new name of an argument."""
            if "buffer_size" in options:
                raise TypeError(
                    f"{cls.__name__} has no buffer_size=: use batch_size=, the events of a request"
                )
            return super().__new__(cls)

    def __init__(  # noqa: PLR0915 - a line for each setting
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
        transport: TransportProtocol | None = None,
        report_at_exit: bool = True,
        flush_interval: float | None = None,
        overflow: Overflow = "drop_newest",
        block_timeout: float = BLOCK_SECONDS,
        proxies: Mapping[str, str] | None = None,
        verify: bool | str = True,
    ) -> None:
        check_collector_options(method, protocol, path)
        check_at_least(
            1,
            batch_size=batch_size,
            byte_limit=byte_limit,
            buffer_capacity=buffer_capacity,
            max_event_bytes=max_event_bytes,
            max_attempts=max_attempts,
            max_batch_bytes=max_batch_bytes,
        )
        check_at_least(0, max_retry_delay_seconds=max_retry_delay_seconds, block_timeout=block_timeout)
        if overflow not in OVERFLOW:
            raise ValueError(f"overflow must be one of {', '.join(map(repr, OVERFLOW))}, got {overflow!r}")
        check_positive(max_age=max_age, flush_interval=flush_interval)
        check_timeout(request_timeout)
        check_callables(on_success=on_success, on_failure=on_failure, on_attempt=on_attempt, resolve=resolve)
        check_methods(("post", "get"), "a requests.Session", session=session)
        check_methods(("post", "get", "close"), "a transport", transport=transport)
        check_methods(("items",), "a dict such as {429: False}", custom_retry_codes=custom_retry_codes)
        if headers is not None and not callable(headers):
            check_headers(headers)
        max_body = max_batch_bytes - ENVELOPE_BYTES - BYTES_PER_EVENT
        if max_body <= 0:
            smallest = ENVELOPE_BYTES + BYTES_PER_EVENT + 1
            raise ValueError(f"max_batch_bytes must be at least {smallest}, got {max_batch_bytes}")
        self.method = method
        self.on_success = on_success
        self.on_failure = on_failure
        self.on_attempt = on_attempt
        self.byte_limit = byte_limit
        self.request_timeout = request_timeout
        self.max_retry_delay_seconds = max_retry_delay_seconds
        self.server_anonymisation = server_anonymisation
        self.report_at_exit = report_at_exit
        self._overflow = overflow
        self._block_timeout = block_timeout
        self._proxies = proxies
        self._verify = verify
        self.batch_size = min(batch_size or BATCH_SIZE[method], buffer_capacity or 10**9)
        self._max_event_bytes = min(max_event_bytes or max_body, max_body)
        self._resolve = resolve
        self._session = session
        if session is not None and lifecycle.is_forked():
            # it may be the parent's
            renew_connections(session)
        self._given_transport = transport
        if pyodide.IN_PYODIDE and (proxies is not None or verify is not True):
            raise ValueError("proxies and verify cannot be set in Pyodide: connections are the browser's")
        if session is None and transport is None and not pyodide.IN_PYODIDE:
            load_modules(endpoint if resolve else base_uri(endpoint, protocol, port), proxies)
        self._headers = headers
        self._path = path or default_path(method)
        # may hold credentials; only the transport sees them
        self._base_url = endpoint if resolve else base_uri(endpoint, protocol, port)
        public_url = endpoint if resolve else split_credentials(self._base_url)[0]
        self.endpoint = public_url if resolve else public_url + self._path
        if event_store is None:
            event_store = InMemoryEventStore(buffer_capacity=buffer_capacity or MEMORY_EVENTS)
        self.event_store = event_store
        self._backoff = Backoff(BACKOFF_SECONDS, max_retry_delay_seconds)
        self._sender = Sender(
            as_store(self.event_store),
            Route(destination or public_url, self._path, method),
            self._connect,
            limits=Limits(max_batch_bytes, max_age, max_attempts),
            backoff=self._backoff,
            custom_retry_codes=dict(custom_retry_codes or {}),
            on_outcome=self._on_outcome,
            reconnect=resolve is not None,
        )
        # looked up once: each event pays for them
        self._store_add = self._sender.store.add
        self._route_key = self._sender.route.key
        self._reset()
        lifecycle.watch(self)
        self._warn_of_many()
        if flush_interval is not None:
            self.set_flush_timer(flush_interval)

    def _warn_of_many(self) -> None:
        emitters = _emitters.setdefault(self._route_key, weakref.WeakSet())
        emitters.add(self)
        if len(emitters) == MANY_EMITTERS + 1:
            LOG.warning(
                "%d emitters send to %s; create one emitter and share it", len(emitters), self.destination
            )

    def _reset(self) -> None:
        # the lock by itself costs a third of what it costs through the condition
        self._counting = threading.RLock()
        self._changed = threading.Condition(self._counting)
        self._accepted = 0
        self._queued = 0
        self._queued_bytes = 0
        self._is_kept_alive = False
        self._paused = False
        self._closed = False
        self._ended = False
        self._sending_threads: set[int] = set()
        self._subscribers: Mapping[object, Callable[[], None]] = {}
        self._end_at: float | None = None
        self._ending = False
        self._flush_timer: Timer | None = None
        self._retry_timer: Timer | None = None
        self._task: Any = None

    def after_fork_in_child(self) -> None:
        """Start over in a forked child: what was accepted before is the parent's to send."""
        paused, closed, subscribers = self._paused, self._closed, self._subscribers
        self._reset()
        self._paused, self._closed, self._subscribers = paused, closed, subscribers
        self._sender.after_fork_in_child()
        if self._session is not None:
            renew_connections(self._session)

    def _connect(self) -> TransportProtocol:
        url = self._base_url if self._resolve is None else self._resolve()
        if self._given_transport is not None:
            return self._given_transport
        if type(self).http_post is not Emitter.http_post or type(self).http_get is not Emitter.http_get:
            return MethodTransport(self.http_post, self.http_get)
        return self._connect_to(url)

    def _connect_to(self, url: str) -> TransportProtocol:
        base_url, credentials = split_credentials(url)
        timeout = self.request_timeout
        connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        limits = (TIMEOUT[0] if connect is None else connect, TIMEOUT[1] if read is None else read)

        def headers() -> Mapping[str, str]:
            extra = self._headers() if callable(self._headers) else self._headers
            return {**credentials, **(extra or {})}

        def through_requests(session: Any) -> RequestsTransport:
            return RequestsTransport(session, base_url, path=self._path, headers=headers, timeout=limits)

        if self._session is not None:
            return through_requests(self._session)
        if pyodide.IN_PYODIDE:
            return fetch.FetchTransport(base_url, path=self._path, headers=headers, timeout=limits)
        own = Transport(
            base_url,
            path=self._path,
            headers=headers,
            timeout=limits,
            pool=self._max_connections(),
            proxies=self._proxies,
            verify=self._verify,
        )
        return PatchableTransport(own, through_requests)

    def http_post(self, data: str) -> Any:
        """POST a body; a subclass may override it.

        Parameters
        ----------
        data : str
            The body, JSON.

        Returns
        -------
        int
            HTTP status, or -1 without a reply; an override may also return an object with a `status_code`.
        """
        return self._request_once(lambda transport: transport.post([data.encode()]))

    def http_get(self, payload: PayloadDict) -> Any:
        """GET with a payload as the query; a subclass may override it.

        Parameters
        ----------
        payload : dict
            Name-value pairs.

        Returns
        -------
        int
            HTTP status, or -1 without a reply; an override may also return an object with a `status_code`.
        """
        return self._request_once(lambda transport: transport.get(urlencode(payload, doseq=True)))

    def _request_once(self, request: Callable[[TransportProtocol], Reply]) -> int:
        transport = self._connect_to(self._base_url if self._resolve is None else self._resolve())
        try:
            status = request(transport).status
        finally:
            transport.close()
        return NO_REPLY if status is None else status

    def _max_connections(self) -> int:
        return 1

    # Accepting events

    def input(self, payload: Mapping[str, Any]) -> bool:
        """Accept a payload; send if enough are pending.

        Parameters
        ----------
        payload : mapping
            Flat name-value pairs; copied.

        Returns
        -------
        bool
            False if it was not accepted; `stats().dropped` has the reason.
        """
        lifecycle.ensure_process()
        if self._closed:
            return self._drop(DropReason.CLOSED)
        try:
            body, event_id = encode(payload, self.method)
        except Exception as error:  # noqa: BLE001 - a value's own __str__
            LOG.warning("Event dropped: str() of one of its values failed (%s)", type(error).__name__)
            return self._drop(DropReason.UNSERIALIZABLE)
        size = len(body)
        if size > self._max_event_bytes:
            LOG.warning("Event dropped: it has %d bytes, the limit is %d", size, self._max_event_bytes)
            return self._drop(DropReason.TOO_LARGE)
        reason = self._store_add(
            route=self._route_key,
            body=body,
            event_id=event_id,
            anonymous=self.server_anonymisation,
            added=wall(),
        )
        if reason is not None:
            reason = self._make_room(reason, body, event_id)
            if reason is not None:
                return self._drop(reason)
        with self._counting:
            self._accepted += 1
            self._queued += 1
            self._queued_bytes += size
            if not self._is_kept_alive:
                self._is_kept_alive = True
                lifecycle.keep_alive(self)
        if self._backoff.failures and self._sender.retry_soon():
            self._wake_sender()
        if self._queued >= self.batch_size or (self.byte_limit is not None and self.reached_limit()):
            self._start_sending()
        if self._subscribers:
            self._notify()
        return True

    def _make_room(self, reason: DropReason, body: bytes, event_id: str) -> DropReason | None:
        """Try again to store an event that a full store refused, as `overflow` says."""
        if reason is not DropReason.QUEUE_FULL or self._overflow == "drop_newest":
            return reason
        event: dict[str, Any] = {
            "route": self._route_key,
            "body": body,
            "event_id": event_id,
            "anonymous": self.server_anonymisation,
            "added": wall(),
        }
        if self._overflow == "drop_oldest":
            return self._sender.drop_oldest(event)
        deadline = monotonic() + self._block_timeout
        while (left := deadline - monotonic()) > 0:
            self._start_sending()
            with self._changed:
                self._changed.wait(min(left, BLOCK_LOOK_SECONDS))
            again = self._store_add(**event)
            if again is None:
                return None
        return reason

    def _drop(self, reason: DropReason) -> bool:
        self._sender.drop(reason)
        self._notify()
        return False

    def reached_limit(self) -> bool:
        """Check whether enough events are pending to be sent."""
        if self._queued >= self.batch_size:
            return True
        limit = self.byte_limit
        return limit is not None and 0 < limit <= self._queued_bytes

    def send_events(self, evts: Iterable[Mapping[str, Any]]) -> None:
        """Accept payloads and send them with all pending events.

        Parameters
        ----------
        evts : iterable of mapping
            Payloads.
        """
        for payload in evts:
            self.input(payload)
        self.flush()

    @staticmethod
    def as_collector_uri(
        endpoint: str, protocol: HttpProtocol = "https", port: int | None = None, method: Method = "post"
    ) -> str:
        """Return the URL that requests go to, by the reference's rules."""
        return base_uri(endpoint, protocol, port) + default_path(method)

    @staticmethod
    def is_good_status_code(status_code: int) -> bool:
        """Check whether a status means delivered: 200 to 299."""
        return decide(Reply(status_code), events=1, custom={}) is Decision.SENT

    # Sending

    def _start_sending(self) -> None:
        """Send pending events on this thread, unless an attempt is not due yet or a thread is sending already.

        In Pyodide a task of the event loop sends them.
        """
        if self._paused or self._sending_threads or self._sender.delay():
            return
        if not pyodide.IN_PYODIDE:
            self._drain(None)
        elif not self.is_sending_later:
            self._task = pyodide.start_task(self._drain_all(None, may_wait=True))

    @property
    def is_sending_later(self) -> bool:
        """Whether the event loop sends pending events once the current code lets it, as in Pyodide."""
        return self._task is not None and not self._task.done()

    def _wake_sender(self) -> None:
        """Let a waiting thread see that the next attempt is nearer; there is none here."""

    def _drain(self, deadline: float | None) -> Step:
        """Send until no event waits or an attempt fails."""
        thread = threading.get_ident()
        self._sending_threads.add(thread)
        try:
            return pyodide.run_without_waiting(self._drain_all(deadline, may_wait=False))
        finally:
            self._sending_threads.discard(thread)

    async def _drain_all(self, deadline: float | None, *, may_wait: bool) -> Step:
        while True:
            accepted = self._accepted
            left = _seconds_left(deadline)
            if left is not None and left <= 0:
                return Step.WAIT
            finished = self._sender.sent + self._sender.dead
            step = await self._sender.step_async(left) if may_wait else self._sender.step(left)
            with self._changed:
                if step is Step.EMPTY and accepted == self._accepted:
                    self._queued = self._queued_bytes = 0
                    self._release()
                elif step is Step.SENT:
                    self._queued = max(0, self._queued - (self._sender.sent + self._sender.dead - finished))
                    self._queued_bytes = 0 if not self._queued else self._queued_bytes
                self._changed.notify_all()
            if step is Step.FAILED:
                self._after_failure()
            elif step is Step.DEFERRED:
                self._schedule(self._sender.deferred_for())
            if step is not Step.SENT or self._paused or self._ended:
                return step
            if accepted != self._accepted and self._may_gather():
                return step

    def _may_gather(self) -> bool:
        """Return whether events that came in during a request may wait for others; here the next request takes them."""
        return False

    def _release(self) -> None:
        """Let the exit hook forget this emitter: it has no pending events."""
        self._is_kept_alive = False
        lifecycle.release(self)

    def _after_failure(self) -> None:
        """Have the next attempt made without the caller."""
        self._schedule(self._sender.delay())

    def _schedule(self, seconds: float) -> None:
        """Have pending events sent after some seconds, on a timer's thread."""
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        timer = Timer(seconds, self._retry)
        with contextlib.suppress(RuntimeError):
            # no thread can be started: the next event or flush tries again
            timer.start()
            self._retry_timer = timer

    def _retry(self) -> None:
        if self._closed:
            return
        if (delay := self._sender.delay()) > 0:
            # the timers of browsers and Node may be a millisecond early
            self._schedule(delay)
        else:
            self._start_sending()

    def flush(self, timeout: float | None = FLUSH_SECONDS) -> FlushReport:
        """Send all pending events, including retries.

        Parameters
        ----------
        timeout : float or None
            Seconds after which it returns in any case; None waits without limit.
        """
        check_numbers(timeout=timeout)
        if pyodide.can_wait():
            return pyodide.wait_for(self.flush_async(timeout))
        lifecycle.ensure_process()
        started = monotonic()
        deadline = None if timeout is None else started + timeout
        if self._end_at is not None:
            # an overridden flush knows no timeout
            deadline = self._end_at if deadline is None else min(deadline, self._end_at)
        sender = self._sender
        sent, dead = sender.sent, sender.dead
        timed_out = False
        if threading.get_ident() in self._sending_threads:
            # called from a callback: the thread goes on sending after it
            self.async_flush()
        elif not self._paused:
            timed_out = self._flush(deadline)
        return self._report_flush(started, sent, dead, timed_out=timed_out)

    def _report_flush(self, started: float, sent: int, dead: int, *, timed_out: bool) -> FlushReport:
        elapsed, pending = monotonic() - started, self._count()
        return FlushReport(
            self._sender.sent - sent,
            pending,
            self._sender.dead - dead,
            elapsed,
            timed_out and pending > 0,
            self._why_pending() if pending else None,
        )

    def _why_pending(self) -> str | None:
        if seconds := self._sender.deferred_for():
            return f"set aside after failed requests, sent again in {seconds:.0f} s"
        return self._sender.last_error

    def _flush(self, deadline: float | None) -> bool:
        """Send until no event waits; return whether the deadline ended it."""
        if pyodide.IN_PYODIDE:
            return self._flush_in_page(deadline)
        while True:
            step = self._drain(deadline)
            if self._paused or (step is Step.EMPTY and not self._sender.in_flight):
                return False
            left = _seconds_left(deadline)
            if left is not None and left <= 0:
                return True
            if step is Step.DEFERRED and not self._sender.has_deferred(own=self._ending):
                return True
            wait = max(self._sender.delay() or self._sender.deferred_for(), 0.01)
            with self._changed:
                self._changed.wait(wait if left is None else min(wait, left))

    def _flush_in_page(self, deadline: float | None) -> bool:
        """Make one attempt where code must not wait, for it would hold up the page; the event loop makes the others."""
        is_own = self._given_transport is None and self._session is None
        if is_own and not fetch.can_send_now():
            self._start_sending()
            LOG.warning(
                "flush() cannot wait here: events leave when this code has ended; use await emitter.flush_async()"
            )
            return True
        return self._drain(deadline) is not Step.EMPTY

    async def _flush_on_loop(self, timeout: float | None) -> FlushReport:  # noqa: ASYNC109 - as `flush`
        import asyncio  # noqa: PLC0415 - whoever awaits has loaded it

        started, sent, dead = monotonic(), self._sender.sent, self._sender.dead
        deadline = None if timeout is None else started + timeout
        while True:
            self._start_sending()
            left = _seconds_left(deadline)
            if self.is_sending_later:
                # shielded by `wait`: its request goes on after a timeout
                await asyncio.wait([self._task], timeout=None if left is None else max(0.0, left))
            if self._paused or not self._count():
                return self._report_flush(started, sent, dead, timed_out=False)
            left = _seconds_left(deadline)
            if left is not None and left <= 0:
                return self._report_flush(started, sent, dead, timed_out=True)
            wait = max(self._sender.delay() or self._sender.deferred_for(), 0.01)
            await asyncio.sleep(wait if left is None else min(wait, left))

    def sync_flush(self) -> None:
        """Send all pending events and wait for it; `flush` under the reference's name."""
        self.flush()

    async def flush_async(self, timeout: float | None = FLUSH_SECONDS) -> FlushReport:  # noqa: ASYNC109 - as `flush`
        """Flush without blocking the event loop: the wait is on a thread, in Pyodide on the loop itself.

        Parameters
        ----------
        timeout : float or None
            Seconds after which it returns in any case; None waits without limit.

        Examples
        --------
        >>> import asyncio
        >>> emitter = Emitter("127.0.0.1:9", protocol="http")
        >>> asyncio.run(emitter.flush_async(timeout=1)).pending
        0
        """
        import asyncio  # noqa: PLC0415 - whoever awaits has loaded it

        if pyodide.IN_PYODIDE:
            return await self._flush_on_loop(timeout)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[FlushReport] = loop.create_future()

        def flush() -> None:
            try:
                report = self.flush(timeout)
            except BaseException as error:  # noqa: BLE001 - raised to whoever awaits
                result: Callable[[], None] = partial(_settle, future, None, error)
            else:
                result = partial(_settle, future, report, None)
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(result)

        # a daemon, unlike the threads of the loop's executor, which the end of the program would wait for
        threading.Thread(target=flush, name="nbtrack-flush", daemon=True).start()
        return await future

    def async_flush(self) -> None:
        """Send soon; nothing to do here, as in the reference."""

    def pause(self) -> None:
        """Accept and store events, but send none."""
        self._paused = True
        self._notify()

    def resume(self) -> None:
        """Send again."""
        self._paused = False
        self._notify()
        if self.reached_limit():
            self._start_sending()

    @property
    def paused(self) -> bool:
        """Whether sending is paused."""
        return self._paused

    def set_flush_timer(self, timeout: float) -> None:
        """Flush at an interval, one flush at a time.

        Parameters
        ----------
        timeout : float
            Seconds between two flushes.
        """
        check_positive(timeout=timeout)
        if self._flush_timer is None:
            self._flush_timer = Timer(timeout, self._start_sending, repeating=True)
            with contextlib.suppress(RuntimeError):
                self._flush_timer.start()

    def cancel_flush_timer(self) -> None:
        """Stop the timer of `set_flush_timer`."""
        timer, self._flush_timer = self._flush_timer, None
        if timer is not None:
            timer.cancel()

    # The end

    def close(self, timeout: float | None = FLUSH_SECONDS) -> FlushReport:
        """Flush, then end threads and connections; events are dropped from then on.

        Parameters
        ----------
        timeout : float or None
            Seconds for the flush.
        """
        lifecycle.ensure_process()
        if self._ended:
            return FlushReport(0, self._count(), 0, 0.0, timed_out=False)
        self._closed = True
        report = self._flush_at_end(timeout)
        if self.is_sending_later:
            return report
        self._ended = True
        self.cancel_flush_timer()
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        self._stop_threads()
        self._sender.close()
        self._sender.store.persist_fallback()
        self._release()
        self._notify()
        return report

    def finish(self, budget: float) -> int:
        """Send what fits the budget at the end of the process; return the number of pending events.

        Parameters
        ----------
        budget : float
            Seconds; nothing is sent if the last attempt failed.
        """
        if budget > 0 and not self._sender.failing:
            self._flush_at_end(budget)
        self._sender.store.persist_fallback()
        return self._count()

    def _flush_at_end(self, timeout: float | None) -> FlushReport:
        """Flush, through the method of a subclass that overrides it; what others set aside is not waited for."""
        self._ending = True
        if type(self).flush.__module__ == Emitter.flush.__module__:
            return self.flush(timeout)
        started = monotonic()
        sent, dead = self._sender.sent, self._sender.dead
        self._end_at = None if timeout is None else started + timeout
        try:
            self.flush()
        finally:
            self._end_at = None
        return self._report_flush(started, sent, dead, timed_out=True)

    def _stop_threads(self) -> None:
        """Wait for our threads to end; there are none here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Observing

    def _on_outcome(self, outcome: RequestOutcome) -> None:
        _call_safely(self.on_attempt, outcome.attempt)
        if outcome.sent and self.on_success is not None:
            _call_safely(self.on_success, [decode(row.body) for row in outcome.sent])
        if outcome.failed and self.on_failure is not None:
            _call_safely(self.on_failure, 0, [decode(row.body) for row in outcome.failed])
        self._notify()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call a function, on any thread, whenever something changed.

        Returns
        -------
        callable
            Ends the subscription.
        """
        check_callables(callback=callback)
        key = object()
        self._subscribers = {**self._subscribers, key: callback}

        def unsubscribe() -> None:
            self._subscribers = {
                other: function for other, function in self._subscribers.items() if other is not key
            }

        return unsubscribe

    def _notify(self) -> None:
        for callback in self._subscribers.values():
            _call_safely(callback)

    @property
    def log(self) -> SendLog:
        """The last attempts."""
        return self._sender.log

    @property
    def durable(self) -> bool:
        """Whether pending events outlive the process."""
        return self._sender.store.durable

    @property
    def destination(self) -> str:
        """Where events go: a base URL without credentials, or a logical name."""
        return self._sender.route.destination

    def _count(self) -> int:
        with contextlib.suppress(Exception):
            return self._sender.store.count(self._route_key)
        return self._queued

    def stats(self) -> Stats:
        """Return the counters; `pending` counts all events of this destination in the store."""
        lifecycle.ensure_process()
        sender = self._sender
        pending = self._count()
        lag = 0.0
        with contextlib.suppress(Exception):
            for oldest in sender.store.peek(self._route_key, 1):
                lag = max(0.0, wall() - oldest.added)
        return Stats(
            accepted=self._accepted,
            sent=sender.sent,
            retried=sender.retried,
            bytes_sent=sender.bytes_sent,
            pending=pending,
            in_flight=sender.in_flight,
            dead=sender.dead,
            dropped=sender.dropped(),
            lag_seconds=lag,
            last_error=sender.last_error,
            last_status=sender.last_status,
            retry_at=sender.retry_at(),
            state=self._state(),
            destination=self.destination,
        )

    def _state(self) -> State:
        if self._closed:
            return "closed"
        if self._paused:
            return "paused"
        if self._sender.failing:
            return "retrying"
        return "sending" if self._sender.in_flight else "idle"

    def pending(self, limit: int = 100) -> list[PendingEvent]:
        """Return pending events, oldest first."""
        with contextlib.suppress(Exception):
            rows = self._sender.store.peek(self._route_key, limit)
            return [PendingEvent.from_row(row) for row in rows]
        return []

    def payload(self, event_id: str) -> PayloadDict | None:
        """Return the payload of a pending event, or None."""
        with contextlib.suppress(Exception):
            body = self._sender.store.find(self._route_key, event_id)
            return None if body is None else decode(body)
        return None


def _settle(future: Any, report: FlushReport | None, error: BaseException | None) -> None:
    if future.done():  # cancelled
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(report)


def _seconds_left(deadline: float | None) -> float | None:
    return None if deadline is None else deadline - monotonic()


def _call_safely(callback: Callable[..., Any] | None, *arguments: Any) -> None:
    """Call a function of the user; what it raises is logged."""
    if callback is None:
        return
    try:
        callback(*arguments)
    except BaseException as error:
        # on the caller's own thread Ctrl-C, SystemExit and the like are the program's; a sending thread goes on
        if not (isinstance(error, Exception) or threading.current_thread().name.startswith("nbtrack-")):
            raise
        LOG.exception("A callback of the emitter raised")
