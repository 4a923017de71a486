"""One step of delivery, under both emitters: claim by count and bytes, send, decide, settle by id, log, tell."""

import contextlib
import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from nbtrack.common import lifecycle
from nbtrack.delivery import encoding as envelope
from nbtrack.delivery.encoding import EVENT_BYTES, FRAME_BYTES
from nbtrack.delivery.http.transport import Reply
from nbtrack.delivery.models import Attempt, Route, Row
from nbtrack.delivery.retry import Backoff, Verdict, decide
from nbtrack.delivery.send_log import SendLog
from nbtrack.delivery.stores.base import Store
from nbtrack.delivery.terms import Limits, Sender, Settled, Step, Timing

LOG = logging.getLogger("nbtrack.delivery")
MAX_EVENTS = 5_000
"""Most events of a request, whatever their bytes."""
PROBE_EVENTS = 500
"""Events of the first probe after a failure; each further one takes half, for the size may be the trouble."""
PROBE_SECONDS = 1.0
"""After a refused connection a new event may bring the next probe this soon."""
MISDIRECTED = frozenset({401, 403, 404})


class Engine:
    """Moves events of one route from a store to a collector.

    Parameters
    ----------
    store, route
        Where the events wait, and which of them are ours.
    connect
        Makes a transport; called on the sender's thread before the first request and, with `reconnect`, after
        each failure of the connection. May raise OSError or RuntimeError.
    """

    def __init__(
        self,
        store: Store,
        route: Route,
        connect: Callable[[], Sender],
        *,
        limits: Limits,
        backoff: Backoff,
        custom: Mapping[int, bool],
        timing: Timing,
        observe: Callable[[Settled], None],
        reconnect: bool = False,
    ) -> None:
        self.store = store
        self.route = route
        self.log = SendLog()
        self._connect = connect
        self._reconnect = reconnect
        self._limits = limits
        self._backoff = backoff
        self._custom = custom
        self._timing = timing
        self._observe = observe
        self._tokens = itertools.count(1)
        self._batch_bytes = limits.batch_bytes
        self._sender: Sender | None = None
        self._warned = False
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._steps = 0
        self._retry_at = 0.0
        self._failed_at = 0.0
        self._refused = False
        self._counts: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self.in_flight = 0
        self.last_error: str | None = None
        self.last_status: int | None = None

    def after_fork_in_child(self) -> None:
        """Drop what is the parent's: connections are left open, counters begin at nothing."""
        if self._sender is not None:
            lifecycle.leak(self._sender)
            self._sender = None
        self._backoff.reset()
        self._reset()
        self.log.clear()

    # What others read

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed and is to be repeated."""
        return self._backoff.failures > 0

    @property
    def sent(self) -> int:
        """Events delivered."""
        return self._counts["sent"]

    @property
    def retried(self) -> int:
        """Times an event went back to wait."""
        return self._counts["retried"]

    @property
    def bytes_sent(self) -> int:
        """Bytes of the bodies that were taken."""
        return self._counts["bytes"]

    @property
    def dead(self) -> int:
        """Events buried."""
        return self._counts["dead"]

    def dropped(self) -> dict[str, int]:
        """Count the events given up, by reason."""
        with contextlib.suppress(Exception):
            self._dropped.update(self.store.take_drops())
        return dict(self._dropped)

    def drop(self, reason: str) -> None:
        """Count an event that was not taken."""
        with self._lock:
            self._dropped[reason] += 1

    def delay(self) -> float:
        """Give the seconds until the next attempt is allowed; 0 when it is now."""
        if not self.failing:
            return 0.0
        # a clock that stood still while the machine slept never makes a wait longer than what was decided
        return max(0.0, self._retry_at - self._timing.monotonic())

    def retry_at(self) -> float | None:
        """Give the time of the next attempt (epoch seconds) while failing."""
        return self._timing.wall() + self.delay() if self.failing else None

    def nudge(self) -> bool:
        """Let a new event bring the next attempt nearer, after a refused connection.

        Returns
        -------
        bool
            Whether it came nearer.
        """
        with self._lock:
            soon = self._failed_at + PROBE_SECONDS
            if not self._refused or self._retry_at <= soon:
                return False
            self._retry_at = soon
            return True

    def close(self) -> None:
        """Close the connections."""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    # One step

    def step(self, budget: float | None = None) -> Step:
        """Send one claim of events; never raises for reasons of delivery.

        Parameters
        ----------
        budget
            Seconds left; shortens the request's timeouts.
        """
        with self._lock:
            # while failing one probe is enough, however many threads ask
            if self.delay() > 0 or (self.failing and self._steps):
                return Step.WAIT
            self._steps += 1
            token = f"{next(self._tokens)}"
            room = self._batch_bytes
        events = max(1, PROBE_EVENTS >> min(self._backoff.failures, 20)) if self.failing else MAX_EVENTS
        done = False
        try:
            rows = self.store.claim(
                self.route.key, token, events=events, size=room - FRAME_BYTES, cost=EVENT_BYTES
            )
            self.in_flight += len(rows)
            try:
                outcome = self._deliver(rows, budget) if rows else self._rest()
            finally:
                self.in_flight -= len(rows)
            done = True
        except Exception as fault:
            LOG.exception("Delivery stumbled; the events stay stored")
            self._fail(Reply(error=f"{type(fault).__name__}: {fault}"[:200]))
            outcome = Step.FAILED
        finally:
            with self._lock:
                self._steps -= 1
            if not done:
                # also after Ctrl-C, wherever it struck: what the claim still holds waits again
                with contextlib.suppress(Exception):
                    self.store.abandon(token)
        return outcome

    def _deliver(self, rows: list[Row], budget: float | None) -> Step:
        rows = self._set_aside(rows)
        parts = [[row] for row in reversed(rows)] if self.route.method == "get" else [rows] if rows else []
        while parts:
            part = parts.pop()
            reply, body = self._send(part, budget)
            size = len(body)
            verdict = decide(reply, events=len(part), custom=self._custom)
            ids = [row.id for row in part]
            retry_in = None
            if verdict is Verdict.SENT:
                self.store.ack(ids)
                self._succeed(len(part), size)
            elif verdict is Verdict.SPLIT:
                half = (len(part) + 1) // 2
                parts += [part[half:], part[:half]]
                self._batch_bytes = max(FRAME_BYTES, min(self._batch_bytes, size // 2))
            elif verdict is Verdict.BURY:
                self._bury(part, "too_large" if reply.status == 413 else "refused", reply.status)  # noqa: PLR2004
            else:
                self.store.release(ids)
                for rest in parts:
                    self.store.release([row.id for row in rest])
                self._counts["retried"] += len(part)
                retry_in = self._fail(reply)
            attempt = self._note(reply, part, body, retry_in)
            if verdict is not Verdict.SPLIT:
                good = verdict is Verdict.SENT
                self._observe(Settled(attempt, part if good else (), () if good else part))
            if verdict is Verdict.RETRY:
                return Step.FAILED
        return Step.SENT

    def _set_aside(self, rows: list[Row]) -> list[Row]:
        """Bury what is too old or was tried too often."""
        limits = self._limits
        if limits.max_age is not None:
            oldest = self._timing.wall() - limits.max_age
            rows = self._sift(rows, "expired", lambda row: row.added < oldest)
        if limits.max_attempts is not None:
            most = limits.max_attempts
            rows = self._sift(rows, "attempts", lambda row: row.attempts >= most)
        # a store may hold what an earlier emitter with other limits took
        room = limits.batch_bytes - FRAME_BYTES - EVENT_BYTES
        return self._sift(rows, "too_large", lambda row: len(row.body) > room)

    def _sift(self, rows: list[Row], reason: str, unfit: Callable[[Row], bool]) -> list[Row]:
        bad = [row for row in rows if unfit(row)]
        if not bad:
            return rows
        self._bury(bad, reason, None)
        return [row for row in rows if not unfit(row)]

    def _send(self, rows: list[Row], budget: float | None) -> tuple[Reply, bytes]:
        milliseconds = max(0, int(self._timing.wall() * 1000))
        anonymous = rows[0].anonymous
        body = b""
        try:
            if self._sender is None:
                self._sender = self._connect()
            if self.route.method == "get":
                query = envelope.build_query(rows[0], milliseconds)
                body = query.encode()
                return self._sender.get(query, anonymous=anonymous, budget=budget), body
            body = envelope.build_body(rows, milliseconds)
            return self._sender.post([body], anonymous=anonymous, budget=budget), body
        except (OSError, RuntimeError) as fault:
            return Reply(error=f"{type(fault).__name__}: {fault}"[:200]), body

    def _rest(self) -> Step:
        # what failed has gone another way: there is nothing to repeat
        self._backoff.reset()
        return Step.EMPTY

    def _succeed(self, events: int, size: int) -> None:
        with self._lock:
            self._counts["sent"] += events
            self._counts["bytes"] += size
        self._backoff.reset()
        self._refused = False

    def _bury(self, rows: list[Row], reason: str, status: int | None) -> None:
        self.store.bury([row.id for row in rows], reason, status)
        self._counts["dead"] += len(rows)
        # the collector answered: what comes next need not wait
        self._backoff.reset()
        if status in MISDIRECTED and not self._warned:
            self._warned = True
            LOG.warning(
                "%s answered %s: events are kept as dead letters, see `nbtrack outbox list`",
                self.route.destination,
                status,
            )

    def _fail(self, reply: Reply) -> float:
        now = self._timing.monotonic()
        with self._lock:
            delay = self._backoff.next(reply.retry_after)
            self._failed_at = now
            self._retry_at = now + delay
            self._refused = reply.refused and reply.retry_after is None
        if reply.status is None and self._reconnect:
            self.close()
        return delay

    def _note(self, reply: Reply, rows: Sequence[Row], body: bytes, retry_in: float | None) -> Attempt:
        self.last_status = reply.status
        if retry_in is not None or reply.status is None or reply.status >= 300:  # noqa: PLR2004
            self.last_error = reply.error or f"HTTP {reply.status}"
        return self.log.add(
            time=self._timing.wall(),
            events=len(rows),
            bytes=len(body),
            body=body,
            status=reply.status,
            elapsed_ms=reply.elapsed * 1000,
            retry_in=retry_in,
            error=reply.error,
            event_ids=tuple(row.event_id for row in rows),
        )
