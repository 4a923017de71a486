"""A data source for Spark: `df.write.format("nbtrack")`.

The tasks are those of a backfill; the result takes another way. Spark runs what follows the tasks in a Python process of
its own, and ``save()`` returns nothing. So it raises if a row was not delivered, and the counts are written to a file.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql.datasource import DataSource, DataSourceArrowWriter, WriterCommitMessage

from nbtrack.bulk.encoding.compiler import check_columns
from nbtrack.bulk.engines.batches import TASK_CONNECTIONS, send_batches
from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.report import BackfillReport, ChunkReport


def make_source(plan: BackfillPlan, *, tasks: int = 1) -> type[DataSource]:
    """Return the data source of a plan, to be registered with a Spark session.

    Parameters
    ----------
    plan : BackfillPlan
        The plan that `nbtrack.bulk.make_plan` returned.
    tasks : int, default 1
        How many tasks run at once: each gets its part of the plan's rates.

    Returns
    -------
    type
        ``spark.dataSource.register(make_source(plan))``, then ``df.write.format("nbtrack").mode("append").save()``.
        ``.option("report", path)`` names a JSON file for the counts, on the driver's machine.
    """
    task_plan = plan.for_task(tasks, TASK_CONNECTIONS)

    class Events(DataSource):  # type: ignore[misc]  # Spark is installed where this is imported
        @classmethod
        def name(cls) -> str:
            return "nbtrack"

        def writer(self, schema: Any, overwrite: bool) -> DataSourceArrowWriter:  # noqa: ARG002 - Spark's parameter; events are only added
            check_columns(schema.names, task_plan.columns)
            return EventWriter(task_plan, self.options.get("report"))

    return Events


@dataclass
class Sent(WriterCommitMessage):  # type: ignore[misc]
    """What became of one partition."""

    report: ChunkReport


class EventWriter(DataSourceArrowWriter):  # type: ignore[misc]
    """Sends partitions on the workers; then adds up, on the driver, the reports of those that succeeded.

    Parameters
    ----------
    plan
        What to send.
    path
        Path of the file for the counts; None for none.
    """

    def __init__(self, plan: BackfillPlan, path: str | None) -> None:
        self._plan, self._path = plan, path

    def write(self, iterator: Iterator[pa.RecordBatch]) -> Sent:
        """Send one partition."""
        context = TaskContext.get()
        report = send_batches(self._plan, iterator)
        if context is not None and context.attemptNumber():  # an earlier attempt had sent what it had sent
            report.resent = report.rows
        return Sent(report)

    def commit(self, messages: list[Sent | None]) -> None:
        """Write the counts.

        Raises
        ------
        RuntimeError
            If rows were not delivered, or share a key; the message is the report.
        """
        report = self._add_up(messages)
        if not report.ok:
            raise RuntimeError(str(report))

    def abort(self, messages: list[Sent | None]) -> None:
        """Write the counts of the partitions that succeeded before one failed for good."""
        self._add_up(messages)

    def _add_up(self, messages: list[Sent | None]) -> BackfillReport:
        report = BackfillReport(destination=self._plan.target.url, on_duplicate=self._plan.on_duplicate)
        for message in messages:
            if message is not None:
                report.add(message.report)
                report.seconds = max(report.seconds, message.report.seconds)
        if self._path is not None:
            names = ("rows", "sent", "skipped", "failed", "retries", "null_keys", "repeated_keys")
            counts = {name: getattr(report, name) for name in names}
            # a copy of a task that lost the race, and a stage that ran again, are in Spark's record of tasks only,
            # which cannot be read from this process: that none is known does not mean none
            counts["resent"] = report.resent or None
            Path(self._path).write_text(json.dumps({**counts, "reasons": report.reasons}), encoding="utf-8")
        return report
