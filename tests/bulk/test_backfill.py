"""A backfill sends one event for each row, and accounts for every row."""

import asyncio
import json
import pickle
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nbtrack.pandas
from nbtrack import backfill, backfill_async, col
from nbtrack.bulk import (
    BackfillReport,
    InvalidRow,
    LedgerError,
    SourceError,
    TemplateError,
    make_event_id,
    make_namespace,
    make_plan,
    preview,
    send_batches,
)
from nbtrack.bulk.sending.dead_letters import DeadLetters
from nbtrack.bulk.sending.run import Run
from nbtrack.bulk.sources.chunks import CHUNK_ROWS, Chunk, rechunk
from nbtrack.schemas import Registry
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson, StructuredEvent, Subject
from tests.support.backfills import PURCHASE, check_accounts, orders, purchase, purchase_ids
from tests.support.fault_server import Act, FaultServer, free_port

assert nbtrack.pandas
SCHEMA = {
    "self": {"vendor": "com.acme", "name": "purchase", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
    "properties": {
        "order": {"type": "string", "maxLength": 8},
        "qty": {"type": ["integer", "null"], "minimum": 0},
        "tag": {"enum": ["a", "b", None]},
    },
    "required": ["order"],
    "additionalProperties": False,
}


def test_all_rows_arrive_once_with_the_ids_of_the_recipe() -> None:
    frame = orders(5_000)
    with FaultServer() as server:
        report = backfill(frame, purchase(), key="order", collector=server.url)
        again = backfill(frame, purchase(), key="order", collector=server.url)
    assert set(server.delivered) == purchase_ids(frame["order"])
    assert set(server.delivered.values()) == {2}
    assert report.ok
    assert (report.rows, report.sent, again.sent) == (5_000, 5_000, 5_000)
    assert report.time_range == (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 4, 11, 19, tzinfo=UTC))
    assert report.hours[473_352 - 24 * 0] == 60
    check_accounts(report)


def test_ids_of_the_recipe_take_any_key_and_any_namespace() -> None:
    table = pa.table({"n": [1, 2], "s": ['é"\0', ""], "f": [0.5, None]})
    event = PageView("https://acme.com")
    for namespace in ("orders of 2024", uuid.UUID(int=7)):
        found = preview(table, event, key=["n", "s", "f"], namespace=namespace)["eid"].to_list()
        made = make_namespace(event, namespace)
        assert found == [
            str(make_event_id(made, ["1", 'é"\0', "0.5"])),
            str(make_event_id(made, ["2", "", ""])),
        ]


def test_without_a_key_content_and_position_make_the_id() -> None:
    frame = pd.DataFrame({"order": ["a", "a", "b"], "qty": [1, 1, 1], "at": [1, 1, 1]})
    first, again = (preview(frame, purchase())["eid"].to_list() for _ in range(2))
    other = preview(frame.assign(order=["a", "a", "c"]), purchase())["eid"].to_list()
    assert first == again
    assert len(set(first)) == 3
    assert first[:2] == other[:2]
    assert first[2] != other[2]


def test_repeated_and_missing_keys_are_found_counted_and_named() -> None:
    frame = orders(1_000)
    frame.loc[frame.index % 100 == 3, "order"] = None
    frame.loc[frame.index % 100 == 5, "order"] = frame["order"][frame.index % 100 == 4].to_numpy()
    event = purchase(qty=col("qty"))
    dry = backfill(frame, event, key="order", dry_run=True)
    with FaultServer() as server:
        report = backfill(frame, event, key="order", collector=server.url)
        wanted = backfill(frame, event, key="order", collector=server.url, on_duplicate="send")
    for found in (dry, report, wanted):
        assert (found.null_keys, found.repeated_keys) == (10, 10)
        assert (found.null_rows, found.repeated_rows) == ([3, 103, 203, 303, 403], [5, 105, 205, 305, 405])
        check_accounts(found)
    assert not dry.ok
    assert not report.ok
    assert wanted.ok
    assert "10 rows without a key, such as row 3, 103" in str(report)
    assert "10 rows with the key of an earlier one, such as row 5, 105" in str(dry)


def test_ids_of_history_are_kept_and_checked() -> None:
    ids = [str(uuid.UUID(int=number)) for number in range(5)]
    frame = pd.DataFrame({"id": [*ids, ids[0], None, "no uuid"]})
    event = PageView("https://acme.com", event_id=col("id"))
    with FaultServer() as server:
        report = backfill(frame, event, collector=server.url)
    assert server.delivered == Counter({id_: 1 + (id_ == ids[0]) for id_ in ids})
    assert (report.sent, report.skipped, report.repeated_keys) == (6, 2, 1)
    assert report.errors["row"].to_list() == [5, 6, 7]
    assert report.errors["reason"][0] == "same event id as an earlier row (sent)"
    assert "row has no event id" in report.errors["reason"][1]
    with pytest.raises(TemplateError, match="the same for all rows"):
        backfill(frame, PageView("https://acme.com", event_id=uuid.uuid4()), dry_run=True)
    with pytest.raises(TemplateError, match="use one of them"):
        backfill(frame, event, key="id", dry_run=True)


def test_a_missing_column_is_named_with_the_nearest_and_unused_ones_are_listed() -> None:
    frame = orders(3).assign(note="x")
    with pytest.raises(TemplateError, match=r"no column 'ordr' \(did you mean 'order'\?\)"):
        backfill(frame, PageView(col("ordr")), dry_run=True)
    report = backfill(frame, purchase(), key="order", dry_run=True)
    assert report.unused == ("note",)
    assert "unused columns: note" in str(report)


def test_contracts_hold_for_columns_as_for_values() -> None:
    frame = pd.DataFrame(
        {
            "url": ["https://acme.com", "", None, "https://acme.com", "https://acme.com"],
            "vid": ["1", "2", "3", "x", None],
            "p": ["web", "web", "web", "web", "moon"],
        }
    )
    subject = Subject().set_domain_session_index(col("vid")).set_platform(col("p"))
    with FaultServer() as server:
        report = backfill(frame, PageView(col("url"), event_subject=subject), key="vid", collector=server.url)
    assert (report.sent, report.skipped) == (1, 4)
    reasons = report.errors.set_index("row")["reason"].to_dict()
    assert reasons[1] == reasons[2] == "url is empty"
    assert "vid must be an int" in reasons[3]
    assert "moon" in reasons[4]
    check_accounts(report)


def test_mixed_values_break_contracts_too() -> None:
    frame = pd.DataFrame({"v": pd.Series([1, "2.5", [1], {"a": 1}, None], dtype=object)})
    report = backfill(frame, StructuredEvent("a", "b", value=col("v")), dry_run=True)
    assert (report.sent, report.skipped) == (3, 2)
    assert report.errors["row"].to_list() == [2, 3]


def checked(frame: Any, event: Any, **options: Any) -> BackfillReport:
    registry = Registry()
    registry.register(SCHEMA)
    return backfill(frame, event, registry=registry, dry_run=True, **options)


def test_rows_are_checked_against_the_schema() -> None:
    frame = pd.DataFrame(
        {
            "order": ["a", "much too long", None, "b", "c"],
            "qty": pd.array([1, 2, 3, -1, None], "Int64"),
            "tag": ["a", "b", "a", "a", "z"],
        }
    )
    event = SelfDescribing(
        SelfDescribingJson(PURCHASE, {name: col(name) for name in ("order", "qty", "tag")})
    )
    report = checked(frame, event)
    assert (report.sent, report.skipped, report.invalid) == (1, 4, 4)
    reasons = report.errors["reason"].to_list()
    assert reasons[0] == "purchase: $.order: 13 characters found, at most 8 allowed"
    assert reasons[1] == "purchase: $.order: null found, string expected"
    assert "$.qty" in reasons[2]
    assert "$.tag" in reasons[3]
    assert checked(frame, event, on_invalid="send").sent == 5
    with pytest.raises(InvalidRow, match="row 1: purchase"):
        checked(frame, event, on_invalid="raise")
    assert "no registry has" in str(backfill(frame, event, dry_run=True))


@pytest.mark.parametrize(
    "keyword", ["pattern", "format", "multipleOf", "oneOf", "patternProperties", "minProperties"]
)
def test_what_sql_cannot_check_the_validator_does(keyword: str) -> None:
    schema: dict[str, Any] = {"self": SCHEMA["self"], "type": "object", "properties": {"x": {}}}
    cells: list[Any] = ["abc", "xyz"]
    rule = schema["properties"]["x"]
    if keyword == "pattern":
        rule["pattern"] = "^a"
    elif keyword == "format":
        rule["format"], cells = "ipv4", ["127.0.0.1", "moon"]
    elif keyword == "multipleOf":
        rule["multipleOf"], cells = 3, [6, 7]
    elif keyword == "oneOf":
        rule["oneOf"] = [{"enum": ["abc"]}, {"type": "integer"}]
    elif keyword == "patternProperties":
        schema["patternProperties"] = {"^x": {"maxLength": 3}}
        cells = ["abc", "wxyz"]
    else:
        schema["minProperties"], cells = 2, ["a"]
    registry = Registry()
    registry.register(schema)
    event = SelfDescribing(SelfDescribingJson(PURCHASE, {"x": col("x")}))
    report = backfill(pa.table({"x": cells}), event, registry=registry, dry_run=True)
    assert report.skipped == 1


def test_sql_and_validator_agree() -> None:
    """Rows that SQL passes are those that the validator passes, over many small schemas and values."""
    rng = random.Random(7)
    columns: dict[str, Any] = {
        "text": pa.array(["", "a", "abcd", "🤦🤦", None, "12", "2024-01-01", str(uuid.UUID(int=3))]),
        "whole": pa.array([0, 1, -5, 100, None, 7, 2**40, 3]),
        "real": pa.array([0.0, 1.5, -2.0, float("nan"), float("inf"), None, 1e300, 3.0]),
        "truth": pa.array([True, False, None, True, False, True, None, True]),
        "day": pa.array([*[date(2024, 1, 1)] * 7, None]),
        "time": pa.array([*[datetime.fromisoformat("2024-01-01")] * 7, None]),
    }
    table = pa.table(columns)
    kinds = ["string", "integer", "number", "boolean", "null", "object", "array"]
    for _ in range(40):
        rule: dict[str, Any] = {}
        if rng.random() < 0.8:
            rule["type"] = rng.choice([rng.choice(kinds), rng.sample(kinds, 2)])
        limits = (
            ("maxLength", 3),
            ("minLength", 1),
            ("minimum", 0),
            ("maximum", 50),
            ("maximum", 1.5),
        )
        rule.update({name: value for name, value in limits if rng.random() < 0.25})
        if rng.random() < 0.2:
            rule["enum"] = rng.sample(["a", "abcd", 1, 1.5, True, None, ""], 3)
        if rng.random() < 0.2:
            rule["format"] = rng.choice(["date", "date-time", "uuid", "ipv4"])
        name = rng.choice(list(columns))
        schema = {"self": SCHEMA["self"], "type": "object", "properties": {"x": rule}}
        registry = Registry()
        registry.register(schema)
        report = backfill(
            table,
            SelfDescribing(SelfDescribingJson(PURCHASE, {"x": col(name)})),
            registry=registry,
            dry_run=True,
        )
        events = preview(table, SelfDescribing(SelfDescribingJson(PURCHASE, {"x": col(name)})), n=8)["ue_px"]
        wanted = [row for row, event in enumerate(events) if registry.faults(PURCHASE, event["data"]["data"])]
        assert report.errors["row"].to_list() == wanted, (rule, name)


def test_refused_events_are_kept_and_sent_again() -> None:
    frame = orders(3_000)
    with FaultServer(lambda number, body: Act(status=400 if number < 2 else 200)) as server:
        report = backfill(
            frame, purchase(), key="order", collector=server.url, max_body_bytes=200_000, connections=2
        )
        check_accounts(report)
        assert not report.ok
        assert 0 < report.failed < 3_000
        rows = pq.read_table(report.dead_letters).to_pylist()
        assert len(rows) == len(report.errors) == report.failed
        assert {row["reason"] for row in rows} == {"HTTP 400"}
        assert {json.loads(row["payload"])["eid"] for row in rows} == {row["event_id"] for row in rows}
        again = report.retry()
    assert again.ok
    assert again.sent == report.failed
    assert len(server.delivered) == 3_000
    with pytest.raises(RuntimeError, match="nothing to send again"):
        again.retry()


def test_invalid_rows_are_sent_again_only_when_asked() -> None:
    frame = pd.DataFrame({"order": ["a", "much too long"], "qty": [1, 1], "at": [1, 1]})
    registry = Registry()
    registry.register(SCHEMA)
    with FaultServer() as server:
        report = backfill(frame, purchase(), key="order", collector=server.url, registry=registry)
        assert report.retry().rows == 0
        assert report.retry(invalid=True).sent == 1
    assert len(server.delivered) == 2


def test_an_event_too_large_to_send_is_left_out() -> None:
    frame = pd.DataFrame({"order": ["a", "b" * 300_000, "c"], "qty": 1, "at": 1})
    with FaultServer() as server:
        report = backfill(frame, purchase(), key="order", collector=server.url, max_body_bytes=200_000)
    assert (report.sent, report.skipped) == (2, 1)
    assert "more than" in report.errors["reason"][0]
    assert all(len(seen.body) <= 200_000 for seen in server.seen)


def test_a_dry_run_sends_nothing_and_shows_what_it_would_send() -> None:
    report = backfill(orders(2_000), purchase(), key="order", dry_run=True)
    assert (report.rows, report.sent, report.skipped) == (2_000, 2_000, 0)
    assert report.bytes > 2_000 * 100
    assert report.requests >= 1
    assert report.sample[0]["ue_px"]["data"]["data"] == {"order": "o-0", "qty": 0}
    assert report.time_range is not None
    assert str(report).startswith("dry run ok: 2,000 of 2,000 rows would be sent")


def test_the_unused_columns_of_a_wide_frame_are_not_all_named() -> None:
    frame = pd.DataFrame([range(1_000)], columns=[f"c{n}" for n in range(1_000)])
    shown = str(backfill(frame, PageView("https://acme.com"), dry_run=True))
    assert ", c29 and 970 more" in shown
    assert "c30" not in shown


def test_the_columns_of_a_wide_frame_are_not_all_named_where_one_is_missing() -> None:
    wide = pd.DataFrame({f"c{number}": [1] for number in range(1_000)})
    with pytest.raises(TemplateError, match=r"no column 'order', .*; it has: c0, .*, c29 and 970 more$"):
        backfill(wide, purchase(), key="order", dry_run=True)


def test_headers_go_with_each_request_and_show_nowhere() -> None:
    with FaultServer([Act(401), Act(200)]) as server:
        send = {"collector": server.url, "headers": {"Authorization": "Bearer s3cret"}}
        report = backfill(orders(10), purchase(), key="order", **send)
        assert report.failed == 10
        assert report.retry().ok
        assert {seen.headers["authorization"] for seen in server.seen} == {"Bearer s3cret"}
    assert "s3cret" not in str(report) + repr(make_plan(purchase(), list(orders(1)), **send))
    with pytest.raises(TypeError, match="headers must be a dict"):
        backfill(orders(10), purchase(), **{**send, "headers": "Bearer s3cret"})


def test_the_report_shows_itself_as_html() -> None:
    report = backfill(orders(2_000), purchase(), key="order", dry_run=True)
    html = report._repr_html_()
    assert "<svg" in html
    assert "events from 2024-01-01 to 2024-01-02" in html
    assert "<script" not in BackfillReport(notes=["<script>"])._repr_html_()


def test_times_that_look_like_seconds_are_noted() -> None:
    report = backfill(
        pa.table({"at": [1_700_000_000]}), PageView("https://a.com", true_timestamp=col("at")), dry_run=True
    )
    assert "look like seconds" in str(report)


def test_a_rate_is_kept() -> None:
    with FaultServer() as server:
        started = time.monotonic()
        report = backfill(orders(900), purchase(), key="order", collector=server.url, rate=600)
        taken = time.monotonic() - started
    assert report.ok
    assert taken >= 0.9  # the first second's worth leaves at once
    assert len(server.seen) == 2


def test_an_overloaded_collector_gets_fewer_requests_at_once() -> None:
    from nbtrack.bulk.sending.rate_limit import Pace

    pace = Pace(8, None, None, threading.Event())
    for _ in range(3):
        assert pace.enter(1, 1)
        pace.failed(overloaded=True)
    assert pace.window == 1.0
    for _ in range(10):
        assert pace.enter(1, 1)
        pace.succeeded()
    assert 3.0 < pace.window < 8.0


def test_an_interrupted_run_is_resumed() -> None:
    frame = orders(2 * CHUNK_ROWS + 100)
    table = pa.Table.from_pandas(frame)
    with FaultServer() as server:
        server.script = lambda number, body: Act(status=200 if number < 4 else 503)
        report = backfill(
            table, purchase(), key="order", collector=server.url, connections=1, give_up_after=0.5
        )
        assert report.interrupted
        assert not report.ok
        assert report.unsent > 0
        assert report.rows == len(frame)
        check_accounts(report)
        assert "resume=True" in str(report)
        server.script = lambda number, body: Act()
        rest = backfill(table, purchase(), key="order", collector=server.url, resume=True)
        done = backfill(table, purchase(), key="order", collector=server.url, resume=True)
    assert rest.ok
    check_accounts(rest)
    assert len(server.delivered) == len(frame)
    assert (done.sent, done.resumed, done.requests) == (0, len(frame), 0)


def test_a_run_of_other_data_or_another_event_is_not_resumed() -> None:
    frame = orders(1_000)
    with FaultServer() as server:
        options: dict[str, Any] = {"key": "order", "collector": server.url}
        assert backfill(frame, purchase(), **options).ok
        with pytest.raises(LedgerError, match=r"rows 0 to 999 changed"):
            backfill(frame.assign(qty=1), purchase(), resume=True, **options)
        with pytest.raises(LedgerError, match="the number of rows changed"):
            backfill(frame[:-1], purchase(), resume=True, **options)
        with pytest.raises(LedgerError, match="the event or its options and the columns changed"):
            backfill(frame, purchase(order=col("order")), resume=True, **options)
        with pytest.raises(LedgerError, match="the collector changed"):
            backfill(frame, purchase(), key="order", collector="http://127.0.0.1:9", resume=True)
        before = len(server.seen)
        assert backfill(frame, purchase(), resume=True, **options).resumed == 1_000
        assert len(server.seen) == before


def test_a_broken_ledger_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database" * 1000)
    with FaultServer() as server:
        report = backfill(orders(10), purchase(), key="order", collector=server.url, ledger=path)
        assert report.ok
        assert "no ledger, so this run cannot be resumed" in str(report)
        with pytest.raises(LedgerError, match="cannot use"):
            backfill(orders(10), purchase(), key="order", collector=server.url, ledger=path, resume=True)


def test_nothing_is_sent_where_that_is_switched_off_or_nobody_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(RuntimeError, match="pass collector=URL"):
        backfill(orders(1), purchase())
    monkeypatch.setenv("NBTRACK_DISABLED", "1")
    with pytest.raises(RuntimeError, match="NBTRACK_DISABLED"):
        backfill(orders(1), purchase(), collector="http://127.0.0.1:9")


def test_options_out_of_range_are_refused() -> None:
    for options in (
        {"on_invalid": "x"},
        {"on_duplicate": "x"},
        {"rate": 0},
        {"byte_rate": -1},
        {"connections": 0},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            backfill(orders(1), purchase(), dry_run=True, **options)
    with pytest.raises(ValueError, match="a collector drops larger bodies"):
        backfill(orders(1), purchase(), dry_run=True, max_body_bytes=2_000_000)


async def test_the_event_loop_runs_meanwhile() -> None:
    with FaultServer(lambda number, body: Act(after=0.2)) as server:
        task = asyncio.create_task(backfill_async(orders(10), purchase(), key="order", collector=server.url))
        turns = 0
        while not task.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert (await task).ok
    assert turns > 3


def test_a_frame_has_the_accessor() -> None:
    frame = orders(10)
    assert len(frame.nbtrack.preview(purchase(), 3, key="order")) == 3
    assert frame.nbtrack.backfill(purchase(), key="order", dry_run=True).ok


def test_files_relations_and_readers_are_read(tmp_path: Path) -> None:
    import duckdb

    table = pa.Table.from_pandas(orders(1_000), preserve_index=False)
    pq.write_table(table[:600], tmp_path / "a.parquet")
    pq.write_table(table[600:], tmp_path / "b.parquet")
    orders(1_000).to_csv(tmp_path / "c.csv", index=False)
    wanted = purchase_ids(orders(1_000)["order"])
    connection = duckdb.connect()
    sources: list[Any] = [
        str(tmp_path / "*.parquet"),
        tmp_path / "c.csv",
        connection.sql(f"select * from '{tmp_path}/*.parquet'"),
        table.to_reader(100),
        (table[start : start + 300] for start in range(0, 1_000, 300)),
    ]
    for source in sources:
        with FaultServer() as server:
            report = backfill(source, purchase(), key="order", collector=server.url)
        assert report.ok, report
        assert set(server.delivered) == wanted
    for wrong in (7, {"a": 1}, tmp_path / "nothing.parquet"):
        with pytest.raises(SourceError):
            backfill(wrong, purchase(), dry_run=True)


def test_chunks_do_not_depend_on_how_a_stream_is_cut() -> None:
    table = pa.table({"x": list(range(1_000))})
    for step in (1, 99, 250, 1_000):
        tables = [table[start : start + step] for start in range(0, 1_000, step)]
        cut = [
            (chunk.number, chunk.first_row, chunk.table["x"][0].as_py(), len(chunk.table))
            for chunk in rechunk(tables, 250)
        ]
        assert cut == [(number, 250 * number, 250 * number, 250) for number in range(4)]


def test_a_plan_goes_to_another_process() -> None:
    frame = orders(500)
    table = pa.Table.from_pandas(frame)
    with FaultServer() as server:
        registry = Registry()
        registry.register(SCHEMA)
        plan = make_plan(purchase(), table.column_names, key="order", collector=server.url, registry=registry)
        program = (
            "import pickle, sys\nfrom nbtrack.bulk import send_batches\n"
            "plan, table = pickle.load(sys.stdin.buffer)\n"
            "pickle.dump(send_batches(plan, table.to_batches(100)), sys.stdout.buffer)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=pickle.dumps((plan, table)),
            capture_output=True,
            check=True,
            timeout=60,
        )
        report = pickle.loads(done.stdout)
        assert (report.rows, report.sent) == (500, 500)
        assert len(server.delivered) == 500
        assert send_batches(plan, table.to_batches(), dry=True).sent == 500


def test_a_collector_that_is_not_there_ends_the_run() -> None:
    report = backfill(
        orders(10), purchase(), key="order", collector=f"http://127.0.0.1:{free_port()}", give_up_after=0.2
    )
    assert report.interrupted
    assert (report.failed, report.unsent) == (10, 10)
    assert report.last_error
    check_accounts(report)


def test_a_source_that_fails_raises_its_own_error() -> None:
    def parts() -> Any:
        yield orders(10)
        raise ConnectionError("the database went away")

    with FaultServer() as server, pytest.raises(ConnectionError, match="went away"):
        backfill(parts(), purchase(), key="order", collector=server.url)


def test_importing_nbtrack_loads_nothing_heavy() -> None:
    program = "import sys, nbtrack, nbtrack.tracker; print([m for m in ('duckdb','pyarrow','pandas','numpy') if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


def test_what_is_encoded_after_the_end_of_a_run_is_not_counted_any_more() -> None:
    table = pa.Table.from_pandas(orders(10))
    plan = make_plan(purchase(), table.column_names, key="order", send=False)
    run = Run(plan, accounts := BackfillReport(), DeadLetters(Path("none.parquet")), dry=True)
    [encoded] = plan.encoder(plan.compiler()).encode([Chunk(0, 0, table.select(plan.columns))])
    run.stop()
    run.take(encoded)
    assert (accounts.rows, accounts.sent) == (0, 0)
