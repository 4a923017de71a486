"""The same matrix in terminal IPython: what is shown is the same, and each run becomes its event."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# body, status of the event
CELLS = {
    "ok": ("x = 1\nx + 1", "ok"),
    "error": ("x = 1\n\n1 / 0", "error"),
    "syntax": ("x = = 1", "syntax_error"),
    "await": ("import asyncio\nawait asyncio.sleep(0)\n'done'", "ok"),
    "await-error": ("import asyncio\nawait asyncio.sleep(0)\n1 / 0", "error"),
    "exit": ("raise SystemExit(2)", "exited"),
    "interrupt": ("raise KeyboardInterrupt", "interrupted"),
    "unknown": ("%nosuchmagic", "error"),
    "capture": ("%%capture out\nprint(1)", "ok"),
}

PROGRAM = """
import json, sys
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
config.TerminalInteractiveShell.colors = "NoColor" if hasattr(TerminalInteractiveShell, "colors_force") else "nocolor"
config.TerminalInteractiveShell.simple_prompt = True
shell = TerminalInteractiveShell.instance(config=config)
cells, tracked = json.loads(sys.argv[1]), sys.argv[2] == "tracked"
if tracked:
    shell.run_line_magic("load_ext", "nbtrack")
    shell.run_line_magic("nbtrack", "pause")
print("=== start", flush=True)
for name, body in cells.items():
    header = f"%%track {name}\\n" if tracked else "" if body.startswith("%%") else f"# %%track {name}\\n"
    result = shell.run_cell(header + body, store_history=True)
    error = result.error_before_exec or result.error_in_exec
    print("===", name, result.success, type(error).__name__, repr(result.result), flush=True)
if tracked:
    import base64, nbtrack
    emitter = nbtrack.session().emitter
    payloads = [emitter.payload(event.event_id) for event in emitter.pending()]
    runs = [json.loads(base64.urlsafe_b64decode(p["ue_px"]))["data"]["data"] for p in payloads]
    print("=== events", json.dumps([(run["name"], run["status"]) for run in runs]), flush=True)
    shell.run_line_magic("unload_ext", "nbtrack")
"""


def run(folder: Path, mode: str) -> tuple[str, list[Any]]:
    places = {
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "NBTRACK_HOME": str(folder / "home"),
    }
    quiet = {name: value for name, value in os.environ.items() if name not in {"CI", "DO_NOT_TRACK"}}
    settings = {"NBTRACK_STORE": "memory", "NBTRACK_COLLECTOR": "http://127.0.0.1:9"}
    shown = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps({name: body for name, (body, _) in CELLS.items()}), mode],
        capture_output=True, text=True, timeout=60, check=True, env=quiet | places | settings, cwd=folder,
    ).stdout  # fmt: skip
    shown, _, events = shown.partition("=== events ")
    shown = shown.partition("=== start\n")[2]
    return re.sub(r"\x1b\[[0-9;]*m", "", shown), json.loads(events) if events else []


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, list[Any]]:
    tracked, events = run(tmp_path_factory.mktemp("tracked"), "tracked")
    plain, _ = run(tmp_path_factory.mktemp("plain"), "plain")
    return tracked, plain, events


def test_a_terminal_shows_the_same(both: tuple[str, str, list[Any]]) -> None:
    tracked, plain, _ = both
    assert tracked == plain


def test_each_run_in_a_terminal_is_its_event(both: tuple[str, str, list[Any]]) -> None:
    assert both[2] == [[name, status] for name, (_, status) in CELLS.items()]
