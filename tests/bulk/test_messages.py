"""Messages of backfills: each says what is wrong, where, why, and what to do; the page lists them all."""

import uuid
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

import nbtrack
from nbtrack import backfill, col
from nbtrack.bulk import LedgerError, make_event_id, make_plan, preview, send_batches
from nbtrack.collector import LocalCollector
from nbtrack.tracker import (
    StructuredEvent,
)
from tests.support.messages import Messages, message_tests

UUID = "5d79770b-015b-4af8-8c91-b2ed6faf4b1e"
NOBODY = "http://127.0.0.1:9"
FRAME = pd.DataFrame({"order_id": ["o-1"], "total": [9.5]})
EVENT = StructuredEvent("shop", "buy", label=col("order_id"))


def write(name: str) -> Path:
    Path(name).write_text("")
    return Path(name)


MESSAGES: Messages = {
    "a column that is not there": (
        lambda: backfill(FRAME, StructuredEvent("shop", col("order_idd")), collector=NOBODY),
        ValueError,
        "the data has no column 'order_idd' (did you mean 'order_id'?); it has: order_id, total",
    ),
    "a key that is not there": (
        lambda: backfill(FRAME, EVENT, key="id", collector=NOBODY),
        ValueError,
        "the data has no column 'id'",
    ),
    "data of an unknown type": (
        lambda: backfill(42, EVENT, collector=NOBODY),
        TypeError,
        "backfill cannot read int; pass a pandas or polars DataFrame, an Arrow table or reader, the path of a Parquet or CSV file",
    ),
    "a missing file": (
        lambda: backfill("nowhere.parquet", EVENT, collector=NOBODY),
        TypeError,
        "no such file: nowhere.parquet",
    ),
    "no collector": (
        lambda: backfill(FRAME, EVENT),
        RuntimeError,
        "no collector to send to: pass collector=URL, or start a session",
    ),
    "a collector's URL with another protocol": (
        lambda: backfill(FRAME, EVENT, collector="ftp://sp.acme.com"),
        ValueError,
        "endpoint must start with http:// or https://, got ftp://",
    ),
    "the local collector without a session": (
        lambda: backfill(FRAME, EVENT, collector="local"),
        RuntimeError,
        'collector="local" needs a session with a local collector, and no session runs; call nbtrack.start(),',
    ),
    "the event before the data": (
        lambda: backfill(EVENT, FRAME),
        TypeError,
        "backfill takes the data first, then the event: backfill(df, event)",
    ),
    "a folder in place of files": (
        lambda: backfill(".", EVENT, collector=NOBODY),
        TypeError,
        ". is a folder; use a pattern for its files, such as *.parquet",
    ),
    "a number in place of a key": (
        lambda: backfill(FRAME, EVENT, key=3, collector=NOBODY),
        TypeError,
        "key must be names of columns, such as key=['order_id'], got 3",
    ),
    "a placeholder in place of a key": (
        lambda: backfill(FRAME, EVENT, key=col("order_id"), collector=NOBODY),
        TypeError,
        "key must be names of columns, such as key=['order_id'], got col('order_id')",
    ),
    "a number in place of a namespace": (
        lambda: backfill(FRAME, EVENT, namespace=3, collector=NOBODY),
        TypeError,
        "namespace must be a str or a uuid.UUID, got 3",
    ),
    "a name in place of a subject": (
        lambda: backfill(FRAME, EVENT, subject="me", collector=NOBODY),
        TypeError,
        "subject must be a Subject, such as Subject(), got 'me'",
    ),
    "a folder in place of a registry": (
        lambda: backfill(FRAME, EVENT, registry="folder", collector=NOBODY),
        TypeError,
        "registry must be a Registry, such as Registry(['schemas']), got 'folder'",
    ),
    "a body too small for an event": (
        lambda: backfill(FRAME, EVENT, max_body_bytes=3, collector=NOBODY),
        ValueError,
        "max_body_bytes must be between 88 (one event) and 1,048,576 (a collector drops larger bodies), got 3",
    ),
    "a negative rate": (
        lambda: backfill(FRAME, EVENT, rate=-1, collector=NOBODY),
        ValueError,
        "rate must be above 0, got -1",
    ),
    "no connection at all": (
        lambda: backfill(FRAME, EVENT, connections=0, collector=NOBODY),
        ValueError,
        "connections must be at least 1, got 0",
    ),
    "half a connection": (
        lambda: backfill(FRAME, EVENT, connections=2.5, collector=NOBODY),
        TypeError,
        "connections must be an int, got 2.5",
    ),
    "no time to give up": (
        lambda: backfill(FRAME, EVENT, give_up_after=None, collector=NOBODY),
        TypeError,
        "give_up_after must be a number of seconds, got None; math.inf waits without end",
    ),
    "a ledger that is not a file": (
        lambda: backfill(FRAME, EVENT, ledger=5, collector=NOBODY),
        TypeError,
        "ledger must be True, False or the path of a file, got 5",
    ),
    "a ledger at the path of a folder": (
        lambda: backfill(FRAME, EVENT, ledger="/", resume=True, collector=NOBODY),
        LedgerError,
        "cannot use / as ledger (unable to open database file); pass ledger= with a file in a writable folder",
    ),
    "a run to resume without a ledger": (
        lambda: backfill(FRAME, EVENT, ledger=False, resume=True, collector=NOBODY),
        ValueError,
        "resume=True needs the ledger of the previous run, so ledger must not be False",
    ),
    "incremental without a key": (
        lambda: backfill(FRAME, EVENT, since="total", collector=NOBODY),
        ValueError,
        "since= needs key=[…], or event_id=col(…): without it, a row has another id in each run",
    ),
    "incremental with a resumed run": (
        lambda: backfill(FRAME, EVENT, since="total", resume=True, collector=NOBODY),
        ValueError,
        "since= continues by itself, so resume=True must not be given",
    ),
    "incremental without a ledger": (
        lambda: backfill(FRAME, EVENT, since="total", ledger=False, collector=NOBODY),
        ValueError,
        "since= records what is delivered, so ledger must not be False",
    ),
    "incremental without some of the duplicates": (
        lambda: backfill(FRAME, EVENT, key="order_id", since="total", on_duplicate="first", collector=NOBODY),
        ValueError,
        "on_duplicate='first' is not supported with since=, which does not keep all ids of earlier runs; use 'report' or 'send'",
    ),
    "a lag without a column": (
        lambda: backfill(FRAME, EVENT, lag=5, collector=NOBODY),
        ValueError,
        "lag= is how late rows may come for since=, which is not given",
    ),
    "a number in place of a column of times": (
        lambda: backfill(FRAME, EVENT, key="order_id", since=3, collector=NOBODY),
        TypeError,
        "since must be the name of a column, such as 'updated_at', got 3",
    ),
    "a negative lag": (
        lambda: backfill(FRAME, EVENT, key="order_id", since="total", lag=-1, collector=NOBODY),
        ValueError,
        "lag must be at least 0, got -1",
    ),
    "a duration as the lag of numbers": (
        lambda: backfill(FRAME, EVENT, key="order_id", since="total", lag=timedelta(1), collector=NOBODY),
        ValueError,
        "lag must be a number, since the column 'total' holds numbers, got datetime.timedelta(days=1)",
    ),
    "an option that preview does not have": (
        lambda: preview(FRAME, EVENT, dry_run=True),
        TypeError,
        "unknown option 'dry_run'; options are: byte_rate, connections,",
    ),
    "a number of rows that is not an int": (
        lambda: preview(FRAME, EVENT, "all"),
        TypeError,
        "n must be an int, got 'all'",
    ),
    "a DataFrame in place of its batches": (
        lambda: send_batches(make_plan(EVENT, FRAME.columns, send=False), FRAME),
        TypeError,
        "record_batches must hold Arrow batches, such as those of pyarrow.Table.from_pandas(df).to_batches(), got str",
    ),
    "a string in place of a list of strings": (
        lambda: make_event_id(uuid.NAMESPACE_URL, "o-1"),
        TypeError,
        "key must be a list of strings, such as ['o-1'], got 'o-1'",
    ),
    "a column's name that is not a string": (
        lambda: col(("price", "net")),
        TypeError,
        """col() takes the name of a column as a str, got ('price', 'net'); for a DataFrame's column of that label use col("('price', 'net')")""",
    ),
    "a pattern that is not a string": (
        lambda: col("total").format(3),
        ValueError,
        "col('total').format(): pattern must be a str with one {}, got 3",
    ),
    "an invalid length": (
        lambda: col("total").truncate(0),
        ValueError,
        "col('total').truncate(): length must be an int above 0, got 0",
    ),
    "a column in place of a DataFrame": (
        lambda: backfill(FRAME["total"], EVENT, collector=NOBODY),
        TypeError,
        "backfill needs a DataFrame, and a Series is one column; convert it, as with series.to_frame('name')",
    ),
    "values in place of a DataFrame": (
        lambda: backfill({"order_id": ["o-1"]}, EVENT, collector=NOBODY),
        TypeError,
        "backfill needs a DataFrame, got dict; convert it, as with pandas.DataFrame(…)",
    ),
    "a collector that does not run": (
        lambda: backfill(FRAME, EVENT, collector=LocalCollector()),
        TypeError,
        "a str, such as 'https://sp.acme.com' or the `url` of a LocalCollector, got <LocalCollector not started>",
    ),
    "a file of an unknown format": (
        lambda: backfill(write("orders.xlsx"), EVENT, collector=NOBODY),
        TypeError,
        "backfill reads Parquet, CSV, JSON Lines and Arrow IPC files, got .xlsx",
    ),
    "two columns with the same name": (
        lambda: backfill(
            pd.DataFrame([[1, 2]], columns=["a", "a"]), StructuredEvent("shop", col("a")), collector=NOBODY
        ),
        ValueError,
        "the data has more than one column called 'a'; rename them first",
    ),
    "a value in place of an event in a backfill": (
        lambda: backfill(FRAME, {"e": "pv"}, collector=NOBODY),
        TypeError,
        "event must be an event, such as SelfDescribing(SelfDescribingJson(…)) with col(…)",
    ),
    "an unknown option of CSV files": (
        lambda: backfill("orders.csv", EVENT, csv={"sep": ";"}, collector=NOBODY),
        TypeError,
        "csv: unknown option 'sep'; options are: delimiter, quote, encoding, header, decimal, null, types",
    ),
    "an unknown encoding": (
        lambda: backfill("orders.csv", EVENT, csv={"encoding": "latin-99"}, collector=NOBODY),
        ValueError,
        "csv: unknown encoding 'latin-99'",
    ),
    "a delimiter that is not one character": (
        lambda: backfill("orders.csv", EVENT, csv={"delimiter": ", "}, collector=NOBODY),
        ValueError,
        "csv: delimiter must be one ASCII character, got ', '",
    ),
    "an unknown time zone": (
        lambda: backfill(FRAME, EVENT, tz="Mars/Base", collector=NOBODY),
        ValueError,
        "tz must be a time zone, such as 'Europe/Paris', got 'Mars/Base'",
    ),
    "duplicates of an iterable": (
        lambda: backfill(iter([FRAME]), EVENT, on_duplicate="last", dry_run=True),
        TypeError,
        "on_duplicate='last' reads the data twice, which is not possible with readers and iterables; use 'first', or",
    ),
    "one id for all rows": (
        lambda: backfill(FRAME, StructuredEvent("a", "b", event_id=UUID), collector=NOBODY),
        ValueError,
        "event_id= is the same for all rows; use event_id=col(…), or key=[…] for ids made from columns",
    ),
    "two sources of ids": (
        lambda: backfill(
            FRAME, StructuredEvent("a", "b", event_id=col("order_id")), key="total", collector=NOBODY
        ),
        ValueError,
        "the event has event_id=col(…), so key= must not be given: use one of them",
    ),
    "nothing to send again": (
        lambda: backfill(FRAME, EVENT, dry_run=True).retry(),
        RuntimeError,
        "nothing to send again: no row was refused",
    ),
    "a wrong option": (
        lambda: backfill(FRAME, EVENT, collector=NOBODY, on_invalid="drop"),
        ValueError,
        "on_invalid must be one of 'skip', 'raise', 'send', got 'drop'",
    ),
    "a placeholder used as a value": (
        lambda: str(col("total")),
        TypeError,
        "col('total') is a placeholder without a value; pass the event to nbtrack.backfill",
    ),
    "a cast to an unknown type": (
        lambda: col("total").cast("date"),
        ValueError,
        "col('total').cast(): type must be one of str, int, float, bool, got 'date'",
    ),
}


test_a_message_says_what_is_wrong_and_what_to_do, test_the_page_lists_every_message = message_tests(
    "bulk", MESSAGES
)


def test_a_backfill_under_nbtrack_disabled_says_which_variable_forbids_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NBTRACK_DISABLED", "1")
    with pytest.raises(RuntimeError, match="NBTRACK_DISABLED is set, so nothing may be sent; unset it"):
        backfill(FRAME, EVENT, collector=NOBODY)


def test_a_resumed_backfill_of_other_rows_says_what_changed(tmp_path: Path):
    with LocalCollector() as collector:
        options = {"collector": collector.url, "ledger": tmp_path / "ledger.sqlite"}
        assert backfill(FRAME, EVENT, **options).ok
        other = StructuredEvent("shop", "sell", label=col("order_id"))
        text = (
            r"cannot resume the backfill in .*ledger\.sqlite: the event or its options changed; without resume the "
            r"backfill begins again and sends all rows again: with the same ids if namespace= and key= "
        )
        with pytest.raises(LedgerError, match=text):
            backfill(FRAME, other, **options, resume=True)


def test_local_is_the_collector_of_a_session_that_stays_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    with LocalCollector() as collector:
        nbtrack.start(collector)
        try:
            assert backfill(FRAME, EVENT, collector="local").ok
        finally:
            nbtrack.stop()
        assert collector.wait_for(1) == 1
        nbtrack.start("https://sp.acme.com")
        try:
            with pytest.raises(
                RuntimeError, match=r"and the session sends to https://sp\.acme\.com; call nbtrack"
            ):
                backfill(FRAME, EVENT, collector="local")
        finally:
            nbtrack.stop()


def test_a_backfill_that_reaches_nobody_says_so_while_it_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    options = {"collector": NOBODY, "ledger": tmp_path / "ledger.sqlite", "give_up_after": 2.3}
    text = f"waits for {NOBODY} (connection refused), at most 2.3 s"
    assert backfill(FRAME, EVENT, **options, progress=False).interrupted
    assert [record.getMessage() for record in caplog.records] == [f"backfill {text}; 0 rows done"]
    assert backfill(FRAME, EVENT, **options, progress=True).interrupted
    shown = capsys.readouterr().err
    assert text in shown
    assert "100%" not in shown


def test_a_backfill_reports_though_its_dead_letters_cannot_be_kept(tmp_path: Path):
    (tmp_path / "file").touch()
    nobody = StructuredEvent("shop", "buy", value=col("order_id"))
    report = backfill(FRAME, nobody, dry_run=True, dead_letters=tmp_path / "file" / "rows.parquet")
    assert report.skipped == 1
    assert any("cannot store the rows that were not delivered: " in note for note in report.notes)
