"""Sending Arrow batches: what each task of any engine calls."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from nbtrack.bulk.models import FailedRow
from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.report import ChunkReport
from nbtrack.bulk.sending.run import Run
from nbtrack.bulk.sources.chunks import CHUNK_ROWS, Chunk, rechunk, select_columns

_MAX_FAILED_ROWS = 1_000
TASK_CONNECTIONS = 2
"""Most requests at once of each task: a cluster has many tasks."""


@dataclass(slots=True)
class _FirstFailedRows:
    """Keeps the first failed rows."""

    rows: list[FailedRow] = field(default_factory=list)

    def add(self, rows: Iterable[FailedRow]) -> None:
        self.rows += list(rows)[: _MAX_FAILED_ROWS - len(self.rows)]


def send_batches(
    plan: BackfillPlan, record_batches: Iterable[pa.RecordBatch], *, dry: bool = False
) -> ChunkReport:
    """Send the rows of Arrow batches.

    Parameters
    ----------
    plan : BackfillPlan
        The plan that `make_plan` returned; pickled to where the batches are.
    record_batches : iterable of pyarrow.RecordBatch
        Rows with at least the columns of the plan.
    dry : bool, default False
        Whether to send nothing.

    Returns
    -------
    ChunkReport
        Picklable; row numbers count from the first of these batches.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from nbtrack import col
    >>> from nbtrack.bulk import make_plan
    >>> from nbtrack.tracker import PageView
    >>> batch = pa.record_batch({"address": ["https://acme.com/a"], "id": [1]})
    >>> plan = make_plan(PageView(col("address")), batch.schema.names, key="id", send=False)
    >>> report = send_batches(plan, [batch], dry=True)
    >>> report.rows, report.sent
    (1, 1)
    """
    tables = (select_columns(_to_table(batch), plan.columns) for batch in record_batches)
    return send_chunks(plan, rechunk(tables, CHUNK_ROWS), dry=dry)


def _to_table(batch: Any) -> pa.Table:
    if not isinstance(batch, pa.RecordBatch):
        raise TypeError(
            "record_batches must hold Arrow batches, such as those of pyarrow.Table.from_pandas(df).to_batches(), got "
            f"{type(batch).__name__}"
        )
    return pa.Table.from_batches([batch])


def send_chunks(plan: BackfillPlan, chunks: Iterable[Chunk], *, dry: bool = False) -> ChunkReport:
    """Send the rows of chunks that hold the columns of the plan; see `send_batches`."""
    started = time.perf_counter()
    report, failed = ChunkReport(), _FirstFailedRows()
    Run(plan, report, failed, dry=dry).execute(chunks, None)
    report.failed_rows = failed.rows
    report.seconds = time.perf_counter() - started
    return report
