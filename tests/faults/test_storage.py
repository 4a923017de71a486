"""Faults 20 to 22, 27 to 29, 31 and 34: disks, values and callbacks."""

import contextlib
import json
import logging
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.delivery import AsyncEmitter, Emitter, InMemoryEventStore, SQLiteEventStore, outbox
from nbtrack.delivery.encoding import encode
from nbtrack.delivery.models import Row
from nbtrack.delivery.stores import sqlite, sqlite_file
from tests.support.delivery import QUICK, track
from tests.support.fault_server import Act, FaultServer
from tests.support.waiting import poll

ROUTE = "post /p local"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as one:
        yield one


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def add(
    store: SQLiteEventStore | InMemoryEventStore, event_id: object, body: bytes = b"{}", age: float = 0.0
) -> object:
    return store.add(route=ROUTE, body=body, event_id=str(event_id), anonymous=False, added=time.time() - age)


def claim(store: SQLiteEventStore | InMemoryEventStore, events: int = 500) -> list[Row]:
    return store.claim(ROUTE, "t", max_events=events, max_bytes=10**9, bytes_per_event=0)


def test_20_on_a_full_disk_events_wait_in_memory_and_it_recovers(
    path: Path, server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    with SQLiteEventStore(path) as store:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=1000, event_store=store)
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        assert len(track(emitter, *range(50), page="x" * 500)) == 50
        assert 0 < store.size() < 50
        assert emitter.stats().pending == 50
        assert sum("kept in memory" in record.message for record in caplog.records) == 1
        store._connection.execute("PRAGMA max_page_count = 1000000")
        assert poll(lambda: emitter.flush(10).pending == 0)
        emitter.input({"e": "pv", "eid": "after"})
        assert store.size() == 1
        emitter.close()
    assert len(server.delivered) == 51
    assert set(server.delivered.values()) == {1}


def test_20_what_waits_in_memory_goes_to_the_disk_at_the_end(path: Path) -> None:
    class BusyStore(SQLiteEventStore):
        busy = True

        def add(self, **event: object) -> object:
            if self.busy:
                raise sqlite3.OperationalError("database is locked")
            return super().add(**event)

    with BusyStore(path) as store:
        emitter = Emitter("127.0.0.1", "http", 9, batch_size=1000, event_store=store)
        track(emitter, *range(3))
        assert store.size() == 0
        store.busy = False
        emitter.close(timeout=0)
        assert store.size() == 3


def test_21_without_a_home_the_outbox_is_of_this_process_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    store = outbox.open_outbox(blocked / "home")
    assert isinstance(store, SQLiteEventStore)
    assert store.path.is_relative_to(tmp_path / "run")
    store.close()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(blocked))
    assert isinstance(outbox.open_outbox(blocked / "home"), InMemoryEventStore)
    assert len(caplog.records) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; run the tests as a user")
def test_21_a_read_only_folder_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    tmp_path.joinpath("home").mkdir(mode=0o500)
    store = outbox.open_outbox(tmp_path / "home")
    assert store.add_event({"e": "pv"})
    store.close()


def test_21_the_outbox_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    with outbox.open_outbox(tmp_path / "home") as store:
        store.add_event({"e": "pv"})
        for file in (tmp_path / "home").iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 500)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for position in range(4096, len(data), 37):
        data[position] ^= 0xFF
    path.write_bytes(data)


def newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def other_table(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE events (something TEXT)")
    connection.execute(f"PRAGMA user_version = {sqlite_file.VERSION}")
    connection.close()


def one_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "saved"),
    [(garbage, 0), (truncated, 50), (flipped, 0), (other_table, 0), (one_page, 150)],
)
def test_22_a_broken_store_is_set_aside_and_what_can_be_read_is_saved(
    path: Path, damage: object, saved: int, caplog: pytest.LogCaptureFixture
) -> None:
    with SQLiteEventStore(path) as store:
        for number in range(200):
            add(store, number, b'{"eid":"%d"}' % number + b" " * 300)
    damage(path)
    with SQLiteEventStore(path) as store:
        assert add(store, "new", b'{"eid":"new"}') is None
        ids = [row.event_id for row in store.peek(ROUTE, 1000)]
        assert ids[-1] == "new"
        assert saved <= len(ids) - 1 < 200
        assert set(ids) <= {"new", *map(str, range(200))}
    assert len(list(path.parent.glob("outbox.sqlite.corrupt-*"))) >= 1
    assert sum("was renamed to" in record.message for record in caplog.records) == 1


def test_22_the_store_of_a_later_version_is_left_alone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    SQLiteEventStore(path).close()
    newer(path)
    with outbox.open_outbox(path.parent) as store:
        assert store.path != path
    assert "written by a later version of nbtrack" in caplog.text
    assert path.exists()


def test_22_a_store_that_breaks_while_in_use_does_not_stop_delivery(path: Path, server: FaultServer) -> None:
    with SQLiteEventStore(path) as store:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=1000, event_store=store)
        track(emitter, *range(100), page="x" * 300)
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()
        flipped(path)
        assert emitter.input({"e": "pv", "eid": "later"})
        emitter.flush(5)
        assert "later" in server.delivered
        emitter.close()


def test_27_a_huge_payload_is_refused_before_the_store_without_its_text_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    emitter = Emitter("127.0.0.1", "http", 9)
    assert not emitter.input({"e": "pv", "page": "x" * 5_000_000})
    assert emitter.stats().dropped == {"too_large": 1}
    assert emitter.stats().accepted == 0
    assert len(caplog.text) < 1000


def test_28_numbers_that_json_lacks_never_reach_the_wire_as_tokens(server: FaultServer) -> None:
    with Emitter("127.0.0.1", "http", server.port) as emitter:
        emitter.input({"eid": "1", "a": float("nan"), "b": float("inf"), "c": -float("inf")})
    (seen,) = server.seen
    json.loads(seen.body, parse_constant=pytest.fail)
    assert seen.events[0]["a"] == "nan"


class Evil:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | st.sets(st.integers())
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    payload=st.dictionaries(st.text(max_size=5) | st.integers(), values, max_size=5),
    method=st.sampled_from(["post", "get"]),
)
def test_29_any_value_becomes_strict_json(payload: dict[object, object], method: str) -> None:
    body, _ = encode(payload, method)
    flat = json.loads(body, parse_constant=pytest.fail)
    assert all(isinstance(value, str | list) for value in flat.values())


def test_29_a_value_without_text_costs_that_event_only(server: FaultServer) -> None:
    cyclic: list[object] = []
    cyclic.append(cyclic)
    deep: object = "x"
    for _ in range(100_000):
        deep = [deep]
    with AsyncEmitter("127.0.0.1", "http", server.port) as emitter:
        assert not emitter.input({"eid": "evil", "a": Evil()})
        assert not emitter.input({"eid": "deep", "a": deep})
        assert emitter.input({"eid": "good", "a": cyclic, "b": "\ud800", "c": "\0", "d": 10**400 // 10**100})
        assert emitter.stats().dropped == {"unserializable": 2}
    assert set(server.delivered) == {"good"}


@pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])
def test_31_callbacks_that_raise_block_or_flush_do_no_harm(kind: type[Emitter], server: FaultServer) -> None:
    reports = []

    def bad(*_: object) -> None:
        reports.append(emitter.flush(5))
        raise ValueError("a mistake of the user")

    logging.getLogger("nbtrack.delivery").disabled = True
    try:
        emitter = kind("127.0.0.1", "http", server.port, on_success=bad, on_failure=bad, on_attempt=bad)
        emitter.subscribe(lambda: 1 / 0)
        track(emitter, *range(30))
        assert emitter.flush(10).pending == 0
        assert reports
        emitter.close()
    finally:
        logging.getLogger("nbtrack.delivery").disabled = False
    assert len(server.delivered) == 30


def test_31_a_callback_that_blocks_holds_no_caller(server: FaultServer) -> None:
    gate = threading.Event()
    emitter = AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1, on_success=lambda _: gate.wait(20))
    track(emitter, *range(5))
    assert poll(lambda: server.delivered)
    assert 0.2 <= emitter.flush(0.2).elapsed < 5
    gate.set()
    emitter.close()


def test_34_the_store_keeps_its_bounds_and_gives_the_disk_back(path: Path) -> None:
    with SQLiteEventStore(path, max_bytes=2_000_000, max_events=10_000) as store:
        reasons = [add(store, number, b"x" * 1_000) for number in range(2_500)]
        assert reasons.count(None) == 2_000
        assert reasons[-1] == "queue_full"
        full = path.stat().st_size + Path(f"{path}-wal").stat().st_size
        while rows := claim(store):
            store.ack([row.id for row in rows])
    with SQLiteEventStore(path) as store:
        claim(store)
    assert path.stat().st_size < full / 5


def test_34_dead_letters_count_against_the_bounds_and_go_first(path: Path) -> None:
    for store in (SQLiteEventStore(path, max_events=10), InMemoryEventStore(buffer_capacity=10)):
        for number in range(10):
            add(store, number)
        rows = claim(store, 4)
        store.bury([row.id for row in rows], "refused", 400)
        for number in range(10, 16):
            add(store, number)
        assert store.count(ROUTE) == 10
        assert store.dead(10) == []
        assert store.take_drops() == {"dead_letters_full": 4}
        assert store.take_drops() == {}
        store.close()


def test_34_the_too_old_are_given_up_dead_letters_too(path: Path, server: FaultServer) -> None:
    with SQLiteEventStore(path, max_age=3600) as store:
        for number in range(4):
            add(store, number, age=7200)
        store.bury([store.peek(ROUTE, 1)[0].id], "refused", 400)
        add(store, "young")
        assert [row.event_id for row in claim(store)] == ["young"]
        assert store.take_drops() == {"expired": 4}


def test_34_an_emitter_buries_what_is_too_old_or_was_tried_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer([Act(503)]) as server:
        emitter = Emitter(
            "127.0.0.1", "http", server.port, batch_size=100, max_age=60, max_attempts=3,
            max_retry_delay_seconds=QUICK,
        )  # fmt: skip
        emitter.input({"eid": "tried"})
        assert emitter.flush(5).dead == 1
        emitter.input({"eid": "old"})
        later = time.time() + 61
        monkeypatch.setattr("nbtrack.delivery.sender.wall", lambda: later)
        assert emitter.flush(5).dead == 1
        assert [letter.reason for letter in emitter.event_store.dead(9)] == ["attempts", "expired"]
        assert len(server.seen) == 3
        emitter.close()


@contextlib.contextmanager
def tracking(store: SQLiteEventStore) -> Iterator[Callable[[], int]]:
    """Add events on another thread all the time; a call returns how many there are so far."""
    count = 0
    stop = threading.Event()

    def track() -> None:
        nonlocal count
        while not stop.is_set():
            assert add(store, "new") is None
            count += 1

    thread = threading.Thread(target=track)
    thread.start()
    try:
        assert poll(lambda: count > 0)
        yield lambda: count
    finally:
        stop.set()
        thread.join()


def test_threads_that_track_go_first_while_a_backlog_is_claimed_and_settled(path: Path) -> None:
    with SQLiteEventStore(path) as store:
        for number in range(5_000):
            add(store, number)
        with tracking(store) as count:
            before = count()
            rows = claim(store, 5_000)
            claimed = count()
            store.release([row.id for row in rows])
            released = count()
            store.ack([row.id for row in rows])
            settled = count()
        assert [row.event_id for row in rows] == [str(number) for number in range(5_000)]
        # in one transaction each, at most one or two would slip in between
        assert min(claimed - before, released - claimed, settled - released) > 10
        assert store.size() == count()


def test_the_size_of_a_file_stays_exact_while_it_is_counted_beside_its_use(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "MAINTENANCE_SECONDS", 0.0)
    monkeypatch.setattr(sqlite, "EXACT_COUNT_EVENTS", 100)
    with SQLiteEventStore(path) as store:
        for number in range(2_000):
            add(store, number)
        with tracking(store):
            for _ in range(30):
                store.ack([row.id for row in claim(store, 10)])
        # what it counts by itself, and what is there
        assert store.count(ROUTE) == store.size() > 100


def test_a_full_file_is_counted_now_and_then_and_not_for_each_event(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SQLiteEventStore(path, max_events=3) as store, SQLiteEventStore(path, max_events=3) as other:
        assert [add(store, number) for number in range(4)] == [None, None, None, "queue_full"]
        other.ack([row.id for row in claim(other)])
        # that another process made room is seen at the next count
        assert add(store, 5) == "queue_full"
        monkeypatch.setattr(sqlite, "MAINTENANCE_SECONDS", 0.0)
        assert add(store, 5) is None


def test_the_journal_stays_small_while_a_backlog_passes_through(path: Path) -> None:
    most = 0
    with SQLiteEventStore(path) as store, tracking(store):
        for _ in range(25):
            for number in range(100):
                add(store, number, b"x" * 10_000)
            store.ack([row.id for row in claim(store)])
            most = max(most, Path(f"{path}-wal").stat().st_size)
    assert most < 20 * 2**20


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts what a process reads")
def test_a_large_file_is_opened_without_being_read(path: Path) -> None:
    def bytes_read() -> int:
        (line,) = (
            line for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("rchar")
        )
        return int(line.split()[1])

    with SQLiteEventStore(path) as store:
        for number in range(25_000):
            add(store, number, b"x" * 700)
    before = bytes_read()
    with SQLiteEventStore(path) as store:
        add(store, "again")
        assert bytes_read() - before < path.stat().st_size / 10
        # an estimate, until a sender has looked at the file
        assert store.count(ROUTE) == pytest.approx(25_001, rel=0.2)
        store.claim("another", "t", max_events=1, max_bytes=1, bytes_per_event=0)
        assert store.count(ROUTE) == 25_001


def test_a_claim_that_is_stopped_half_way_returns_what_it_claimed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    with SQLiteEventStore(path) as store, contextlib.closing(sqlite3.connect(path)) as other:
        for number in range(3 * sqlite.SLICE):
            add(store, number)
        # another process writes from the end of the first slice on
        monkeypatch.setattr(sqlite.time, "sleep", lambda _seconds: other.execute("BEGIN IMMEDIATE"))
        rows = claim(store)
        other.rollback()
        assert len(rows) == sqlite.SLICE
        assert len(claim(store, sqlite.SLICE)) == sqlite.SLICE
        store.ack([row.id for row in rows])
        assert store.size() == 2 * sqlite.SLICE


def test_a_file_that_is_deleted_with_a_large_journal_is_named_as_deleted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with SQLiteEventStore(path) as store:
        emitter = Emitter("127.0.0.1:9", "http", event_store=store, batch_size=10_000, report_at_exit=False)
        track(emitter, *range(1_200), page="x" * 500)
        path.unlink()
        # the store looks for its file at most so often
        time.sleep(2 * sqlite.LOOK_SECONDS)
        emitter.flush(0.5)
        emitter.close(timeout=0)
    messages = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(messages) == 1
    assert "was deleted while in use" in messages[0]


def test_damage_that_only_a_look_at_the_whole_file_finds_is_mended(path: Path) -> None:
    with SQLiteEventStore(path) as store:
        for number in range(30_000):
            add(store, number, b'{"page":"%b"}' % (b"x" * 700))
        store.close()
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"\xff" * 40_000)
        with pytest.raises(sqlite3.DatabaseError):
            claim(store, 1)
        assert list(path.parent.glob("*.corrupt-*"))
        assert 10_000 < store.size() < 30_000
