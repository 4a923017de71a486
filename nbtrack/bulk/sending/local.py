"""A backfill that this machine sends: its ledger, its bar, and its dead letters sent again."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.preview import sample
from nbtrack.bulk.progress import make_bar
from nbtrack.bulk.report import BackfillReport
from nbtrack.bulk.sending.dead_letters import DeadLetters
from nbtrack.bulk.sending.ledger import Ledger, LedgerError
from nbtrack.bulk.sending.run import Run
from nbtrack.bulk.sending.state_folder import ledger_path, letters_path
from nbtrack.bulk.sources.chunks import Source, choose_size
from nbtrack.bulk.sources.replay import Replay, open_letters

_SECONDS = range(10**9, 10**10)  # as milliseconds, the first months of 1970


def send_source(
    plan: BackfillPlan,
    source: Source,
    report: BackfillReport,
    letters: DeadLetters,
    *,
    ledger: str | Path | bool,
    resume: bool,
    progress: bool | None,
) -> None:
    """Send the rows of a source, or only count them; `nbtrack.bulk.backfill` tells of the parameters."""
    compiler = plan.compiler()
    with ExitStack() as stack:
        book = None
        if ledger is not False and not report.dry_run:
            path = ledger_path(plan.namespace) if ledger is True else Path(ledger)
            book = _open_ledger(path, plan, compiler.wanted, source.rows, resume=resume, report=report)
            if book is not None:
                stack.callback(book.close)
        run = Run(plan, report, letters, ledger=book, dry=report.dry_run)
        chunks = source.chunks(compiler.wanted, choose_size(source.rows))
        if report.dry_run:
            chunks = sample(plan, chunks, report.sample)
        _execute(run, chunks, compiler, source.rows, progress)
        if run.interrupted:
            report.interrupted = True
            report.hint = (
                "the same call with resume=True goes on where this one stopped"
                if book is not None
                else "the same call again sends the same ids"
            )


def end_report(report: BackfillReport, plan: BackfillPlan) -> BackfillReport:
    """Add what shows only at the end: a hint at wrong times, and the way to send refused events again."""
    if report.last is not None and report.last in _SECONDS:
        report.notes.append("the times look like seconds; they are taken as milliseconds since 1970")
    if report.dead_letters is not None and not report.dry_run:
        report.send_again = _make_retry(plan, report.dead_letters)
    return report


def _execute(run: Run, chunks: Any, compiler: Any, rows: int | None, progress: bool | None) -> None:
    bar = make_bar(rows, progress)
    accounts = run.accounts

    def tick() -> None:
        bar.show(accounts.sent + accounts.skipped + accounts.failed - accounts.unsent, run.fault)

    try:
        run.execute(chunks, compiler, rows, tick)
        tick()
    finally:
        bar.close()


def _open_ledger(
    path: Path,
    plan: BackfillPlan,
    columns: Sequence[str],
    rows: int | None,
    *,
    resume: bool,
    report: BackfillReport,
) -> Ledger | None:
    try:
        return Ledger(
            path,
            template=plan.fingerprint,
            columns="\n".join(columns),
            rows=rows,
            chunk_rows=choose_size(rows),
            destination=plan.target.url,
            resume=resume,
        )
    except (OSError, LedgerError) as error:
        if resume:
            raise
        report.notes.append(f"no ledger is kept, so an interrupted run cannot be resumed: {error}")
        return None


def _make_retry(plan: BackfillPlan, path: Path) -> Callable[[bool], BackfillReport]:
    def retry(invalid: bool) -> BackfillReport:
        report = BackfillReport(destination=plan.target.url, on_duplicate="send")
        letters = DeadLetters(letters_path(plan.namespace))
        source, replay = open_letters(path, invalid=invalid), Replay()
        run = Run(plan, report, letters)
        started = time.perf_counter()
        try:
            _execute(
                run,
                source.chunks(replay.wanted, choose_size(source.rows)),
                replay,
                source.rows,
                progress=False,
            )
        finally:
            report.seconds = time.perf_counter() - started
            report.interrupted = run.interrupted
            report.dead_letters = letters.close()
        return end_report(report, dataclasses.replace(plan, on_duplicate="send"))

    return retry
