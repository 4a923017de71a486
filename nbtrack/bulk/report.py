"""What a backfill did: every row accounted for."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.bulk.encoding.arrow import name_some
from nbtrack.bulk.plot import draw_bars
from nbtrack.bulk.sending.dead_letters import Letter, read_errors

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 5
HOUR = 3_600_000  # milliseconds


@dataclass(slots=True)
class Accounts:
    """Counts of rows, and what became of them: the first fields of a `BackfillReport`, which tells of each."""

    rows: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    resumed: int = 0
    unsent: int = 0
    invalid: int = 0
    bytes: int = 0
    requests: int = 0
    retries: int = 0
    null_keys: int = 0
    repeated_keys: int = 0
    null_rows: list[int] = field(default_factory=list)
    repeated_rows: list[int] = field(default_factory=list)
    hours: Counter[int] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    last_error: str | None = None

    def add(self, other: "Accounts") -> None:
        """Add the counts of another part of the same backfill."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.null_rows = [*self.null_rows, *other.null_rows][:_SHOWN]
        self.repeated_rows = [*self.repeated_rows, *other.repeated_rows][:_SHOWN]
        self.widen(other.first, other.last)
        self.last_error = other.last_error or self.last_error

    def widen(self, first: int | None, last: int | None) -> None:
        """Widen the time range."""
        self.first = min((one for one in (self.first, first) if one is not None), default=None)
        self.last = max((one for one in (self.last, last) if one is not None), default=None)


_SUMS = (
    "rows",
    "sent",
    "skipped",
    "failed",
    "resumed",
    "unsent",
    "invalid",
    "bytes",
    "requests",
    "retries",
    "null_keys",
    "repeated_keys",
    "hours",
    "reasons",
)


@dataclass(slots=True)
class ChunkReport(Accounts):
    """What became of the rows that one task of an engine sent; picklable.

    Attributes
    ----------
    rows, sent, skipped, failed, resumed, unsent, invalid, bytes, requests, retries
        See `BackfillReport`.
    null_keys, repeated_keys, null_rows, repeated_rows, hours, first, last, reasons, last_error
        See `BackfillReport`.
    letters : list of Letter
        The rows that were not delivered, at most 1,000.
    seconds : float
        How long it took.

    Examples
    --------
    >>> one, other = ChunkReport(rows=2, sent=2), ChunkReport(rows=3, sent=1, failed=2)
    >>> one.add(other)
    >>> one.rows, one.sent, one.failed
    (5, 3, 2)
    """

    letters: list[Letter] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True, repr=False)
class BackfillReport(Accounts):
    """The result of a backfill: counts, the rows that failed and why; shows itself as text and as HTML.

    Attributes
    ----------
    rows : int
        All rows; ``rows == sent + skipped + failed``.
    sent : int
        Delivered: the collector answered 2xx, in this run or in the one that it resumes.
    skipped : int
        Not sent because they became no event, or are invalid.
    failed : int
        Refused by the collector, or not sent because the run ended early.
    resumed, unsent, invalid : int
        Those of ``sent`` that an earlier run delivered; those of ``failed`` that were never sent, or whose answer never
        came; rows that break a contract or a schema, sent or not.
    bytes, requests, retries : int
        Bytes of delivered bodies; requests made; those of them that repeated one.
    null_keys, repeated_keys : int
        Rows without a key, and rows whose key an earlier row has.
    null_rows, repeated_rows : list of int
        A few of them, by position.
    hours : Counter
        Events by hour since 1970.
    first, last : int or None
        Of the events' times, milliseconds since 1970.
    reasons : Counter
        Rows not sent, by reason.
    last_error : str or None
        The last fault between here and the collector.
    seconds : float
        How long it took.
    destination : str
        The collector's URL.
    unused : tuple of str
        Columns of the data that the event does not ask for.
    notes : list of str
        What else one should know, such as schemas that no registry knows.
    interrupted : bool
        Whether it was stopped before its end.
    dry_run : bool
        Whether nothing was to be sent; then ``sent`` counts what would have been.
    on_duplicate : {"report", "send"}
        Whether rows that share an id make it not ok.
    sample : list of dict
        Of a dry run: the first events, decoded.
    dead_letters : Path or None
        Parquet file of the rows that were not delivered: row, event_id, reason, payload, refused.
    hint : str or None
        What to do about rows that were not sent.
    send_again : callable or None
        What `retry` calls.

    Examples
    --------
    >>> report = BackfillReport(rows=2, sent=2, seconds=0.5)
    >>> report.ok, report.rate
    (True, 4.0)
    """

    seconds: float = 0.0
    destination: str = ""
    unused: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False
    dry_run: bool = False
    on_duplicate: str = "report"
    sample: list[dict[str, Any]] = field(default_factory=list)
    dead_letters: Path | None = None
    hint: str | None = None
    send_again: "Callable[[bool], BackfillReport] | None" = None

    @property
    def rate(self) -> float:
        """Events a second that this run delivered."""
        return (self.sent - self.resumed) / self.seconds if self.seconds else 0.0

    @property
    def ok(self) -> bool:
        """Whether every row was delivered, under an id of its own."""
        doubled = (self.null_keys or self.repeated_keys) and self.on_duplicate != "send"
        return not self.interrupted and self.rows == self.sent and not doubled

    @property
    def errors(self) -> "pd.DataFrame":
        """The rows that were skipped or refused: columns row, event_id, reason."""
        return read_errors(self.dead_letters)

    @property
    def time_range(self) -> tuple[datetime, datetime] | None:
        """The earliest and the latest time of an event, in UTC; None where events have no time of their own."""
        if self.first is None or self.last is None:
            return None
        return _moment(self.first), _moment(self.last)

    def retry(self, *, invalid: bool = False) -> "BackfillReport":
        """Send the events again that the collector refused, with the same ids.

        Parameters
        ----------
        invalid : bool, default False
            Whether to send those too that were held back as invalid.

        Returns
        -------
        BackfillReport
            Of these events alone; its rows are positions among them.

        Raises
        ------
        RuntimeError
            When there is nothing that could be sent again.
        """
        if self.send_again is None or self.dead_letters is None:
            raise RuntimeError("there is nothing to send again: no row was refused")
        return self.send_again(invalid)

    def __str__(self) -> str:
        """Say it in a few lines."""
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        first, *rest = self._lines()
        listed = "".join(f"<li>{escape(line.strip())}</li>" for line in rest)
        plot = draw_bars({hour * HOUR: number for hour, number in self.hours.items()})
        return f"<div><strong>{escape(first)}</strong><ul>{listed}</ul>{plot}</div>"

    def _lines(self) -> list[str]:
        lines = [self._verdict()]
        if self.bytes:
            sent = "" if self.dry_run else f", {self.retries:,} repeated"
            lines.append(f"  {self.bytes / 1e6:,.1f} MB in {self.requests:,} requests{sent}")
        if (range_ := self.time_range) is not None:
            lines.append(f"  events from {range_[0]:%Y-%m-%d %H:%M:%S} to {range_[1]:%Y-%m-%d %H:%M:%S} UTC")
        if self.resumed:
            lines.append(f"  {self.resumed:,} rows were delivered by the run before")
        if self.skipped or self.failed or self.invalid:
            parts = (f"{self.skipped:,} skipped", f"{self.failed:,} failed", f"{self.invalid:,} invalid")
            lines.append(f"  {', '.join(parts)}")
            lines += [f"    {number:,} x {reason}" for reason, number in self.reasons.most_common(_SHOWN)]
        lines += [f"  {line}" for line in self._key_lines()]
        if self.last_error and not self.ok:
            lines.append(f"  last fault: {self.last_error}")
        if self.unused:
            lines.append(f"  unused columns: {name_some(self.unused)}")
        lines += [f"  {line}" for line in (*self.notes, self.hint) if line]
        if self.dead_letters is not None:
            lines.append(
                "  rows not delivered: report.errors, or the Parquet file that report.dead_letters names"
            )
        return lines

    def _verdict(self) -> str:
        name = "dry run" if self.dry_run else "backfill"
        verdict = "ok" if self.ok else "interrupted" if self.interrupted else "NOT ok"
        if self.dry_run:
            return f"{name} {verdict}: {self.sent:,} of {self.rows:,} rows would be sent"
        return (
            f"{name} {verdict}: {self.sent:,} of {self.rows:,} rows sent in {self.seconds:,.1f} s "
            f"({self.rate:,.0f} events/s)"
        )

    def _key_lines(self) -> list[str]:
        lines = []
        if self.null_keys:
            lines.append(f"{self.null_keys:,} rows without a key{_listed(self.null_rows)}")
        if self.repeated_keys:
            lines.append(
                f"{self.repeated_keys:,} rows with the key of an earlier one{_listed(self.repeated_rows)}"
            )
        if lines and self.on_duplicate != "send":
            lines.append("such rows share one event id, of which a pipeline keeps one: mend the key")
        return lines


def _listed(rows: list[int]) -> str:
    return f", such as row {', '.join(map(str, rows[:_SHOWN]))}" if rows else ""


def _moment(milliseconds: int) -> datetime:
    seconds = min(max(milliseconds / 1000, -62_135_596_800), 253_402_300_799)  # the years 1 to 9999
    return datetime.fromtimestamp(seconds, UTC)
