"""What ``%nbtrack`` and ``%track`` say to wrong and to half words: what is wrong, and what is right."""

from typing import Any

import pandas as pd
import pytest
from IPython.core.error import UsageError

import nbtrack
from nbtrack.collector import LocalCollector
from nbtrack.notebook.magics import CONTROL_WORDS
from nbtrack.tracker import PageView
from tests.support.waiting import poll


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("log ten", "%nbtrack log takes a number of requests, such as 10, got 'ten'"),
        ("log 0", "%nbtrack log takes a number of requests, such as 10, got '0'"),
        ("flush soon", "%nbtrack flush takes a number of seconds, such as 10, got 'soon'"),
        ("flush -1", "%nbtrack flush takes a number of seconds, such as 10, got '-1'"),
        ("flush nan", "%nbtrack flush takes a number of seconds, such as 10, got 'nan'"),
        ("config colector=x", "nbtrack has no setting 'colector'. Did you mean 'collector'?"),
        (
            "config quiet=maybe",
            "quiet = 'maybe' is invalid: must be true (1, yes, on) or false (0, no, off)",
        ),
        ("config request_timeout=1.5", "request_timeout = '1.5' is invalid: must be an int from 1 to 300"),
        ("config cells=some", "cells = 'some' is invalid: must be 'marked', 'all' or 'off'"),
        ("config headers={'Authorization': 3}", "headers = … is invalid: header 'Authorization': value must be"),
        (
            "preview x = 1",
            "%nbtrack preview failed: 2 words too many; a name, label or expression with blanks needs quotes",
        ),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_with_what_is_wanted(shell: Any, line: str, told: str) -> None:
    nbtrack.load_ipython_extension(shell)
    with pytest.raises(UsageError) as raised:
        shell.run_line_magic("nbtrack", line)
    assert str(raised.value).startswith(told)


def test_a_setting_without_a_value_is_shown_and_not_changed(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    nbtrack.session().settings.user_id = "zoe"
    capsys.readouterr()
    shell.run_line_magic("nbtrack", "config user_id")
    assert capsys.readouterr().out.splitlines()[-1].split() == ["user_id", "'zoe'", "%config"]
    assert nbtrack.session().settings.user_id == "zoe"
    for change in ("user_id=ada", "user_id ada", "user_id = 'ada'"):
        nbtrack.session().settings.user_id = "zoe"
        shell.run_line_magic("nbtrack", f"config {change}")
        assert nbtrack.session().settings.user_id == "ada"


def test_status_names_the_last_internal_error_without_its_message(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    nbtrack.session().note_fault("the history", TypeError("a text of the user's"))
    capsys.readouterr()
    shell.run_line_magic("nbtrack", "status")
    shown = capsys.readouterr().out
    assert "last error    the history (TypeError); see nbtrack.session().faults" in shown
    monitor = nbtrack.monitor()
    assert "the history (TypeError)" in monitor._repr_mimebundle_()[0]["text/html"]
    monitor.close()


def test_a_flush_in_vain_says_why(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    shell.run_cell("%track here")
    assert poll(lambda: nbtrack.session().emitter.stats().last_error, 10)
    capsys.readouterr()
    shell.run_line_magic("nbtrack", "flush 0.1")
    assert capsys.readouterr().out == "1 pending (connection refused); 0 sent this session.\n"


def test_a_flush_says_what_the_session_has_sent(
    shell: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCollector() as collector:
        monkeypatch.setenv("NBTRACK_COLLECTOR", collector.url)
        nbtrack.load_ipython_extension(shell)
        for _ in range(3):
            shell.run_cell("%track here")
        shell.run_line_magic("nbtrack", "flush")
        capsys.readouterr()
        shell.run_line_magic("nbtrack", "flush")
        assert capsys.readouterr().out == "nothing pending; 3 sent this session.\n"
        assert repr(nbtrack.session()) == f"<nbtrack session to {collector.url} (on): 3 sent, 0 pending>"
        # another collector makes another emitter, and what was sent stays sent
        shell.run_line_magic("nbtrack", "collector http://127.0.0.1:9")
        assert nbtrack.session().sent == 3
        capsys.readouterr()
        shell.run_line_magic("nbtrack", "status")
        assert "3 sent earlier" in capsys.readouterr().out


def test_the_status_counts_what_backfills_have_sent(
    shell: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("duckdb")
    with LocalCollector() as collector:
        monkeypatch.setenv("NBTRACK_COLLECTOR", collector.url)
        nbtrack.load_ipython_extension(shell)
        frame = pd.DataFrame({"page": ["https://acme.com"] * 20})
        nbtrack.backfill(frame, PageView(nbtrack.col("page")), collector=collector.url)
        shell.run_line_magic("nbtrack", "status")
        assert "20 sent by backfills" in capsys.readouterr().out


@pytest.mark.parametrize("word", CONTROL_WORDS)
def test_every_word_answers(shell: Any, capsys: Any, word: str) -> None:
    nbtrack.load_ipython_extension(shell)
    capsys.readouterr()
    try:
        answer = shell.run_line_magic("nbtrack", word)
    except UsageError as error:
        answer = error
    assert answer is not None or capsys.readouterr().out.strip()
    assert f"%nbtrack {word}" in shell.magics_manager.magics["line"]["nbtrack"].__doc__ or word in {
        "off",
        "resume",
    }


def test_a_changed_setting_is_shown(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    capsys.readouterr()
    shell.run_line_magic("nbtrack", "config cells=all")
    assert capsys.readouterr().out.splitlines()[-1].split() == ["cells", "'all'", "%config"]


@pytest.mark.parametrize(
    "header", ["--sorce", "-p", "load -p n=len(x) + 1", "-p novalue", "'open", "load two"]
)
def test_a_wrong_header_is_reported_and_its_cell_runs(shell: Any, capsys: Any, header: str) -> None:
    nbtrack.load_ipython_extension(shell)
    capsys.readouterr()
    ran = shell.run_cell(f"%%track {header}\n20 + 1")
    assert ran.success
    assert ran.result == 21
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert shown.startswith("%%track: the cell runs, but its header is ignored: ")
    shell.run_line_magic("nbtrack", "config header_errors=stop")
    ran = shell.run_cell(f"%%track {header}\nstopped = 1")
    assert isinstance(ran.error_in_exec, UsageError)
    assert "stopped" not in shell.user_ns


def test_a_wrong_header_is_no_matter_where_nothing_is_tracked(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    shell.run_line_magic("nbtrack", "off")
    capsys.readouterr()
    assert shell.run_cell("%%track --sorce\n20 + 1").success
    assert capsys.readouterr().err == ""
