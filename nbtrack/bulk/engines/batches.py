"""Arrow batches to a collector, without an engine: what a task of any engine calls."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.report import ChunkReport
from nbtrack.bulk.sending.dead_letters import Letter
from nbtrack.bulk.sending.run import Run
from nbtrack.bulk.sources.chunks import CHUNK_ROWS, Chunk, pick, rechunk

_MOST_LETTERS = 1_000


@dataclass(slots=True)
class _Box:
    """Keeps the first letters."""

    letters: list[Letter] = field(default_factory=list)

    def add(self, letters: Iterable[Letter]) -> None:
        self.letters += list(letters)[: _MOST_LETTERS - len(self.letters)]


def send_batches(
    plan: BackfillPlan, record_batches: Iterable[pa.RecordBatch], *, dry: bool = False
) -> ChunkReport:
    """Send the rows of Arrow batches.

    Parameters
    ----------
    plan : BackfillPlan
        Made by `make_plan`; pickled to where the batches are.
    record_batches : iterable of pyarrow.RecordBatch
        Rows with at least the columns that the plan asks for.
    dry : bool, default False
        Whether to send nothing.

    Returns
    -------
    ChunkReport
        Picklable; row numbers count from the first of these batches.

    Examples
    --------
    >>> from nbtrack import col
    >>> from nbtrack.bulk import make_plan
    >>> from nbtrack.tracker import PageView
    >>> batch = pa.record_batch({"address": ["https://acme.com/a"], "id": [1]})
    >>> plan = make_plan(PageView(col("address")), batch.schema.names, key="id", send=False)
    >>> report = send_batches(plan, [batch], dry=True)
    >>> report.rows, report.sent
    (1, 1)
    """
    wanted = plan.compiler().wanted
    tables = (pick(_as_table(batch), wanted) for batch in record_batches)
    return send_chunks(plan, rechunk(tables, CHUNK_ROWS), dry=dry)


def _as_table(batch: Any) -> pa.Table:
    if not isinstance(batch, pa.RecordBatch):
        raise TypeError(
            "send_batches wants Arrow batches, such as pyarrow.Table.from_pandas(df).to_batches() gives, not a "
            f"{type(batch).__name__}"
        )
    return pa.Table.from_batches([batch])


def send_chunks(plan: BackfillPlan, chunks: Iterable[Chunk], *, dry: bool = False) -> ChunkReport:
    """Send the rows of chunks that hold the columns that the plan asks for; see `send_batches`."""
    started = time.perf_counter()
    report, box = ChunkReport(), _Box()
    run = Run(plan, report, box, dry=dry)
    run.execute(chunks, plan.compiler(), None, lambda: None)
    report.letters = box.letters
    report.seconds = time.perf_counter() - started
    return report
