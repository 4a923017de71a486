"""Dask and Spark send their own DataFrames; a task that is retried sends the same ids, and counts once."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nbtrack import backfill, col
from nbtrack.bulk import BackfillReport, SourceError, make_event_id, make_namespace, make_plan
from nbtrack.tracker import SelfDescribing, SelfDescribingJson, Subject
from tests.support.engines import load
from tests.support.fault_server import Act, FaultServer
from tests.support.tools import require

pytestmark = [
    pytest.mark.engines,
    # the engines' own; ours stay errors
    pytest.mark.filterwarnings(
        "default::ResourceWarning", "default::DeprecationWarning", "default::FutureWarning"
    ),
    pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning", "default::UserWarning"),
]
ROWS = 200_000 if os.environ.get("NBTRACK_LONG") else 20_000
PARTS = 8


def orders() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "order": [f"o-{number}" for number in range(ROWS)],
            "qty": np.arange(ROWS) % 7,
            "at": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(ROWS), unit="s"),
            "unused": "x",
        }
    )


def purchase() -> SelfDescribing:
    return SelfDescribing(
        SelfDescribingJson(
            "iglu:com.acme/purchase/jsonschema/1-0-0", {"order": col("order"), "qty": col("qty")}
        ),
        true_timestamp=col("at"),
        event_subject=Subject().set_user_id(col("order")),
    )


def wanted() -> set[str]:
    namespace = make_namespace(purchase())
    return {str(make_event_id(namespace, [f"o-{number}"])) for number in range(ROWS)}


def assert_all_sent(report: Any, server: FaultServer) -> None:
    assert (report.rows, report.sent, report.failed, report.skipped) == (ROWS, ROWS, 0, 0), report
    assert report.ok
    assert report.unused == ("unused",)
    assert report.time_range[0] == datetime(2024, 1, 1, tzinfo=UTC)
    assert set(server.delivered) == wanted()


def fail_once(part: pd.DataFrame, flag: str) -> pd.DataFrame:
    """Fail the first time that the part with the first order is read."""
    if (part["order"] == "o-0").any() and not Path(flag).exists():
        Path(flag).touch()
        raise ConnectionError("an injected error")
    return part


def test_dask_on_the_threads_of_this_process(dask_frames: Any) -> None:
    with FaultServer() as server:
        report = backfill(
            dask_frames.from_pandas(orders(), npartitions=PARTS),
            purchase(),
            key="order",
            collector=server.url,
        )
        assert_all_sent(report, server)


def test_dask_on_a_cluster_with_a_task_that_fails_after_it_sent(dask_client: Any, tmp_path: Path) -> None:
    import dask
    import dask.dataframe

    from nbtrack.bulk.engines import dask as engine

    frame = dask.dataframe.from_pandas(orders(), npartitions=PARTS)
    with FaultServer() as server:
        real, flag = engine.send_frame, str(tmp_path / "failed")

        def send_and_fail(part: pd.DataFrame, plan: Any, dry: bool) -> Any:
            report = real(part, plan, dry)
            fail_once(part, flag)
            return report

        engine.send_frame = send_and_fail
        try:
            report = backfill(frame, purchase(), key="order", collector=server.url)
        finally:
            engine.send_frame = real
        assert Path(flag).exists()
        assert_all_sent(report, server)
        assert max(server.delivered.values()) == 2  # the part that was sent twice, with the same ids


def fail_at_the_end(flag: str) -> Any:
    """Return a step that yields rows unchanged, and fails once at the end of the fourth partition."""

    def pass_on(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        yield from batches
        context = TaskContext.get()
        if context.partitionId() == 3 and context.attemptNumber() == 0:
            Path(flag).touch()
            time.sleep(
                0.3
            )  # what was passed on has left by now: another process sends it, and tells nobody here
            raise ConnectionError("an injected error")

    return pass_on


def test_spark_with_a_task_that_fails_after_it_sent(spark: Any, tmp_path: Path) -> None:
    frame = spark.createDataFrame(pa.Table.from_pandas(orders())).repartition(PARTS, "order")
    flag = str(tmp_path / "failed")

    with FaultServer() as server:
        failing = frame.mapInArrow(fail_at_the_end(flag), frame.schema)
        report = backfill(failing, purchase(), key="order", collector=server.url, max_body_bytes=100_000)
        assert Path(flag).exists()
        assert_all_sent(report, server)


def test_a_remote_spark_session_sends_too_at_a_rate_if_asked() -> None:
    load("grpc")
    require("java")
    program = Path(__file__).with_name("connect_program.py")
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert done.stdout.splitlines()[-2:] == ["1000 1000 True 1000", "1000 1000 True 1000"]


def test_a_dry_run_on_an_engine_sends_nothing(spark: Any) -> None:
    frame = spark.createDataFrame(pa.Table.from_pandas(orders()))
    report = backfill(frame, purchase(), key="order", dry_run=True)
    assert (report.rows, report.sent) == (ROWS, ROWS)


def test_engines_need_a_key(spark: Any, dask_frames: Any) -> None:
    for frame in (spark.createDataFrame(orders()[:3]), dask_frames.from_pandas(orders()[:3], npartitions=1)):
        with pytest.raises(ValueError, match="pass key="):
            backfill(frame, purchase(), dry_run=True)


def test_invalid_rows_come_back_from_the_tasks(dask_frames: Any) -> None:
    frame = orders()[:100]
    event = purchase()
    event.event_subject = Subject().set_domain_session_id(col("order"))
    with FaultServer() as server:
        report = backfill(
            dask_frames.from_pandas(frame, npartitions=4), event, key="order", collector=server.url
        )
    assert (report.rows, report.skipped, report.sent) == (100, 100, 0)
    assert len(report.errors) == 100
    assert "must be a UUID" in report.errors["reason"][0]


def test_rows_that_share_a_key_are_found_across_parts(spark: Any, dask_frames: Any) -> None:
    frame = pd.concat([orders()[:90], orders()[:7], orders()[:2].assign(order=None)])
    for parted in (
        dask_frames.from_pandas(frame.reset_index(drop=True), npartitions=4),
        spark.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False)).repartition(4),
    ):
        report = backfill(parted, purchase(), key="order", dry_run=True)
        assert (report.rows, report.repeated_keys, report.null_keys, report.ok) == (99, 7, 2, False)
        assert "7 rows with the key of an earlier one\n" in str(report)


def test_spark_writes_to_the_format_nbtrack(spark: Any, tmp_path: Path) -> None:
    from nbtrack.bulk.engines.spark_source import make_source

    flag, counts = str(tmp_path / "failed"), tmp_path / "counts.json"
    frame = spark.createDataFrame(pa.Table.from_pandas(orders())).repartition(PARTS, "order")

    with FaultServer() as server:
        plan = make_plan(purchase(), frame.columns, key="order", collector=server.url, max_body_bytes=100_000)
        spark.dataSource.register(make_source(plan))
        failing = frame.mapInArrow(fail_at_the_end(flag), frame.schema)
        failing.write.format("nbtrack").mode("append").option("report", str(counts)).save()
        assert Path(flag).exists()
        assert set(server.delivered) == wanted()
    found = json.loads(counts.read_text())
    assert (found["rows"], found["sent"], found["failed"], found["skipped"]) == (ROWS, ROWS, 0, 0)
    # those of the partition that failed once, all of which may have been sent before
    sent_twice = sum(count - 1 for count in server.delivered.values())
    assert sent_twice <= found["resent"]
    assert 0 < found["resent"] < ROWS


def test_spark_does_not_say_that_nothing_was_sent_again(spark: Any, tmp_path: Path) -> None:
    from nbtrack.bulk.engines.spark_source import make_source

    counts = tmp_path / "counts.json"
    frame = spark.createDataFrame(pa.Table.from_pandas(orders()[:100])).repartition(2)
    with FaultServer() as server:
        plan = make_plan(purchase(), frame.columns, key="order", collector=server.url)
        spark.dataSource.register(make_source(plan))
        frame.write.format("nbtrack").mode("append").option("report", str(counts)).save()
    found = json.loads(counts.read_text())
    assert (found["sent"], found["resent"]) == (100, None)


def test_spark_raises_if_rows_are_not_delivered(spark: Any, tmp_path: Path) -> None:
    from nbtrack.bulk.engines.spark_source import make_source

    counts = tmp_path / "counts.json"
    frame = spark.createDataFrame(pa.Table.from_pandas(orders()[:100])).repartition(2)
    with FaultServer([Act(status=401)]) as server:
        plan = make_plan(purchase(), frame.columns, key="order", collector=server.url)
        spark.dataSource.register(make_source(plan))
        with pytest.raises(Exception, match="0 of 100 rows sent"):
            frame.write.format("nbtrack").mode("append").option("report", str(counts)).save()
    assert json.loads(counts.read_text())["reasons"] == {"HTTP 401": 100}


def test_what_is_no_frame_of_dask_is_answered_with_the_call_that_returns_one(dask_frames: Any) -> None:
    dask, bags, arrays = load("dask"), load("dask.bag"), load("dask.array")
    frame = dask_frames.from_pandas(orders()[:10], npartitions=2)
    answers = {
        r"data\.to_dataframe\(\)": bags.from_sequence([{"order": "o-1"}]),
        r"dask\.dataframe\.from_dask_array\(data, columns=": arrays.ones(3),
        r"dask\.dataframe\.from_delayed\(\[data\]\)": dask.delayed(orders()),
        r"a DataFrame of dask": frame.groupby("order"),
        r"data\.compute\(\)": [frame],
        r"data\.to_frame\(\)": frame["order"],
    }
    for answer, data in answers.items():
        with pytest.raises(SourceError, match=f"; pass {answer}"):
            backfill(data, purchase(), key="order", dry_run=True)
    with pytest.raises(
        ValueError, match="since= is not supported for Dask and Spark; filter the DataFrame instead"
    ):
        backfill(frame, purchase(), key="order", since="at", dry_run=True, collector="http://127.0.0.1:9")


def test_what_is_no_frame_of_spark_is_answered_with_the_call_that_returns_one(spark: Any) -> None:
    frame = spark.createDataFrame([("o-1", 1)], ["order", "qty"])
    answers = {
        r"data\.toDF\(\[…\]\)": frame.rdd,
        r"data\.agg\(…\)": frame.groupBy("order"),
        r"the DataFrame, such as df\.select\(column\)": frame.order,
        r"data\.to_spark\(\)": type("DataFrame", (), {"__module__": "pyspark.pandas.frame"})(),
    }
    for answer, data in answers.items():
        with pytest.raises(SourceError, match=f"; pass {answer}"):
            backfill(data, purchase(), key="order", dry_run=True)


def test_a_frame_of_narwhals_is_sent_by_the_engine_inside(dask_frames: Any) -> None:
    narwhals = load("narwhals")
    frame = narwhals.from_native(dask_frames.from_pandas(orders()[:10], npartitions=2))
    report = backfill(frame, purchase(), key="order", dry_run=True)
    assert (report.rows, report.sent) == (10, 10)


def test_the_progress_of_dask_is_shown_as_partitions_are_sent(
    dask_client: Any, dask_frames: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = dask_frames.from_pandas(orders(), npartitions=PARTS)
    report = backfill(frame, purchase(), key="order", dry_run=True, progress=True)
    assert (report.sent, report.ok) == (ROWS, True)
    assert "20.0k" in capsys.readouterr().err.replace("200k", "20.0k")


def test_spark_loses_nothing_with_an_executor_and_counts_what_tasks_sent_again(tmp_path: Path) -> None:
    load("pyspark")
    require("java")
    program = Path(__file__).with_name("cluster_program.py")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    killed, copied = (list(map(int, line.split())) for line in done.stdout.splitlines()[-2:])
    for rows, sent, delivered, again, resent in (killed, copied):
        assert (rows, sent, delivered) == (100_000, 100_000, 100_000)
        # at least the one task, of whose rows the collector may have had none when its executor was killed
        assert again <= resent
        assert 25_000 <= resent < rows
    assert copied[-2] >= 10_000
    assert copied[-1] == 25_000  # the only task with a copy


def test_what_a_lost_worker_of_dask_had_sent_is_counted(dask_frames: Any) -> None:
    # a worker may be killed between two partitions, where it has sent nothing that is sent again
    for _ in range(4):
        report, again = backfill_with_a_lost_worker(dask_frames)
        assert again <= report.resent
        if again:
            break
    else:
        pytest.fail("no event was sent again in 4 runs")
    assert f"{report.resent:,} rows in tasks that ran again; events sent before were sent again" in str(
        report
    )


def backfill_with_a_lost_worker(dask_frames: Any) -> tuple[BackfillReport, int]:
    """Kill one of two workers while they send, and return the report and how many events arrived again."""
    distributed = load("distributed")
    frame = dask_frames.from_pandas(orders(), npartitions=PARTS)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with (
        FaultServer() as server,
        distributed.LocalCluster(**options, silence_logs=logging.CRITICAL) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = client.run(os.getpid)

        def kill_one() -> None:
            assert server.wait_for(ROWS // 8, 60)
            os.kill(min(pids.values()), signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        report = backfill(
            frame,
            purchase(),
            key="order",
            collector=server.url,
            rate=ROWS / 4,
            max_body_bytes=50_000,
        )
        killer.join()
        assert_all_sent(report, server)
        return report, sum(server.delivered.values()) - ROWS
