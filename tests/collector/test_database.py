"""The database: commits last, repeats are recognised, and files of earlier versions open."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.collector import LocalCollector
from nbtrack.collector.events.adapters import Request
from nbtrack.collector.events.database import Database, event_row
from nbtrack.collector.events.validation import ValidationResult
from tests.support.collector import Sender, page_view

WRITE = """
import os, signal, sys
from nbtrack.collector.events.adapters import Request
from nbtrack.collector.events.database import Database, event_row
from nbtrack.collector.events.validation import ValidationResult
row = event_row(Request(1), 1, {"e": "pv", "p": "web", "tv": "1"}, ValidationResult())
Database(sys.argv[1], lasting=sys.argv[2] == "True").write([], [row])
os.kill(os.getpid(), signal.SIGKILL)
"""


def row(**more):
    request = Request(1_700_000_000_000, "POST", "com.acme", "v1")
    return event_row(request, 1, page_view(**more), ValidationResult())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize("lasting", [True, False])
def test_a_commit_survives_the_end_of_its_process(tmp_path, lasting):
    path = tmp_path / "events.sqlite"
    ended = subprocess.run([sys.executable, "-c", WRITE, str(path), str(lasting)], check=False)
    assert ended.returncode == -signal.SIGKILL
    database = Database(path)
    assert (database.good, database.last) == (1, 1)
    database.close()


def test_a_repeat_is_recognised_by_id_and_content_after_a_restart_too(tmp_path):
    rows = [row(eid="1", page="a"), row(eid="1", page="b"), row(eid="2", page="a")]
    for start in range(3):
        database = Database(tmp_path / "events.sqlite")
        database.write([], rows)
        assert (database.good, database.repeats) == (3, 3 * start)
        database.close()


@pytest.fixture
def version_0(tmp_path):
    """A copy of a database that the version before the first `user_version` wrote."""
    return shutil.copy(Path(__file__).parent / "fixtures" / "version-0.sqlite", tmp_path)


def test_a_database_of_version_0_opens_with_all_its_events(version_0):
    with LocalCollector(db=version_0) as collector:
        summary = collector.summary()
        assert (summary["good"], summary["bad"], summary["repeats"]) == (8, 6, 3)
        events = collector.events()
        assert events["event_name"].value_counts().to_dict() == {
            "page_view": 4,
            "timing": 2,
            "event": 1,
            "page_ping": 1,
        }
        assert events["contexts_com_snowplowanalytics_snowplow_parent_event_1"].notna().sum() == 2
        assert events["page_title"].dropna().tolist() == ["Über"]
        assert len(set(collector.bad()["kind"])) == 3
        assert len(collector.payloads()) == 12
        send = Sender(collector)
        assert len(send.read("/micro/good").json) == 8
        assert len(send.read("/micro/bad").json) == 6
        assert len(send.read("/micro/events").json) == 12


def test_a_repeat_of_an_event_of_version_0_is_recognised(version_0):
    with LocalCollector(db=version_0) as collector:
        event = next(payload for payload in collector.payloads() if payload.get("page") == "Über")
        Sender(collector).post([event | {"stm": "1700000000999"}, page_view()])
        summary = collector.summary()
        assert (summary["good"], summary["repeats"]) == (9, 4)


def test_a_database_of_a_later_version_is_not_opened(tmp_path):
    path = tmp_path / "events.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=1000")
    connection.close()
    with pytest.raises(sqlite3.DatabaseError, match="written by a later version of nbtrack"):
        Database(path)
