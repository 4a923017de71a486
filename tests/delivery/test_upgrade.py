"""An outbox written by an earlier version: opened as it is, and everything in it is delivered."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

from nbtrack.delivery import SQLiteEventStore
from nbtrack.delivery.outbox import drain, list_dead, list_events, retry_dead
from tests.support.fault_server import FaultServer

FIXTURES = Path(__file__).parent / "fixtures"
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
