"""Static types: mypy, strict, agrees with right programs and finds what is wrong in wrong ones."""

import re
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]
SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    cache = tmp_path_factory.mktemp("mypy")
    options = ["--strict", "--no-error-summary", "--show-error-codes", "--cache-dir", str(cache)]
    config = ["--config-file", str(ROOT / "pyproject.toml"), "--follow-imports", "silent"]
    files = [str(SAMPLES / name) for name in ("right.py", "wrong.py")]
    out, err, _ = api.run([*options, *config, *files])
    assert err == ""
    return out.splitlines()


def test_a_right_program_has_no_error(found):
    assert [line for line in found if "wrong.py" not in line] == []


def test_every_wrong_line_is_found_with_its_reason(found):
    marked = re.compile(r"  # ([a-z-]+)$")
    lines = (SAMPLES / "wrong.py").read_text().splitlines()
    expected = {(n, match[1]) for n, line in enumerate(lines, 1) if (match := marked.search(line))}
    reported = {
        (int(match[1]), match[2])
        for line in found
        if (match := re.search(r"wrong\.py:(\d+): error: .*\[([a-z-]+)\]$", line))
    }
    assert reported == expected


def test_a_right_program_runs_but_for_its_template(capsys):
    import runpy

    from nbtrack.tracker import Snowplow

    Snowplow.reset()
    program = runpy.run_path(str(SAMPLES / "right.py"))
    assert callable(program["main"])
