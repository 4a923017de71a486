"""The documented API is type-checked: every example of a public docstring and every snippet of a page, as a user's program."""

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_docstrings import ROOMS

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "pages"
# they show wrong calls, or stand for what is not installed
UNCHECKED = {"upgrading", "contracts", "troubleshooting", "index"}
# an example takes for granted what its reader knows: that a session runs, that a name may be used again
SETTINGS = """
[mypy]
ignore_missing_imports = True
check_untyped_defs = True
disable_error_code = union-attr, assignment
"""
HEAD = 'COLLECTOR: str = "http://127.0.0.1:9"\n'


def examples() -> dict[str, str]:
    """Return the source of each public docstring's examples, by name."""
    found = {}
    for room in ROOMS:
        module = importlib.import_module(f"nbtrack{room}")
        for name in module.__all__:
            thing = getattr(module, name)
            if not (inspect.isclass(thing) or inspect.isroutine(thing)):
                continue
            parts = doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")
            source = "".join(part.source for part in parts)
            # what a reader of the docstring has: the room's names, and what the example imports
            nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
            used, kept = (
                {node.id for node in nodes if isinstance(node.ctx, kind)} for kind in (ast.Load, ast.Store)
            )
            own = sorted(used & set(module.__all__) - kept)
            head = f"from nbtrack{room} import {', '.join(own)}\n" if own else ""
            found[f"{module.__name__}_{name}".replace(".", "_")] = head + source
    return found


def snippets() -> dict[str, str]:
    """Return the snippets of each page, as one program."""
    found = {}
    for path in sorted(PAGES.rglob("*.md")):
        parts = re.findall(
            r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        if parts and path.stem not in UNCHECKED:
            found[f"page_{path.stem.replace('-', '_')}"] = HEAD + "\n".join(parts)
    return found


@pytest.mark.timeout(300)
def test_the_documented_api_is_typed_as_it_is_documented(tmp_path: Path):
    programs = examples() | snippets()
    assert len(programs) > 150
    for name, source in programs.items():
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    settings = tmp_path / "mypy.ini"
    settings.write_text(SETTINGS)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(settings),
        "--cache-dir",
        str(tmp_path / "cache"),
    ]
    ran = subprocess.run(
        [*command, "--no-error-summary", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ran.stdout == ""
    assert ran.returncode == 0, ran.stderr
