"""The emitters: one that sends on the caller's thread, one that sends in the background."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self

from nbtrack.common import lifecycle
from nbtrack.common.arguments import (
    check_at_least,
    check_callables,
    check_headers,
    check_methods,
    check_positive,
    check_timeout,
)
from nbtrack.delivery.connector import connect
from nbtrack.delivery.encoding import EVENT_BYTES, FRAME_BYTES, encode
from nbtrack.delivery.flushing import Flushing
from nbtrack.delivery.http import urls as uris
from nbtrack.delivery.http.transport import Headers, Reply
from nbtrack.delivery.http.urls import HttpProtocol, Method
from nbtrack.delivery.models import (
    Attempt,
    FailureCallback,
    PayloadDict,
    Route,
    SuccessCallback,
)
from nbtrack.delivery.retry import Backoff, Verdict, decide
from nbtrack.delivery.sender import Engine
from nbtrack.delivery.stores.adapter import as_store
from nbtrack.delivery.stores.base import EventStore, Store
from nbtrack.delivery.stores.memory import InMemoryEventStore
from nbtrack.delivery.terms import Limits, Sender, Timing
from nbtrack.delivery.timer import Timer

LOG = logging.getLogger("nbtrack.delivery")
BATCH_SIZE = {"post": 10, "get": 1}
BATCH_BYTES = 900_000
MEMORY_EVENTS = 250_000


class EmitterProtocol(Protocol):
    """What a tracker needs of an emitter; `input` alone will do.

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
        """Take a payload."""

    def flush(self) -> Any:
        """Send what waits."""

    def async_flush(self) -> None:
        """Send what waits, without waiting for it."""

    def sync_flush(self) -> None:
        """Send what waits, and wait for it."""


class Emitter(Flushing):
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
    TypeError, ValueError
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

    if not TYPE_CHECKING:

        def __new__(cls, *_: Any, **named: Any) -> Self:
            """Tell users of snowplow-tracker 0.x how an argument is called now."""
            if "buffer_size" in named:
                raise TypeError(
                    f"{cls.__name__} has no buffer_size=: use batch_size=, the events of a request"
                )
            return super().__new__(cls)

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
        uris.check_way(method, protocol, path)
        check_at_least(
            1,
            batch_size=batch_size,
            byte_limit=byte_limit,
            buffer_capacity=buffer_capacity,
            max_event_bytes=max_event_bytes,
            max_attempts=max_attempts,
            max_batch_bytes=max_batch_bytes,
        )
        check_at_least(0, max_retry_delay_seconds=max_retry_delay_seconds)
        check_positive(max_age=max_age)
        check_timeout(request_timeout)
        check_callables(on_success=on_success, on_failure=on_failure, on_attempt=on_attempt, resolve=resolve)
        check_methods(("post", "get"), "a requests.Session", session=session)
        check_methods(("items",), "a dict such as {429: False}", custom_retry_codes=custom_retry_codes)
        if headers is not None and not callable(headers):
            check_headers(headers)
        room = max_batch_bytes - FRAME_BYTES - EVENT_BYTES
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
        # with credentials, if there are any; nothing but the sender sees it
        self._base = endpoint if resolve else uris.base_uri(endpoint, protocol, port)
        base = endpoint if resolve else uris.split_credentials(self._base)[0]
        self.endpoint = base if resolve else base + self._path
        if event_store is None:
            event_store = InMemoryEventStore(buffer_capacity=buffer_capacity or MEMORY_EVENTS)
        self.event_store = event_store
        self._backoff = Backoff(self._timing.base, max_retry_delay_seconds, self._timing.rng)
        self._engine = Engine(
            as_store(self.event_store),
            Route(destination or base, self._path, method),
            self._connect,
            limits=Limits(max_batch_bytes, max_age, max_attempts),
            backoff=self._backoff,
            custom=dict(custom_retry_codes or {}),
            timing=self._timing,
            observe=self._settled,
            reconnect=resolve is not None,
        )
        # looked up once: each event pays for them
        self._store_add = self._engine.store.add
        self._route_key = self._engine.route.key
        self._wall = self._timing.wall
        self._begin()
        lifecycle.watch(self)

    def _begin(self) -> None:
        # the lock by itself costs a third of what it costs through the condition
        self._counting = threading.RLock()
        self._changed = threading.Condition(self._counting)
        self._accepted = 0
        self._queued = 0
        self._queued_bytes = 0
        self._held = False
        self._paused = False
        self._closed = False
        self._ended = False
        self._busy: set[int] = set()
        self._subscribers = {}
        self._timer: Timer | None = None
        self._retry_timer: Timer | None = None

    def after_fork_in_child(self) -> None:
        """Begin anew in a forked child: what was taken before is the parent's to send."""
        paused, closed, subscribers = self._paused, self._closed, self._subscribers
        self._begin()
        self._paused, self._closed, self._subscribers = paused, closed, subscribers
        self._engine.after_fork_in_child()

    def _connect(self) -> Sender:
        base = self._base if self._resolve is None else self._resolve()
        return connect(
            base,
            path=self._path,
            headers=self._headers,
            timeout=self.request_timeout,
            session=self._session,
            pool=self._senders(),
        )

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
        if self._closed:
            return self._refuse("closed")
        try:
            body, event_id = encode(payload, self.method)
        except Exception as fault:  # noqa: BLE001 - a value's own __str__
            LOG.warning("An event was not taken: a value of it has no text (%s)", type(fault).__name__)
            return self._refuse("unserializable")
        size = len(body)
        if size > self._max_event_bytes:
            LOG.warning("An event of %d bytes was not taken: the limit is %d", size, self._max_event_bytes)
            return self._refuse("too_large")
        reason = self._store_add(self._route_key, body, event_id, self.server_anonymisation, self._wall())
        if reason is not None:
            return self._refuse(reason)
        with self._counting:
            self._accepted += 1
            self._queued += 1
            self._queued_bytes += size
            if not self._held:
                self._held = True
                lifecycle.keep_alive(self)
        if self._backoff.failures and self._engine.nudge():
            self._wake()
        if self.reached_limit():
            self._trigger()
        if self._subscribers:
            self._tell()
        return True

    def _refuse(self, reason: str) -> bool:
        self._engine.drop(reason)
        self._tell()
        return False

    def reached_limit(self) -> bool:
        """Tell whether enough waits to be sent."""
        if self._queued >= self.batch_size:
            return True
        limit = self.byte_limit
        return limit is not None and 0 < limit <= self._queued_bytes

    def send_events(self, evts: Iterable[Mapping[str, Any]]) -> None:
        """Take payloads and send them with all that waits.

        Parameters
        ----------
        evts
            Payloads.
        """
        for payload in evts:
            self.input(payload)
        self.flush()

    @staticmethod
    def as_collector_uri(
        endpoint: str, protocol: HttpProtocol = "https", port: int | None = None, method: Method = "post"
    ) -> str:
        """Give the URI that requests go to, by the reference's rules."""
        return uris.base_uri(endpoint, protocol, port) + uris.default_path(method)

    @staticmethod
    def is_good_status_code(status_code: int) -> bool:
        """Tell whether a status means delivered: 200 to 299."""
        return decide(Reply(status_code), events=1, custom={}) is Verdict.SENT
