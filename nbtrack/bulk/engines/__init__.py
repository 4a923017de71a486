"""DataFrames that their own engine sends: each task encodes and posts its part, with the same ids in every attempt."""

import importlib
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import pyarrow as pa

from nbtrack.bulk.models import FailedRowSink
from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.progress import Recorded, make_bar
from nbtrack.bulk.report import BackfillReport, ChunkReport
from nbtrack.bulk.sending.run import name_events
from nbtrack.bulk.sources.chunks import SourceError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ENGINES = {
    "dask": ("nbtrack.bulk.engines.dask", "to_delayed"),
    "pyspark": ("nbtrack.bulk.engines.spark", "mapInArrow"),
}
"""The engine of a library, and a method of its DataFrames alone."""
_CONVERSIONS = {
    "pyspark.pandas.": "data.to_spark()",
    "pyspark.rdd.": "data.toDF([…]), with the names of the columns",
    "pyspark.core.rdd.": "data.toDF([…]), with the names of the columns",
    "pyspark.sql.group": "data.agg(…)",
    "pyspark.sql.classic.column": "the DataFrame, such as df.select(column)",
    "dask.bag": "data.to_dataframe()",
    "dask.array": "dask.dataframe.from_dask_array(data, columns=[…])",
    "dask.delayed": "dask.dataframe.from_delayed([data])",
    "dask.dataframe.dask_expr._collection": "data.to_frame()",
}


class Engine(Protocol):
    """A module that sends the DataFrames of one library."""

    def empty(self, data: Any) -> pa.Table:
        """Return a table without rows that has the DataFrame's columns."""

    def send(self, data: Any, plan: BackfillPlan, *, dry: bool) -> Iterable[ChunkReport]:
        """Send the rows, and return a report of each part."""

    def runs_elsewhere(self, data: Any) -> bool:
        """Check whether tasks may run on other machines."""

    def count_repeated(self, data: Any, columns: Sequence[str]) -> int:
        """Count the rows whose values in some columns an earlier row has; rows with a missing value do not count."""


def find_engine(data: Any) -> Engine | None:
    """Return the engine of a DataFrame; None if this machine sends it.

    Raises
    ------
    SourceError
        If it is of an engine's library, and no DataFrame of it; the message names the call that returns one.
    """
    libraries = (class_.__module__.partition(".")[0] for class_ in type(data).__mro__)
    library = next((library for library in libraries if library in _ENGINES), None)
    if library is None:
        return None
    module, method = _ENGINES[library]
    # of the class: a column of Spark and a delayed value of Dask have members of any name
    is_frame = hasattr(type(data), method) and hasattr(type(data), "columns")
    if not is_frame or type(data).__name__ in {"Series", "Index"}:
        full_name = f"{type(data).__module__}.{type(data).__name__}"
        call = next((_CONVERSIONS[name] for name in _CONVERSIONS if full_name.startswith(name)), None)
        advice = f"pass {call}" if call else f"pass a DataFrame of {library}"
        raise SourceError(f"backfill cannot read {full_name}; {advice}")
    return cast("Engine", importlib.import_module(module))


def run_engine(
    engine: Engine,
    data: Any,
    plan: BackfillPlan,
    report: BackfillReport,
    failed_rows: FailedRowSink,
    *,
    resume: bool,
    since: bool,
    progress: bool | None = False,
) -> None:
    """Send a DataFrame by its engine, and add up what its tasks report.

    Raises
    ------
    ValueError
        If there is no key, since the order of rows differs between attempts; and for ``resume=True`` and ``since=``.
    """
    key = plan.key_columns
    if not key:
        raise ValueError("the rows of this DataFrame have no stable order; pass key=[…], or event_id=col(…)")
    if plan.on_duplicate not in {"report", "send"}:
        raise ValueError(
            f"on_duplicate={plan.on_duplicate!r} is not supported for Dask and Spark; use 'report' or 'send'"
        )
    if resume:
        raise ValueError(
            "resume=True is not supported for Dask and Spark; run it again without, the ids are the same"
        )
    if since:
        raise ValueError("since= is not supported for Dask and Spark; filter the DataFrame instead")
    host = urlsplit(plan.target.url).hostname or ""
    if not report.dry_run and host in _LOOPBACK and engine.runs_elsewhere(data):
        warnings.warn(
            f"tasks on other machines cannot reach {plan.target.url}, which is a collector on this one; use a collector "
            "that they reach",
            RuntimeWarning,
            stacklevel=3,
        )
    bar = Recorded(make_bar(None, progress), name_events(plan), None, log=not report.dry_run)
    try:
        for part in engine.send(data, plan, dry=report.dry_run):
            report.add(part)
            failed_rows.add(part.failed_rows)
            bar.show(report.rows - report.unsent, None)
        bar.finish(interrupted=False, failed=report.failed)
    finally:
        bar.close()
    if report.dry_run:
        report.repeated_keys, report.repeated_rows = engine.count_repeated(data, key), []
    else:
        report.notes.append(
            "rows with the same key were only searched for within each partition; dry_run=True finds them across all"
        )
