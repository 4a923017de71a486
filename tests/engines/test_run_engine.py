"""What any engine is asked for, by one that is made up."""

import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from nbtrack import col
from nbtrack.bulk import BackfillReport, ChunkReport, make_plan
from nbtrack.bulk.engines import run_engine
from nbtrack.tracker import PageView


def run(url: str, *, elsewhere: bool, **options: Any) -> BackfillReport:
    plan = make_plan(PageView(col("url")), ["url"], key="url", collector=url, **options)
    report = BackfillReport()
    engine: Any = SimpleNamespace(
        send=lambda data, plan, dry: [ChunkReport(rows=2, sent=2), ChunkReport(rows=1, sent=1)],
        runs_elsewhere=lambda data: elsewhere,
    )
    run_engine(engine, None, plan, report, SimpleNamespace(add=list), resume=False, since=False)
    return report


def test_tasks_on_other_machines_cannot_reach_a_collector_on_this_one() -> None:
    with pytest.warns(
        RuntimeWarning, match=r"cannot reach http://127\.0\.0\.1:9, which is a collector on this one"
    ):
        assert run("http://127.0.0.1:9", elsewhere=True).sent == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run("http://127.0.0.1:9", elsewhere=False)
        run("https://sp.acme.com", elsewhere=True)


def test_duplicates_can_only_be_reported_or_sent() -> None:
    with pytest.raises(ValueError, match="on_duplicate='first' is not supported for Dask and Spark"):
        run("http://127.0.0.1:9", elsewhere=False, on_duplicate="first")
