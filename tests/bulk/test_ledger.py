"""The ledger on disk: what a run does with the file of an earlier one."""

import contextlib
import re
import shutil
import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from nbtrack import backfill, col
from nbtrack.bulk import BackfillReport, LedgerError
from nbtrack.tracker import StructuredEvent
from tests.support.fault_server import FaultServer

FIXTURES = Path(__file__).parent / "fixtures"
ROWS = 10_000


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger as the first version of nbtrack left it: two of five chunks were delivered."""
    return Path(shutil.copy(FIXTURES / "ledger_1.sqlite", tmp_path / "ledger.sqlite"))


def send(ledger: Path, server: FaultServer, *, resume: bool = False) -> BackfillReport:
    connection = sqlite3.connect(ledger)
    connection.execute("update run set destination = ?", [server.url])
    connection.commit()
    connection.close()
    table = pa.table({"order": [f"o-{number}" for number in range(ROWS)]})
    event = StructuredEvent("shop", "buy", label=col("order"))
    return backfill(table, event, key="order", collector=server.url, ledger=ledger, resume=resume)


@pytest.mark.parametrize("resume", [True, False])
def test_a_ledger_of_a_later_version_is_left_alone_and_named(ledger: Path, resume: bool) -> None:
    with contextlib.closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        connection.execute("update run set version = 99")
        connection.execute("alter table chunk add column something text")
    said = r"written by a later version of nbtrack .*99.*another ledger="
    with FaultServer() as server:
        if resume:
            with pytest.raises(LedgerError, match=said):
                send(ledger, server, resume=True)
            assert server.seen == []
        else:  # a run that begins needs no ledger to send everything
            report = send(ledger, server)
            assert report.sent == ROWS
            assert any(re.search(said, note) for note in report.notes)
    with contextlib.closing(sqlite3.connect(ledger)) as connection:
        assert connection.execute("select version from run").fetchall() == [(99,)]
        assert len(connection.execute("select something from chunk").fetchall()) == 2


def test_a_ledger_of_the_first_recipe_is_not_resumed(ledger: Path) -> None:
    with FaultServer() as server:
        with pytest.raises(
            LedgerError, match=r"the recipe of the event ids \(1 then, 2 now\) and .* changed"
        ):
            send(ledger, server, resume=True)
        assert server.seen == []


def test_without_resume_a_run_over_it_sends_all_rows_and_replaces_it(ledger: Path) -> None:
    with FaultServer() as server:
        report = send(ledger, server)
        assert report.ok
        assert (report.sent, report.resumed, len(server.delivered)) == (ROWS, 0, ROWS)
        again = send(ledger, server, resume=True)
    assert (again.sent, again.resumed) == (0, ROWS)
    assert again.ok
