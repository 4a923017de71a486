"""The tutorials' files: collected, small, and free of what a run leaves behind."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
TITLES = [path.stem for path in NOTEBOOKS]


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_tutorials_are_there_in_order():
    numbers = [int(path.stem[:2]) for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_notebook_is_collected_by_make_notebooks():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    shown = subprocess.run(
        [*command, "notebooks"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for path in NOTEBOOKS:
        cells = [c for c in read(path)["cells"] if c["cell_type"] == "code"]
        assert shown.stdout.count(f"{path.name}::") == len(cells), path.name


def test_the_site_shows_every_notebook():
    config = (ROOT / "docs" / "mkdocs.yml").read_text(encoding="utf-8")
    assert [name for name in TITLES if f"notebooks/{name}.ipynb" not in config] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=TITLES)
def test_a_tutorial_has_at_most_15_cells_a_title_and_a_check(path: Path):
    cells = read(path)["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(cells) <= 15
    assert "".join(cells[0]["source"]).startswith("# ")
    assert "assert " in code[-1]
    assert all(source.strip() for source in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=TITLES)
def test_the_outputs_in_it_are_those_that_make_notebooks_compares(path: Path):
    cells = [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]
    compared = [cell for cell in cells if cell["metadata"].get("tags") == ["nbval-check-output"]]
    assert compared
    assert all(cell["outputs"] for cell in compared)
    for cell in cells:
        assert cell["metadata"].keys() <= {"tags", "jupyter"}
        if cell not in compared:
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=TITLES)
def test_assertions_are_in_the_last_cell_which_is_collapsed(path: Path):
    *cells, last = [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]
    assert last["metadata"]["jupyter"] == {"source_hidden": True}
    assert [cell for cell in cells if re.search(r"^\s*assert ", "".join(cell["source"]), re.MULTILINE)] == []
    assert [cell for cell in cells if "jupyter" in cell["metadata"]] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=TITLES)
def test_no_kept_output_is_red_or_the_raw_form_of_an_object(path: Path):
    outputs = [output for cell in read(path)["cells"] for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    shown = [
        "".join(output.get("text") or output.get("data", {}).get("text/plain", "")) for output in outputs
    ]
    assert [
        text for text in shown if re.search(r"\b(?!Figure|Name)[A-Z]\w+\([\w']+=|<\w+ object| at 0x", text)
    ] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=TITLES)
def test_no_widget_state_no_machine_and_no_network_is_in_it(path: Path):
    text = path.read_text(encoding="utf-8")
    assert "widgets" not in read(path)["metadata"]
    assert "application/vnd.jupyter" not in text
    for place in (str(ROOT), str(Path.home()) + os.sep, "/tmp/", "/Users/", "C:\\\\"):
        assert place not in text
    source = "".join("".join(cell["source"]) for cell in read(path)["cells"] if cell["cell_type"] == "code")
    assert not re.search(r"pip install|urlopen|requests\.get", source)
