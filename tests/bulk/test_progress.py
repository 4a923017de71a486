"""A progress bar where somebody looks, nothing elsewhere, and never a warning."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
if "bare" in sys.argv:
    sys.modules["ipywidgets"] = None
import pandas as pd
from nbtrack import backfill, col
from nbtrack.tracker import PageView
frame = pd.DataFrame({"address": ["https://acme.com"] * 1000})
progress = {"shown": True, "hidden": False}.get(sys.argv[1])
print(backfill(frame, PageView(col("address")), dry_run=True, progress=progress).ok)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("kind", ["full", "bare"])
def test_a_bar_is_shown_when_asked_for(kind: str) -> None:
    done = run("shown", kind)
    assert done.stdout == "True\n", done.stderr
    assert "backfill" in done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.parametrize("how", ["hidden", "left open"])
def test_no_bar_is_shown_otherwise(how: str) -> None:
    done = run(how, "bare")
    assert (done.stdout, done.stderr) == ("True\n", "")
