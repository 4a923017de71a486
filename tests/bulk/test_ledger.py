"""The ledger on disk: what a run does with the file of an earlier one."""

import shutil
import sqlite3
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from nbtrack import backfill, col
from nbtrack.bulk import BackfillReport, LedgerError
from nbtrack.tracker import StructuredEvent
from tests.support.fault_server import FaultServer

FIXTURES = Path(__file__).parent / "fixtures"
WRITTEN_BY = "2.0.1"
"""Version of DuckDB."""
ROWS = 10_000
DELIVERED = 2 * 2_048
"""Rows of the chunks that the run of the fixture delivered before it ended."""


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


def test_a_ledger_of_the_first_version_is_resumed(ledger: Path) -> None:
    with FaultServer() as server:
        if duckdb.__version__ != WRITTEN_BY:  # the hashes of rows depend on it
            with pytest.raises(LedgerError, match="the event or its options changed"):
                send(ledger, server, resume=True)
            return
        report = send(ledger, server, resume=True)
        assert report.ok
        assert (report.sent, report.resumed) == (ROWS, DELIVERED)
        assert len(server.delivered) == ROWS - DELIVERED


def test_without_resume_a_run_over_it_sends_all_rows_and_replaces_it(ledger: Path) -> None:
    with FaultServer() as server:
        report = send(ledger, server)
        assert report.ok
        assert (report.sent, report.resumed, len(server.delivered)) == (ROWS, 0, ROWS)
        again = send(ledger, server, resume=True)
    assert (again.sent, again.resumed) == (ROWS, ROWS)
