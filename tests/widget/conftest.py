"""A session of this process that keeps its events in memory."""

import pytest

import nbtrack
from nbtrack import runtime
from nbtrack.collector import LocalCollector


@pytest.fixture(scope="module")
def running():
    with LocalCollector() as collector:
        yield collector


@pytest.fixture
def session(running, tmp_path, monkeypatch):
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    for name in ("DO_NOT_TRACK", "NBTRACK_DISABLED", "CI"):
        monkeypatch.delenv(name, raising=False)
    running.reset()
    yield nbtrack.start(running, store="memory")
    runtime.stop()
