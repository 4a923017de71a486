"""Importing the tracker is light and has no effect on the application."""

import subprocess
import sys

import pytest

HEAVY = [
    "pandas",
    "numpy",
    "IPython",
    "ipywidgets",
    "duckdb",
    "pyarrow",
    "tornado",
    "jsonschema_rs",
    "requests",
    "sqlite3",
]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["nbtrack", "nbtrack.tracker"])
def test_no_heavy_package_is_loaded(module):
    assert run(f"import sys, {module}; print(sorted(set({HEAVY!r}) & sys.modules.keys()))") == "[]"


def test_a_whole_event_is_tracked_without_them():
    code = (
        "import sys; from nbtrack.tracker import *;"
        "R = type('R', (), {'input': lambda self, payload: None});"
        "S = SelfDescribingJson('iglu:com.acme/a/jsonschema/1-0-0', {'a': 1.5});"
        "Tracker('ns', R()).track(SelfDescribing(S, context=[S]));"
        f"print(sorted(set({HEAVY[:7]!r}) & sys.modules.keys()))"
    )
    assert run(code.replace("import *", "import Tracker, SelfDescribing, SelfDescribingJson")) == "[]"


def test_no_thread_is_started():
    assert run("import threading, nbtrack.tracker; print(threading.active_count())") == "1"


def test_every_name_is_there():
    import nbtrack.tracker as tracking

    assert sorted(tracking.__all__) == sorted(set(tracking.__all__))
    for name in tracking.__all__:
        assert getattr(tracking, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = tracking.Nothing
