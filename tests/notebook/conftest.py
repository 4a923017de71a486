"""A shell of this process with a session that keeps its events in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import nbtrack
from nbtrack import runtime


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give IPython's shell, with nbtrack not loaded, and a home of the test's own."""
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NBTRACK_STORE", "memory")
    # nobody listens there: a test's events start no collector that would outlive it
    monkeypatch.setenv("NBTRACK_COLLECTOR", "http://127.0.0.1:9")
    for name in ("DO_NOT_TRACK", "NBTRACK_DISABLED", "CI"):
        monkeypatch.delenv(name, raising=False)
    made = InteractiveShell.instance()
    yield made
    nbtrack.unload_ipython_extension(made)
    runtime.stop()
    made.config.pop("NBTrack", None)  # what a %config of a test has put there
    made.reset(new_session=False)
