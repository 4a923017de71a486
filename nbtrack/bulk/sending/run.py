"""One run of a backfill: its threads (reader, encoders, senders), its counts, its ledger and its progress bar."""

import dataclasses
import itertools
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path

from nbtrack.bulk.encoding.compiler import AnyCompiler, StoredEventsCompiler, check_columns
from nbtrack.bulk.encoding.encoder import MISSING_TIME, Encoded, refused_rows
from nbtrack.bulk.encoding.validation import self_describing_parts
from nbtrack.bulk.models import EXAMPLES, Accounts, FailedRow, FailedRowSink
from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.previews import decode_events
from nbtrack.bulk.progress import ProgressBar, Recorded, make_bar
from nbtrack.bulk.report import BackfillReport
from nbtrack.bulk.sending.dead_letters import DeadLetters, open_dead_letters
from nbtrack.bulk.sending.duplicates import DUPLICATE, FirstRows, GivenRows
from nbtrack.bulk.sending.ledger import BEGIN_AGAIN, Ledger, LedgerError
from nbtrack.bulk.sending.sender import BodySender, Outcome
from nbtrack.bulk.sending.state_folder import dead_letters_path, ledger_path
from nbtrack.bulk.sending.statistics import HourCounter, KeyCounter
from nbtrack.bulk.sending.watermark import Marked, Since, Watermark, watermark_path
from nbtrack.bulk.sources.chunks import Chunk, Source, choose_size
from nbtrack.common.collector_address import VALIDATION_HEADER
from nbtrack.common.errors import NbtrackError
from nbtrack.delivery.http.transport import Transport
from nbtrack.protocol import EVENT_NAMES

_POLL = 0.1
"""Seconds between updates of the progress bar."""
_LAST_RESPONSES = 2.0
"""Seconds that requests in flight get after an interrupt."""
_MAX_ENCODERS = 4
_QUEUED_CHUNKS = 2
"""Chunks that wait: an encoder that finds none ends its query, and has to plan the next one."""
_QUIET = 2.0
"""Seconds without a success after which an error is worth showing."""
_UNSENT = "not sent: the run ended early"
MAX_LISTED = 1_000
"""Excluded rows that are named one by one."""
_SAMPLE_ROWS = 3
_SECONDS = range(10**9, 10**10)
"""Unix timestamps in seconds of recent years; as milliseconds they are the first months of 1970."""


class InvalidRow(NbtrackError, ValueError):  # noqa: N818 - a public name
    """A row breaks a contract or a schema, has no time, or repeats an event id, and that was to raise.

    Examples
    --------
    >>> import pandas as pd
    >>> from nbtrack import backfill, col
    >>> from nbtrack.tracker import PageView
    >>> frame = pd.DataFrame({"address": ["https://acme.com/a", None]})
    >>> backfill(frame, PageView(col("address")), on_invalid="raise", dry_run=True)
    Traceback (most recent call last):
    nbtrack.bulk.InvalidRow: row 1: url is empty
    """


@dataclass(slots=True)
class _PendingChunk:
    """A chunk with events that have no outcome yet."""

    events: int
    pending: int
    fingerprint: int
    marked: Marked | None = None
    complete: bool = True


class Run:
    """Sends the events of chunks, or only counts them.

    Parameters
    ----------
    plan
        What to send, and where.
    accounts
        The counts, which the run adds to.
    failed_rows
        Receives the rows that are not delivered.
    compiler
        Compiler of the events; the plan's by default.
    ledger
        Ledger of delivered chunks; None for none.
    dry
        Whether to send nothing.
    bar
        Shows the progress; None for none.
    duplicates
        Finds the rows to leave out because others have their event id; None to send all.
    watermark
        Record of an incremental backfill; None for all rows.
    """

    def __init__(
        self,
        plan: BackfillPlan,
        accounts: Accounts,
        failed_rows: FailedRowSink,
        *,
        compiler: AnyCompiler | None = None,
        ledger: Ledger | None = None,
        dry: bool = False,
        bar: ProgressBar | None = None,
        duplicates: FirstRows | GivenRows | None = None,
        watermark: Watermark | None = None,
    ) -> None:
        self.accounts = accounts
        self.interrupted = False
        self.naive_times = False
        self._plan, self._failed_rows, self._ledger = plan, failed_rows, ledger
        self._compiler = compiler or plan.compiler()
        self._dry, self._bar, self._duplicates, self._watermark = dry, bar, duplicates, watermark
        self._waiting: dict[int, Encoded] = {}
        self._next_number = 0
        self._excluded_listed = 0
        self._lock, self._order = threading.Lock(), threading.Lock()
        self._keys, self._hours = KeyCounter(), HourCounter()
        self._pending: dict[int, _PendingChunk] = {}
        self._error: BaseException | None = None
        self._closed = False
        self._chunks: queue.Queue[Chunk | None] = queue.Queue(_QUEUED_CHUNKS)
        self._sender: BodySender | None = None

    def execute(self, chunks: Iterable[Chunk], rows: int | None) -> None:
        """Send all chunks.

        Parameters
        ----------
        chunks
            Read on the calling thread.
        rows
            Number of rows; None if it is not known.
        """
        target = self._plan.target
        headers = {VALIDATION_HEADER: "1", **target.headers}
        transport = Transport(target.url, headers=headers, pool=self._plan.connections)
        if not self._dry:
            self._sender = self._make_sender(transport)
        encoders = [
            threading.Thread(target=self._encode, name=f"nbtrack-encode-{number}", daemon=True)
            for number in range(min(_MAX_ENCODERS, os.cpu_count() or 1))
        ]
        try:
            self._read(chunks, encoders)
            if self._sender is not None:
                self._sender.close()
                while not self._sender.join(_POLL):
                    self._show_progress()
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.stop()
            transport.close()
        error = self._error or (None if self._sender is None else self._sender.error)
        if error is not None:
            raise error
        self._close_accounts(rows)
        self._show_progress()

    def stop(self) -> None:
        """End the sending threads (if the run is complete, they have ended); what comes later is not counted."""
        if self._sender is not None:
            self.interrupted = self.interrupted or self._sender.stopping.is_set()
            self._sender.stop()
            self._sender.join(_LAST_RESPONSES)
        with self._lock:
            self._closed = True

    def take(self, encoded: Encoded) -> None:
        """Count an encoded chunk, and queue its bodies."""
        if encoded.invalid and self._plan.on_invalid == "raise":
            first = encoded.failed[0]
            raise InvalidRow(f"row {first.row}: {first.reason}")
        if encoded.missing_times and self._plan.on_missing_time == "raise":
            first = next(row for row in encoded.failed if row.reason == MISSING_TIME)
            raise InvalidRow(f"row {first.row}: {first.reason}")
        if self._watermark is not None:
            encoded = self._leave_out_delivered(encoded, self._watermark)
        if self._duplicates is None:
            self._queue(encoded)
            return
        with self._order:  # the first of the rows with an event id is known only in the order of the chunks
            self._waiting[encoded.chunk.number] = encoded
            while (following := self._waiting.pop(self._next_number, None)) is not None:
                self._next_number += 1
                self._queue(self._exclude_duplicates(following, self._duplicates))

    def _leave_out_delivered(self, encoded: Encoded, watermark: Watermark) -> Encoded:
        rows = watermark.find_delivered(encoded)
        if not len(rows):
            return encoded
        encoded, delivered = encoded.without(rows)
        with self._lock:
            self.accounts.resumed += len(delivered)
        return encoded

    def _exclude_duplicates(self, encoded: Encoded, duplicates: FirstRows | GivenRows) -> Encoded:
        rows = duplicates.find(encoded)
        if not len(rows):
            return encoded
        encoded, excluded = encoded.without(rows)
        with self._lock:
            if not self._closed:
                self.accounts.excluded += len(excluded)
                listed = excluded[: MAX_LISTED - self._excluded_listed]
                self._excluded_listed += len(listed)
                self._failed_rows.add(dataclasses.replace(row, reason=DUPLICATE) for row in listed)
        return encoded

    def _queue(self, encoded: Encoded) -> None:
        number, events = encoded.chunk.number, encoded.events
        with self._lock:
            if self._closed:  # too late: its rows count as not sent
                return
            self._count(encoded)
            if self._is_delivered(encoded):
                self.accounts.resumed += events
                return
            if self._dry:
                self.accounts.sent += events
                self.accounts.bytes += sum(len(body.data) for body in encoded.bodies)
                self.accounts.requests += len(encoded.bodies)
                return
            marked = None if self._watermark is None else Marked.read(encoded)
            self._pending[number] = _PendingChunk(events, events, encoded.fingerprint, marked)
            if not events:
                self._finish_chunk(number)
        for body in encoded.bodies:
            if self._sender is None or not self._sender.put(body):
                return

    def _make_sender(self, transport: Transport) -> BodySender:
        plan = self._plan
        return BodySender(
            transport,
            plan.connections,
            self._on_outcome,
            rate=plan.rate,
            byte_rate=plan.byte_rate,
            give_up_after=plan.give_up_after,
        )

    def _read(self, chunks: Iterable[Chunk], encoders: list[threading.Thread]) -> None:
        """Read the chunks on this thread, and queue them for the encoders."""
        for thread in encoders:
            thread.start()
        for chunk in itertools.chain(chunks, [None]):
            if chunk is not None and chunk.passed:
                with self._lock:
                    self.accounts.rows += chunk.passed
                    self.accounts.resumed += chunk.passed
            if chunk is not None and not chunk.table.num_rows:
                continue
            while not self._is_stopping():
                self._show_progress()
                try:
                    self._chunks.put(chunk, timeout=_POLL)
                except queue.Full:
                    continue
                break
            if self._is_stopping():
                break
        for thread in encoders:
            while thread.is_alive():
                thread.join(_POLL)
                self._show_progress()

    def _is_stopping(self) -> bool:
        return self._closed or (self._sender is not None and self._sender.stopping.is_set())

    def _encode(self) -> None:
        """Encode chunks, on a thread of its own."""
        encoder = self._plan.encoder(self._compiler)
        try:
            while (chunk := self._next_chunk(wait=True)) is not None:
                for encoded in encoder.encode(self._available(chunk)):
                    self.take(encoded)
        except BaseException as error:  # noqa: BLE001 - raised again on the caller's thread
            self._error = self._error or error
            self._closed = True
        finally:
            encoder.close()

    def _available(self, chunk: Chunk | None) -> Iterator[Chunk]:
        """Yield a chunk and those already queued: waiting for another would delay what is encoded already."""
        while chunk is not None:
            yield chunk
            chunk = self._next_chunk(wait=False)

    def _next_chunk(self, *, wait: bool) -> Chunk | None:
        """Return the next chunk; None at the end, also at an early one."""
        while not self._is_stopping():
            try:
                chunk = self._chunks.get(wait, _POLL)
            except queue.Empty:
                if wait:
                    continue
                break
            if chunk is None:
                self._chunks.put(None)  # for the other encoders, and for the next call of this one
            return chunk
        return None

    def _is_delivered(self, encoded: Encoded) -> bool:
        """Check whether the run that is resumed delivered a chunk; raise if the chunk changed."""
        if self._ledger is None:
            return False
        fingerprint = self._ledger.fingerprint(encoded.chunk.number)
        if fingerprint is not None and fingerprint != encoded.fingerprint:
            first = encoded.chunk.first_row
            raise LedgerError(
                f"cannot resume the backfill in {self._ledger.path}: rows {first:,} to "
                f"{first + encoded.chunk.table.num_rows - 1:,} changed; {BEGIN_AGAIN}"
            )
        return fingerprint is not None

    def _count(self, encoded: Encoded) -> None:
        accounts, times = self.accounts, encoded.times
        accounts.rows += encoded.chunk.table.num_rows
        accounts.skipped += len(encoded.failed)
        accounts.invalid += encoded.invalid
        accounts.missing_times += encoded.missing_times
        accounts.repaired += encoded.repaired
        self.naive_times = self.naive_times or encoded.naive
        accounts.count_failed(encoded.failed)
        accounts.null_keys += len(encoded.null_keys)
        accounts.null_rows = sorted([*accounts.null_rows, *map(int, encoded.null_keys[:EXAMPLES])])[:EXAMPLES]
        self._hours.add(times)
        if len(times):
            accounts.extend_time_range(int(times.min()), int(times.max()))
        self._failed_rows.add(encoded.failed)
        self._keys.add(encoded.chunk, encoded.ids)
        if self._watermark is not None and encoded.failed:
            self._watermark.fail(Marked.read(encoded), [row.row for row in encoded.failed])

    def _on_outcome(self, outcome: Outcome) -> None:
        """Count what became of a body; called on a sending thread."""
        body = outcome.body
        with self._lock:
            if self._closed:  # too late: its rows count as not sent
                return
            chunk = self._pending[body.chunk]
            chunk.pending -= body.events
            if outcome.reason is None:
                self.accounts.sent += body.events
                self.accounts.bytes += outcome.bytes
                if self._watermark is not None and chunk.marked is not None:
                    self._watermark.deliver(chunk.marked, body.rows)
                if outcome.validation is not None:
                    self.accounts.good += outcome.validation.good
                    self.accounts.bad += outcome.validation.bad
                    self.accounts.bad_reasons.update(outcome.validation.reasons)
                    self.accounts.unmatched += outcome.validation.unmatched
                    self.accounts.findings.update(outcome.validation.findings)
            else:
                chunk.complete = False
                self.accounts.failed += body.events
                self.accounts.reasons[outcome.reason] += body.events
                self._failed_rows.add(refused_rows(body, outcome.reason))
                if self._watermark is not None and chunk.marked is not None:
                    self._watermark.fail(chunk.marked, body.rows)
            if not chunk.pending:
                self._finish_chunk(body.chunk)

    def _finish_chunk(self, number: int) -> None:
        chunk = self._pending.pop(number)
        if self._ledger is not None and chunk.complete:
            self._ledger.finish(number, chunk.fingerprint, chunk.events)

    def _show_progress(self) -> None:
        if self._bar is not None:
            accounts = self.accounts
            done = accounts.delivered + accounts.skipped + accounts.failed - accounts.unsent
            self._bar.show(done, self._find_problem())

    def _find_problem(self) -> str | None:
        """Return what stops the run from going on; None if the collector accepts events."""
        if self._sender is None or self._sender.stats.last_error is None:
            return None
        quiet = time.monotonic() - self._sender.stats.last_success
        if quiet <= _QUIET:
            return None
        plan = self._plan
        return (
            f"waits for {plan.target.url} ({self._sender.stats.last_error}), at most {plan.give_up_after:g} s"
        )

    def _close_accounts(self, rows: int | None) -> None:
        """Count what was neither sent nor skipped nor refused as not sent."""
        accounts = self.accounts
        accounts.rows = max(accounts.rows, rows or 0)
        accounts.unsent = accounts.rows - accounts.delivered - accounts.skipped - accounts.failed
        accounts.failed += accounts.unsent
        if accounts.unsent:
            accounts.reasons[_UNSENT] += accounts.unsent
        repeated = self._keys.count(accounts)
        if self._duplicates is None and self._plan.on_duplicate != "send":
            self._failed_rows.add(FailedRow(row, None, f"{DUPLICATE} (sent)", None) for row in repeated)
        accounts.hours.update(self._hours.count())
        if self._sender is not None:
            stats = self._sender.stats
            accounts.requests, accounts.retries = stats.requests, stats.retries
            accounts.last_error = stats.last_error


def send_source(
    plan: BackfillPlan,
    source: Source,
    report: BackfillReport,
    dead_letters: DeadLetters,
    *,
    ledger: str | Path | bool,
    resume: bool,
    since: Since | None,
    progress: bool | None,
) -> None:
    """Send the rows of a source from this machine, or only count them; see `nbtrack.bulk.backfill`."""
    compiler = plan.compiler()
    size = choose_size(source.rows)
    open_ledger = watermark = None
    if since is not None:
        watermark = _open_watermark(plan, source, since, ledger, read_only=report.dry_run)
    elif ledger is not False and not report.dry_run:
        path = ledger_path(plan.namespace) if ledger is True else Path(ledger)
        open_ledger = _open_ledger(path, plan, source.rows, size, resume=resume, report=report)
    bar = Recorded(make_bar(source.rows, progress), name_events(plan), source.rows, log=not report.dry_run)
    try:
        duplicates = _find_duplicates(plan, source, compiler, size)
        run = Run(
            plan,
            report,
            dead_letters,
            compiler=compiler,
            ledger=open_ledger,
            dry=report.dry_run,
            bar=bar,
            duplicates=duplicates,
            watermark=watermark,
        )
        read = source.chunks if watermark is None else partial(watermark.chunks, source)
        chunks = read(plan.columns, size)
        if report.dry_run:
            chunks = _sample(plan, compiler, chunks, report)
        run.execute(chunks, source.rows)
        if watermark is not None and not run.interrupted:
            report.notes += watermark.finish()
        bar.finish(interrupted=run.interrupted, failed=run.accounts.failed)
    finally:
        bar.close()
        for record in (open_ledger, watermark):
            if record is not None:
                record.close()
    report.notes += source.notes
    if run.naive_times and plan.zone is None:
        report.notes.append("times without a zone are taken as UTC; tz= sets another zone")
    if run.interrupted:
        report.interrupted = True
        report.resumable = None if watermark is not None else open_ledger is not None
        if watermark is not None:
            report.notes.append("run it again to continue where this run stopped")


def name_events(plan: BackfillPlan) -> str:
    """Return the name of the events: that of their schema, or of their type."""
    pairs = dict(plan.event.pairs)
    for key in ("ue_px", "ue_pr"):
        for schema, _ in self_describing_parts(getattr(pairs.get(key), "tree", None)):
            return schema.split("/")[1] if "/" in schema else schema
    return EVENT_NAMES.get(str(pairs.get("e")), str(pairs.get("e")))


def _open_watermark(
    plan: BackfillPlan, source: Source, since: Since, ledger: str | Path | bool, *, read_only: bool
) -> Watermark:
    """Open the record of an incremental backfill.

    Raises
    ------
    TemplateError
        If the data does not have the column.
    ValueError
        If a row cannot be known again, or rows are to be left out as duplicates.
    """
    if not plan.key_columns:
        raise ValueError(
            "since= needs key=[…], or event_id=col(…): without it, a row has another id in each run"
        )
    if plan.on_duplicate not in {"report", "send"}:
        raise ValueError(
            f"on_duplicate={plan.on_duplicate!r} is not supported with since=, which does not keep all ids of earlier "
            "runs; use 'report' or 'send'"
        )
    if source.names is not None:
        check_columns([*source.names, *source.index_names], [since.column], source.hint)
    if isinstance(ledger, bool):
        destination = "local" if plan.target.local else plan.target.url
        path = watermark_path(plan.namespace, destination, since.column)
    else:
        path = Path(ledger)
    return Watermark(path, since, plan.key_columns, plan.zone or UTC, read_only=read_only)


def _find_duplicates(
    plan: BackfillPlan, source: Source, compiler: AnyCompiler, size: int
) -> FirstRows | GivenRows | None:
    """Return what finds the rows to leave out; it may read all rows first.

    Raises
    ------
    TypeError
        If the data must be read twice, and cannot be.
    InvalidRow
        If two rows have the same event id, and ``on_duplicate="raise"`` was given.
    """
    mode = plan.on_duplicate
    if mode in {"report", "send"}:
        return None
    if mode == "first":
        return FirstRows()
    if not source.rereadable:
        raise TypeError(
            f"on_duplicate={mode!r} reads the data twice, which is not possible with readers and iterables; use 'first', "
            "or pass a DataFrame, a table or a file"
        )
    encoder = plan.encoder(compiler)
    try:
        encoded = encoder.encode(source.chunks(plan.columns, size))
        found = GivenRows(((chunk.chunk.first_row, chunk.ids) for chunk in encoded), keep_last=mode == "last")
    finally:
        encoder.close()
    if mode == "raise" and found.repeated.any():
        raise InvalidRow(f"row {int(found.repeated.argmax())}: {DUPLICATE}")
    return found


def finish_report(report: BackfillReport, plan: BackfillPlan) -> BackfillReport:
    """Add what is known only at the end: a hint at times in seconds, and how refused events are sent again."""
    if report.last is not None and report.last in _SECONDS:
        report.notes.append("the times look like seconds, but are taken as milliseconds since 1970")
    if report.dead_letters is not None and not report.dry_run:
        report.send_again = _make_retry(plan, report.dead_letters)
    return report


def _sample(
    plan: BackfillPlan, compiler: AnyCompiler, chunks: Iterator[Chunk], report: BackfillReport
) -> Iterator[Chunk]:
    """Yield the chunks, and add the first few events of the first one to a report."""
    for chunk in chunks:
        if not report.sample:
            encoder = plan.encoder(compiler)
            objects = {name: values[:_SAMPLE_ROWS] for name, values in chunk.objects.items()}
            first_rows = Chunk(0, chunk.first_row, chunk.table.slice(0, _SAMPLE_ROWS), objects)
            [encoded] = encoder.encode([first_rows])
            encoder.close()
            report.sample += decode_events(encoded)
        yield chunk


def _open_ledger(
    path: Path, plan: BackfillPlan, rows: int | None, size: int, *, resume: bool, report: BackfillReport
) -> Ledger | None:
    try:
        return Ledger(
            path,
            template=plan.fingerprint,
            columns="\n".join(plan.columns),
            rows=rows,
            chunk_rows=size,
            destination=plan.target.url,
            resume=resume,
        )
    except (OSError, LedgerError) as error:
        if resume:
            raise
        report.notes.append(f"no ledger, so this run cannot be resumed: {error}")
        return None


def _make_retry(plan: BackfillPlan, path: Path) -> Callable[[bool], BackfillReport]:
    plan = dataclasses.replace(plan, on_duplicate="send")

    def retry(invalid: bool) -> BackfillReport:
        report = BackfillReport(destination=plan.target.url, on_duplicate="send")
        dead_letters = DeadLetters(dead_letters_path(plan.namespace))
        source, compiler = open_dead_letters(path, invalid=invalid), StoredEventsCompiler()
        bar = make_bar(source.rows, progress=False)
        run = Run(plan, report, dead_letters, compiler=compiler, bar=bar)
        started = time.perf_counter()
        try:
            run.execute(source.chunks(compiler.columns, choose_size(source.rows)), source.rows)
        finally:
            report.seconds = time.perf_counter() - started
            report.interrupted = run.interrupted
            report.dead_letters = dead_letters.close()
        return finish_report(report, plan)

    return retry
