"""The activity of real sessions: what they tracked, how far it came, and what other sessions did."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbtrack
from nbtrack.collector import LocalCollector, shared_collector
from nbtrack.common.home import outbox_path
from nbtrack.delivery import SQLiteEventStore
from nbtrack.delivery.outbox import purge
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson
from nbtrack.widget import render_html, render_text, take_snapshot
from tests.support.fault_server import Act, FaultServer
from tests.support.waiting import poll

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    yield
    nbtrack.stop()
    shared_collector.stop(tmp_path / "home")


def test_steps_and_events_are_there_with_delivery_and_validation() -> None:
    with LocalCollector() as collector:
        session = nbtrack.start(collector, store="memory")
        session.emitter.pause()
        with nbtrack.track("outer") as outer:
            outer.rows_in, outer["auc"] = 9, 0.5
            with nbtrack.track("inner"):
                running = {entry.name: entry.status for entry in nbtrack.activity()}
        with pytest.raises(KeyError), nbtrack.track("broken"):
            raise KeyError
        nbtrack.track(PageView("https://acme.com"))
        nbtrack.track(SelfDescribing(SelfDescribingJson(TIMING, {"category": 3})))
        assert running == {"outer": "running", "inner": "running"}
        before = {entry.name: entry for entry in nbtrack.activity()}
        assert {entry.delivery for entry in before.values()} == {"pending"}
        assert (before["outer"].rows_in, before["outer"].properties) == (9, {"auc": 0.5})
        assert before["inner"].parent == before["outer"].id
        assert before["outer"].started <= before["inner"].started
        session.emitter.resume()
        session.flush()
        after = {entry.name: entry for entry in nbtrack.activity()}
        assert {entry.delivery for entry in after.values()} == {"delivered"}
        assert {name for name, entry in after.items() if entry.validation == "invalid"} == {"timing"}
        assert any("category" in reason for reason in after["timing"].reasons)
        assert [entry.name for entry in nbtrack.activity(failed=True)] == ["broken"]


def test_what_a_collector_refuses_and_what_a_change_of_collectors_loses_from_memory_is_shown() -> None:
    with FaultServer([Act(403)]) as server, FaultServer() as other:
        session = nbtrack.start(server.url, store="memory")
        with nbtrack.track("refused"):
            pass
        session.flush()
        session.emitter.pause()
        with nbtrack.track("left behind"):
            pass
        session.settings.collector = other.url
        with nbtrack.track("sent"):
            pass
        session.flush()
        found = {entry.name: (entry.delivery, entry.destination) for entry in nbtrack.activity()}
        assert found == {
            "refused": ("refused", server.url),
            "left behind": ("lost", server.url),
            "sent": ("delivered", ""),
        }
        assert "1 lost" in repr(nbtrack.activity())


def test_what_waits_for_the_collector_before_is_shown_in_every_form(tmp_path: Path) -> None:
    with FaultServer([Act(503)]) as down, FaultServer() as other:
        session = nbtrack.start(down.url)
        with nbtrack.track("before"):
            pass
        session.flush(1)
        assert [entry.delivery for entry in nbtrack.activity()] == ["retrying"]
        session.settings.collector = other.url
        with nbtrack.track("after"):
            pass
        session.flush()
        found = {entry.name: (entry.delivery, entry.destination) for entry in nbtrack.activity()}
        assert found == {"before": ("pending", down.url), "after": ("delivered", "")}
        line = f"1 event waits for {down.url}: nbtrack outbox drain sends it"
        snapshot = take_snapshot(session)
        assert f"  elsewhere     {line}\n" in render_text(snapshot)
        assert f"<p>{line}.</p>" in render_html(snapshot)
        assert f"pending for {down.url}" in render_html(snapshot)
        summary = nbtrack.monitor().summarise()
        assert summary["elsewhere"] == line
        assert [row[10] for row in summary["activity"]["rows"]] == [f"pending for {down.url}", "delivered"]

        # it is no longer there, as after another process has sent it
        with SQLiteEventStore(outbox_path(session.home)) as store:
            assert purge(store, waiting=True) == 1
        assert poll(lambda: not session.count_elsewhere())
        assert "elsewhere" not in render_text(take_snapshot(session))
        assert nbtrack.activity().entries[0].delivery == "unknown"


OTHER = """
import nbtrack
session = nbtrack.start(local_port=0)
with nbtrack.track("of another kernel") as step:
    step.rows_out = 3
    with nbtrack.track("inside"):
        pass
assert session.flush(20).pending == 0
print(session.session_id)
nbtrack.stop()
"""


def test_other_sessions_are_read_from_the_local_collector() -> None:
    nbtrack.start(local_port=0)
    with pytest.raises(RuntimeError, match="no local collector is running, and sessions='all' reads from it"):
        nbtrack.activity(sessions="all")
    other = subprocess.run([sys.executable, "-c", OTHER], capture_output=True, text=True, check=True).stdout
    with nbtrack.track("of this one"):
        pass
    assert [entry.name for entry in nbtrack.activity()] == ["of this one"]
    assert nbtrack.session().flush(20).pending == 0  # type: ignore[union-attr]
    activity = nbtrack.activity(sessions="all")
    found = {entry.name: entry for entry in activity}
    assert found.keys() == {"of another kernel", "inside", "of this one"}
    assert found["of another kernel"].session == other.strip() != found["of this one"].session
    assert found["inside"].parent == found["of another kernel"].id
    assert (found["of another kernel"].rows_out, found["of another kernel"].delivery) == (3, "delivered")
    assert found["of another kernel"].validation == "valid"
    assert len({entry.session for entry in activity}) == 2


def test_a_backfill_is_there_with_its_progress() -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("duckdb")
    event = PageView(nbtrack.col("address"))
    frame = pd.DataFrame({"address": ["https://acme.com"] * 5_000})
    with LocalCollector() as collector:
        session = nbtrack.start(collector, store="memory")
        seen: list[tuple[str | None, int | None]] = []
        session.activities.subscribe(
            lambda: seen.extend((entry.status, entry.rows_out) for entry in session.activities.entries())
        )
        nbtrack.backfill(frame, event, progress=False)
        (entry,) = nbtrack.activity()
        assert (entry.name, entry.kind, entry.status) == ("backfill page_view", "backfill", "ok")
        assert (entry.rows_in, entry.rows_out) == (5_000, 5_000)
        assert seen[0] == ("running", None)
        assert seen[-1] == ("ok", 5_000)
        nbtrack.backfill(frame[:3], event, dry_run=True, progress=False)
        assert len(nbtrack.activity()) == 1
        with pytest.raises(nbtrack.NbtrackError):
            nbtrack.backfill(pd.DataFrame({"address": [None]}), event, progress=False, on_invalid="raise")
        assert [(found.status, found.error) for found in nbtrack.activity(failed=True)] == [
            ("error", "InvalidRow")
        ]
        assert all(found.status != "running" for found in nbtrack.activity())


def test_nothing_is_connected_or_started_to_show_this_session() -> None:
    session = nbtrack.start(local_port=0)
    assert repr(nbtrack.activity()) == "nbtrack activity: 0 entries"
    assert session.peek_emitter() is None
    assert session.peek_collector() is None


def test_what_was_tracked_while_off_is_not_there() -> None:
    session = nbtrack.start(store="memory")
    session.turn_off()
    with nbtrack.track("off"):
        pass
    assert len(nbtrack.activity()) == 0


def test_arguments_are_checked() -> None:
    nbtrack.start(store="memory")
    with pytest.raises(ValueError, match="sessions must be 'this' or 'all', got 'mine'"):
        nbtrack.activity(sessions="mine")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="failed must be a bool, got 1"):
        nbtrack.activity(failed=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name must be a str, got 3"):
        nbtrack.activity(name=3)  # type: ignore[arg-type]
    nbtrack.stop()
    with pytest.raises(RuntimeError, match="no nbtrack session runs here"):
        nbtrack.activity()


def test_a_step_whose_event_cannot_be_made_does_not_run_for_ever() -> None:
    session = nbtrack.start(store="memory")

    class Odd:
        def __str__(self) -> str:
            raise ValueError

    with nbtrack.track("odd") as step:
        step.label = Odd()  # type: ignore[assignment]
        session.turn_off()
    assert [entry for entry in nbtrack.activity() if entry.status == "running"] == []


def test_the_frame_and_the_trace_of_a_session_agree(tmp_path: Path) -> None:
    nbtrack.start(store="memory")
    with nbtrack.track("one"), nbtrack.track("two"):
        pass
    activity = nbtrack.activity()
    trace = json.loads(activity.save(tmp_path / "t.json").read_text())
    assert [event["name"] for event in trace["traceEvents"] if event["ph"] == "X"] == list(
        activity.frame()["name"]
    )
    assert poll(lambda: len(nbtrack.activity()) == 2)
