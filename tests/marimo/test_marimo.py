"""marimo: a session for each viewer, its own progress bar, the monitor, and no advice about magics."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import poll

HERE = Path(__file__).parent
TUTORIAL = HERE.parent.parent / "notebooks" / "12_marimo.py"
pytestmark = [pytest.mark.marimo, pytest.mark.timeout(120)]
LOAD_MS = 40_000


def test_each_viewer_has_a_session_that_the_next_one_does_not_end(serve, view, collector):
    url = serve(HERE / "app.py", TEST_COLLECTOR=collector.url)
    pages = {name: view(f"{url}?viewer={name}") for name in ("ada", "bob")}
    for page in pages.values():
        page.get_by_text("not yet").wait_for(timeout=LOAD_MS)
    # the first viewer after the second one has started
    for name in ("ada", "bob", "ada"):
        page = pages[name]
        page.get_by_role("button", name="Track").click()
        page.get_by_text(f"{name} sent 1, ended False, same True").wait_for(timeout=LOAD_MS)
        page.locator(".nbtrack-monitor").get_by_text(f"step of {name}").first.wait_for(timeout=LOAD_MS)
        page.wait_for_timeout(300)
    assert pages["ada"].locator(".nbtrack-monitor").get_by_text("step of bob").count() == 0
    assert collector.wait_for(3, timeout=20) == 3
    assert collector.counts() == {"total": 3, "good": 3, "bad": 0}
    sessions = {}
    for payload in collector.payloads():
        row = collector_facts(payload)
        sessions.setdefault(row["name"], set()).add(row["session"])
        assert (row["host"], row["notebook"]) == ("marimo", "app.py")
    assert {name: len(found) for name, found in sessions.items()} == {"step of ada": 1, "step of bob": 1}
    assert sessions["step of ada"] != sessions["step of bob"]


def collector_facts(payload):
    """Return what an event says about its step, its session and its notebook."""
    from nbtrack.common.payload_json import decode_fields

    decoded = decode_fields(payload)
    entities = {one["schema"].split("/")[1]: one["data"] for one in decoded["cx"]["data"]}
    return {
        "name": decoded["ue_px"]["data"]["data"]["name"],
        "session": entities["client_session"]["sessionId"],
        "host": entities["notebook"]["host"],
        "notebook": entities["notebook"]["name"],
    }


def test_the_tutorial_runs_as_a_script(tmp_path):
    pytest.importorskip("marimo")
    env = {**os.environ, "NBTRACK_HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        [sys.executable, str(TUTORIAL)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_the_tutorial_runs_as_an_app_with_its_bar_and_the_live_monitor(serve, view):
    page = view(serve(TUTORIAL))
    page.get_by_text("1,000 rows done").wait_for(timeout=LOAD_MS)
    page.get_by_text("backfill ok: 1,000 of 1,000 rows sent, all valid").wait_for(timeout=LOAD_MS)
    monitor = page.locator(".nbtrack-monitor")
    monitor.wait_for(timeout=LOAD_MS)
    monitor.get_by_text("load").first.wait_for(timeout=LOAD_MS)
    assert page.get_by_text("AssertionError").count() == 0


def test_no_message_names_a_magic(serve, view, collector):
    page = view(serve(HERE / "messages_app.py", TEST_COLLECTOR=collector.url))
    told = page.locator("pre", has_text="told:").first
    told.wait_for(timeout=LOAD_MS)
    text = told.inner_text()
    assert "no nbtrack session runs here: call nbtrack.start()" in text
    assert "or start a session (nbtrack.start() in a script)" in text
    assert "paused (nbtrack.session().emitter.resume() sends again)" in text
    monitor = page.locator(".nbtrack-monitor")
    monitor.wait_for(timeout=LOAD_MS)
    assert poll(lambda: "Track a step" in monitor.inner_text(), 20), monitor.inner_text()
    assert "%" not in text.replace("100%", "")
    assert "%nbtrack" not in monitor.inner_text()
