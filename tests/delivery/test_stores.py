"""One contract, three stores."""

import contextlib
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nbtrack.delivery import (
    AsyncEmitter,
    Emitter,
    InMemoryEventStore,
    RedisEventStore,
    SQLiteEventStore,
    outbox,
)
from nbtrack.delivery.models import Row
from nbtrack.delivery.stores import sqlite_file
from nbtrack.delivery.stores.base import EventStore, Store
from tests.support.delivery import UserStore
from tests.support.fault_server import Act, FaultServer, free_port
from tests.support.waiting import poll

ROUTE = "post /p http://one"
OTHER = "post /p http://two"


def fill(store: Store, names: str, route: str = ROUTE, *, anonymous: bool = False, size: int = 10) -> None:
    for name in names:
        body = b'{"eid":"%s"}' % name.encode() + b" " * size
        reason = store.add(route=route, body=body, event_id=name, anonymous=anonymous, added=time.time())
        assert reason is None


def claim(
    store: Store, token: str = "t", route: str = ROUTE, events: int = 100, size: int = 10**6
) -> list[Row]:
    return store.claim(route, token, max_events=events, max_bytes=size, bytes_per_event=5)


def names(rows: list[Row]) -> str:
    return "".join(row.event_id for row in rows)


def ids(rows: list[Row]) -> list[object]:
    return [row.id for row in rows]


def test_events_are_claimed_in_order_by_count_and_by_bytes(store: Store) -> None:
    fill(store, "abcdef")
    assert names(claim(store, events=2)) == "ab"
    size = len(b'{"eid":"c"}') + 10 + 5
    assert names(claim(store, size=3 * size)) == "cde"
    assert names(claim(store, size=1)) == "f"
    assert claim(store) == []
    assert store.count(ROUTE) == 6


def test_a_sender_takes_only_events_of_its_route(store: Store) -> None:
    fill(store, "ab")
    fill(store, "xy", OTHER)
    assert names(claim(store, route=OTHER)) == "xy"
    assert names(claim(store)) == "ab"
    assert sorted(store.routes()) == [ROUTE, OTHER]


def test_a_claim_is_all_anonymous_or_not_at_all(store: Store) -> None:
    fill(store, "ab")
    fill(store, "c", anonymous=True)
    fill(store, "d")
    assert names(claim(store, "1")) == "ab"
    (row,) = claim(store, "2")
    assert (row.event_id, row.anonymous) == ("c", True)


def test_delivered_events_are_forgotten_by_id(store: Store) -> None:
    fill(store, "abc")
    rows = claim(store)
    store.ack(ids(rows[1:2]))
    store.abandon("t")
    assert names(claim(store)) == "ac"


def test_released_events_keep_their_order_and_count_their_attempts(store: Store) -> None:
    fill(store, "ab")
    store.release(ids(claim(store)))
    fill(store, "c")
    rows = claim(store)
    assert names(rows) == "abc"
    assert [row.attempts for row in rows][:2] == [1, 1]


def test_buried_events_are_kept_with_the_reason_and_can_wait_again(store: Store) -> None:
    fill(store, "ab")
    store.bury(ids(claim(store))[:1], "refused", 403)
    (letter,) = store.dead(10)
    assert (letter.event_id, letter.reason, letter.status, letter.route) == ("a", "refused", 403, ROUTE)
    store.abandon("t")
    assert outbox.retry_dead(store, ids=["nothing"]) == 0
    assert outbox.retry_dead(store) == 1
    assert store.dead(10) == []
    assert names(claim(store)) == "ba"


def test_letters_are_exported_and_purged(store: Store, tmp_path: Path) -> None:
    fill(store, "abc")
    store.bury(ids(claim(store))[:1], "refused", None)
    store.abandon("t")
    assert outbox.export_dead(store, tmp_path / "dead.jsonl") == 1
    assert '"destination": "http://one"' in (tmp_path / "dead.jsonl").read_text()
    assert [event.event_id for event in outbox.list_events(store)] == ["b", "c"]
    assert outbox.purge(store) == 1
    assert store.count(ROUTE) == 2
    assert outbox.purge(store, waiting=True) == 2
    assert store.count(ROUTE) == 0


def test_a_purge_deletes_what_is_set_aside_or_being_sent_too(store: Store) -> None:
    fill(store, "abc")
    (first,) = claim(store, events=1)
    store.defer([first.id], 60)
    assert names(claim(store, "another", events=1)) == "b"
    assert outbox.purge(store) == 0
    left = 1 if isinstance(store, RedisEventStore) else 0  # it keeps what is set aside until that is due
    assert outbox.purge(store, waiting=True) == 3 - left
    assert store.count(ROUTE) == left


def test_two_processes_never_hold_one_event_both(reopen: Callable[[], Store]) -> None:
    one, two = reopen(), reopen()
    fill(one, "abcd")
    mine = claim(one, "1", events=2)
    theirs = claim(two, "2")
    assert names(mine) + names(theirs) == "abcd"
    one.release(ids(mine))
    assert names(claim(two, "3")) == "ab"


def test_a_payload_can_be_found_while_it_waits(store: Store) -> None:
    fill(store, "ab")
    assert store.find(ROUTE, "b").startswith(b'{"eid":"b"}')
    assert store.find(ROUTE, "z") is None
    assert names(store.peek(ROUTE, 1)) == "a"


def test_the_references_four_methods_work(store: EventStore) -> None:
    assert store.add_event({"e": "pv", "eid": "1"})
    assert store.size() == 1
    batch = store.get_events_batch()
    assert batch == [{"e": "pv", "eid": "1"}]
    assert store.size() == 0
    store.cleanup(batch, False)
    assert store.size() == 0
    store.cleanup(batch, True)
    assert store.size() == 1


def test_every_destination_is_drained_to_its_own_collector(store: Store) -> None:
    with FaultServer() as one, FaultServer() as two:
        for server in (one, two):
            emitter = Emitter(server.url, event_store=store, batch_size=99)
            emitter.input({"eid": server.url})
            emitter.close(timeout=0)
        local = Emitter(
            "local", event_store=store, batch_size=99, resolve=lambda: one.url, destination="local"
        )
        local.input({"eid": "local"})
        local.close(timeout=0)
        by_get = Emitter(one.url, event_store=store, batch_size=99, method="get")
        for number in range(2):
            by_get.input({"eid": f"get-{number}"})
        by_get.close(timeout=0)
        reports = outbox.drain(store)
        assert {url: report.sent for url, report in reports.items()} == {one.url: 3, two.url: 1}
        assert [event.event_id for event in outbox.list_events(store)] == ["local"]
        outbox.drain(store, resolve={"local": lambda: two.url})
        assert set(one.delivered) == {one.url, "get-0", "get-1"}
        assert set(two.delivered) == {two.url, "local"}


def test_drain_reports_what_is_left_of_all_routes_of_a_destination(store: Store) -> None:
    with FaultServer(lambda _number, body: Act(503)) as server:
        for method, events in (("get", 2), ("post", 3)):
            emitter = Emitter(server.url, event_store=store, batch_size=99, method=method)
            for number in range(events):
                emitter.input({"eid": f"{method}-{number}"})
            emitter.close(timeout=0)
        started = time.monotonic()
        (report,) = outbox.drain(store, timeout=0.3).values()
        assert (report.sent, report.pending, report.timed_out) == (0, 5, True)
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])
def test_an_event_that_another_process_set_aside_is_waited_for_or_reported(
    store: Store, kind: type[Emitter]
) -> None:
    acts = iter([500] * 3)
    with FaultServer(lambda _number, _body: Act(next(acts, 200))) as server:
        first = Emitter(server.url, event_store=store, batch_size=99, max_retry_delay_seconds=0.6)
        first.input({"eid": "aside"})
        sender, key = first._sender, first._sender.route.key
        assert poll(lambda: (first.flush(0.01), store_of(first).due_in(key))[1] is not None)
        assert sender.has_deferred(own=True)
        first.pause()
        # as in another process: nothing is known but what the store says
        other = kind(server.url, event_store=store, batch_size=99, max_retry_delay_seconds=0.6)
        report = other.flush(0)
        assert (report.pending, report.timed_out) == (1, True)
        report = other.flush(5)
        assert (report.sent, report.pending, report.timed_out) == (1, 0, False)
        assert server.delivered["aside"] == 1
        other.close(timeout=0)
        first.close(timeout=0)


def store_of(emitter: Emitter) -> Store:
    return emitter._sender.store


@pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])
def test_the_end_of_an_emitter_waits_for_nothing_that_another_process_set_aside(
    store: Store, kind: type[Emitter]
) -> None:
    with FaultServer() as server:
        first = Emitter(server.url, event_store=store, batch_size=99)
        first.input({"eid": "aside"})
        key = first._sender.route.key
        (row,) = store_of(first).claim(key, "1", max_events=9, max_bytes=10**6, bytes_per_event=0)
        store_of(first).defer([row.id], 60)
        first.pause()
        assert 50 < (store_of(first).due_in(key) or 0) <= 60
        other = kind(server.url, event_store=store, batch_size=99)
        other.input({"eid": "own"})
        report = other.close(timeout=30)
        assert (report.sent, report.pending) == (1, 1)
        assert report.elapsed < 5
        first.close(timeout=0)


@pytest.mark.parametrize(
    ("seconds", "sent", "reason"),
    [(0.5, 1, ""), (60, 0, "set aside after failed requests, sent again in (60|59) s")],
)
def test_a_drain_waits_for_what_was_set_aside_or_reports_when_it_is_sent_again(
    store: Store, seconds: float, sent: int, reason: str
) -> None:
    with FaultServer() as server:
        first = Emitter(server.url, event_store=store, batch_size=99)
        first.input({"eid": "aside"})
        first.pause()
        rows = claim(store_of(first), route=first._sender.route.key)
        store_of(first).defer([row.id for row in rows], seconds)
        (report,) = outbox.drain(store, timeout=3 if sent else 0.2).values()
        assert (report.sent, report.pending) == (sent, 1 - sent)
        assert re.fullmatch(reason, report.last_error or "")
        first.close(timeout=0)


@pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])
def test_an_emitter_delivers_through_any_store(
    store: Store, server: FaultServer, kind: type[Emitter]
) -> None:
    with kind("127.0.0.1", "http", server.port, event_store=store) as emitter:
        for number in range(25):
            emitter.input({"e": "pv", "eid": str(number)})
        assert emitter.flush().pending == 0
        assert emitter.stats().sent == 25
    assert len(server.delivered) == 25


@pytest.mark.redis
def test_redis_a_dead_kernels_claim_is_claimed_again(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = RedisEventStore(redis_url, key="dead"), RedisEventStore(redis_url, key="dead")
    fill(one, "abc")
    assert names(claim(one)) == "abc"
    assert claim(two) == []
    monkeypatch.setattr("nbtrack.delivery.stores.redis.LEASE_MS", 0)
    rows = claim(two)
    assert names(rows) == "abc"
    two.ack(ids(rows))
    assert two.count(ROUTE) == 0
    one.close()
    two.close()


@pytest.mark.redis
def test_redis_events_wait_in_memory_while_the_server_is_away(server: FaultServer) -> None:
    store = RedisEventStore(f"redis://127.0.0.1:{free_port()}/0")
    with Emitter("127.0.0.1", "http", server.port, event_store=store) as emitter:
        assert emitter.input({"eid": "1"})
        assert emitter.flush(5).sent == 1
    store.close()


@pytest.mark.redis
def test_redis_refuses_when_full(redis_url: str) -> None:
    store = RedisEventStore(redis_url, key="full", max_events=2)
    fill(store, "ab")
    assert store.add(route=ROUTE, body=b"{}", event_id="c", anonymous=False, added=0.0) == "queue_full"
    assert store.count(ROUTE) == 2
    store.close()


def test_a_network_file_system_is_known_by_its_mount(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not sqlite_file.is_network_path(tmp_path / "x")
    mounts = f"1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / {tmp_path} rw - nfs4 host:/home rw\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: mounts)
    assert sqlite_file.is_network_path(tmp_path / "home" / "x")
    assert not sqlite_file.is_network_path(tmp_path.parent / "x")


def test_on_a_network_file_system_the_outbox_is_of_this_process_and_without_wal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_file, "is_network_path", lambda _: True)
    with outbox.open_outbox(tmp_path) as store:
        assert store.path.name != "outbox.sqlite"
        with contextlib.closing(sqlite3.connect(store.path)) as connection:
            # WAL would be a property of the file, which another connection sees
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert len(caplog.records) == 1


def test_rows_hold_no_credentials(tmp_path: Path) -> None:
    with SQLiteEventStore(tmp_path / "o.sqlite") as store:
        emitter = Emitter(
            "https://user:secret@c.example.com", event_store=store, headers={"X-Key": "secret"}, batch_size=99
        )
        emitter.input({"e": "pv"})
        assert b"secret" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert "secret" not in repr(emitter.stats())
        emitter.pause()
        emitter.close(timeout=0)


@pytest.mark.parametrize("removes", [True, False])
@pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])
def test_a_store_of_the_references_protocol_loses_nothing(kind: type[Emitter], removes: bool) -> None:
    theirs = UserStore(removes=removes)
    with FaultServer([Act(503), Act(), Act(400), Act()]) as server:
        emitter = kind("127.0.0.1", "http", server.port, event_store=theirs, batch_size=50)
        for number in range(20):
            emitter.input({"e": "pv", "eid": str(number)})
        assert emitter.flush(10).sent == 20
        emitter.input({"e": "pv", "eid": "refused"})
        assert emitter.flush(10).dead == 1
        emitter.close()
    assert sorted(theirs.done, key=str) == sorted([*map(str, range(20)), "refused"])
    assert theirs.size() == 0


def test_a_store_of_the_references_protocol_gets_back_what_was_not_sent() -> None:
    theirs = UserStore(capacity=3)
    emitter = Emitter("127.0.0.1", "http", free_port(), event_store=theirs, batch_size=50)
    for number in range(3):
        emitter.input({"e": "pv", "eid": str(number)})
    assert not emitter.input({"e": "pv", "eid": "3"})
    emitter.flush(0.05)
    assert [event["eid"] for event in theirs.events] == ["0", "1", "2"]
    emitter.close(timeout=0)
    assert emitter.stats().dropped == {"queue_full": 1}


def test_the_import_is_light() -> None:
    code = (
        "import sys, nbtrack.delivery;"
        "heavy = {'requests', 'urllib3', 'redis', 'pandas', 'numpy', 'IPython', 'duckdb', 'pyarrow', 'tornado'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_memory_store_is_constructed_as_the_references() -> None:
    import logging

    store = InMemoryEventStore(logging.getLogger("x"), 1)
    assert store.add_event({"a": "1"})
    assert not store.add_event({"a": "2"})
    assert store.event_buffer == [{"a": "1"}]
    assert store.buffer_capacity == 1
