"""What a backfill did: every row accounted for."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nbtrack.bulk.encoding.arrow import list_names
from nbtrack.bulk.encoding.event_ids import RECIPE
from nbtrack.bulk.models import EXAMPLES, FAILED_ROW_SCHEMA, HOUR, Accounts, FailedRow
from nbtrack.common.wording import plural, readable_size

if TYPE_CHECKING:
    import pandas as pd

Reader = Literal["python", "command line"]
_BARS = 60
_WIDTH, _HEIGHT = 600, 60
"""Pixels of all bars."""
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
"""Unix timestamps of the first second of the year 1 and of the last one of 9999."""


@dataclass(slots=True)
class ChunkReport(Accounts):
    """What became of the rows that one task of an engine sent; picklable.

    Attributes
    ----------
    rows, sent, skipped, failed, resumed, excluded, unsent, invalid, missing_times, repaired, good, bad, unmatched
        See `BackfillReport`.
    bytes, requests, retries, null_keys, repeated_keys, resent, null_rows, repeated_rows, hours, first, last
        See `BackfillReport`.
    reasons, examples, bad_reasons, findings, last_error
        See `BackfillReport`.
    failed_rows : list of FailedRow
        The rows that were not delivered, at most 1,000.
    seconds : float
        Duration.

    Examples
    --------
    >>> report = ChunkReport(rows=2, sent=2)
    >>> report.add(ChunkReport(rows=3, sent=1, failed=2))
    >>> report.rows, report.sent, report.failed
    (5, 3, 2)
    """

    failed_rows: list[FailedRow] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def letters(self) -> list[FailedRow]:
        """Former name of ``failed_rows``."""
        warnings.warn("ChunkReport.letters is now called failed_rows", DeprecationWarning, stacklevel=2)
        return self.failed_rows


@dataclass(slots=True, repr=False)
class BackfillReport(Accounts):
    """The result of a backfill: counts, and the rows that failed with the reasons; shown as text and as HTML.

    Attributes
    ----------
    rows : int
        All rows; ``rows == sent + skipped + failed + resumed + excluded``.
    sent : int
        Rows that this run delivered: the collector answered 2xx.
    skipped : int
        Rows not sent because they became no event, or are invalid.
    failed : int
        Rows refused by the collector, or not sent because the run ended early.
    resumed, excluded : int
        Rows that an earlier run delivered; rows left out because another row has their event id, or it is in ``known``.
    unsent, invalid : int
        Rows of ``failed`` that were never sent, or whose response never came; rows that break a contract or a schema,
        sent or not.
    missing_times, repaired : int
        Rows without a time, sent or not; rows sent with U+FFFD in place of bytes that are not UTF-8.
    good, bad : int
        Events that the collector found valid, and that failed its validation; both 0 if it does not return results.
    bytes, requests, retries : int
        Bytes of delivered bodies; requests made; how many of them repeated one.
    null_keys, repeated_keys : int
        Rows without a key, and rows whose key an earlier row has.
    resent : int
        Rows of tasks that Dask or Spark ran more than once, as after a lost worker: at most so many events were sent
        again, with the same ids.
    null_rows, repeated_rows : list of int
        Positions of a few of them.
    hours : Counter
        Number of events by hour since 1970.
    first, last : int or None
        Earliest and latest time of an event, as Unix timestamps in milliseconds.
    reasons : Counter
        Number of rows not sent, by reason.
    examples : dict of str to str
        A value, and its row, for reasons that depend on the value.
    unmatched : int
        Number of events that do not match the tracking plan of the collector; they are good all the same.
    findings : Counter
        What does not match; of each request the first ones only.
    bad_reasons : Counter
        Why events failed validation; only of some of them, if there are many.
    last_error : str or None
        The last error between here and the collector.
    seconds : float
        Duration.
    destination : str
        The collector's URL.
    unused : tuple of str
        Columns of the data that the event does not use.
    notes : list of str
        What else to know, such as schemas that no registry has.
    interrupted : bool
        Whether the run was stopped before its end.
    dry_run : bool
        Whether nothing was to be sent; then ``sent`` counts what would have been.
    on_duplicate : str
        What was done with rows that share an event id.
    sample : list of dict
        The first events, decoded; only of a dry run.
    dead_letters : Path or None
        Parquet file of the rows that were not delivered: row, event_id, reason, payload, refused.
    resumable : bool or None
        Whether an interrupted run can be resumed; None if it was not interrupted.
    name : str
        What the text calls the run.
    reader : {"python", "command line"}
        Whose options the text names.
    id_recipe : int
        How event ids are made from keys: see `nbtrack.bulk.make_event_id`.
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
    resumable: bool | None = None
    name: str = "backfill"
    reader: Reader = "python"
    id_recipe: int = RECIPE
    send_again: "Callable[[bool], BackfillReport] | None" = None

    @property
    def rate(self) -> float:
        """Events per second that this run delivered."""
        return self.sent / self.seconds if self.seconds else 0.0

    @property
    def ok(self) -> bool:
        """Whether every row was delivered, with an event id of its own, and no event failed validation."""
        repeated = self.repeated_keys if self.on_duplicate == "report" else 0
        duplicates = self.on_duplicate != "send" and (self.null_keys or repeated)
        return not (self.interrupted or duplicates or self.bad) and self.rows == self.delivered

    @property
    def errors(self) -> "pd.DataFrame":
        """The rows that were skipped or failed: columns row, event_id, reason."""
        import pyarrow.parquet as pq  # noqa: PLC0415 - only where somebody looks

        columns = ["row", "event_id", "reason"]
        if self.dead_letters is None:
            table = FAILED_ROW_SCHEMA.empty_table().select(columns)
        else:
            table = pq.read_table(self.dead_letters, columns=columns)
        frame: pd.DataFrame = table.to_pandas().sort_values("row", ignore_index=True)
        return frame

    @property
    def time_range(self) -> tuple[datetime, datetime] | None:
        """The earliest and the latest time of an event, in UTC; None if events have no time of their own."""
        if self.first is None or self.last is None:
            return None
        return _to_datetime(self.first), _to_datetime(self.last)

    @property
    def hint(self) -> str | None:
        """What to do about the rows of an interrupted run; None if there is nothing to do."""
        if self.resumable is None:
            return None
        if not self.resumable:
            return "run it again to send all rows with the same ids"
        option = "resume=True" if self.reader == "python" else "--resume"
        return f"run it again with {option} to continue where this run stopped"

    def retry(self, *, invalid: bool = False) -> "BackfillReport":
        """Send the events again that the collector refused, with the same ids.

        Parameters
        ----------
        invalid : bool, default False
            Whether to send also those that were held back as invalid.

        Returns
        -------
        BackfillReport
            The report of these events alone; its rows are positions among them.

        Raises
        ------
        RuntimeError
            If there is nothing to send again.
        """
        if self.send_again is None or self.dead_letters is None:
            raise RuntimeError("nothing to send again: no row was refused")
        return self.send_again(invalid)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        first, *rest = self._lines()
        items = "".join(f"<li>{escape(line.strip())}</li>" for line in rest)
        plot = draw_bars({hour * HOUR: count for hour, count in self.hours.items()})
        return f"<div><strong>{escape(first)}</strong><ul>{items}</ul>{plot}</div>"

    def _lines(self) -> list[str]:
        lines = [self._headline()]
        if self.bytes:
            retries = f", {self.retries:,} of them repeated" if self.retries else ""
            lines.append(f"  {readable_size(self.bytes)} in {plural(self.requests, 'request')}{retries}")
        if (times := self.time_range) is not None:
            lines.append(f"  events from {times[0]:%Y-%m-%d %H:%M:%S} to {times[1]:%Y-%m-%d %H:%M:%S} UTC")
        if self.resumed:
            lines.append(f"  {plural(self.resumed, 'row')} delivered by an earlier run")
        lines += self._quality_lines()
        if self.skipped or self.failed or self.invalid:
            counts = ((self.skipped, "skipped"), (self.failed, "failed"), (self.invalid, "invalid"))
            lines.append("  " + ", ".join(f"{count:,} {what}" for count, what in counts if count))
            lines += map(self._reason_line, self.reasons.most_common(EXAMPLES))
        lines += [f"  {line}" for line in self._key_lines()]
        if self.last_error and not self.ok:
            lines.append(f"  last error: {self.last_error}")
        if self.unused:
            lines.append(f"  unused columns: {list_names(self.unused)}")
        lines += [f"  {line}" for line in (*self.notes, self.hint) if line]
        if self.dead_letters is not None:
            place = (
                "report.errors, or the Parquet file report.dead_letters"
                if self.reader == "python"
                else str(self.dead_letters)
            )
            lines.append(f"  rows not delivered: {place}")
        return lines

    def _headline(self) -> str:
        result = "ok" if self.ok else "interrupted" if self.interrupted else "NOT ok"
        if self.dry_run:
            return f"dry run {result}: {self.sent:,} of {plural(self.rows, 'row')} would be sent"
        return (
            f"{self.name} {result}: {self.sent:,} of {plural(self.rows, 'row')} sent{self._validation()} in "
            f"{self.seconds:,.1f} s ({self.rate:,.0f} events/s)"
        )

    def _validation(self) -> str:
        if not self.sent:
            return ""
        if not self.good and not self.bad:
            return ", not validated,"
        return ", all valid," if not self.bad else f", {self.bad:,} of them invalid,"

    def _reason_line(self, counted: tuple[str, int]) -> str:
        rule, count = counted
        example = f", e.g. {self.examples[rule]}" if rule in self.examples else ""
        return f"    {plural(count, 'row')}: {rule}{example}"

    def _quality_lines(self) -> list[str]:
        known = self.on_duplicate == "send"  # then it is a replay that leaves rows out
        why_excluded = "their event ids are known" if known else "another row has the same event id"
        counts = (
            (self.excluded, "row", f"left out, since {why_excluded}"),
            (self.missing_times, "row", "without a time"),
            (self.repaired, "row", "with text that is not UTF-8, sent with U+FFFD"),
            (
                self.resent,
                "row",
                "in tasks that ran again; events sent before were sent again, with the same ids",
            ),
            (self.bad, "event", "failed the collector's validation"),
        )
        lines = [f"  {plural(count, noun)} {what}" for count, noun, what in counts if count]
        lines += [f"    {reason}" for reason, _ in self.bad_reasons.most_common(EXAMPLES)]
        if self.unmatched:
            lines.append(f"  {plural(self.unmatched, 'event')} found not to match the tracking plan")
        return lines + [f"    {finding}" for finding, _ in self.findings.most_common(EXAMPLES)]

    def _key_lines(self) -> list[str]:
        lines = []
        if self.null_keys:
            lines.append(f"{plural(self.null_keys, 'row')} without a key{_examples(self.null_rows)}")
        if self.repeated_keys and self.on_duplicate in {"report", "send"}:
            lines.append(
                f"{plural(self.repeated_keys, 'row')} with the key of an earlier one{_examples(self.repeated_rows)}"
            )
        if lines and self.on_duplicate != "send":
            lines.append(
                "these rows share an event id, so a pipeline keeps only one of them; choose a unique key"
            )
        return lines


def draw_bars(counts: Mapping[int, int]) -> str:
    """Draw numbers of events by time, as SVG.

    Parameters
    ----------
    counts
        Number of events by Unix timestamp in milliseconds.

    Returns
    -------
    str
        An SVG element; empty if there is nothing to draw.

    Examples
    --------
    >>> draw_bars({})
    ''
    >>> draw_bars({0: 3, 3_600_000: 5}).count("<rect")
    2
    """
    if not counts:
        return ""
    first, last = min(counts), max(counts)
    span = max(1, last - first)
    bars = [0] * _BARS
    for time, count in counts.items():
        bars[min(_BARS - 1, (time - first) * _BARS // span)] += count
    highest = max(bars)
    width = _WIDTH / _BARS
    rectangles = "".join(
        f'<rect x="{index * width:.1f}" y="{_HEIGHT * (1 - count / highest):.1f}" width="{width - 1:.1f}" '
        f'height="{_HEIGHT * count / highest:.1f}"><title>{plural(count, "event")}</title></rect>'
        for index, count in enumerate(bars)
        if count
    )
    days = [f"{_to_datetime(time):%Y-%m-%d}" for time in (first, last)]
    return (
        f'<svg role="img" aria-label="events from {days[0]} to {days[1]}" viewBox="0 0 {_WIDTH} {_HEIGHT + 16}" '
        f'width="{_WIDTH}" '
        f'style="max-width:100%"><g fill="#4c78a8">{rectangles}</g><g fill="currentColor" font-size="11">'
        f'<text x="0" y="{_HEIGHT + 13}">{days[0]}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 13}" text-anchor="end">{days[1]}</text></g></svg>'
    )


def _examples(rows: list[int]) -> str:
    return f", such as row {', '.join(map(str, rows[:EXAMPLES]))}" if rows else ""


def _to_datetime(milliseconds: int) -> datetime:
    seconds = min(max(milliseconds / 1000, _FIRST_SECOND), _LAST_SECOND)
    return datetime.fromtimestamp(seconds, UTC)
