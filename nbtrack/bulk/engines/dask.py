"""Dask DataFrames: each partition is sent by the worker that holds it."""

import contextlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from nbtrack.bulk.engines.batches import TASK_CONNECTIONS, send_chunks
from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.report import ChunkReport
from nbtrack.bulk.sources.chunks import choose_size
from nbtrack.bulk.sources.frames import open_source

RETRIES = 3


def empty(data: Any) -> pa.Table:
    """Return a table without rows that has the DataFrame's columns."""
    return pa.table({str(name): pa.nulls(0) for name in data.columns})


def send(data: Any, plan: BackfillPlan, *, dry: bool) -> Iterable[ChunkReport]:
    """Send the rows, and return a report of each partition, from the attempt that succeeded."""
    import dask  # noqa: PLC0415 - only where a DataFrame of it is

    partitions = data.to_delayed()
    task_plan = plan.for_task(_count_tasks(len(partitions)), TASK_CONNECTIONS)
    topic = f"nbtrack-{uuid.uuid4()}"
    send_one = dask.delayed(_send_partition, pure=False)
    tasks = [
        send_one(partition, send_frame, task_plan, dry, topic, index)
        for index, partition in enumerate(partitions)
    ]
    if (client := _find_client()) is None:
        yield from dask.compute(*tasks)
        return
    from distributed import as_completed  # noqa: PLC0415 - there is a client of it

    # as they end, so that the progress is seen
    futures = client.compute(tasks, retries=RETRIES)
    rows = {}
    for future in as_completed(futures):
        report = future.result()
        rows[future.key] = report.rows
        yield report
    # a task that a lost worker had begun is run by another one, and its first run can report nothing else
    begun = Counter(index for _, index in client.get_events(topic) or ())
    again = [index for index, count in begun.items() if count > 1]
    if again and not dry:
        yield ChunkReport(resent=sum(rows[futures[index].key] for index in again))


def runs_elsewhere(data: Any) -> bool:  # noqa: ARG001 - the client knows
    """Check whether a worker runs on another machine."""
    client = _find_client()
    if client is None:
        return False
    hosts = {urlsplit(address).hostname for address in client.scheduler_info()["workers"]}
    return not hosts <= {None, "127.0.0.1", "localhost", "::1"}


def count_repeated(data: Any, columns: Sequence[str]) -> int:
    """Count the rows whose key an earlier row has, across partitions."""
    import dask  # noqa: PLC0415 - only where a DataFrame of it is

    labels = {str(label): label for label in data.columns}
    keys = data[[labels[name] for name in columns]].dropna()
    rows, distinct = dask.compute(keys.shape[0], keys.drop_duplicates(split_out=keys.npartitions).shape[0])
    return int(rows - distinct)


def send_frame(frame: Any, plan: BackfillPlan, dry: bool) -> ChunkReport:
    """Send one partition, on a worker."""
    source = open_source(frame)
    return send_chunks(plan, source.chunks(plan.columns, choose_size(source.rows)), dry=dry)


def _send_partition(
    frame: Any,
    send_one: Callable[[Any, BackfillPlan, bool], ChunkReport],
    plan: BackfillPlan,
    dry: bool,
    topic: str,
    index: int,
) -> ChunkReport:
    """Send one partition, and note with the scheduler that this began."""
    with contextlib.suppress(ImportError, ValueError):  # no cluster, or none that runs this
        from distributed import get_worker  # noqa: PLC0415

        get_worker().log_event(topic, index)
    return send_one(frame, plan, dry)


def _count_tasks(partitions: int) -> int:
    """Return how many tasks run at once."""
    client = _find_client()
    threads = sum(client.nthreads().values()) if client is not None else partitions
    return max(1, min(partitions, threads))


def _find_client() -> Any | None:
    try:
        from distributed import default_client  # noqa: PLC0415

        return default_client()
    except (ImportError, ValueError):
        return None
