"""What a platform locks, no header, call or command changes; and a user's opt-out lasts until that user ends it."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import nbtrack
from nbtrack.cli import main
from nbtrack.collector import LocalCollector
from nbtrack.runtime import SettingError, settings
from nbtrack.runtime.optout import OptOut
from tests.support.payloads import unpack

OTHER = {
    "app_id": "other",
    "cells": "all",
    "collector": "http://127.0.0.1:8",
    "source": True,
    "validate": "warn",
}
LOCKED = {
    "app_id": "platform", "cells": "marked", "collector": "http://127.0.0.1:9", "source": False, "validate": "off"
}  # fmt: skip


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "etc.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in LOCKED.items()]
    file.write_text("\n".join(["[locked]", *lines]))
    monkeypatch.setattr(settings, "system_files", lambda: [file])
    return file


def last_event() -> dict[str, Any]:
    session = nbtrack.session()
    [*_, event] = session.emitter.pending(100)
    return unpack(session.emitter.payload(event.event_id))[1]


def test_a_header_does_not_unlock_the_source(shell: Any, locked: Path, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    capsys.readouterr()
    shell.run_cell("%%track load --source\nword = 'abracadabra'")
    assert "source" not in last_event()
    note = f"source is locked at False by {locked}; ask whoever runs this platform"
    assert capsys.readouterr().err == f"%%track: {note}\n"
    shell.run_line_magic("nbtrack", "preview load --source")
    shown = capsys.readouterr().out
    assert f"Note: {note}." in shown
    assert "abracadabra" not in shown
    shell.run_cell("%%track load --no-source\n1")  # what is locked anyway needs no word
    assert capsys.readouterr().err == ""


def test_a_locked_source_that_is_sent_is_not_kept_back_in_silence(
    shell: Any, locked: Path, capsys: Any
) -> None:
    locked.write_text("[locked]\nsource = true\n")
    nbtrack.load_ipython_extension(shell)
    capsys.readouterr()
    shell.run_cell("%%track load --no-source\n1")
    assert "source is locked at True" in capsys.readouterr().err
    assert last_event()["source"].endswith("\n1")


def ways(shell: Any, name: str, value: object) -> dict[str, Callable[[], object]]:
    """Give each way to change a setting."""
    running = nbtrack.session().settings
    return {
        "attribute": lambda: setattr(running, name, value),
        "trait": lambda: running.set_trait(name, value),
        "magic": lambda: shell.run_line_magic("nbtrack", f"config {name}={value}"),
        "%config": lambda: shell.run_line_magic("config", f"NBTrack.{name} = {value!r}"),
        "argument": lambda: nbtrack.start(**{name: value}),
    }


@pytest.mark.parametrize("name", LOCKED)
@pytest.mark.parametrize("way", ["attribute", "trait", "magic", "%config", "argument"])
def test_a_lock_holds_whichever_way_it_is_tried(shell: Any, locked: Path, name: str, way: str) -> None:
    del locked
    nbtrack.load_ipython_extension(shell)
    with contextlib.suppress(Exception):
        ways(shell, name, OTHER[name])[way]()
    assert getattr(nbtrack.session().settings, name) == LOCKED[name]


def test_a_private_collector_does_not_go_round_a_locked_one(shell: Any, locked: Path) -> None:
    nbtrack.load_ipython_extension(shell)
    with (
        LocalCollector() as collector,
        pytest.raises(SettingError, match=rf"collector is locked at http://127\.0\.0\.1:9 by {locked}"),
    ):
        nbtrack.start(collector)
    assert nbtrack.session().destination == "http://127.0.0.1:9"


# -- opt-out


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_user_who_opts_out_stays_out(shell: Any, capsys: Any) -> None:
    assert (
        run("off")
        == "nbtrack is off for this user. Cells run normally; nothing is sent. nbtrack on ends this.\n"
    )
    nbtrack.load_ipython_extension(shell)
    off = "nbtrack is off: this user ran nbtrack off; nbtrack on ends it. Cells run normally; nothing is sent.\n"
    assert capsys.readouterr().out == off
    assert shell.run_cell("%%track load\n20 + 1").result == 21
    with nbtrack.track("step"):
        pass
    assert nbtrack.session().peek_emitter() is None
    shell.run_line_magic("nbtrack", "on")
    assert capsys.readouterr().out.endswith(
        "nbtrack stays off: this user ran nbtrack off; nbtrack on ends it.\n"
    )
    shell.run_line_magic("nbtrack", "status")
    assert "off (this user ran nbtrack off; nbtrack on ends it)" in capsys.readouterr().out
    assert "this user ran nbtrack off" in CliRunner().invoke(main, ["doctor"]).output
    run("on")
    shell.run_line_magic("nbtrack", "on")
    assert capsys.readouterr().out == "nbtrack is on.\n"
    shell.run_cell("%%track load\n1")
    assert last_event()["name"] == "load"


def test_a_session_that_runs_notices_and_holds_its_events_back(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbtrack.runtime.optout._LOOK_AGAIN", 0.0)
    nbtrack.load_ipython_extension(shell)
    shell.run_cell("%%track load\n1")
    emitter = nbtrack.session().emitter
    run("off")
    shell.run_cell("%%track load\n2")
    assert emitter.stats().pending == 1
    assert emitter.stats().state == "paused"
    assert nbtrack.session().flush() is None
    run("on")
    shell.run_cell("%%track load\n3")
    assert emitter.stats().state != "paused"
    assert emitter.stats().pending == 2


def test_an_environment_that_says_off_outlasts_nbtrack_on(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    del shell
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    assert run("on") == "nbtrack stays off in this environment: DO_NOT_TRACK is set.\n"


def test_a_home_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "file" / "home"))
    result = CliRunner().invoke(main, ["off"])
    assert result.exit_code == 1
    assert f"cannot write to {tmp_path / 'file' / 'home'} (" in result.output
    assert "set NBTRACK_DISABLED=1 in the environment instead" in result.output
    assert OptOut(tmp_path / "file" / "home").find() is None
