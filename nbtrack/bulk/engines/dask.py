"""Dask frames: each partition is sent by the worker that holds it."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from nbtrack.bulk.engines.batches import send_chunks
from nbtrack.bulk.engines.shares import share_of
from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.report import ChunkReport
from nbtrack.bulk.sources.chunks import choose_size
from nbtrack.bulk.sources.frames import open_source

RETRIES = 3


def empty(data: Any) -> pa.Table:
    """Give a table without rows that has the frame's columns."""
    return pa.table({str(name): pa.nulls(0) for name in data.columns})


def send(data: Any, plan: BackfillPlan, *, dry: bool) -> Iterable[ChunkReport]:
    """Send the rows; give a report of each partition, from the try that ended well."""
    import dask  # noqa: PLC0415 - only where a frame of it is

    parts = data.to_delayed()
    share = share_of(plan, _count_tasks(len(parts)))
    send_one = dask.delayed(send_frame, pure=False)
    tasks = [send_one(part, share, dry) for part in parts]
    reports: tuple[ChunkReport, ...] = dask.compute(*tasks, **_retries())
    return reports


def count_repeated(data: Any, columns: Sequence[str]) -> int:
    """Count the rows whose key an earlier row has, across partitions."""
    import dask  # noqa: PLC0415 - only where a frame of it is

    labels = {str(label): label for label in data.columns}
    keys = data[[labels[name] for name in columns]].dropna()
    rows, different = dask.compute(keys.shape[0], keys.drop_duplicates(split_out=keys.npartitions).shape[0])
    return int(rows - different)


def send_frame(frame: Any, plan: BackfillPlan, dry: bool) -> ChunkReport:
    """Send one partition, on a worker."""
    source = open_source(frame)
    chunks = source.chunks(plan.compiler().wanted, choose_size(source.rows))
    return send_chunks(plan, chunks, dry=dry)


def _count_tasks(parts: int) -> int:
    """Tell how many tasks run at once."""
    client = _find_client()
    threads = sum(client.nthreads().values()) if client is not None else parts
    return max(1, min(parts, threads))


def _retries() -> dict[str, int]:
    """Ask a cluster to try a failed task again; the schedulers of one machine know no retries."""
    return {} if _find_client() is None else {"retries": RETRIES}


def _find_client() -> Any | None:
    try:
        from distributed import default_client  # noqa: PLC0415

        return default_client()
    except (ImportError, ValueError):
        return None
