"""The model: one a session, its thread, its answers, its end."""

import gc
import itertools
import threading
import time
import weakref

import pytest

import nbtrack
from nbtrack import runtime
from nbtrack.collector import LocalCollector
from nbtrack.runtime import NBTrack, Session
from nbtrack.tracker import SelfDescribing, SelfDescribingJson, StructuredEvent
from nbtrack.widget import make_monitor
from nbtrack.widget.refresher import INTERVAL, Refresher
from tests.support.waiting import poll

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"


class Sent(list):
    """What a monitor sends, in place of a browser's connection."""

    def __call__(self, message, buffers=None):
        self.append((time.monotonic(), message))

    def ticks(self):
        return [message for _, message in self if message["kind"] == "tick"]


@pytest.fixture
def monitor(session):
    made = nbtrack.monitor()
    made.send = Sent()
    yield made
    made.close()


def threads():
    return [one for one in threading.enumerate() if one.name == "nbtrack-monitor" and one.is_alive()]


def test_a_session_has_one_monitor(session, monitor):
    assert nbtrack.monitor() is monitor
    monitor.close()
    assert nbtrack.monitor() is not monitor


def test_what_happens_is_told_and_what_was_checked_follows(session, monitor):
    session.tracker.track(StructuredEvent("shop", "buy"))
    assert poll(lambda: any(tick.get("collector", {}).get("good") == 1 for tick in monitor.send.ticks()))
    last = monitor.send.ticks()[-1]
    assert last["counters"]["sent"] == 1
    assert last["state"] == "ok"


def test_nothing_is_told_when_nothing_happens(session, monitor):
    assert poll(monitor.send.ticks)
    assert poll(lambda: time.monotonic() - monitor.send[-1][0] > 2 * INTERVAL)
    assert monitor._tick() is None  # and it asks for no other look


def test_an_idle_kernel_sends_nothing_though_its_collector_is_gone(tmp_path, monkeypatch):
    """A Jupyter server takes a message for work, and would never end the kernel as idle."""
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    with LocalCollector() as collector:
        session = runtime.start(collector, store="memory")
        monitor = nbtrack.monitor()
        monitor.send = Sent()
        session.tracker.track(StructuredEvent("shop", "buy"))
        session.emitter.flush(10)
    try:
        session.settings.request_timeout = 3.0  # which makes a new emitter with the next event
        assert poll(lambda: monitor.send and time.monotonic() - monitor.send[-1][0] > 2, 8)
    finally:
        monitor.close()
        runtime.stop()


def test_at_most_four_messages_a_second(session, monitor):
    session.emitter.pause()
    until = time.monotonic() + 2
    while time.monotonic() < until:
        session.tracker.track(StructuredEvent("shop", "buy"))
        time.sleep(0.002)  # some 500 a second; the flood is in the browser's tests
    times = [at for at, _ in monitor.send]
    assert all(later - earlier >= INTERVAL for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize(("kind", "state"), [("pause", "paused"), ("resume", "ok"), ("flush", "ok")])
def test_buttons_act_and_are_answered(session, monitor, kind, state):
    if kind == "resume":
        session.emitter.pause()
    monitor._on_message(monitor, {"kind": kind, "mark": "m"}, [])
    done = poll(lambda: [tick for tick in monitor.send.ticks() if "m" in tick.get("done", [])])
    assert done
    assert poll(lambda: [tick["state"] for tick in monitor.send.ticks()[-1:]] == [state])


def test_a_view_cannot_turn_on_what_is_off(session, monitor):
    session.turn_off()
    for kind in ("resume", "flush"):
        monitor._on_message(monitor, {"kind": kind, "mark": kind}, [])
    assert poll(lambda: any("flush" in tick.get("done", []) for tick in monitor.send.ticks()))
    assert session.emitter.paused
    assert monitor.send.ticks()[-1]["state"] == "off"


def test_details_are_fetched_when_asked_for(session, monitor):
    session.emitter.pause()
    session.tracker.track(StructuredEvent("shop", "buy"))
    poll(lambda: any(tick["buffer"]["add"] for tick in monitor.send.ticks()))
    number = next(tick["buffer"]["add"][0][0] for tick in monitor.send.ticks() if tick["buffer"]["add"])
    monitor._on_message(monitor, {"kind": "event", "number": number, "mark": "m"}, [])
    answers = poll(lambda: [message for _, message in monitor.send if message["kind"] == "content"])
    assert answers[0]["content"]["se_ca"] == "shop"
    assert answers[0]["curl"].startswith("curl ")


def test_bad_events_stay_in_sight_and_show_why_and_what(session, monitor):
    wrong = SelfDescribing(SelfDescribingJson(TIMING, {"category": "report", "timing": 3}))
    wrong_id = session.tracker.track(wrong)
    session.emitter.flush(10)
    for _ in range(50):
        session.tracker.track(StructuredEvent("shop", "buy"))
    session.emitter.flush(10)

    def told():
        last = [tick["collector"] for tick in monitor.send.ticks() if "collector" in tick][-1:]
        return last and last[0]["good"] == 50 and last[0]["last"]

    results = poll(told)
    (bad,) = [one for one in results if not one["good"]]
    assert len(results) == 21
    monitor._on_message(monitor, {"kind": "result", "number": bad["number"], "mark": "m"}, [])
    (answer,) = poll(lambda: [message for _, message in monitor.send if message["kind"] == "content"])
    assert answer["content"]["eid"] == wrong_id
    assert "variable" in " ".join(answer["content"]["why it failed"])
    monitor._on_message(monitor, {"kind": "result", "number": 10**9, "mark": "n"}, [])
    assert poll(lambda: [one for _, one in monitor.send if one.get("mark") == "n"])[0]["missing"]


def test_what_an_attempt_sent_is_shown(session, monitor):
    session.tracker.track(StructuredEvent("shop", "buy"))
    session.emitter.flush(10)
    for number in (1, 99):
        monitor._on_message(monitor, {"kind": "attempt", "number": number, "mark": number}, [])
    assert poll(lambda: sum(message["kind"] == "content" for _, message in monitor.send) == 2)
    known, unknown = [message for _, message in monitor.send if message["kind"] == "content"]
    assert known["content"]["body begins"].startswith('{"schema"')
    assert "no longer" in unknown["missing"]


def test_nonsense_from_a_page_is_ignored(session, monitor):
    for nonsense in (
        None,
        [],
        "x",
        {},
        {"kind": "rm"},
        {"kind": "event", "number": "x"},
        {"kind": "attempt"},
    ):
        monitor._on_message(monitor, nonsense, [])
    monitor._on_message(monitor, {"kind": "hello"}, [])
    assert poll(lambda: any(tick["fresh"] for tick in monitor.send.ticks()))


def test_it_goes_over_to_the_emitter_that_a_changed_setting_makes(session, monitor):
    session.settings.request_timeout = 3.0
    session.tracker.track(StructuredEvent("shop", "buy"))
    assert poll(lambda: any(tick["counters"]["sent"] == 1 for tick in monitor.send.ticks()))
    assert monitor._emitter is session.emitter


def test_it_ends_with_its_session(session, monitor):
    runtime.stop()
    assert poll(lambda: not threads())
    assert monitor.send.ticks()[-1]["state"] == "ended"
    assert session.peek_emitter() is None


def test_it_keeps_no_session_alive(session):
    monitor = nbtrack.monitor()
    runtime.stop()
    poll(lambda: not threads())
    kept = weakref.ref(runtime.start(store="memory"))
    nbtrack.monitor().close()
    runtime.stop()
    gc.collect()
    assert kept() is None
    assert "nbtrack" in repr(monitor.still())
    monitor.close()


def test_its_thread_ends_with_a_session_that_is_gone():
    session = Session(NBTrack(collector="http://127.0.0.1:9", store="memory"))
    monitor, emitter = make_monitor(session), session.emitter
    monitor.send = Sent()
    assert poll(monitor.send.ticks)
    del session
    gc.collect()
    emitter.pause()  # which wakes it
    assert poll(lambda: not threads(), 5)
    monitor.close()
    emitter.close(timeout=0)


def test_its_thread_ends_with_it_though_it_was_not_closed():
    ticked = threading.Event()

    class View:
        def tick(self):
            ticked.set()

    view = View()
    refresher = Refresher(view.tick, [].append)
    refresher.start()
    refresher.poke()
    assert ticked.wait(5)
    del view
    gc.collect()
    assert poll(lambda: not threads(), 5)


def test_a_fault_of_the_view_ends_the_view_only(session):
    class Broken:
        def tick(self):
            raise ZeroDivisionError

    broken, faults = Broken(), []
    refresher = Refresher(broken.tick, faults.append)
    refresher.start()
    refresher.poke()
    assert poll(lambda: faults)
    assert isinstance(faults[0], ZeroDivisionError)
    refresher.stop()
    assert session.tracker.track(StructuredEvent("shop", "buy"))


def test_do_not_track_is_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    runtime.start(store="memory")
    try:
        monitor = nbtrack.monitor()
        assert monitor.summarise()["state"] == "off"
        assert monitor.summarise()["reason"] == "DO_NOT_TRACK is set"
        monitor.close()
    finally:
        runtime.stop()
