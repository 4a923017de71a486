"""The page on places names tests that exist, and pages on cloud notebooks have their five lines."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "pages"
TABLE = (PAGES / "reference" / "places.md").read_text("utf-8").partition("## Windows")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("| ") and "---" not in line
][1:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_place_has_a_test_that_exists_or_was_not_tried(row):
    _, tried, named = row
    if not named:
        assert tried.startswith("not tried")
        return
    assert not tried.startswith("not tried")
    target = re.fullmatch(r"`(.+)`", named)[1]
    if target.startswith("make "):
        assert re.search(
            rf"^{target.removeprefix('make ')}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE
        )
        return
    file, _, name = target.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in functions if name else any(one.startswith("test_") for one in functions)


def test_each_cloud_notebook_has_five_lines():
    text = (PAGES / "guides" / "cloud-notebooks.md").read_text("utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(sections) == 5
    for section in sections:
        assert re.findall(r"^\* \*\*(.+?):\*\*", section, re.MULTILINE) == [
            "Install",
            "Load",
            "Watch",
            "State",
            "Not tried",
        ]
