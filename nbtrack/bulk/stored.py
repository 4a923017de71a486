"""Sending events that are complete already, by the same sender as rows: each once, whatever ends a run."""

import dataclasses
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nbtrack.bulk.encoding.compiler import StoredEventsCompiler
from nbtrack.bulk.models import Reason
from nbtrack.bulk.plan import CONNECTIONS, GIVE_UP_AFTER, MAX_BODY_BYTES, BackfillPlan, find_collector
from nbtrack.bulk.progress import make_bar
from nbtrack.bulk.report import BackfillReport
from nbtrack.bulk.sending.dead_letters import DeadLetters
from nbtrack.bulk.sending.run import Run, finish_report
from nbtrack.bulk.sending.state_folder import dead_letters_path, remove_old_files
from nbtrack.bulk.sending.watermark import Since, Watermark, watermark_path
from nbtrack.bulk.sources.chunks import REASON_COLUMN, Chunk, choose_size, reason_column, rechunk
from nbtrack.bulk.sources.frames import TableSource
from nbtrack.tracker.plan import Plan

_MARK = "mark"
"""Every event has the same number: what was delivered is known by its event id alone."""


class _StoredSource(TableSource):
    """Events with their ids and positions, and reasons of those that may not be sent."""

    def __init__(self, table: pa.Table, positions: Sequence[int]) -> None:
        super().__init__(table)
        self._positions = np.array(positions, np.int64)

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the events, `size` at a time."""
        for chunk in rechunk([self._table.select([*columns, REASON_COLUMN])], size):
            first = chunk.first_row
            yield dataclasses.replace(chunk, rows=self._positions[first : first + chunk.table.num_rows])


def send_events(
    event_ids: list[str],
    payloads: list[str],
    reasons: Mapping[int, Reason],
    positions: Sequence[int],
    *,
    collector: Any = None,
    headers: Mapping[str, str] | None = None,
    job: str = "replay",
    again: bool = False,
    dry_run: bool = False,
    ledger: str | Path | None = None,
    dead_letters: str | Path | None = None,
    rate: float | None = None,
    byte_rate: float | None = None,
    connections: int = CONNECTIONS,
    max_body_bytes: int = MAX_BODY_BYTES,
    give_up_after: float = GIVE_UP_AFTER,
    progress: bool | None = None,
) -> BackfillReport:
    """Send events that are complete already.

    Parameters
    ----------
    event_ids, payloads
        Ids, and payloads as JSON objects of strings; ``n`` of each.
    reasons
        Why an event may not be sent, by index.
    positions
        The rows of the report, ascending; ``n``.
    collector, headers, dead_letters, rate, byte_rate, connections, max_body_bytes, give_up_after, progress
        As for `nbtrack.backfill`.
    job
        What the record of delivered events is for.
    again
        Whether events are sent that an earlier run delivered.
    dry_run
        Whether to send nothing.
    ledger
        File of the record; by default in nbtrack's own folder.

    Returns
    -------
    BackfillReport
        Its rows are the positions of the events.
    """
    namespace = uuid.uuid5(uuid.NAMESPACE_OID, job)
    plan = BackfillPlan(
        event=Plan([]),
        key=(),
        namespace=namespace,
        constants={},
        required=(),
        schemas={},
        unknown_schemas=(),
        target=find_collector(collector, headers),
        on_duplicate="send",
        connections=connections,
        max_body_bytes=max_body_bytes,
        rate=rate,
        byte_rate=byte_rate,
        give_up_after=give_up_after,
    )
    destination = "local" if plan.target.local else plan.target.url
    path = Path(ledger) if ledger is not None else watermark_path(namespace, destination, _MARK)
    record = Watermark(path, Since(_MARK), ["event_id"], UTC, read_only=dry_run, forget=again)
    remove_old_files()
    report = BackfillReport(destination=plan.target.url, on_duplicate="send", dry_run=dry_run, name=job)
    failed_rows = DeadLetters(
        Path(dead_letters) if dead_letters is not None else dead_letters_path(namespace)
    )
    source, compiler = _make_source(event_ids, payloads, reasons, positions), StoredEventsCompiler()
    bar = make_bar(len(event_ids), progress)
    run = Run(plan, report, failed_rows, compiler=compiler, dry=dry_run, bar=bar, watermark=record)
    started = time.perf_counter()
    try:
        run.execute(record.chunks(source, compiler.columns, choose_size(len(event_ids))), len(event_ids))
        if not run.interrupted:
            record.finish()
    finally:
        bar.close()
        record.close()
        report.seconds = time.perf_counter() - started
        report.interrupted = run.interrupted
        report.dead_letters = failed_rows.close()
    if report.interrupted:
        report.notes.append("run it again to continue where this run stopped")
    return finish_report(report, plan)


def _make_source(
    event_ids: list[str], payloads: list[str], reasons: Mapping[int, Reason], positions: Sequence[int]
) -> "_StoredSource":
    return _StoredSource(
        pa.table(
            {
                "event_id": pa.array(event_ids, pa.string()),
                "payload": pa.array(payloads, pa.string()),
                _MARK: pa.array([0] * len(event_ids), pa.int64()),
                REASON_COLUMN: reason_column(reasons, len(event_ids)),
            }
        ),
        positions,
    )
