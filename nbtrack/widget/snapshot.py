"""One bounded description of a session, which widget, HTML and text render alike."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from nbtrack.delivery import AsyncEmitter, Attempt, PendingEvent

State = Literal["ok", "waiting", "sending", "retrying", "paused", "off"]
MOST_ROWS = 50


class Source(Protocol):
    """What a snapshot is taken of: a session."""

    @property
    def destination(self) -> str: ...  # noqa: D102 - the session's own docstrings tell

    @property
    def enabled(self) -> bool: ...  # noqa: D102

    @property
    def optout(self) -> str | None: ...  # noqa: D102

    @property
    def emitter(self) -> AsyncEmitter: ...  # noqa: D102

    def peek_collector(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session at a moment: names, times and numbers; no event's content.

    Parameters
    ----------
    time
        Seconds since 1970.
    destination
        ``local`` or a URL without credentials.
    state, reason
        One word, and what explains it.
    counters
        Accepted, waiting, sent, retried, failed …, by name.
    buffer
        The oldest waiting events.
    attempts
        The last attempts to send, newest first.
    verdicts
        The local collector's counts and last verdicts; None where it was not met.
    """

    time: float
    destination: str
    state: State
    reason: str
    counters: dict[str, int]
    buffer: list[PendingEvent] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    verdicts: dict[str, Any] | None = None


def take_snapshot(source: Source, rows: int = MOST_ROWS) -> Snapshot:
    """Describe a session now.

    Parameters
    ----------
    source
        The session.
    rows
        How many waiting events and attempts at most.
    """
    now = time.time()
    stats = source.emitter.stats()
    counters = {
        "accepted": stats.accepted,
        "waiting": stats.pending,
        "in flight": stats.in_flight,
        "sent": stats.sent,
        "retried": stats.retried,
        "refused": stats.dead,
        **{f"dropped: {reason}": number for reason, number in stats.dropped.items()},
    }
    state, reason = _judge(source, stats, now)
    client = source.peek_collector()
    try:
        verdicts = client.summary() if client is not None else None
    except (OSError, RuntimeError, ValueError):
        verdicts = None
    return Snapshot(
        now,
        source.destination,
        state,
        reason,
        counters,
        list(source.emitter.pending(rows)),
        list(source.emitter.log)[: -rows - 1 : -1],
        verdicts,
    )


def _judge(source: Source, stats: Any, now: float) -> tuple[State, str]:
    if source.optout:
        return "off", f"{source.optout} is set"
    if not source.enabled:
        return "off", "%nbtrack off"
    if stats.state == "paused":
        return "paused", "%nbtrack resume sends again"
    if stats.state == "retrying":
        wait = max(0, (stats.retry_at or now) - now)
        return "retrying", f"in {wait:.0f} s: {stats.last_error or stats.last_status}"
    if stats.state == "sending":
        return "sending", ""
    return ("waiting", "") if stats.pending else ("ok", "")
