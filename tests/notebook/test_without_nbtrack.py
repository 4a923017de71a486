"""The first cell for notebooks that must also run without nbtrack, in a kernel that has none."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kernel import Kernel, Ran, assert_same_run, start_kernel

PAGE = Path(__file__).parents[2] / "docs" / "pages" / "guides" / "troubleshooting.md"
ABSENT = """
import sys
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "nbtrack":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
del sys
"""


def first_cell() -> str:
    [cell] = [
        code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "stub" in code
    ]
    return str(cell)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with start_kernel(tmp_path_factory.mktemp("without")) as made:
        made.run(ABSENT)
        assert made.run("import nbtrack").error == "ModuleNotFoundError: No module named 'nbtrack'"
        ran = made.run(first_cell())
        assert (ran.status, ran.outputs) == ("ok", [])
        yield made


def test_it_is_short_enough_to_paste() -> None:
    assert len(first_cell().splitlines()) <= 25


@pytest.mark.parametrize(
    "body",
    [
        "20 + 1",
        "print('out'); 3",
        "1/0",
        "await __import__('asyncio').sleep(0, 5)",
        "%%capture out\nprint(1)",
        "%%bash\necho hi",
        "def f(:",
        "x = 1;",
    ],
)
@pytest.mark.parametrize(
    "header", ["%%track", "%%track load -p rows=len(x) -l 'a b'", "# note\n\n%%track load"]
)
def test_a_cell_runs_as_without_its_header(kernel: Kernel, header: str, body: str) -> None:
    def run(code: str) -> Ran:
        ran = kernel.run(code, store_history=False)
        # the header's lines are not there, so those of a traceback have other numbers
        ran.outputs = [
            (kind, re.sub(r"line \d+|^.*\d+ ", "", text, flags=re.MULTILINE)) for kind, text in ran.outputs
        ]
        ran.error = ran.error and re.sub(r"line \d+|\(.*\)", "", ran.error)
        return ran

    assert_same_run(run(f"{header}\n{body}"), run(body))


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("%track report rows=12\n7", "7"),
        ("%nbtrack status\n7", "7"),
        ("import nbtrack\nwith nbtrack.track('fit', label='a') as step:\n    step['auc'] = 0.9; step.rows_in = int(step['auc'])\n7", "7"),
        ("@nbtrack.track\ndef double(x): return 2 * x\ndouble(21)", "42"),
        ("@nbtrack.track('double', label='b')\ndef double(x): return 2 * x\ndouble(21)", "42"),
        ("async with nbtrack.track('fit') as step: step.rows_out = 1\n7", "7"),
        ("nbtrack.start(store='memory'); nbtrack.stop()\n7", "7"),
        ("%reload_ext nbtrack\n7", "7"),
    ],
)  # fmt: skip
def test_magics_and_steps_have_no_effect(kernel: Kernel, code: str, result: str) -> None:
    ran = kernel.run(code)
    assert (ran.status, ran.text) == ("ok", result), ran


def test_an_exception_passes_through_a_step(kernel: Kernel) -> None:
    assert kernel.run("with nbtrack.track('fit'):\n    1/0").error == "ZeroDivisionError: division by zero"


def test_a_backfill_raises(kernel: Kernel) -> None:
    error = kernel.run("nbtrack.backfill([], None)").error
    assert error == "ModuleNotFoundError: nbtrack is not installed here: nothing was sent"
