"""What an event says of its cell is what happened to that cell, whatever happened around it."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import nbtrack
from nbtrack.notebook import lost
from nbtrack.runtime import events as own
from nbtrack.schemas import Registry
from tests.support.waiting import poll


@pytest.fixture
def loaded(shell: Any) -> Any:
    nbtrack.load_ipython_extension(shell)
    return shell


def runs() -> dict[str, Any]:
    return {entry.name: entry for entry in nbtrack.activity() if entry.kind == "cell"}


def test_an_error_of_another_shell_is_none_of_the_cells(loaded: Any) -> None:
    loaded.user_ns["other"] = InteractiveShell(user_ns={})
    loaded.run_cell("%%track outer\nother.run_cell('1/0')\nfine = 1", store_history=True)
    assert loaded.user_ns["fine"] == 1
    assert runs()["outer"].status == "ok"


def test_an_error_of_a_script_is_the_cells_and_one_shown_again_is_not(loaded: Any, tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    script.write_text("1/0")
    loaded.run_cell(f"%%track script\n%run {script}", store_history=True)
    loaded.run_cell("%%track again\n%tb", store_history=True)
    found = runs()
    assert (found["script"].status, found["script"].error) == ("error", "ZeroDivisionError")
    assert found["again"].status == "ok"


def test_an_error_in_another_thread_is_none_of_the_cells(loaded: Any) -> None:
    def fail() -> None:
        thread = threading.Thread(target=loaded.run_cell, args=("%%track beside\n1/0",))
        thread.start()
        thread.join()

    loaded.user_ns["fail"] = fail
    loaded.run_cell("%%track main\nfail()", store_history=True)
    assert {name: entry.status for name, entry in runs().items()} == {"main": "ok", "beside": "error"}


@pytest.mark.parametrize("store_history", [True, False])
def test_a_cell_run_inside_a_cell_does_not_lose_the_outer_event(loaded: Any, store_history: bool) -> None:
    loaded.user_ns["shell"] = loaded
    loaded.run_cell(
        f"%%track outer\nshell.run_cell('inner = 1', store_history={store_history})\nafter = inner",
        store_history=True,
    )
    assert loaded.user_ns["after"] == 1
    assert runs()["outer"].status == "ok"
    assert [entry.status for entry in nbtrack.activity()] == ["ok"]


def test_a_run_whose_end_never_came_is_forgotten(loaded: Any) -> None:
    cells = loaded._nbtrack.cells
    cells.begin(type("Info", (), {"raw_cell": "%%track gone\n1", "store_history": True, "cell_id": None})())
    loaded.run_cell("%%track next\n1", store_history=True)
    assert {entry.name: entry.status for entry in nbtrack.activity()} == {"next": "ok"}


@pytest.mark.parametrize(
    "cell",
    [
        "In [3]: %%track pasted\n   ...: x = 7",
        ">>> %%track pasted\n>>> x = 7",
        "\n\nIn [12]: %%track pasted\n    ...: x = 7\n",
        "  In [3]: %%track pasted\n     ...: x = 7",
    ],
)
def test_a_cell_pasted_with_its_prompt_is_tracked(loaded: Any, cell: str) -> None:
    loaded.run_cell(cell, store_history=True)
    assert loaded.user_ns.get("x") == 7
    assert runs()["pasted"].status == "ok"


def test_hooks_of_other_extensions_are_not_in_the_duration(loaded: Any) -> None:
    def slow(*_: Any) -> None:
        time.sleep(0.08)

    hooks = ("pre_run_cell", "post_execute", "post_run_cell", "pre_execute")
    for name in hooks:
        loaded.events.register(name, slow)
    loaded.events.callbacks["post_execute"].insert(0, loaded.events.callbacks["post_execute"].pop())
    try:
        loaded.run_cell("settles_the_order = 1", store_history=True)
        loaded.run_cell("%%track before\nx = 1", store_history=True)
        loaded.run_cell("%%track quick\nx = 1", store_history=True)
    finally:
        for name in hooks:
            loaded.events.unregister(name, slow)
    assert runs()["quick"].seconds < 0.06


KILLED = """
import sys
from IPython.core.interactiveshell import InteractiveShell
import nbtrack
from nbtrack.notebook import lost
lost.NOTE_SECONDS = 0.05
shell = InteractiveShell.instance()
nbtrack.load_ipython_extension(shell)
shell.user_ns["folder"] = nbtrack.session().home / "running"
shell.run_cell("%%track quick\\n1", store_history=True)
shell.run_cell('''%%track heavy -l nightly -p secret=folder
import os, time
while not list(folder.glob("*.json")):
    time.sleep(0.01)
time.sleep(0.2)
os.kill(os.getpid(), 9)
''', store_history=True)
"""


def kill_a_kernel() -> None:
    environment = {**os.environ, "NBTRACK_STORE": "disk"}
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, check=False, timeout=60, capture_output=True
    )
    assert done.returncode == -9, done.stderr


def test_a_cell_that_kills_its_kernel_is_reported_by_the_next_session_once(shell: Any) -> None:
    kill_a_kernel()
    home = Path(os.environ["NBTRACK_HOME"])
    (note,) = (home / "running").iterdir()
    assert "secret" not in note.read_text()
    assert note.stat().st_mode & 0o077 == 0
    document = json.loads(note.read_text())
    nbtrack.load_ipython_extension(shell)
    assert len(nbtrack.activity()) == 0  # nothing is tracked at load
    shell.run_cell("%%track next\n1", store_history=True)
    found = runs()
    assert (found["heavy"].status, found["heavy"].label, found["heavy"].failed) == ("lost", "nightly", True)
    assert found["heavy"].id == document["run_id"]
    assert 0.1 < found["heavy"].seconds < 30
    assert found["heavy"].started < found["next"].started
    assert list((home / "running").iterdir()) == []
    payload = nbtrack.session().find_payload(found["heavy"].event_id)
    assert payload is not None
    assert payload["ttm"] < payload["dtm"]
    nbtrack.unload_ipython_extension(shell)
    nbtrack.load_ipython_extension(shell)
    shell.run_cell("%%track later\n1", store_history=True)
    assert set(runs()) == {"later"}


def test_of_many_sessions_one_reports_a_lost_cell(shell: Any) -> None:
    kill_a_kernel()
    nbtrack.load_ipython_extension(shell)
    session = nbtrack.session()
    watchers = [lost.LostRuns(session) for _ in range(8)]
    threads = [threading.Thread(target=watcher.report) for watcher in watchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.status for entry in nbtrack.activity()] == ["lost"]


def test_a_cell_that_ends_well_leaves_no_note(loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost, "NOTE_SECONDS", 0.02)
    folder = nbtrack.session().home / "running"
    loaded.user_ns.update(folder=folder, poll=poll)
    loaded.run_cell("%%track long\nassert poll(lambda: list(folder.glob('*.json')))", store_history=True)
    assert runs()["long"].status == "ok"
    assert list(folder.iterdir()) == []
    loaded.run_cell(
        "%%track longer\nassert poll(lambda: list(folder.glob('*.json'))); 1/0", store_history=True
    )
    assert list(folder.iterdir()) == []


def test_a_note_of_a_kernel_that_runs_or_that_cannot_be_read_is_left_alone(loaded: Any) -> None:
    folder = nbtrack.session().home / "running"
    folder.mkdir(parents=True)
    (folder / "1-x.json").write_text(json.dumps({"pid": os.getpid(), "process_started": ""}))
    (folder / "2-x.json").write_text("{")
    loaded.run_cell("%%track next\n1", store_history=True)
    assert set(runs()) == {"next"}
    assert len(list(folder.iterdir())) == 2


def test_the_later_schema_takes_what_the_earlier_one_takes_and_lost_runs() -> None:
    registry = Registry()
    run = {"run_id": "5d79770b-015b-4af8-8c91-b2ed6faf4b1e", "duration_ms": 5}
    for status in ("ok", "error", "interrupted", "exited", "syntax_error"):
        for schema in own.CELL_RUNS:
            assert registry.faults(schema, run | {"status": status}) == []
    assert registry.faults(own.LOST_RUN, run | {"status": "lost"}) == []
    assert registry.faults(own.CELL_RUN, run | {"status": "lost"}) != []
