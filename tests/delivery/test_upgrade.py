"""Upgrades in place: what an earlier version left is delivered whole, and what a later one left is not touched."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from nbtrack.collector import shared_collector
from nbtrack.common.processes import process_started
from nbtrack.delivery import SQLiteEventStore
from nbtrack.delivery.models import Route
from nbtrack.delivery.outbox import drain, list_dead, list_events, open_outbox, retry_dead
from tests.support.fault_server import FaultServer

FIXTURES = Path(__file__).parent / "fixtures"
COLLECTOR_0 = FIXTURES.parents[1] / "collector" / "fixtures" / "version-0.sqlite"
VERSION_1 = FIXTURES / "outbox-version-1.sqlite"
"""Two events for `local`, two for a URL with POST, one with GET, one anonymous, and one dead letter for `local`."""


def version_of(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_an_outbox_of_version_1_is_delivered_whole(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    shutil.copy(VERSION_1, path)
    # the stored rows are months old when this runs, and still count as recent
    with SQLiteEventStore(path, max_age=10**10) as store, FaultServer() as server:
        assert {event.event_id for event in list_events(store)} == {
            "local-1",
            "local-2",
            "post-1",
            "post-2",
            "get-1",
            "anonymous-1",
        }
        (dead,) = list_dead(store)
        assert (dead.event_id, dead.reason, dead.status) == ("dead-1", "refused", 403)
        assert retry_dead(store) == 1
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(
                "UPDATE events SET route = replace(route, 'http://127.0.0.1:9', ?)", (server.url,)
            )
        drain(store, resolve={"local": lambda: server.url})
        assert store.size() == 0
        assert set(server.delivered) == {
            "local-1",
            "local-2",
            "post-1",
            "post-2",
            "get-1",
            "anonymous-1",
            "dead-1",
        }
        assert {seen.headers.get("sp-anonymous") for seen in server.seen if "anonymous-1" in seen.ids} == {
            "*"
        }
    assert version_of(path) == 1


OLDER_PROCESS = """
import os, sqlite3, sys
from pathlib import Path
from nbtrack.delivery import AsyncEmitter
from nbtrack.delivery.outbox import open_outbox
store = open_outbox(Path(sys.argv[1]))
emitter = AsyncEmitter("local", event_store=store, resolve=lambda: "http://127.0.0.1:9")
for number in range(3):
    assert emitter.input({"e": "pv", "eid": f"old-{number}"})
print(store.path, flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_an_older_version_kept_beside_a_newer_outbox_is_delivered_after_the_update(
    tmp_path: Path,
) -> None:
    path = Path(shutil.copy(VERSION_1, tmp_path / "outbox.sqlite"))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    older = subprocess.run(
        [sys.executable, "-c", OLDER_PROCESS, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "written by a later version of nbtrack" in older.stderr
    beside = Path(older.stdout.strip())
    assert beside.exists()
    assert beside != path
    assert path.read_bytes() == before
    # nbtrack is updated: the version of the file is that of the installed one
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    with open_outbox(tmp_path, max_age=10**10) as store:
        assert {f"old-{number}" for number in range(3)} <= {event.event_id for event in list_events(store)}
        assert store.size() == 6 + 3
    assert not beside.exists()


def test_the_file_of_a_process_that_runs_is_not_touched(tmp_path: Path) -> None:
    name = f"outbox-{process_started(os.getpid())}-{os.getpid()}.sqlite"
    with SQLiteEventStore(tmp_path / name) as own, open_outbox(tmp_path) as shared:
        own.add_event({"e": "pv", "eid": "1"})
        with open_outbox(tmp_path):
            assert (own.size(), shared.size()) == (1, 0)


OLD_KERNEL = """
import os, sys, time
from pathlib import Path
from nbtrack.collector import shared_collector
from nbtrack.delivery import AsyncEmitter
from nbtrack.delivery.outbox import open_outbox
home = Path(sys.argv[1])
shared_collector.PROTOCOL_VERSION = 1  # it joins what runs, whatever its version
store = open_outbox(home)
emitter = AsyncEmitter("local", event_store=store, resolve=lambda: shared_collector.connect(home, port=0).url,
                       max_retry_delay_seconds=0.05)
print("ready", flush=True)
number = 0
end = None
while end is None or number < end:
    assert emitter.input({"e": "pv", "url": "https://acme.com", "p": "pc", "tv": "old", "eid": str(__import__("uuid").uuid4())})
    number += 1
    if number == 20:
        print("20", flush=True)
        sys.stdin.readline()
        end = 60
    time.sleep(0.005)
report = emitter.close(timeout=20)
print(number, report.pending, flush=True)
"""


def test_a_home_of_the_version_before_is_taken_over_while_its_kernel_goes_on_tracking(tmp_path: Path) -> None:
    shutil.copy(VERSION_1, tmp_path / "outbox.sqlite")
    shutil.copy(COLLECTOR_0, tmp_path / "collector.sqlite")
    first = shared_collector.connect(tmp_path, port=0)
    kept = first.counts()["good"] + first.counts()["bad"]
    address = tmp_path / "collector.json"
    document = json.loads(address.read_text())
    del document["version"]  # as the version before wrote it
    address.write_text(json.dumps(document))
    kernel = subprocess.Popen(
        [sys.executable, "-c", OLD_KERNEL, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert kernel.stdout is not None
        assert kernel.stdout.readline() == "ready\n"
        assert kernel.stdout.readline() == "20\n"
        assert kernel.stdin is not None
        kernel.stdin.write("\n")
        kernel.stdin.flush()
        # the new version, with 40 events of the old kernel on their way
        client = shared_collector.connect(tmp_path, port=0)
        assert json.loads(address.read_text())["pid"] != document["pid"]
        with SQLiteEventStore(tmp_path / "outbox.sqlite", max_age=10**10) as store:
            drain(store, timeout=2, resolve={"local": lambda: client.url})
            output, _ = kernel.communicate(timeout=30)
            assert output.split() == ["60", "0"]
            assert {Route.from_key(route).destination for route in store.routes()} == {"http://127.0.0.1:9"}
        counts = client.counts()
        assert counts["good"] + counts["bad"] == kept + 2 + 60
    finally:
        kernel.kill()
        kernel.communicate()
        shared_collector.stop(tmp_path)
