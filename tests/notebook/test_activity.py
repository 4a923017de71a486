"""``%nbtrack activity`` in a shell: cells with their steps, filters, and what is live."""

from typing import Any

import pytest

import nbtrack
from nbtrack.activities import Activity


def activity(shell: Any, words: str = "") -> Activity:
    found = shell.run_line_magic("nbtrack", f"activity {words}")
    assert isinstance(found, Activity)
    return found


@pytest.fixture
def loaded(shell: Any) -> Any:
    nbtrack.load_ipython_extension(shell)
    return shell


def test_cells_hold_their_steps_and_events(loaded: Any) -> None:
    loaded.run_cell(
        "%%track load -p rows=3\nimport nbtrack\nfrom nbtrack.tracker import PageView\n"
        "with nbtrack.track('clean'):\n    nbtrack.track(PageView('https://acme.com'))\n%track report n=1"
    )
    loaded.run_cell("%%track broken\n1/0")
    loaded.run_cell("untracked = 1")
    found = {entry.name: entry for entry in activity(loaded)}
    assert set(found) == {"load", "clean", "page_view", "report", "broken"}
    cell = found["load"]
    assert (cell.kind, cell.status, cell.properties) == ("cell", "ok", {"rows": 3})
    assert {found[name].parent for name in ("clean", "page_view", "report")} == {cell.id}
    assert (found["broken"].status, found["broken"].error) == ("error", "ZeroDivisionError")
    assert cell.started <= found["clean"].started <= cell.started + cell.seconds  # type: ignore[operator]


def test_the_cell_that_asks_is_shown_as_running(loaded: Any) -> None:
    loaded.run_cell("%%track asking\nimport nbtrack\nfound = nbtrack.activity()")
    assert [(entry.name, entry.status) for entry in loaded.user_ns["found"]] == [("asking", "running")]
    assert [(entry.name, entry.status) for entry in activity(loaded)] == [("asking", "ok")]


def test_words_choose_what_is_shown(loaded: Any) -> None:
    for name in ("load", '"fit model"', "failed"):
        loaded.run_cell(f"%%track {name}\n{'1/0' if name == 'failed' else 'pass'}")
    assert [entry.name for entry in activity(loaded, "failed")] == ["failed"]
    assert [entry.name for entry in activity(loaded, '"fit model"')] == ["fit model"]
    assert [entry.name for entry in activity(loaded, "l*")] == ["load"]
    with pytest.raises(Exception, match="takes one name; quote it if it has blanks"):
        activity(loaded, "fit model")


def test_a_session_started_anew_has_an_activity_of_its_own(loaded: Any) -> None:
    loaded.run_cell("%%track before\npass")
    nbtrack.start(store="memory", collector="http://127.0.0.1:9")
    loaded.run_cell("%%track after\npass")
    assert [entry.name for entry in activity(loaded)] == ["after"]
