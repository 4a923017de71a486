"""What an emitter tells, and how it is steered."""

import base64
import gc
import itertools
import queue
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable

import pytest
import requests

from nbtrack.delivery import AsyncEmitter, Attempt, Emitter, RedisEventStore
from nbtrack.delivery import async_emitter as module
from nbtrack.delivery.http.transport import Transport
from nbtrack.delivery.models import Reply
from nbtrack.delivery.retry import Decision, decide
from nbtrack.delivery.sender import Sender
from nbtrack.delivery.timer import Timer
from tests.support.delivery import QUICK, track
from tests.support.fault_server import Act, FaultServer, free_port
from tests.support.waiting import poll

BOTH = pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])


@pytest.mark.parametrize(
    ("status", "events", "custom", "decision"),
    [
        (200, 9, {}, Decision.SENT),
        (204, 9, {204: True}, Decision.SENT),
        (None, 9, {}, Decision.RETRY),
        (None, 9, {-1: False}, Decision.BURY),
        (408, 9, {}, Decision.RETRY),
        (425, 9, {}, Decision.RETRY),
        (429, 9, {}, Decision.RETRY),
        (500, 9, {}, Decision.RETRY),
        (599, 9, {}, Decision.RETRY),
        (500, 9, {500: False}, Decision.BURY),
        (413, 9, {}, Decision.SPLIT),
        (413, 1, {}, Decision.BURY),
        (413, 9, {413: True}, Decision.RETRY),
        (400, 9, {}, Decision.BURY),
        (403, 9, {403: True}, Decision.RETRY),
        (404, 9, {}, Decision.BURY),
        (302, 9, {}, Decision.BURY),
        (101, 9, {}, Decision.RETRY),
        (700, 9, {}, Decision.RETRY),
    ],
)
def test_the_retry_table(
    status: int | None, events: int, custom: dict[int, bool], decision: Decision
) -> None:
    assert decide(Reply(status), events=events, custom=custom) is decision


@BOTH
def test_batch_size_triggers_and_a_request_carries_all_that_waits(
    kind: type[Emitter], server: FaultServer
) -> None:
    emitter = kind("127.0.0.1", "http", server.port, batch_size=5)
    track(emitter, *range(4))
    time.sleep(0.05)  # one that does not wait for the fifth would have sent by now
    assert not server.seen
    emitter.pause()
    track(emitter, *range(4, 22))
    assert not server.seen
    emitter.resume()
    assert server.wait_for(22)
    assert len(server.seen) == 1
    emitter.close()


def test_the_body_is_the_references(server: FaultServer) -> None:
    with Emitter("127.0.0.1", "http", server.port) as emitter:
        emitter.input({"e": "pv", "eid": "1", "flag": True, "n": 1.0, "list": [1], "é": "ü"})
    (seen,) = server.seen
    assert seen.target == "/com.snowplowanalytics.snowplow/tp2"
    assert seen.headers["content-type"] == "application/json; charset=utf-8"
    (event,) = seen.events
    stamp = event.pop("stm")
    assert stamp.isdigit()
    assert event == {"e": "pv", "eid": "1", "flag": "True", "n": "1.0", "list": "[1]", "é": "ü"}


def test_a_get_has_one_event_and_the_references_query(server: FaultServer) -> None:
    with Emitter("127.0.0.1", "http", server.port, method="get") as emitter:
        emitter.input({"e": "pv", "eid": "1", "page": "a b", "none": None, "n": 2})
    (seen,) = server.seen
    assert seen.target.startswith("/i?e=pv&eid=1&page=a+b&n=2&stm=")


@BOTH
def test_stats_log_and_pending_tell_what_happens(kind: type[Emitter]) -> None:
    with FaultServer([Act(503, {"Retry-After": "0.8"}), Act()]) as server:
        emitter = kind("127.0.0.1", "http", server.port, batch_size=2)
        schema = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"
        inner = f'{{"schema":"{schema}","data":{{"schema":"iglu:com.acme/purchase/jsonschema/1-0-0","data":{{}}}}}}'
        emitter.input({"e": "ue", "eid": "a", "ue_pr": inner})
        emitter.input({"e": "ue", "eid": "b", "ue_px": base64.urlsafe_b64encode(inner.encode()).decode()})
        assert poll(lambda: emitter.stats().state == "retrying" and len(emitter.log))
        stats = emitter.stats()
        assert (stats.accepted, stats.sent, stats.retried, stats.pending, stats.last_status) == (
            2,
            0,
            2,
            2,
            503,
        )
        assert stats.lag_seconds > 0
        assert stats.retry_at >= time.time() - 1
        assert [(one.event_id, one.kind, one.name, one.attempts) for one in emitter.pending()] == [
            ("a", "ue", "purchase", 1),
            ("b", "ue", "purchase", 1),
        ]
        assert emitter.payload("a")["ue_pr"] == inner
        assert emitter.payload("z") is None
        assert emitter.flush().sent == 2
        stats = emitter.stats()
        assert (stats.state, stats.pending, stats.last_error) == ("idle", 0, "HTTP 503")
        assert stats.bytes_sent == len(server.seen[1].body)
        first, second = emitter.log
        assert isinstance(first, Attempt)
        assert (first.number, first.status, first.events, first.event_ids) == (1, 503, 2, ("a", "b"))
        assert first.retry_in is not None
        assert (second.status, second.retry_in, second.error) == (200, None, None)
        assert emitter.log.body(2).startswith('{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/')
        assert len(emitter.log.body(2)) == 500
        assert emitter.log.body(3) is None
        emitter.close()
        assert emitter.stats().state == "closed"


def test_subscribers_hear_of_changes_until_they_leave(server: FaultServer) -> None:
    emitter, heard = Emitter("127.0.0.1", "http", server.port), []
    leave = emitter.subscribe(lambda: heard.append(1))
    track(emitter, 0)
    assert heard
    emitter.flush()
    leave()
    count = len(heard)
    track(emitter, 0)
    assert len(heard) == count
    emitter.close()


def test_callbacks_have_the_references_forms() -> None:
    good, bad = [], []
    with FaultServer([Act(400), Act()]) as server:
        emitter = Emitter(
            "127.0.0.1",
            "http",
            server.port,
            "post",
            2,
            good.append,
            lambda n, events: bad.append((n, events)),
        )
        track(emitter, *range(4))
        emitter.close()
    assert bad == [(0, [{"e": "pv", "eid": "0"}, {"e": "pv", "eid": "1"}])]
    assert good == [[{"e": "pv", "eid": "2"}, {"e": "pv", "eid": "3"}]]


def test_a_closed_emitter_takes_nothing_and_counts_it(server: FaultServer) -> None:
    emitter = Emitter("127.0.0.1", "http", server.port)
    emitter.close()
    assert not emitter.input({"eid": "1"})
    assert emitter.stats().dropped == {"closed": 1}
    assert emitter.close().pending == 0


@BOTH
def test_paused_means_stored_and_not_sent(kind: type[Emitter], server: FaultServer) -> None:
    emitter = kind("127.0.0.1", "http", server.port, batch_size=1)
    emitter.pause()
    track(emitter, *range(3))
    report = emitter.flush(1)
    assert (report.pending, report.timed_out, emitter.paused, emitter.stats().state) == (
        3,
        False,
        True,
        "paused",
    )
    emitter.resume()
    emitter.flush()
    assert len(server.delivered) == 3
    emitter.close()


def test_the_base_url_is_resolved_on_the_senders_thread_and_again_after_a_failure() -> None:
    threads, urls = [], []

    def resolve() -> str:
        threads.append(threading.current_thread().name)
        if not urls:
            raise RuntimeError("not there yet")
        return urls[-1]

    emitter = AsyncEmitter(
        "local", batch_size=1, resolve=resolve, destination="local", max_retry_delay_seconds=QUICK
    )
    track(emitter, 0)
    assert poll(lambda: threads)
    with FaultServer() as one:
        urls.append(one.url)
        assert one.wait_for(1)
    track(emitter, 1)
    with FaultServer() as two:
        urls.append(two.url)
        assert two.wait_for(1)
        assert emitter.flush().pending == 0
    assert set(threads) == {"nbtrack-sender"}
    assert emitter.stats().destination == "local"
    emitter.close()


def test_headers_and_anonymity_go_with_the_request(server: FaultServer) -> None:
    tokens = iter(["one", "two", "three"])
    emitter = Emitter(
        f"http://user:p%40ss@127.0.0.1:{server.port}/base", headers=lambda: {"X-Token": next(tokens)}
    )
    track(emitter, 0)
    emitter.flush()
    emitter.server_anonymisation = True
    track(emitter, 0)
    emitter.flush()
    emitter.close()
    first, second = server.seen
    assert first.target == "/base/com.snowplowanalytics.snowplow/tp2"
    assert first.headers["authorization"] == "Basic " + base64.b64encode(b"user:p@ss").decode()
    assert (first.headers["x-token"], second.headers["x-token"]) == ("one", "two")
    assert "sp-anonymous" not in first.headers
    assert second.headers["sp-anonymous"] == "*"
    assert "p%40ss" not in emitter.endpoint + repr(emitter.stats())


def test_connections_are_kept_and_cookies_are_not() -> None:
    with FaultServer([Act(headers={"Set-Cookie": "sp=1"})]) as server:
        with Emitter("127.0.0.1", "http", server.port, batch_size=1) as emitter:
            track(emitter, *range(5))
        assert server.connections == 1
        assert all("cookie" not in seen.headers for seen in server.seen)


def test_a_session_of_the_user_is_used(server: FaultServer) -> None:
    with requests.Session() as session:
        session.headers["X-Mine"] = "yes"
        with Emitter("127.0.0.1", "http", server.port, session=session, batch_size=2) as emitter:
            track(emitter, *range(2))
            assert emitter.stats().sent == 2
        assert server.seen[0].headers["x-mine"] == "yes"
        emitter = Emitter("127.0.0.1", "http", free_port(), session=session)
        track(emitter, 0)
        emitter.flush(0.05)
        assert emitter.log[0].error == "connection refused"
        emitter.close(timeout=0)


def test_without_threads_the_background_emitter_sends_inline(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HAS_THREADS", False)
    emitter = AsyncEmitter("127.0.0.1", "http", server.port, batch_size=2)
    track(emitter, *range(5))
    assert len(server.delivered) == 4
    assert emitter.flush().sent == 1
    emitter.close()


def test_when_no_thread_can_be_started_events_still_leave(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("nbtrack"):
            raise RuntimeError("can't start new thread at interpreter shutdown")
        real(thread)

    emitter = AsyncEmitter("127.0.0.1", "http", server.port, batch_size=2)
    with monkeypatch.context() as patch:
        patch.setattr("nbtrack.delivery.async_emitter.threading.Thread.start", refuse)
        track(emitter, *range(3))
        report = emitter.flush()
    assert report.pending == 0
    assert len(server.delivered) == 3
    emitter.close()


def test_several_threads_send_each_event_once() -> None:
    with FaultServer(lambda number, body: Act(503) if number % 7 == 3 else Act()) as server:
        emitter = AsyncEmitter(
            "127.0.0.1",
            "http",
            server.port,
            thread_count=4,
            batch_size=1,
            max_batch_bytes=2_000,
            max_retry_delay_seconds=QUICK,
        )
        track(emitter, *range(500))
        assert emitter.flush(30).pending == 0
        emitter.close()
        assert len(server.delivered) == 500
        assert set(server.delivered.values()) == {1}


def test_an_idle_emitter_ends_its_thread(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    emitter = AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1)
    track(emitter, 0)
    assert server.wait_for(1)
    assert poll(lambda: "nbtrack-sender" not in {thread.name for thread in threading.enumerate()})
    track(emitter, 1)
    assert server.wait_for(2)
    emitter.close()


def test_a_transport_serves_several_threads(server: FaultServer) -> None:
    transport = Transport(server.url, pool=4)
    replies: list[Reply] = []

    def work() -> None:
        replies.extend(transport.post([b'{"data":', memoryview(b"[]}")], anonymous=True) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    transport.close()
    assert [reply.status for reply in replies] == [200] * 80
    assert server.connections <= 4
    assert server.seen[0].body == b'{"data":[]}'


def test_what_a_failing_store_could_not_keep_is_not_called_stored() -> None:
    pytest.importorskip("redis")
    emitter = Emitter(
        "http://127.0.0.1:9", batch_size=9, event_store=RedisEventStore("redis://127.0.0.1:9/0")
    )
    assert emitter.durable
    assert emitter.input({"e": "pv"})
    assert not emitter.durable
    emitter.close(0)


def test_the_old_name_of_an_argument_is_answered_with_the_new_one() -> None:
    for kind in (Emitter, AsyncEmitter):
        with pytest.raises(TypeError, match=f"{kind.__name__} has no buffer_size=: use batch_size="):
            kind("127.0.0.1", buffer_size=10)  # type: ignore[call-arg]


def test_under_uwsgi_without_threads_events_are_sent_on_the_calling_thread(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "uwsgi", types.SimpleNamespace(opt={b"http": b":0"}))
    monkeypatch.setattr(module, "_warned", set())
    threads = set()
    emitter = AsyncEmitter(
        "127.0.0.1",
        "http",
        server.port,
        batch_size=2,
        on_attempt=lambda _: threads.add(threading.current_thread()),
    )
    track(emitter, *range(5))
    assert emitter.flush().pending == 0
    emitter.close()
    assert threads == {threading.main_thread()}
    assert sum("without enable-threads" in record.message for record in caplog.records) == 1
    sys.modules["uwsgi"].opt[b"enable-threads"] = True
    with AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1) as other:
        track(other, 9)
        assert other.flush().pending == 0
    assert len(server.delivered) == 6


def test_a_closed_emitter_is_not_held_by_the_timer_of_its_next_attempt() -> None:
    with FaultServer([Act(status=503, headers={"Retry-After": "60"})]) as server:
        emitter = AsyncEmitter(server.url)
        emitter.input({"e": "pv", "eid": "1"})
        emitter.flush(0.5)
        assert emitter.stats().state == "retrying"
        gone = weakref.ref(emitter)
        emitter.close(timeout=0)
        del emitter
    assert poll(lambda: gc.collect() is not None and gone() is None, 5)
    assert poll(lambda: not any("nbtrack-timer" in thread.name for thread in threading.enumerate()), 5)


def test_a_retry_that_its_timer_calls_early_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    class EarlyTimer(Timer):
        """Calls after half the time, as the timers of browsers may call a millisecond early."""

        def __init__(self, seconds: float, function: Callable[[], object]) -> None:
            super().__init__(seconds / 2, function)

    monkeypatch.setattr("nbtrack.delivery.emitter.Timer", EarlyTimer)
    with FaultServer([Act(status=503), Act(status=503), Act()]) as server:
        emitter = Emitter(server.url, batch_size=1, max_retry_delay_seconds=0.2)
        track(emitter, 1)
        assert poll(lambda: emitter.stats().sent == 1, 5)
        emitter.close()


def _track_during_requests(emitters: list[AsyncEmitter], numbers: range) -> Callable[[int, bytes], Act]:
    """Give a script for a server: while it replies, the emitter is given another event."""
    left = iter(numbers)

    def answer(_: int, __: bytes) -> Act:
        for number in left:
            track(emitters[0], number)
            break
        return Act()

    return answer


def test_events_that_come_during_a_request_gather_too() -> None:
    emitters: list[AsyncEmitter] = []
    with FaultServer(_track_during_requests(emitters, range(1, 4))) as server:
        emitters.append(AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1, linger=0.1))
        track(emitters[0], 0)
        assert server.wait_for(4)
        times = [seen.time for seen in server.seen]
        emitters[0].close()
    assert len(times) == 4
    # a row of short cells would otherwise be sent one by one, and each request takes the interpreter from the next
    assert all(later - earlier >= 0.09 for earlier, later in itertools.pairwise(times))


def test_a_flush_does_not_wait_for_events_to_gather() -> None:
    emitters: list[AsyncEmitter] = []
    with FaultServer(_track_during_requests(emitters, range(1, 4))) as server:
        emitters.append(AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1, linger=60))
        track(emitters[0], 0)
        report = emitters[0].flush(30)
        emitters[0].close()
    assert (report.sent, report.pending, report.timed_out) == (4, 0, False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sending_thread_that_died_is_replaced(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    emitter = AsyncEmitter("127.0.0.1", "http", server.port, batch_size=1)
    died: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()

    def die(*_: object) -> None:
        died.put(threading.current_thread())
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Sender, "step", die)
        track(emitter, 0)
        died.get(timeout=10).join(10)
    track(emitter, 1)
    assert server.wait_for(2)
    emitter.close()
