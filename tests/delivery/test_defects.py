"""The defects of the reference's emitters, by their numbers in its inventory, and that ours are free of them."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from nbtrack.delivery import AsyncEmitter, Emitter, InMemoryEventStore
from tests.support.delivery import QUICK, UserStore, Wire, track
from tests.support.fault_server import Act, FaultServer
from tests.support.waiting import poll


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as one:
        yield one


@pytest.mark.parametrize("kind", ["Emitter", "AsyncEmitter"])
def test_defect_01_the_end_of_the_program_sends_the_tail(server: FaultServer, kind: str) -> None:
    code = (
        f"from nbtrack.delivery import {kind} as E\n"
        f"e = E('127.0.0.1', 'http', {server.port}, batch_size=2)\n"
        "for n in range(3): e.input({'e': 'pv', 'eid': str(n)})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stderr == b""
    assert server.delivered == {"0": 1, "1": 1, "2": 1}


def test_defect_02_ctrl_c_while_sending_keeps_the_batch() -> None:
    wire = Wire()
    emitter = Emitter("c.example.com", batch_size=100, transport=wire)
    track(emitter, *range(5))
    wire.raising = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        emitter.flush()
    assert emitter.stats().pending == 5
    wire.raising = None
    assert emitter.close().sent == 5


def test_defect_02_a_lone_surrogate_in_a_get_is_sent(server: FaultServer) -> None:
    with Emitter("127.0.0.1", "http", server.port, method="get") as emitter:
        emitter.input({"e": "pv", "eid": "1", "page": "\ud800"})
        assert emitter.stats().sent == 1


def test_defect_03_a_get_is_judged_event_by_event() -> None:
    with FaultServer([Act(400), Act(200), Act(500), Act(200)]) as server:
        emitter = Emitter(
            "127.0.0.1", "http", server.port, method="get", batch_size=100, max_retry_delay_seconds=QUICK
        )
        track(emitter, "refused", "good", "later")
        report = emitter.close()
        assert (report.sent, report.dead, report.pending) == (2, 1, 0)
        assert set(server.delivered) == {"good", "later"}
        assert server.arrived == {"refused": 1, "good": 1, "later": 2}


def test_defect_04_a_302_is_no_delivery_and_no_get() -> None:
    delivered: list[object] = []
    with FaultServer([Act(302, {"Location": "/"}), Act()]) as server:
        with Emitter("127.0.0.1", "http", server.port, on_success=delivered.append) as emitter:
            track(emitter, 1)
        assert [seen.method for seen in server.seen] == ["POST"]
    assert delivered == []


def test_defect_05_a_retry_into_a_full_store_drops_nothing() -> None:
    with FaultServer([Act(503, {"Retry-After": "0.5"}), Act()]) as server:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=3, buffer_capacity=3)
        track(emitter, 0, 1, 2)
        track(emitter, 3, 4)
        assert emitter.stats().dropped == {"queue_full": 2}
        assert emitter.close().sent == 3
        assert set(server.delivered) == {"0", "1", "2"}


def test_defect_05_equal_events_stay_two_and_a_retry_is_not_quadratic() -> None:
    with FaultServer([Act(503), Act()]) as server:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=10**6, max_retry_delay_seconds=QUICK)
        track(emitter, *(["same"] * 20_000))
        started = time.perf_counter()
        assert emitter.close(60).sent == 20_000
        assert time.perf_counter() - started < 20
        assert server.delivered == {"same": 20_000}


def test_defect_06_a_callback_that_raises_does_not_end_delivery(server: FaultServer) -> None:
    def bad(_: object) -> None:
        raise ValueError("a mistake of the user")

    with AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1, on_success=bad) as emitter:
        track(emitter, 1)
        assert server.wait_for(1)
        track(emitter, 2)
        assert server.wait_for(2)
        assert emitter.flush().pending == 0


@pytest.mark.parametrize(
    ("endpoint", "options"),
    [
        ("c.example.com", {"batch_size": 0}),
        ("c.example.com", {"batch_size": -1}),
        ("c.example.com", {"port": -1}),
        ("c.example.com", {"port": 70_000}),
        ("c.example.com:8080", {"port": 9090}),
        ("", {}),
        ("/", {}),
        ("ftp://c.example.com", {}),
        ("c.example.com", {"protocol": "gopher"}),
        ("c.example.com", {"method": "put"}),
        ("c.example.com", {"byte_limit": 0}),
        ("c.example.com", {"buffer_capacity": 0}),
        ("c.example.com", {"max_batch_bytes": 10}),
    ],
)
def test_defect_07_arguments_that_cannot_work_are_refused(endpoint: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Emitter(endpoint, **options)


def test_defect_07_no_thread_is_no_thread_count() -> None:
    with pytest.raises(ValueError, match="thread_count"):
        AsyncEmitter("c.example.com", thread_count=0)


def test_defect_08_a_refusal_is_counted_logged_kept_and_told_to_the_store() -> None:
    theirs = UserStore()
    with FaultServer([Act(403)]) as server:
        emitter = Emitter("127.0.0.1", "http", server.port, event_store=theirs, batch_size=2)
        track(emitter, 1, 2)
        stats = emitter.stats()
        assert (stats.dead, stats.last_status, stats.last_error) == (2, 403, "HTTP 403")
        assert [(one.status, one.events) for one in emitter.log] == [(403, 2)]
        assert theirs.done == ["1", "2"]
        emitter.close()


def test_defect_09_a_hung_collector_holds_no_other_threads_track() -> None:
    released = threading.Event()

    def hang(number: int, body: bytes) -> Act:
        released.wait(20)
        return Act()

    with FaultServer(hang) as server:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=2)
        thread = threading.Thread(target=track, args=(emitter, 1, 2))
        thread.start()
        assert poll(lambda: emitter.stats().in_flight)
        track(emitter, 3)
        assert thread.is_alive()
        released.set()
        thread.join()
        emitter.close()


@pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])
def test_defect_10_a_flush_ends_and_tells_and_does_not_hammer(kind: type[Emitter]) -> None:
    with FaultServer([Act(503)]) as server:
        emitter = kind("127.0.0.1", "http", server.port, batch_size=100, max_retry_delay_seconds=0.2)
        track(emitter, 1, 2)
        report = emitter.flush(0.5)
        assert report.timed_out
        assert (report.pending, report.sent) == (2, 0)
        assert report.elapsed < 5
        assert len(server.seen) < 60
        assert emitter.sync_flush.__doc__
        emitter.close(timeout=0)


def test_defect_11_the_background_waits_after_a_failure_and_its_memory_is_bounded() -> None:
    with FaultServer([Act(503, {"Retry-After": "50"})]) as server:
        emitter = AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1, buffer_capacity=10)
        track(emitter, 0)
        assert server.wait_for_requests(1)
        assert poll(lambda: emitter.stats().state == "retrying")
        track(emitter, *range(1, 100))
        assert len(server.seen) == 1
        assert emitter.stats().pending == 10
        assert emitter.stats().dropped == {"queue_full": 90}
        emitter.close(timeout=0)


def test_defect_11_a_flush_timer_does_not_stack_threads() -> None:
    with FaultServer([Act(after=0.3)]) as server:
        before = threading.active_count()
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=100)
        emitter.set_flush_timer(0.01)
        emitter.set_flush_timer(0.01)
        for number in range(20):
            track(emitter, number)
            time.sleep(0.02)  # twice the timer's interval: it fires between the events
        # the timers' two threads; the server's connection
        assert threading.active_count() <= before + 3
        emitter.cancel_flush_timer()
        emitter.close()
        assert len(server.delivered) == 20


def test_defect_12_a_backlog_leaves_in_bounded_requests(server: FaultServer) -> None:
    emitter = Emitter("127.0.0.1", "http", server.port, batch_size=10**6, max_batch_bytes=50_000)
    for number in range(1_000):
        emitter.input({"e": "pv", "eid": str(number), "page": "x" * 500})
    assert emitter.close().sent == 1_000
    assert max(len(seen.body) for seen in server.seen) <= 50_000
    assert len(server.seen) < 20


def test_defect_15_two_emitters_on_one_store_keep_their_events_apart() -> None:
    store = InMemoryEventStore()
    with FaultServer() as one, FaultServer() as two:
        first = Emitter("127.0.0.1", "http", one.port, event_store=store, batch_size=100)
        second = Emitter("127.0.0.1", "http", two.port, event_store=store, batch_size=100)
        track(first, "a")
        track(second, "b")
        first.close()
        second.close()
        assert set(one.delivered) == {"a"}
        assert set(two.delivered) == {"b"}


def test_defect_15_rules_of_one_emitter_are_not_those_of_the_next() -> None:
    rules, first_wire, second_wire = {500: False}, Wire(), Wire()
    first = Emitter("c.example.com", custom_retry_codes=rules, transport=first_wire)
    second = Emitter("c.example.com", transport=second_wire)
    rules[503] = False
    first_wire.status, second_wire.status = 503, 500
    for emitter in (first, second):
        track(emitter, 1)
        emitter.flush(0.05)
        assert emitter.stats().dead == 0
    first_wire.status = 500
    assert first.close().dead == 1
    second.close(timeout=0)


def test_defect_25_a_retry_keeps_the_order_and_the_byte_limit_counts_bytes() -> None:
    with FaultServer([Act(503, {"Retry-After": "0.5"}), Act()]) as server:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=3)
        track(emitter, 0, 1, 2, 3, 4)
        emitter.close()
        assert [event["eid"] for event in server.seen[-1].events] == ["0", "1", "2", "3", "4"]
    with FaultServer() as server:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=100, byte_limit=219)
        emitter.input({"page": "é" * 90})
        assert not server.seen
        emitter.input({"page": "é" * 90})
        assert len(server.seen) == 1
        emitter.close()


def test_defect_22_the_time_of_sending_has_milliseconds(server: FaultServer) -> None:
    before = int(time.time() * 1000)
    with Emitter("127.0.0.1", "http", server.port) as emitter:
        track(emitter, 1)
    with contextlib.suppress(KeyError):
        assert before <= int(server.seen[0].events[0]["stm"]) <= int(time.time() * 1000)
