"""A local collector that an earlier version of nbtrack started lacks a schema of this one."""

import logging
import shutil
from pathlib import Path

import pytest

import nbtrack
from nbtrack import runtime
from nbtrack.collector import LocalCollector
from nbtrack.runtime import events as own
from nbtrack.tracker import SelfDescribing, SelfDescribingJson
from nbtrack.widget import render_html, render_text, take_snapshot
from tests.support.waiting import poll

LOST = {"run_id": "3f2b5d56-6f0e-4f39-9f4e-0d6c62f0a111", "status": "lost", "duration_ms": 1500}


@pytest.fixture
def session(tmp_path, monkeypatch):
    """A session whose collector's process runs the code of a version that has no `cell_run/1-1-0`."""
    earlier = tmp_path / "earlier"
    package = Path(nbtrack.__file__).parent
    shutil.copytree(package, earlier / "nbtrack", ignore=shutil.ignore_patterns("__pycache__"))
    (earlier / "nbtrack/schemas/iglu/io.github.nbtrack/cell_run/jsonschema/1-1-0").unlink()
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    for name in ("DO_NOT_TRACK", "NBTRACK_DISABLED", "CI"):
        monkeypatch.delenv(name, raising=False)
    with monkeypatch.context() as patched:
        patched.setenv("PYTHONPATH", str(earlier))
        collector = LocalCollector()
        collector.start()
    with collector:
        yield nbtrack.start(collector, store="memory")
        runtime.stop()


def track(session, schema, run_id, status):
    data = {**LOST, "run_id": run_id, "status": status}
    assert session.track_safely(SelfDescribing(SelfDescribingJson(schema, data)))
    assert session.flush().pending == 0


@pytest.mark.parametrize("look", [take_snapshot, lambda _: nbtrack.activity()], ids=["status", "activity"])
def test_it_is_named_once_with_what_to_do(session, caplog, look):
    caplog.set_level(logging.WARNING, "nbtrack")
    track(session, own.CELL_RUN, LOST["run_id"], "ok")
    look(session)
    assert session.warnings == []
    for number in range(2):
        track(session, own.LOST_RUN, LOST["run_id"][:-1] + str(number), "lost")
        look(session)
    (record,) = [one for one in caplog.records if "does not know" in one.message]
    assert own.LOST_RUN in record.message
    assert "nbtrack.session().collector.shut_down()" in record.message
    snapshot = take_snapshot(session)
    assert f"  warning       {record.message}\n" in render_text(snapshot) + "\n"
    assert render_html(snapshot).count("does not know") == 1


def test_the_monitor_names_it(session):
    monitor = nbtrack.monitor()
    sent = []
    monitor.send = lambda message, **_: sent.append(message)
    track(session, own.LOST_RUN, LOST["run_id"], "lost")
    try:
        (warning,) = poll(lambda: sent and sent[-1]["warnings"])
    finally:
        monitor.close()
    assert own.LOST_RUN in warning
