"""Messages of backfills: each says what is wrong, where, why, and what to do; the page lists them."""

import uuid
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
from tests.support.messages import Messages, check_message, missing_from_page

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
    "data of no known kind": (
        lambda: backfill(42, EVENT, collector=NOBODY),
        TypeError,
        "backfill cannot read int: give a pandas or polars frame, an Arrow table or reader, the path of a Parquet or CSV file",
    ),
    "a file that is not there": (
        lambda: backfill("nowhere.parquet", EVENT, collector=NOBODY),
        TypeError,
        "no file is at nowhere.parquet",
    ),
    "no collector": (
        lambda: backfill(FRAME, EVENT),
        RuntimeError,
        "backfill does not know where to send: give collector=URL, or start a session",
    ),
    "a collector's address of no known kind": (
        lambda: backfill(FRAME, EVENT, collector="ftp://sp.acme.com"),
        ValueError,
        "endpoint must start with http:// or https://, got ftp://",
    ),
    "the local collector without a session": (
        lambda: backfill(FRAME, EVENT, collector="local"),
        RuntimeError,
        'collector="local" is that of a session that stays on this machine, and no session runs: call nbtrack.start(),',
    ),
    "the event before the data": (
        lambda: backfill(EVENT, FRAME),
        TypeError,
        "backfill wants the data first, then the event: backfill(df, event)",
    ),
    "a folder in place of files": (
        lambda: backfill(".", EVENT, collector=NOBODY),
        TypeError,
        ". is a folder: name its files by a pattern, such as *.parquet",
    ),
    "a number in place of a key": (
        lambda: backfill(FRAME, EVENT, key=3, collector=NOBODY),
        TypeError,
        "key must name columns, such as key=['order_id'], not 3",
    ),
    "a placeholder in place of a key": (
        lambda: backfill(FRAME, EVENT, key=col("order_id"), collector=NOBODY),
        TypeError,
        "key must name columns, such as key=['order_id'], not col('order_id')",
    ),
    "a number in place of a namespace": (
        lambda: backfill(FRAME, EVENT, namespace=3, collector=NOBODY),
        TypeError,
        "namespace must be a name or a uuid.UUID, not 3",
    ),
    "a name in place of a subject": (
        lambda: backfill(FRAME, EVENT, subject="me", collector=NOBODY),
        TypeError,
        "subject must be a Subject, such as Subject(), not 'me'",
    ),
    "a folder in place of a registry": (
        lambda: backfill(FRAME, EVENT, registry="folder", collector=NOBODY),
        TypeError,
        "registry must be a Registry, such as Registry(['schemas']), not 'folder'",
    ),
    "a body too small for an event": (
        lambda: backfill(FRAME, EVENT, max_body_bytes=3, collector=NOBODY),
        ValueError,
        "max_body_bytes must be between 88 (one event) and 1,048,576 (a collector drops larger bodies), not 3",
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
    "no patience given": (
        lambda: backfill(FRAME, EVENT, give_up_after=None, collector=NOBODY),
        TypeError,
        "give_up_after must be a number of seconds, not None: math.inf waits without end",
    ),
    "a ledger that is no file": (
        lambda: backfill(FRAME, EVENT, ledger=5, collector=NOBODY),
        TypeError,
        "ledger must be True, False or the path of a file, not 5",
    ),
    "a ledger in a place of no file": (
        lambda: backfill(FRAME, EVENT, ledger="/", resume=True, collector=NOBODY),
        LedgerError,
        "/ cannot be used (unable to open database file): give ledger= a file in a folder that can be written",
    ),
    "a run to resume without a ledger": (
        lambda: backfill(FRAME, EVENT, ledger=False, resume=True, collector=NOBODY),
        ValueError,
        "resume=True goes by the ledger of the run before, and ledger=False keeps none",
    ),
    "an option that a preview has not": (
        lambda: preview(FRAME, EVENT, dry_run=True),
        TypeError,
        "there is no option 'dry_run' here; there are: byte_rate, connections,",
    ),
    "a number of rows that is none": (
        lambda: preview(FRAME, EVENT, "all"),
        TypeError,
        "n must be an int, got 'all'",
    ),
    "a frame in place of its batches": (
        lambda: send_batches(make_plan(EVENT, FRAME.columns, send=False), FRAME),
        TypeError,
        "send_batches wants Arrow batches, such as pyarrow.Table.from_pandas(df).to_batches() gives, not a str",
    ),
    "a key's text in place of the list of them": (
        lambda: make_event_id(uuid.NAMESPACE_URL, "o-1"),
        TypeError,
        "key must be a list of texts, such as ['o-1'], not 'o-1'",
    ),
    "a column that is called by no text": (
        lambda: col(("price", "net")),
        TypeError,
        """col wants a column's name, a text, and got ('price', 'net'): a column of a frame that is called so is col("('price', 'net')")""",
    ),
    "a pattern that is no text": (
        lambda: col("total").format(3),
        ValueError,
        "format of col('total') wants a pattern with one {} in it, and got 3",
    ),
    "a column in place of a frame": (
        lambda: backfill(FRAME["total"], EVENT, collector=NOBODY),
        TypeError,
        "backfill wants a frame of rows, and a Series is one column: make it a frame, as with series.to_frame('name')",
    ),
    "values in place of a frame": (
        lambda: backfill({"order_id": ["o-1"]}, EVENT, collector=NOBODY),
        TypeError,
        "backfill wants a frame, and got a dict: make it one, as with pandas.DataFrame(…)",
    ),
    "a collector that does not run": (
        lambda: backfill(FRAME, EVENT, collector=LocalCollector()),
        TypeError,
        "a str, such as 'https://sp.acme.com' or the `url` of a LocalCollector, got <LocalCollector not started>",
    ),
    "a file of no known kind": (
        lambda: backfill(write("orders.xlsx"), EVENT, collector=NOBODY),
        TypeError,
        "backfill reads Parquet and CSV files, not .xlsx",
    ),
    "two columns of one name": (
        lambda: backfill(
            pd.DataFrame([[1, 2]], columns=["a", "a"]), StructuredEvent("shop", col("a")), collector=NOBODY
        ),
        ValueError,
        "the data has more than one column called 'a': rename them first",
    ),
    "something in place of an event in a backfill": (
        lambda: backfill(FRAME, {"e": "pv"}, collector=NOBODY),
        TypeError,
        "backfill wants the event one would track, such as SelfDescribing(SelfDescribingJson(…)) with col(…)",
    ),
    "a time made of texts": (
        lambda: backfill(FRAME, StructuredEvent("a", "b", true_timestamp=col("order_id")), collector=NOBODY),
        ValueError,
        "col('order_id') gives str values where a time goes: give datetimes, or milliseconds since 1970",
    ),
    "one id for all rows": (
        lambda: backfill(FRAME, StructuredEvent("a", "b", event_id=UUID), collector=NOBODY),
        ValueError,
        "event_id= is one id for all rows: give event_id=col(…), or key=[…] for ids made from columns",
    ),
    "two sources of ids": (
        lambda: backfill(
            FRAME, StructuredEvent("a", "b", event_id=col("order_id")), key="total", collector=NOBODY
        ),
        ValueError,
        "the event has event_id=col(…) and there is a key too: give one of them",
    ),
    "nothing to send again": (
        lambda: backfill(FRAME, EVENT, dry_run=True).retry(),
        RuntimeError,
        "there is nothing to send again: no row was refused",
    ),
    "a wrong option": (
        lambda: backfill(FRAME, EVENT, collector=NOBODY, on_invalid="drop"),
        ValueError,
        "on_invalid is one of skip, raise, send, not 'drop'",
    ),
    "a placeholder used as a value": (
        lambda: str(col("total")),
        TypeError,
        "col('total') stands for a column and has no value of its own: give the event to nbtrack.backfill",
    ),
    "a cast to no known type": (
        lambda: col("total").cast("date"),
        ValueError,
        "cast of col('total') wants one of str, int, float, bool, and got 'date'",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_message_says_what_is_wrong_and_what_to_do(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    check_message(*MESSAGES[case])


def test_the_page_lists_every_message():
    assert missing_from_page("bulk", MESSAGES) == []


def test_a_backfill_under_nbtrack_disabled_says_which_variable_forbids_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NBTRACK_DISABLED", "1")
    with pytest.raises(
        RuntimeError, match="NBTRACK_DISABLED is set: nothing may be sent from here; unset it"
    ):
        backfill(FRAME, EVENT, collector=NOBODY)


def test_a_resumed_backfill_of_other_rows_says_what_changed(tmp_path: Path):
    with LocalCollector() as collector:
        options = {"collector": collector.url, "ledger": tmp_path / "ledger.sqlite"}
        assert backfill(FRAME, EVENT, **options).ok
        other = StructuredEvent("shop", "sell", label=col("order_id"))
        text = (
            r"ledger\.sqlite cannot be resumed: the event or its options changed since; without resume=True it "
            r"begins anew, and what was delivered goes out again: with the same ids where namespace= and key= "
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
                RuntimeError, match=r"and the session sends to https://sp\.acme\.com: call nbtrack"
            ):
                backfill(FRAME, EVENT, collector="local")
        finally:
            nbtrack.stop()


def test_a_backfill_that_reaches_nobody_says_so_while_it_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    options = {"collector": NOBODY, "ledger": tmp_path / "ledger.sqlite", "give_up_after": 2.3}
    text = f"waits for {NOBODY} (connection refused), 2.3 s at most"
    assert backfill(FRAME, EVENT, **options, progress=False).interrupted
    assert [record.getMessage() for record in caplog.records] == [f"backfill {text}; 0 rows are done"]
    assert backfill(FRAME, EVENT, **options, progress=True).interrupted
    told = capsys.readouterr().err
    assert text in told
    assert "100%" not in told


def test_a_backfill_reports_though_its_dead_letters_cannot_be_kept(tmp_path: Path):
    (tmp_path / "file").touch()
    nobody = StructuredEvent("shop", "buy", value=col("order_id"))
    report = backfill(FRAME, nobody, dry_run=True, dead_letters=tmp_path / "file" / "letters.parquet")
    assert report.skipped == 1
    assert any("the rows that were not delivered could not be kept: " in note for note in report.notes)
