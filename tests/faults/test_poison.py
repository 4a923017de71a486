"""One bad event, one bad callback: the others arrive all the same."""

import itertools
import threading
from collections.abc import Callable

import pytest

from nbtrack.delivery import AsyncEmitter, Emitter, InMemoryEventStore, SQLiteEventStore
from tests.support.delivery import QUICK, UserStore, track
from tests.support.fault_server import Act, FaultServer
from tests.support.waiting import poll

BOTH = pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])


def refuse_poison(_number: int, body: bytes) -> Act:
    return Act(500) if b"poison" in body else Act()


@BOTH
@pytest.mark.parametrize(
    "make_store",
    [
        lambda _: InMemoryEventStore(),
        lambda folder: SQLiteEventStore(folder / "outbox.sqlite"),
        lambda _: UserStore(capacity=1_000),
    ],
    ids=["memory", "sqlite", "user"],
)
def test_an_event_that_always_fails_holds_up_no_other(
    kind: type[Emitter], make_store: Callable[..., object], tmp_path: object
) -> None:
    with FaultServer(refuse_poison) as server:
        emitter = kind(
            "127.0.0.1",
            "http",
            server.port,
            batch_size=10**6,
            event_store=make_store(tmp_path),
            max_retry_delay_seconds=QUICK,
        )
        before = track(emitter, *range(20))
        emitter.input({"e": "pv", "eid": "bad", "page": "poison"})
        behind = track(emitter, *range(20, 40))
        emitter.async_flush()
        assert poll(lambda: emitter.flush(0.2).pending == 1)
        assert set(server.delivered) == {*before, *behind}
        later = track(emitter, *range(40, 50))
        assert poll(lambda: emitter.flush(0.2).pending == 1)
        assert set(server.delivered) == {*before, *behind, *later}
        assert emitter.flush(0).timed_out
        emitter.close(timeout=0)


def test_an_attempt_counts_for_an_event_only_when_the_request_held_it_alone() -> None:
    with FaultServer(refuse_poison) as server:
        emitter = Emitter(
            "127.0.0.1",
            "http",
            server.port,
            batch_size=10**6,
            max_attempts=3,
            max_retry_delay_seconds=QUICK,
        )
        track(emitter, *range(125))
        emitter.input({"e": "pv", "eid": "bad", "page": "poison"})
        track(emitter, *range(125, 250))
        assert emitter.flush(20).dead == 1
        assert len(server.delivered) == 250
        assert [event.event_id for event in emitter.event_store.dead(9)] == ["bad"]
        emitter.close()


def test_max_attempts_of_1_means_no_retry() -> None:
    with FaultServer([Act(503)]) as server:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=10**6, max_attempts=1)
        track(emitter, *range(5))
        assert emitter.flush(5).dead == 5
        assert len(server.seen) == 1
        emitter.close()


def test_an_ailing_collector_is_asked_once_a_backoff_and_not_for_single_events_at_once() -> None:
    sizes: list[int] = []

    def fail(_number: int, body: bytes) -> Act:
        sizes.append(body.count(b'"eid"'))
        return Act(500)

    with FaultServer(fail) as server:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=10**6, max_retry_delay_seconds=QUICK)
        track(emitter, *range(64))
        assert poll(lambda: emitter.flush(0.1) and len(server.seen) > 12)
        emitter.close(timeout=0)
    assert sizes[:3] == [64, 64, 64]
    assert sizes[3:9] == [32, 16, 8, 4, 2, 1]


def test_a_connection_that_is_refused_says_nothing_about_events() -> None:
    emitter = Emitter("http://127.0.0.1:9", batch_size=10**6, max_retry_delay_seconds=QUICK)
    track(emitter, *range(64))
    assert poll(lambda: emitter.flush(0.1) and len(emitter.log) > 12)
    assert {attempt.events for attempt in emitter.log} == {64}
    emitter.close(timeout=0)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), pytest.fail.Exception("no")])
def test_a_callback_that_raises_anything_does_not_end_the_background_sender(error: BaseException) -> None:
    calls = itertools.count()

    def callback(_: object) -> None:
        if next(calls) < 3:
            raise error

    with FaultServer() as server:
        emitter = AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1, on_success=callback)
        for number in range(6):
            track(emitter, number)
            assert server.wait_for(number + 1)
        assert emitter.flush(5).pending == 0
        emitter.close()


def test_a_thread_that_died_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    deaths = iter([1])
    real = threading.Condition.wait

    def wait(condition: threading.Condition, timeout: float | None = None) -> bool:
        if threading.current_thread().name == "nbtrack-sender" and next(deaths, None):
            raise SystemExit
        return real(condition, timeout)

    with FaultServer() as server:
        emitter = AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1)
        monkeypatch.setattr(threading.Condition, "wait", wait)
        track(emitter, 1)
        assert server.wait_for(1)
        assert poll(lambda: not any(thread.name == "nbtrack-sender" for thread in threading.enumerate()))
        track(emitter, 2)
        assert server.wait_for(2)
        emitter.close()
