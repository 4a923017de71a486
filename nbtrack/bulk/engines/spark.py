"""Spark DataFrames: each task sends the Arrow batches of its partition."""

import itertools
import pickle
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from nbtrack.bulk.engines.batches import TASK_CONNECTIONS, send_batches
from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.report import ChunkReport

_COLUMNS = "stage long, partition long, attempt long, report binary"
_ALL_TASKS = 2**31 - 1


def empty(data: Any) -> pa.Table:
    """Return a table without rows that has the DataFrame's columns."""
    return pa.table({name: pa.nulls(0) for name in data.columns})


def send(data: Any, plan: BackfillPlan, *, dry: bool) -> Iterable[ChunkReport]:
    """Send the rows, and return a report of each partition, from the attempt that Spark counts.

    The one action is here: a DataFrame made by ``mapInArrow`` would send again with each action on it.
    """
    selected = data.select(*plan.columns) if plan.columns else data
    task = SendPartition(plan.for_task(_count_tasks(data, plan), TASK_CONNECTIONS), dry=dry)
    # one row for each partition; if one is tried twice, Spark keeps the rows of one attempt
    rows = selected.mapInArrow(task, _COLUMNS).collect()
    reports = {row.partition: pickle.loads(row.report) for row in rows}  # noqa: S301 - written by our own tasks
    if not dry:  # the other attempts had sent what they had sent
        for partition in _find_repeated(data, rows):
            reports[partition].resent = reports[partition].rows
    return list(reports.values())


def runs_elsewhere(data: Any) -> bool:
    """Check whether Spark runs on a cluster; a remote session does not show it."""
    context = _find_context(data)
    return context is not None and not str(context.master).startswith("local")


def count_repeated(data: Any, columns: Sequence[str]) -> int:
    """Count the rows whose key an earlier row has, across partitions."""
    keys = data.select(*columns).dropna()
    return int(keys.count() - keys.distinct().count())


def _find_repeated(data: Any, rows: Sequence[Any]) -> set[int]:
    """Return the partitions that more than one task began.

    The task whose result Spark keeps knows only its number: neither a copy of it that lost the race, nor that its stage ran
    before. Spark's record of tasks has all of them, and a remote session has no access to it.
    """
    again = {row.partition for row in rows if row.attempt}
    context = _find_context(data)
    if context is None or not rows:
        return again
    from py4j.protocol import Py4JError  # noqa: PLC0415 - only where a DataFrame of Spark is

    try:
        spark = context._jsc.sc()  # noqa: SLF001 - the record has no other way in
        spark.listenerBus().waitUntilEmpty()
        listed = (spark.statusStore().taskList(rows[0].stage, run, _ALL_TASKS) for run in itertools.count())
        runs = list(itertools.takewhile(lambda tasks: tasks.size(), listed))
        if sum(tasks.size() for tasks in runs) > len(rows):  # else each call for a task is saved
            begun = Counter(
                tasks.apply(index).partitionId() for tasks in runs for index in range(tasks.size())
            )
            again |= {partition for partition, count in begun.items() if count > 1}
    except Py4JError:  # such as where a platform allows only some calls
        return again
    return again


def _find_context(data: Any) -> Any | None:
    """Return Spark's context; a remote session has none."""
    return getattr(getattr(data, "sparkSession", None), "_sc", None)


def _count_tasks(data: Any, plan: BackfillPlan) -> int:
    """Return how many tasks may run at once; it does not matter without a rate."""
    if plan.rate is None and plan.byte_rate is None:
        return 1
    if (
        "connect" in type(data).__module__
    ):  # such a session finds the number of partitions only by reading them
        from pyspark.sql.functions import spark_partition_id  # noqa: PLC0415 - only where a DataFrame of it is

        return max(1, int(data.select(spark_partition_id()).distinct().count()))
    return int(max(1, min(data.sparkSession.sparkContext.defaultParallelism, data.rdd.getNumPartitions())))


class SendPartition:
    """Sends one partition, on a worker; picklable.

    Parameters
    ----------
    plan
        What to send.
    dry
        Whether to send nothing.
    """

    def __init__(self, plan: BackfillPlan, *, dry: bool) -> None:
        self._plan, self._dry = plan, dry

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield one row: stage, partition, attempt, and the pickled report."""
        from pyspark import TaskContext  # noqa: PLC0415 - only where a DataFrame of it is

        context = TaskContext.get()
        stage, partition, attempt = (
            (context.stageId(), context.partitionId(), context.attemptNumber()) if context else (0, 0, 0)
        )
        report = send_batches(self._plan, batches, dry=self._dry)
        yield pa.record_batch(
            {
                "stage": pa.array([stage], pa.int64()),
                "partition": pa.array([partition], pa.int64()),
                "attempt": pa.array([attempt], pa.int64()),
                "report": pa.array([pickle.dumps(report)], pa.binary()),
            }
        )
