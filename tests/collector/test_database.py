"""What is committed stays, and what came before is known again."""

import signal
import subprocess
import sys

import pytest

from nbtrack.collector.events.adapters import Request
from nbtrack.collector.events.database import Database, event_row
from nbtrack.collector.events.validation import Verdict
from tests.collector.support import page_view

WRITE = """
import os, signal, sys
from nbtrack.collector.events.database import Database, event_row
from tests.collector.test_database import row
Database(sys.argv[1], lasting=sys.argv[2] == "True").write([], [row()])
os.kill(os.getpid(), signal.SIGKILL)
"""


def row(**more):
    request = Request(1_700_000_000_000, "POST", "com.acme", "v1")
    return event_row(request, 1, page_view(**more), Verdict())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed this way on Windows")
@pytest.mark.parametrize("lasting", [True, False])
def test_a_commit_survives_the_end_of_its_process(tmp_path, lasting):
    path = tmp_path / "events.sqlite"
    ended = subprocess.run([sys.executable, "-c", WRITE, str(path), str(lasting)], check=False)
    assert ended.returncode == -signal.SIGKILL
    database = Database(path)
    assert (database.good, database.last) == (1, 1)
    database.close()


def test_an_event_is_known_by_its_id_and_its_content_after_a_restart_too(tmp_path):
    rows = [row(eid="1", page="a"), row(eid="1", page="b"), row(eid="2", page="a")]
    for start in range(3):
        database = Database(tmp_path / "events.sqlite")
        database.write([], rows)
        assert (database.good, database.repeats) == (3, 3 * start)
        database.close()
