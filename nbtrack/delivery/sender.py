"""One step of delivery, for both emitters: claim events, send them, decide by the reply, settle them by id, log."""

import contextlib
import enum
import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.common import lifecycle
from nbtrack.common.clock import monotonic, wall
from nbtrack.common.pyodide import run_without_waiting
from nbtrack.delivery.encoding import BYTES_PER_EVENT, ENVELOPE_BYTES, build_body, build_query
from nbtrack.delivery.http.fetch import FetchTransport
from nbtrack.delivery.http.transport import TransportProtocol
from nbtrack.delivery.models import Attempt, DropReason, Reply, Route, Row, RowId
from nbtrack.delivery.retry import Backoff, Decision, decide
from nbtrack.delivery.send_log import SendLog
from nbtrack.delivery.stores.base import Store
from nbtrack.delivery.stores.fallback import FallbackStore

LOG = logging.getLogger("nbtrack.delivery")
MAX_EVENTS = 5_000
"""Most events of a request, whatever their size."""
PROBE_EVENTS = 500
"""Most events of a request after a failure."""
NARROW_FAILURES = 3
"""After so many failures in a row, or one after a success, each further request carries half: an event may be bad."""
DEFER_SECONDS = 15.0
"""How long an event that failed alone is set aside at first, doubling with each failure."""
MAX_DEFER_SECONDS = 120.0
PROBE_SECONDS = 1.0
"""After a refused connection, a new event allows the next request after this many seconds."""
WRONG_ADDRESS = frozenset({401, 403, 404})
"""Statuses that suggest a wrong URL or token, and are worth a warning."""


@dataclass(frozen=True)
class Limits:
    """Limits of one request, and of how long an event may wait.

    Parameters
    ----------
    batch_bytes : int
        Largest body of a request.
    max_age : float, optional
        Seconds after which an event becomes a dead letter.
    max_attempts : int, optional
        Failed requests that carried an event alone after which it becomes a dead letter; 1: any failed request.
    """

    batch_bytes: int
    max_age: float | None = None
    max_attempts: int | None = None


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """A finished request: the attempt, the events it delivered and those it did not."""

    attempt: Attempt
    sent: Sequence[Row]
    failed: Sequence[Row]


class Step(enum.Enum):
    """How a step of a sender ended."""

    EMPTY = "no event waits"
    SENT = "events were sent or buried"
    FAILED = "a request failed and is repeated later"
    WAIT = "the next request is not due yet"
    DEFERRED = "only events that are set aside wait"


class Sender:
    """Moves the events of one route from a store to a collector.

    Parameters
    ----------
    store : Store
        Where the events wait.
    route : Route
        Which of them to send.
    connect : callable
        Returns a transport; called on the sending thread before the first request and, with `reconnect`, after each
        failed connection. May raise OSError or RuntimeError.
    limits : Limits
        Of a request and of an event's stay.
    backoff : Backoff
        Delays between attempts.
    custom_retry_codes : mapping of int to bool
        The user's rules for statuses.
    on_outcome : callable
        Called with a `RequestOutcome` after each request.
    reconnect : bool
        Whether to ask `connect` again after a failed connection.
    """

    def __init__(
        self,
        store: Store,
        route: Route,
        connect: Callable[[], TransportProtocol],
        *,
        limits: Limits,
        backoff: Backoff,
        custom_retry_codes: Mapping[int, bool],
        on_outcome: Callable[[RequestOutcome], None],
        reconnect: bool = False,
    ) -> None:
        self.store = store
        self.route = route
        self.log = SendLog()
        self._connect = connect
        self._reconnect = reconnect
        self._limits = limits
        self._backoff = backoff
        self._custom_retry_codes = custom_retry_codes
        self._on_outcome = on_outcome
        self._tokens = itertools.count(1)
        self._batch_bytes = limits.batch_bytes
        self._transport: TransportProtocol | None = None
        self._warned = False
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._active_steps = 0
        self._retry_at = 0.0
        self._failed_at = 0.0
        self._refused = False
        self._probe_events = PROBE_EVENTS
        self._succeeded_after_failure = False
        self._failed_alone: Counter[RowId] = Counter()
        # those that this process set aside, and when the first of all in the store is due
        self._deferred: dict[RowId, float] = {}
        self._due_at: float | None = None
        self._counts: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self.in_flight = 0
        self.last_error: str | None = None
        self.last_status: int | None = None

    def after_fork_in_child(self) -> None:
        """Start over: connections are the parent's and stay open, counters start at 0."""
        if self._transport is not None:
            lifecycle.leak(self._transport)
            self._transport = None
        self._backoff.reset()
        self._reset()
        self.log.clear()

    # Counters and state

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed and will be repeated."""
        return self._backoff.failures > 0

    @property
    def sent(self) -> int:
        """Delivered events."""
        return self._counts["sent"]

    @property
    def retried(self) -> int:
        """Times an event went back to wait."""
        return self._counts["retried"]

    @property
    def bytes_sent(self) -> int:
        """Bytes of delivered bodies."""
        return self._counts["bytes"]

    @property
    def dead(self) -> int:
        """Events that became dead letters."""
        return self._counts["dead"]

    def dropped(self) -> dict[str, int]:
        """Return how many events were dropped, by reason."""
        with contextlib.suppress(Exception):
            self._dropped.update(self.store.take_drops())
        return {str(reason): count for reason, count in self._dropped.items()}

    def drop(self, reason: DropReason) -> None:
        """Count an event that was not accepted."""
        with self._lock:
            self._dropped[reason] += 1

    def drop_oldest(self, event: Mapping[str, Any]) -> DropReason | None:
        """Delete the oldest waiting events until a new one fits, and store it; return why it was not accepted."""
        reason: DropReason | None = DropReason.QUEUE_FULL
        while reason is DropReason.QUEUE_FULL:
            rows = self.store.claim(
                self.route.key, "overflow", max_events=1, max_bytes=1, bytes_per_event=BYTES_PER_EVENT
            )
            if not rows:
                return reason
            self.store.ack([row.id for row in rows])
            self.drop(DropReason.OVERFLOW)
            reason = self.store.add(**event)
        return reason

    def delay(self) -> float:
        """Return the seconds until the next attempt is due."""
        if not self.failing:
            return 0.0
        # a clock that stood still while the machine slept never makes a wait longer than what was decided
        return max(0.0, self._retry_at - monotonic())

    def retry_at(self) -> float | None:
        """Return the Unix timestamp in seconds of the next attempt, or None unless the last one failed."""
        return wall() + self.delay() if self.failing else None

    def retry_soon(self) -> bool:
        """Bring the next attempt nearer, after a refused connection; return whether it is nearer now."""
        with self._lock:
            soon = self._failed_at + PROBE_SECONDS
            if not self._refused or self._retry_at <= soon:
                return False
            self._retry_at = soon
            return True

    def close(self) -> None:
        """Close the connections."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    # One step

    def step(self, budget: float | None = None) -> Step:
        """Claim events and send them; never raises for reasons of delivery.

        Parameters
        ----------
        budget : float, optional
            Seconds left; shortens the timeouts of a request.
        """
        return run_without_waiting(self._step(budget, may_wait=False))

    async def step_async(self, budget: float | None = None) -> Step:
        """Do the same on an event loop, which goes on during a request."""
        return await self._step(budget, may_wait=True)

    async def _step(self, budget: float | None, *, may_wait: bool) -> Step:
        with self._lock:
            # after a failure one request at a time is enough, however many threads there are
            if self.delay() > 0 or (self.failing and self._active_steps):
                return Step.WAIT
            self._active_steps += 1
            token = f"{next(self._tokens)}"
            batch_bytes = self._batch_bytes
        max_events = self._probe_events if self.failing or self._probe_events < PROBE_EVENTS else MAX_EVENTS
        done = False
        try:
            rows = self.store.claim(
                self.route.key,
                token,
                max_events=max_events,
                max_bytes=batch_bytes - ENVELOPE_BYTES,
                bytes_per_event=BYTES_PER_EVENT,
            )
            self.in_flight += len(rows)
            try:
                result = await self._deliver(rows, budget, may_wait=may_wait) if rows else self._rest()
            finally:
                self.in_flight -= len(rows)
            done = True
        except Exception as error:
            LOG.exception("Sending failed with an internal error; the events stay stored")
            self._fail(_failed(error))
            result = Step.FAILED
        finally:
            with self._lock:
                self._active_steps -= 1
            if not done:
                # also after Ctrl-C, wherever it struck: what the claim still holds waits again
                with contextlib.suppress(Exception):
                    self.store.abandon(token)
        return result

    async def _deliver(self, rows: list[Row], budget: float | None, *, may_wait: bool) -> Step:
        rows = self._bury_unsendable(rows)
        parts = self._parts(rows)
        while parts:
            part = parts.pop()
            reply, body = await self._send(part, budget, may_wait=may_wait)
            decision = decide(reply, events=len(part), custom=self._custom_retry_codes)
            ids = [row.id for row in part]
            retry_in = None
            if decision is Decision.SENT:
                self.store.ack(ids)
                self._succeed(len(part), len(body))
                self._forget(part)
            elif decision is Decision.SPLIT:
                half = (len(part) + 1) // 2
                parts += [part[half:], part[:half]]
                self._batch_bytes = max(ENVELOPE_BYTES, min(self._batch_bytes, len(body) // 2))
            elif decision is Decision.BURY:
                self._bury(part, "too_large" if reply.status == 413 else "refused", reply.status)  # noqa: PLR2004
            else:
                for rest in parts:
                    self.store.release([row.id for row in rest])
                retry_in = self._retry_later(part, reply)
            attempt = self._log_attempt(reply, part, body, retry_in)
            if decision is not Decision.SPLIT:
                delivered = decision is Decision.SENT
                self._on_outcome(
                    RequestOutcome(attempt, part if delivered else (), () if delivered else part)
                )
            if decision is Decision.RETRY:
                return Step.FAILED
        return Step.SENT

    def _parts(self, rows: list[Row]) -> list[list[Row]]:
        """Divide a claim into requests, the first one last; an event that failed alone is sent alone."""
        if self.route.method == "get":
            return [[row] for row in reversed(rows)]
        alone = [[row] for row in reversed(rows) if row.id in self._failed_alone]
        others = [row for row in rows if row.id not in self._failed_alone]
        return [*alone, others] if others else alone

    def _retry_later(self, rows: list[Row], reply: Reply) -> float | None:
        """Let the events of a failed request wait again, or give them up; return the seconds until the next request."""
        max_attempts = self._limits.max_attempts
        may_narrow = not reply.unsent and (
            self._succeeded_after_failure
            or self._probe_events < PROBE_EVENTS
            or self._backoff.failures + 1 >= NARROW_FAILURES
        )
        delay = self._fail(reply)
        self._succeeded_after_failure = False
        failures = 0
        if len(rows) == 1:
            self._failed_alone[rows[0].id] += 1
            failures = self._failed_alone[rows[0].id]
        if max_attempts is not None and (max_attempts == 1 or failures >= max_attempts):
            self._move_to_dead(rows, "attempts", reply.status)
            return None
        self._counts["retried"] += len(rows)
        if failures and may_narrow:
            seconds = min(DEFER_SECONDS * 2.0 ** (failures - 1), MAX_DEFER_SECONDS, self._backoff.cap)
            self._deferred[rows[0].id] = monotonic() + seconds
            self.store.defer([rows[0].id], seconds)
            self._probe_events = PROBE_EVENTS
            return delay
        if not failures:
            self._probe_events = max(1, len(rows) // 2) if may_narrow else PROBE_EVENTS
        self.store.release([row.id for row in rows])
        return delay

    def deferred_for(self) -> float:
        """Return the seconds until the first event that was set aside is due; 0 if none is."""
        return 0.0 if self._due_at is None else max(0.0, self._due_at - monotonic())

    def has_deferred(self, *, own: bool = False) -> bool:
        """Return whether events that were set aside wait to be sent again, here or, unless `own`, by any process."""
        return bool(self._deferred) or (not own and self._due_at is not None)

    def _bury_unsendable(self, rows: list[Row]) -> list[Row]:
        """Bury what is too old, too large or was tried too often; return the rest."""
        limits = self._limits
        if limits.max_age is not None:
            oldest = wall() - limits.max_age
            rows = self._bury_where(rows, "expired", lambda row: row.added < oldest)
        # a store may hold what an earlier emitter with other limits accepted
        max_bytes = limits.batch_bytes - ENVELOPE_BYTES - BYTES_PER_EVENT
        return self._bury_where(rows, "too_large", lambda row: len(row.body) > max_bytes)

    def _bury_where(self, rows: list[Row], reason: str, condition: Callable[[Row], bool]) -> list[Row]:
        bad = [row for row in rows if condition(row)]
        if not bad:
            return rows
        self._bury(bad, reason, None)
        return [row for row in rows if not condition(row)]

    async def _send(self, rows: list[Row], budget: float | None, *, may_wait: bool) -> tuple[Reply, bytes]:
        # looked up at the call, so that a frozen time freezes it like the other timestamps of an event
        milliseconds = max(0, int(time.time() * 1000))
        anonymous = rows[0].anonymous
        body = b""
        try:
            transport = self._transport
            if transport is None:
                transport = self._transport = self._connect()
            if self.route.method == "get":
                query = build_query(rows[0], milliseconds)
                body = query.encode()
                if may_wait and isinstance(transport, FetchTransport):
                    return await transport.get_async(query, anonymous=anonymous, budget=budget), body
                return transport.get(query, anonymous=anonymous, budget=budget), body
            body = build_body(rows, milliseconds)
            if may_wait and isinstance(transport, FetchTransport):
                return await transport.post_async([body], anonymous=anonymous, budget=budget), body
            return transport.post([body], anonymous=anonymous, budget=budget), body
        except (OSError, RuntimeError) as error:
            return _failed(error), body

    def _rest(self) -> Step:
        now = monotonic()
        self._deferred = {row_id: due for row_id, due in self._deferred.items() if due > now}
        if isinstance(self.store, FallbackStore) and (pause := self.store.unavailable_for()):
            self.last_error = "the event store failed"
            with self._lock:
                self._backoff.next()
                self._retry_at = now + pause
            return Step.FAILED
        due_in = self.store.due_in(self.route.key)
        self._due_at = None if due_in is None else now + due_in
        if due_in is not None:
            return Step.DEFERRED
        self._deferred.clear()
        # what failed was sent by another process: there is nothing to repeat
        self._backoff.reset()
        self._end_narrowing()
        self._failed_alone.clear()
        return Step.EMPTY

    def _end_narrowing(self) -> None:
        self._probe_events = PROBE_EVENTS
        self._succeeded_after_failure = False

    def _succeed(self, events: int, size: int) -> None:
        with self._lock:
            self._counts["sent"] += events
            self._counts["bytes"] += size
        self._succeeded_after_failure |= self.failing or self._probe_events < PROBE_EVENTS
        self._probe_events = PROBE_EVENTS
        self._backoff.reset()
        self._refused = False

    def _move_to_dead(self, rows: list[Row], reason: str, status: int | None) -> None:
        self.store.bury([row.id for row in rows], reason, status)
        self._counts["dead"] += len(rows)
        self._forget(rows)

    def _forget(self, rows: list[Row]) -> None:
        """Remove the notes about events that have left."""
        if self._failed_alone or self._deferred:
            for row in rows:
                self._failed_alone.pop(row.id, None)
                self._deferred.pop(row.id, None)

    def _bury(self, rows: list[Row], reason: str, status: int | None) -> None:
        self._move_to_dead(rows, reason, status)
        # the collector replied: what comes next need not wait
        self._backoff.reset()
        if status in WRONG_ADDRESS and not self._warned:
            self._warned = True
            LOG.warning(
                "%s replied HTTP %s: its events are kept as dead letters; check URL and token, see `nbtrack outbox list`",
                self.route.destination,
                status,
            )

    def _fail(self, reply: Reply) -> float:
        now = monotonic()
        with self._lock:
            delay = self._backoff.next(reply.retry_after)
            self._failed_at = now
            self._retry_at = now + delay
            self._refused = reply.refused and reply.retry_after is None
        if reply.status is None and self._reconnect:
            self.close()
        return delay

    def _log_attempt(self, reply: Reply, rows: Sequence[Row], body: bytes, retry_in: float | None) -> Attempt:
        self.last_status = reply.status
        if retry_in is not None or reply.status is None or reply.status >= 300:  # noqa: PLR2004
            self.last_error = reply.error or f"HTTP {reply.status}"
        return self.log.add(
            time=wall(),
            events=len(rows),
            bytes=len(body),
            body=body,
            status=reply.status,
            elapsed_ms=reply.elapsed * 1000,
            retry_in=retry_in,
            error=reply.error,
            event_ids=tuple(row.event_id for row in rows),
        )


def _failed(error: Exception) -> Reply:
    return Reply(error=f"{type(error).__name__}: {error}"[:200], unsent=True)
