"""What ``%nbtrack`` and ``%track`` say to wrong and to half words: what is wrong, and what is right."""

from typing import Any

import pytest
from IPython.core.error import UsageError

import nbtrack
from tests.support.waiting import poll


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("log ten", "%nbtrack log takes a number of attempts, not 'ten'"),
        ("log 0", "%nbtrack log takes a number of attempts, not '0'"),
        ("flush soon", "%nbtrack flush takes seconds, not 'soon'"),
        ("flush -1", "%nbtrack flush takes seconds, not '-1'"),
        ("flush nan", "%nbtrack flush takes seconds, not 'nan'"),
        ("config colector=x", "nbtrack has no setting 'colector'. Did you mean 'collector'?"),
        (
            "config quiet=maybe",
            "that does not fit quiet: 'maybe' is neither true (1, yes, on) nor false (0, no, off)",
        ),
        ("config request_timeout=1.5", "that does not fit request_timeout: '1.5' is not an int"),
        ("config cells=some", "that does not fit cells: The 'cells' trait of a NBTrack instance expected any of"),
        ("config headers={'Authorization': 3}", "that does not fit headers: header 'Authorization': value must be"),
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
    assert "last fault    the history (TypeError); see nbtrack.session().faults" in shown
    monitor = nbtrack.monitor()
    assert "the history (TypeError)" in monitor._repr_mimebundle_()[0]["text/html"]
    monitor.close()


def test_a_flush_in_vain_says_why(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    shell.run_cell("%track here")
    assert poll(lambda: nbtrack.session().emitter.stats().last_error, 10)
    capsys.readouterr()
    shell.run_line_magic("nbtrack", "flush 0.1")
    assert "still wait (connection refused)" in capsys.readouterr().out
