"""Incremental backfills: each run sends what is new, and what failed before; together they send what one run would."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbtrack.pandas
from nbtrack import backfill, col
from nbtrack.bulk import BackfillReport, LedgerError, SourceError, TemplateError
from nbtrack.collector import LocalCollector
from nbtrack.tracker import SelfDescribing, SelfDescribingJson, StructuredEvent
from tests.support.backfills import check_accounts, orders, purchase, purchase_ids
from tests.support.fault_server import Act, FaultServer
from tests.support.waiting import poll

START = datetime(2024, 1, 1, tzinfo=UTC)
LAG = 30
"""Seconds."""


def send(data: Any, server: FaultServer, **options: Any) -> BackfillReport:
    given: dict[str, Any] = {"key": "order", "collector": server.url, "since": "at", **options}
    report = backfill(data, purchase(), **given)
    check_accounts(report)
    return report


def test_each_run_sends_what_is_new() -> None:
    frame = orders(1_000)
    with FaultServer() as server:
        first = send(frame[:400], server)
        again = send(frame[:400], server)
        rest = send(frame, server)
    assert (first.sent, first.resumed) == (400, 0)
    assert (again.sent, again.resumed, again.requests, again.ok) == (0, 400, 0, True)
    assert (rest.sent, rest.resumed) == (600, 400)
    assert set(server.delivered) == purchase_ids(list(frame["order"]))
    assert set(server.delivered.values()) == {1}
    assert "the next run begins at 2024-01-01 06:39:00 UTC" in str(first)
    assert "new rows are those with at from 2024-01-01 06:39:00 UTC on" in str(rest)


def test_rows_with_the_time_of_the_watermark_may_still_come() -> None:
    frame = orders(5).assign(at=pd.Timestamp(START))
    with FaultServer() as server:
        assert [send(frame[:count], server).sent for count in (2, 3, 5, 5)] == [2, 1, 2, 0]
    assert set(server.delivered.values()) == {1}


def test_a_row_that_comes_late_is_sent_within_the_lag() -> None:
    frame = orders(3)
    late = frame.iloc[[0]].assign(order="late")
    with FaultServer() as server:
        assert send(frame, server, lag=timedelta(minutes=2)).sent == 3
        assert send(pd.concat([frame, late]), server, lag=60, dry_run=True).sent == 0
        assert send(pd.concat([frame, late]), server, lag=120).sent == 1
    assert set(server.delivered.values()) == {1}


def test_a_row_that_changes_is_sent_again() -> None:
    frame = orders(3)
    with FaultServer() as server:
        send(frame, server)
        frame.loc[0, "at"] = frame["at"].max() + pd.Timedelta("1min")
        assert send(frame, server).sent == 1


def test_rows_that_failed_are_tried_again_whatever_their_time() -> None:
    frame = orders(3_000)
    with FaultServer() as server:
        server.script = lambda _number, body: Act(status=404 if b"o-1010" in body else 200)
        first = send(frame, server, max_body_bytes=20_000, encode_base64=False)
        assert 0 < first.failed < 3_000
        assert f"tries the {first.failed:,} rows again that failed" in str(first)
        server.script = lambda _number, _body: Act()
        second = send(frame, server)
    assert (second.sent, second.resumed, second.ok) == (first.failed, first.sent, True)
    assert len(server.delivered) == 3_000


def test_rows_that_were_skipped_are_sent_once_they_are_right() -> None:
    frame = orders(4).assign(id=["a", None, "c", "d"], qty=["1", "2", "three", "4"])
    event = purchase(id=col("id"), qty=col("qty").cast("int"))
    options: dict[str, Any] = {"key": "id", "since": "at"}
    with FaultServer() as server:
        first = backfill(frame, event, collector=server.url, **options)
        check_accounts(first)
        assert (first.sent, first.skipped, first.ok) == (2, 2, False)
        assert "the key is missing, so a later run could not tell whether the row was sent" in str(first)
        right = frame.assign(id=list("abcd"), qty=list("1234"))
        second = backfill(right, event, collector=server.url, **options)
    assert (second.sent, second.resumed, second.ok) == (2, 2, True)


def test_a_row_without_a_time_is_reported_by_every_run() -> None:
    frame = orders(3)
    frame.loc[1, "at"] = pd.NaT
    event = StructuredEvent("shop", "buy", label=col("order"))
    with FaultServer() as server:
        for sent in (2, 0):
            report = backfill(frame, event, key="order", collector=server.url, since="at")
            check_accounts(report)
            assert (report.sent, report.skipped) == (sent, 1)
            assert (
                report.errors["reason"][0]
                == "at is missing, so it is not known whether an earlier run sent the row"
            )


def test_a_time_in_the_future_hides_nothing() -> None:
    frame = orders(3)
    frame.loc[1, "at"] = pd.Timestamp("2200-01-01", tz="UTC")
    with FaultServer() as server:
        assert send(frame, server).sent == 3
        new = orders(1).assign(order="new", at=pd.Timestamp.now("UTC") + pd.Timedelta("1min"))
        assert send(pd.concat([frame, new]), server).sent == 1


@pytest.mark.parametrize(
    ("values", "later"),
    [
        ([1, 2, 3], 4),
        ([1.0, float("nan"), 3.0], 4.0),
        (["1", "2", "10"], "11"),
        (["2024-01-01", "2024-01-02T03:04:05+02:00", "2024-01-03 04:05"], "2024-01-04"),
        ([START.date(), START.date() + timedelta(1), None], START.date() + timedelta(2)),
        ([START, START + timedelta(microseconds=1), START + timedelta(1)], START + timedelta(2)),
        ([2**63, 1, 2], 3),
    ],
)
def test_times_and_numbers_of_any_type_order_the_rows(values: list[Any], later: Any) -> None:
    event = StructuredEvent("shop", "buy", label=col("k"))
    readable = sum(pd.notna(value) and value != 2**63 for value in values)
    with FaultServer() as server:
        options: dict[str, Any] = {"key": "k", "collector": server.url, "since": "n"}
        rows = [{"k": str(index), "n": value} for index, value in enumerate(values)]
        assert backfill(rows, event, **options).sent == readable
        report = backfill([*rows, {"k": "new", "n": later}], event, **options)
        check_accounts(report)
        assert (report.sent, report.resumed) == (1, readable)


def test_a_dry_run_shows_what_would_be_sent_and_records_nothing(home: Path) -> None:
    frame = orders(10)
    with FaultServer() as server:
        assert send(frame, server, dry_run=True).sent == 10
        assert not list(home.glob("watermarks/*"))
        send(frame[:4], server)
        assert [send(frame, server, dry_run=True).sent for _ in range(2)] == [6, 6]
        assert send(frame, server).sent == 6


def test_each_collector_and_each_column_has_its_own_watermark(home: Path) -> None:
    with FaultServer() as server, FaultServer() as other:
        assert [send(orders(3), each).sent for each in (server, other, server)] == [3, 3, 0]
    assert len(list(home.glob("watermarks/*.sqlite"))) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in home.glob("watermarks/*.sqlite"))


def test_a_private_collector_and_the_accessor_of_frames() -> None:
    assert nbtrack.pandas.BackfillAccessor
    with LocalCollector() as collector:
        for sent in (3, 0):
            report = orders(3).nbtrack.backfill(purchase(), key="order", since="at", collector=collector)
            check_accounts(report)
            assert report.sent == sent == report.good + report.bad
        assert collector.counts()["total"] == 3


def test_the_command_line_sends_what_is_new(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(
        '{"schema": "iglu:com.acme/thing/jsonschema/1-0-0", "data": {"order": {"$col": "order"}}}'
    )
    with FaultServer() as server:
        for rows, sent in ((2, 2), (5, 3)):
            orders(rows).to_csv(tmp_path / "orders.csv", index=False)
            command = [
                sys.executable,
                "-c",
                "from nbtrack.cli import main; main()",
                "backfill",
                str(tmp_path / "orders.csv"),
                "--quiet",
            ]
            options = [
                "--event",
                str(event),
                "--collector",
                server.url,
                "--key",
                "order",
                "--since",
                "at",
                "--lag",
                "1",
            ]
            output = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
            assert f"{sent} of {rows} rows sent" in output
    assert len(server.delivered) == 5


class CrashError(Exception):
    """The process ends here."""


def crash_after(frames: list[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    yield from frames
    raise CrashError


def refuse(orders: list[bytes], _number: int, body: bytes) -> Act:
    return Act(status=404 if any(b'"se_la":"%b"' % order in body for order in orders) else 200)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, str]]]:
    """Draw the second of each row in the order of their arrival, and the runs: rows that are there, and what happens."""
    seconds: list[int] = []
    newest = 0
    for _ in range(draw(st.integers(1, 30))):
        newest += draw(st.integers(0, LAG))
        seconds.append(max(0, newest - draw(st.integers(0, LAG))))
        newest = max(seconds)
    counts = st.integers(1, len(seconds))
    runs = draw(st.lists(st.tuples(counts, st.sampled_from(["ok", "crash", "refuse"])), max_size=5))
    return seconds, sorted(runs, key=lambda run: run[0])


@settings(max_examples=150 if os.environ.get("NBTRACK_LONG") else 25, deadline=None)
@given(histories(), st.integers(0, 2**32).map(Random))
def test_runs_cut_anywhere_and_ended_anyhow_send_the_events_of_one_run(
    tmp_path_factory: pytest.TempPathFactory, history: tuple[list[int], list[tuple[int, str]]], random: Random
) -> None:
    seconds, runs = history
    frame = orders(len(seconds)).assign(at=[START + timedelta(seconds=second) for second in seconds])
    ledger = tmp_path_factory.mktemp("job") / "job.sqlite"
    ended = False
    with FaultServer() as server:
        for count, happens in [*runs, (len(frame), "ok")]:
            rows = frame[:count].sample(frac=1, random_state=random.randrange(2**32))
            refused = [order.encode() for order in rows["order"] if random.random() < 0.3]
            server.script = partial(refuse, refused if happens == "refuse" else [])
            parts = [rows[index : index + 3] for index in range(0, count, 3)]
            event = StructuredEvent("shop", "buy", label=col("order"), true_timestamp=col("at"))
            options: dict[str, Any] = {
                "key": "order", "since": "at", "lag": LAG, "ledger": ledger, "namespace": "x",
            }  # fmt: skip
            if happens == "crash":
                ended = True
                with pytest.raises(CrashError):
                    backfill(
                        crash_after(parts[: random.randint(0, len(parts))] or [rows[:0]]),
                        event, collector=server.url, **options,
                    )  # fmt: skip
            else:
                report = backfill(iter(parts), event, collector=server.url, **options)
                check_accounts(report)
                assert report.rows == count
    assert report.ok
    with FaultServer() as reference:
        backfill(frame, event, collector=reference.url, key="order", namespace="x")
    assert set(server.delivered) == set(reference.delivered)
    if not ended:
        assert set(server.delivered.values()) == {1}


KILLED = """
import sys, time
import pyarrow as pa
from nbtrack import backfill, col
from nbtrack.tracker import StructuredEvent
table = pa.table({"order": [f"o-{n}" for n in range(20_000)], "n": range(20_000)})
backfill(table, StructuredEvent("shop", "buy", label=col("order")), key="order", since="n", collector=sys.argv[1],
         max_body_bytes=20_000)
"""


def test_a_run_that_is_killed_is_continued(home: Path) -> None:
    with FaultServer(lambda _number, _body: Act(after=0.05)) as server:
        process = subprocess.Popen([sys.executable, "-c", KILLED, server.url])
        assert server.wait_for(2_000)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert poll(lambda: len(server.delivered) == len(server.arrived), 2)
        before = len(server.delivered)
        assert before < 20_000
        server.script = lambda _number, _body: Act()
        table = pa.table({"order": [f"o-{n}" for n in range(20_000)], "n": range(20_000)})
        event = StructuredEvent("shop", "buy", label=col("order"))
        report = backfill(table, event, key="order", since="n", collector=server.url)
        check_accounts(report)
        assert report.ok
        assert report.resumed > 1_000
    assert len(server.delivered) == 20_000


def test_a_watermark_of_another_key_or_type_is_not_continued(tmp_path: Path) -> None:
    frame = orders(3)
    ledger = tmp_path / "job.sqlite"
    with FaultServer() as server:
        send(frame, server, ledger=ledger)
        with pytest.raises(LedgerError, match=r"the key changed; remove .*job.sqlite to send all rows again"):
            send(frame, server, ledger=ledger, key=["order", "at"])
        with pytest.raises(SourceError, match=r"'at' of since= holds numbers, and times before"):
            backfill(
                frame.assign(at=[1, 2, 3]),
                SelfDescribing(SelfDescribingJson("iglu:com.acme/purchase/jsonschema/1-0-0", {})),
                key="order", since="at", ledger=ledger, collector=server.url,
            )  # fmt: skip
        with pytest.raises(TemplateError, match="no column 'updated'"):
            send(frame, server, since="updated")
