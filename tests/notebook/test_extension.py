"""Loading and unloading: one line, nothing started, and no trace left."""

import base64
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

import nbtrack
from nbtrack.collector import LocalCollector
from nbtrack.runtime import find_session
from nbtrack.tracker import PageView
from tests.support.waiting import poll


def state_of(shell: Any) -> dict[str, Any]:
    """Describe all of a shell that an extension may touch."""
    return {
        "callbacks": {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()},
        "cleanup": list(shell.input_transformers_cleanup),
        "post": list(shell.input_transformers_post),
        "ast": list(shell.ast_transformers),
        "line magics": dict(shell.magics_manager.magics["line"]),
        "cell magics": dict(shell.magics_manager.magics["cell"]),
        "registry": dict(shell.magics_manager.registry),
        "configurables": list(shell.configurables),
        "matchers": list(shell.Completer.custom_matchers),
        "attributes": sorted(name for name in vars(shell) if "nbtrack" in name),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "names": sorted(name for name in shell.user_ns if not name.startswith("_")),
    }


def count_descriptors() -> int:
    """Count this process's open files; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_load_prints_one_line_and_writes_and_starts_nothing(
    shell: Any, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NBTRACK_COLLECTOR")
    threads = threading.active_count()
    nbtrack.load_ipython_extension(shell)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "events stay on this machine" in printed
    assert threading.active_count() == threads
    assert not (tmp_path / "home").exists()


def test_load_is_quiet_when_asked(shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("NBTRACK_QUIET", "1")
    nbtrack.load_ipython_extension(shell)
    assert capsys.readouterr() == ("", "")


def test_fifty_loads_and_unloads_leave_the_shell_as_it_was(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCollector() as collector:
        collector.counts()
        monkeypatch.setenv("NBTRACK_COLLECTOR", collector.url)
        # the timers of earlier tests' emitters end by themselves when they have nothing to do
        assert poll(lambda: not any("nbtrack" in thread.name for thread in threading.enumerate()), 5)
        before = state_of(shell)
        descriptors = count_descriptors()
        for _ in range(50):
            nbtrack.load_ipython_extension(shell)
            shell.run_cell("%%track here\npass", store_history=True)
            nbtrack.unload_ipython_extension(shell)
        # the thread of the timers ends by itself
        assert poll(lambda: state_of(shell) == before, 5), (state_of(shell), before)
        assert find_session() is None
        # IPython's history writes in a thread of its own, which opens a journal now and then
        assert poll(lambda: count_descriptors() <= descriptors, 5)
        assert collector.counts()["good"] == 50


def test_reload_keeps_one_of_everything(shell: Any) -> None:
    for _ in range(5):
        nbtrack.load_ipython_extension(shell)
    assert sum(type(item).__name__ == "NBTrack" for item in shell.configurables) == 1
    assert (
        len([f for f in shell.input_transformers_cleanup if getattr(f, "__name__", "") == "strip_header"])
        == 1
    )


def test_unload_gives_back_a_magic_of_the_same_name_and_leaves_a_later_one(shell: Any) -> None:
    shell.register_magic_function(lambda line: "mine", "line", "track")
    nbtrack.load_ipython_extension(shell)
    nbtrack.unload_ipython_extension(shell)
    assert shell.run_line_magic("track", "") == "mine"
    nbtrack.load_ipython_extension(shell)
    shell.register_magic_function(lambda line: "later", "line", "track")
    nbtrack.unload_ipython_extension(shell)
    assert shell.run_line_magic("track", "") == "later"
    del shell.magics_manager.magics["line"]["track"]


def test_config_magic_sees_and_changes_settings(shell: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    shell.run_line_magic("config", 'NBTrack.cells = "all"')
    assert nbtrack.session().settings.cells == "all"
    assert ("cells", "'all'", "%config") in nbtrack.session().settings.describe()


@pytest.mark.parametrize("variable", ["DO_NOT_TRACK", "NBTRACK_DISABLED"])
def test_opt_out_makes_everything_a_no_op(
    shell: Any, variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setenv(variable, "1")
    nbtrack.load_ipython_extension(shell)
    assert variable in capsys.readouterr().out
    assert shell.run_cell("%%track name\n1 + 1", store_history=True).result == 2
    shell.run_cell("%track event x=1")
    with nbtrack.track("step") as step:
        step["a"] = 1
    shell.run_line_magic("nbtrack", "on")
    assert "stays off" in capsys.readouterr().out
    assert nbtrack.session().enabled is False
    assert nbtrack.session().emitter.stats().accepted == 0


def test_frames_have_their_accessor_once_the_user_has_loaded_pandas() -> None:
    code = (
        "import sys\nfrom IPython.core.interactiveshell import InteractiveShell as S\ns = S.instance()\n"
        "s.run_line_magic('load_ext', 'nbtrack')\nassert 'pandas' not in sys.modules\n"
        "s.run_cell('import pandas as pd')\n"
        "r = s.run_cell('pd.DataFrame({\"a\": [1]}).nbtrack')\nassert r.success\nassert 'duckdb' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)


def test_off_pauses_what_waits_and_on_resumes(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    shell.run_line_magic("nbtrack", "off")
    shell.run_cell("%%track\npass", store_history=True)
    assert nbtrack.session().emitter.stats().accepted == 0
    shell.run_line_magic("nbtrack", "status")
    assert "off (%nbtrack off)" in capsys.readouterr().out
    shell.run_line_magic("nbtrack", "on")
    assert nbtrack.session().enabled


def test_a_preview_changes_nothing_and_shows_what_was_sent(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    capsys.readouterr()

    def preview(code: str = "") -> dict[str, Any]:
        shell.run_line_magic("nbtrack", f"preview {code}")
        shown = capsys.readouterr().out
        return dict(json.loads(shown[shown.index("{") : shown.rindex("}") + 1]))

    def place_in_session(payload: dict[str, Any]) -> Any:
        return [one["data"]["eventIndex"] for one in payload["cx"]["data"] if "eventIndex" in one["data"]]

    for _ in range(2):
        assert place_in_session(preview("next -l try")) == [1]
    shell.run_cell("%%track first\npass", store_history=True)
    (waiting,) = nbtrack.session().emitter.pending()
    sent = nbtrack.session().emitter.payload(waiting.event_id)
    assert sent is not None
    for _ in range(2):
        shown = preview()
        assert {key: shown[key] for key in ("eid", "dtm", "tna")} == {
            key: sent[key] for key in ("eid", "dtm", "tna")
        }
        assert place_in_session(shown) == [1]
    assert place_in_session(preview("next")) == [2]
    assert nbtrack.session().emitter.stats().accepted == 1


def test_a_collector_out_of_reach_disturbs_nothing(
    shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("NBTRACK_COLLECTOR", "http://127.0.0.1:9")
    nbtrack.load_ipython_extension(shell)
    shell.run_cell("%%track\nx = 1", store_history=True)
    output = capsys.readouterr()
    assert output.out == "nbtrack: events go to http://127.0.0.1:9. Help: %nbtrack?\n"
    assert output.err == ""
    assert nbtrack.session().emitter.stats().accepted == 1


def test_a_home_that_cannot_be_written_is_said_once(
    shell: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.delenv("NBTRACK_STORE")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setenv("NBTRACK_COLLECTOR", "http://127.0.0.1:9")
    nbtrack.load_ipython_extension(shell)
    result = shell.run_cell("%%track\nx = 1", store_history=True)
    assert result.success
    output = capsys.readouterr()
    assert output.out.count("\n") == 1
    assert "is not writable" in output.out
    assert output.err == ""


def test_an_unknown_setting_is_named_with_the_right_one(
    shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("NBTRACK_COLECTOR", "http://127.0.0.1:9")
    nbtrack.load_ipython_extension(shell)
    assert "Did you mean 'collector'?" in capsys.readouterr().out


def test_wrong_words_of_the_magic_list_the_right_ones(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    shell.run_cell("%nbtrack stauts")
    shown = capsys.readouterr()
    assert "did you mean %nbtrack status?" in shown.out + shown.err


def test_importing_nbtrack_loads_nothing_heavy() -> None:
    heavy = [
        "pandas",
        "IPython",
        "ipywidgets",
        "duckdb",
        "pyarrow",
        "tornado",
        "requests",
        "numpy",
        "jsonschema_rs",
    ]
    code = f"import sys, nbtrack, nbtrack.tracker; print([m for m in {heavy!r} if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert shown.stdout.strip() == "[]"


def test_cells_magics_and_settings_follow_a_session_that_the_user_starts(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    first = nbtrack.session()
    host = first.preview(PageView("https://acme.com"))["cx"]
    second = nbtrack.start(app_id="churn-study", cells="marked", store="memory")
    shell.run_cell("%%track here\npass", store_history=True)
    shell.run_cell("%track there x=1")
    assert [event.name for event in second.emitter.pending()] == ["cell_run", "analysis"]
    assert first.fault_count == 0
    assert host_of(second.preview(PageView("https://acme.com"))["cx"]) == host_of(host) == "terminal"
    shell.run_line_magic("config", 'NBTrack.notebook_name = "none"')
    assert (second.settings.notebook_name, first.settings.notebook_name) == ("none", "hash")
    capsys.readouterr()
    shell.run_line_magic("nbtrack", "config app_id")
    assert "'churn-study'" in capsys.readouterr().out


def test_after_the_end_of_a_session_cells_run_as_without_nbtrack(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    ended = nbtrack.session()
    nbtrack.stop()
    assert shell.run_cell("%%track here\n5", store_history=True).result == 5
    assert ended.peek_emitter() is None
    shell.run_line_magic("nbtrack", "status")
    assert "ended (nbtrack.start() begins another session)" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"nbtrack\.start\(\) begins another"):
        shell.run_line_magic("nbtrack", "flush")
    again = nbtrack.start(store="memory")
    shell.run_cell("%%track here\npass", store_history=True)
    assert again.emitter.stats().accepted == 1


def host_of(entities: str) -> str:
    listed = json.loads(base64.urlsafe_b64decode(entities))["data"]
    return str(next(one["data"]["host"] for one in listed if "/notebook/" in one["schema"]))
