"""A bounded description of a session, rendered by the widget, as HTML and as text."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from nbtrack.activities import ActivityLog, Entry
from nbtrack.activities.entries import mark_elsewhere
from nbtrack.common.arguments import is_http_url
from nbtrack.common.deprecation import RenamedMethod
from nbtrack.common.wording import plural
from nbtrack.delivery import AsyncEmitter, Attempt, PendingEvent

State = Literal["ok", "waiting", "sending", "retrying", "paused", "off", "ended"]
MOST_ROWS = 50
MOST_ACTIVITY = 100
LONGEST_TEXT = 120  # of a name or an error; the user's own schemas name events as they like


class Fault(Protocol):
    """An internal error that a session kept."""

    @property
    def where(self) -> str:
        """What nbtrack was doing."""

    @property
    def text(self) -> str:
        """What went wrong."""


class Source(Protocol):
    """What a snapshot is taken of: a session.

    Examples
    --------
    >>> import nbtrack
    >>> source: Source = nbtrack.start(store="memory")
    >>> source.destination, source.peek_emitter()
    ('local', None)
    >>> nbtrack.stop()
    """

    @property
    def destination(self) -> str:
        """Where events go, without credentials."""

    @property
    def enabled(self) -> bool:
        """Whether cells, magics and steps become events."""

    @property
    def ended(self) -> bool:
        """Whether it was closed."""

    @property
    def is_local(self) -> bool:
        """Whether events stay on this machine."""

    @property
    def has_magics(self) -> bool:
        """Whether magics control it, as in IPython."""

    @property
    def why_off(self) -> str | None:
        """Why cells, magics and steps send nothing; None if they send."""

    @property
    def activities(self) -> ActivityLog:
        """What it tracked."""

    @property
    def emitter(self) -> AsyncEmitter:
        """Its emitter, created if needed."""

    @property
    def sent(self) -> int:
        """Number of events sent, by all its emitters."""

    @property
    def backfilled(self) -> int:
        """Number of events that backfills have sent."""

    @property
    def fault_count(self) -> int:
        """Number of internal errors."""

    @property
    def faults(self) -> Sequence[Fault]:
        """The last of them."""

    @property
    def warnings(self) -> Sequence[str]:
        """What the user should know and do, each a sentence without its full stop."""

    def note_results(self, results: Mapping[str, Sequence[str]]) -> None:
        """Note validation results: the reasons by event id."""

    def check_results(self) -> None:
        """Ask the local collector for the validation results that are not known yet."""

    def count_elsewhere(self) -> dict[str, int]:
        """Return how many events wait for other collectors, by destination."""

    def peek_emitter(self) -> AsyncEmitter | None:
        """Return its emitter if there is one; never creates one."""

    def peek_collector(self) -> Any:
        """Return its local collector if connected; never starts one."""

    def find_page(self) -> Any:
        """Return where a browser finds that collector's page, or None."""

    def find_payload(self, event_id: str) -> dict[str, str] | None:
        """Return an event from the store or the collector; None if it is in neither."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a session at one time: names, times and numbers, no event's content.

    Parameters
    ----------
    time : float
        Unix timestamp in seconds.
    destination : str
        ``local`` or a URL without credentials.
    state : {"ok", "waiting", "sending", "retrying", "paused", "off", "ended"}
        The session's state.
    reason : str
        The reason, or an empty string.
    counters : dict of int
        Events accepted, waiting, in flight, sent, retried, refused and dropped, by name.
    buffer : list of PendingEvent
        The oldest pending events.
    attempts : list of Attempt
        The last requests, newest first.
    results : dict or None
        The local collector's counts and last validation results; None if not connected.
    retry_at : float or None
        Unix timestamp of the next attempt; None unless retrying.
    local : bool
        Whether a local collector validates the events.
    fault : str
        The last internal error: what was done, and the exception's class (its message may hold content).
    activity : list of Entry
        The last cells, steps and events, the earliest start first.
    running : bool
        Whether one of them runs.
    titles : dict of str to str
        What the events of the other lists are called, by event id.
    warnings : list of str
        What the user should know and do, each a sentence without its full stop.
    elsewhere : dict of int
        Events that wait for other collectors, by destination.

    Examples
    --------
    >>> from nbtrack.widget import render_text
    >>> snapshot = Snapshot(0.0, "https://sp.acme.com", "paused", "%nbtrack resume sends again", {"waiting": 3})
    >>> print(render_text(snapshot))
    nbtrack: paused (%nbtrack resume sends again)
      events go to  https://sp.acme.com
      events        3 waiting
    """

    time: float
    destination: str
    state: State
    reason: str
    counters: dict[str, int]
    buffer: list[PendingEvent] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    results: dict[str, Any] | None = None
    retry_at: float | None = None
    local: bool = False
    fault: str = ""
    activity: list[Entry] = field(default_factory=list)
    running: bool = False
    titles: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    elsewhere: dict[str, int] = field(default_factory=dict)
    verdicts = RenamedMethod("results")


def take_snapshot(source: Source, rows: int = MOST_ROWS) -> Snapshot:
    """Describe a session now.

    Parameters
    ----------
    source : Source
        The session. Its local collector is asked, so this may take as long as an HTTP request.
    rows : int, default 50
        Maximum number of pending events and of requests.

    Returns
    -------
    Snapshot
        Names, times and numbers.

    Examples
    --------
    >>> import nbtrack
    >>> snapshot = take_snapshot(nbtrack.start(store="memory"))
    >>> snapshot.state, snapshot.destination, snapshot.counters["accepted"]
    ('ok', 'local', 0)
    >>> nbtrack.stop()
    """
    return describe(source, source.emitter, fetch_validation_results(source), rows)


def describe(source: Source, emitter: AsyncEmitter, results: dict[str, Any] | None, rows: int) -> Snapshot:
    """Describe a session from this process's state and the collector's results."""
    now = time.time()
    stats = emitter.stats()
    counters = {
        "accepted": stats.accepted,
        "waiting": stats.pending,
        "in flight": stats.in_flight,
        "sent": stats.sent,
        "retried": stats.retried,
        "refused": stats.dead,
        **{f"dropped: {reason}": number for reason, number in stats.dropped.items()},
    }
    if earlier := source.sent - stats.sent:
        counters["sent earlier"] = earlier
    if source.backfilled:
        counters["sent by backfills"] = source.backfilled
    if source.fault_count:
        counters["internal errors"] = source.fault_count
    state, reason = _derive_state(source, stats, now)
    activity = source.activities.entries(MOST_ACTIVITY)
    elsewhere = source.count_elsewhere()
    mark_elsewhere(activity, source.destination, elsewhere)
    buffer = list(emitter.pending(rows))
    listed = [event.event_id for event in buffer]
    listed += [one["event_id"] for one in _find_last(results or {})]
    return Snapshot(
        now,
        source.destination,
        state,
        reason,
        counters,
        buffer,
        list(emitter.log)[: -rows - 1 : -1],
        results,
        stats.retry_at if state == "retrying" else None,
        source.is_local,
        _name_fault(source.faults[-1]) if source.faults else "",
        activity,
        any(entry.status == "running" for entry in activity),
        source.activities.titles(listed),
        list(source.warnings),
        elsewhere,
    )


def fetch_validation_results(source: Source) -> dict[str, Any] | None:
    """Return the local collector's counts, by schema too, and last validation results; None without a local collector."""
    client, page = source.peek_collector(), source.find_page()
    if client is None or page is None:
        return None
    try:
        results: dict[str, Any] = client.summary()
        source.note_results(
            {one["event_id"]: () if one["good"] else one["reasons"] for one in _find_last(results)}
        )
        source.check_results()
        return results | {"by_schema": client.counts_by_schema(), "url": page.base}
    except (OSError, RuntimeError, ValueError):
        return None


def _find_last(results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the last events that a collector validated, those without an id left out."""
    return [one for one in (*results.get("last", ()), *results.get("last_bad", ())) if one["event_id"]]


def _name_fault(fault: Fault) -> str:
    return f"{shorten(fault.where)} ({shorten(fault.text.partition(':')[0])})"


def shorten(text: str) -> str:
    """Shorten a string."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def describe_elsewhere(elsewhere: Mapping[str, int]) -> str:
    """Return what waits for other collectors, and what sends it; an empty string without any.

    Examples
    --------
    >>> describe_elsewhere({"https://sp.acme.com": 2})
    '2 events wait for https://sp.acme.com: nbtrack outbox drain sends them'
    """
    if not elsewhere:
        return ""
    waiting = ", ".join(
        f"{plural(number, 'event')} {'waits' if number == 1 else 'wait'} for {shorten(place)}"
        for place, number in elsewhere.items()
    )
    return f"{waiting}: nbtrack outbox drain sends {'it' if sum(elsewhere.values()) == 1 else 'them'}"


def describe_validation(snapshot: Snapshot) -> str:
    """Return why the validation results of what was sent are unknown; an empty string if they are known, or nothing was sent.

    Examples
    --------
    >>> describe_validation(Snapshot(0.0, "https://sp.acme.com", "ok", "", {"sent": 2}))
    'unknown: this collector accepts events before its pipeline validates them'
    """
    if snapshot.local or not is_http_url(snapshot.destination) or not snapshot.counters.get("sent"):
        return ""
    return "unknown: this collector accepts events before its pipeline validates them"


def name_schema(schema: str | None) -> str:
    """Return the name of a schema in lists of events; pipelines use one of their own for structured events."""
    if schema is None:
        return "-"
    return "structured event" if "com.google.analytics/event/" in schema else shorten(schema)


def _derive_state(source: Source, stats: Any, now: float) -> tuple[State, str]:
    if source.ended:
        return "ended", "nbtrack.start() begins another session"
    if not source.enabled:
        return "off", source.why_off or ""
    if stats.state == "paused":
        resume = "%nbtrack resume" if source.has_magics else "nbtrack.session().emitter.resume()"
        return "paused", f"{resume} sends again"
    if stats.state == "retrying":
        wait = max(0, (stats.retry_at or now) - now)
        return "retrying", f"in {wait:.0f} s: {shorten(str(stats.last_error or stats.last_status))}"
    if stats.state == "sending":
        return "sending", ""
    return ("waiting", "") if stats.pending else ("ok", "")
