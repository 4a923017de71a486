"""Every snippet of the README and of the site's pages runs as pasted."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets import Unicode

from nbtrack.collector import LocalCollector, shared_collector
from nbtrack.runtime import NBTrack

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = ROOT / "docs" / "pages"


def snippets(path: Path, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w+)\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [code for language, code in found if language in languages]


RUN_PAGES = """
import contextlib, json, sys, traceback

found = {}
for page, snippets in json.load(sys.stdin).items():
    names = {"COLLECTOR": sys.argv[1], "__name__": page}
    found[page] = ""
    try:
        for snippet in snippets:
            with contextlib.redirect_stdout(sys.stderr):
                exec(compile(snippet, page, "exec"), names)
    except BaseException:
        found[page] = traceback.format_exc()
print(json.dumps(found))
"""
# the pages Upgrading and Troubleshooting have tests of their own
WITH_PYTHON = [
    path
    for path in [*sorted(PAGES.rglob("*.md")), ROOT / "CONTRIBUTING.md"]
    if snippets(path, "python") and path.stem not in {"upgrading", "index", "troubleshooting"}
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("NBTRACK_HOME", "IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "nbtrack_home"
    shared_collector.stop(tmp_path / "nbtrack_home")


def run_cells(sources: list[str]) -> list[nbformat.NotebookNode]:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    return book.cells


def settle(text: str) -> str:
    """Return a shown text without what differs from run to run: times, durations, rates, padding."""
    text = re.sub(r"\d\d:\d\d:\d\d(?= )", "TIME", text)
    text = re.sub(r"\d[\d.,]* (ms|s|min|events/s)\b", "TOOK", text)
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def test_the_cells_of_the_readme_run_as_pasted_and_show_what_it_says(home: Path):
    text = README.read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", text, re.DOTALL | re.MULTILINE)
    cells, expected = [list(part) for part in zip(*found, strict=True)]
    assert len(cells) >= 6
    assert len([shown for shown in expected if shown]) >= 5
    ran = run_cells(cells)
    for cell, shown in zip(ran, expected, strict=True):
        if shown:
            output = cell.outputs[-1]
            assert settle(output.get("text") or output["data"]["text/plain"]) == settle(shown)
    client = shared_collector.find(home)
    assert client is not None
    assert client.counts() == {"total": 5, "good": 5, "bad": 0}


def test_a_notebook_runs_on_where_nbtrack_is_missing(home: Path):
    (fallback,) = snippets(PAGES / "guides" / "troubleshooting.md", "python")
    missing = """
import sys

class Missing:
    def find_spec(self, name, *_):
        if name == "nbtrack":
            raise ModuleNotFoundError("No module named 'nbtrack'")

sys.meta_path.insert(0, Missing())
"""
    ran = run_cells([missing, fallback, "%%track named -p rows=1\nx = 6 * 7", "%track done", "x"])
    assert ran[-1].outputs[-1]["data"]["text/plain"] == "42"


def test_the_commands_of_the_readme_are_there():
    commands = "\n".join(snippets(README, "sh"))
    targets = re.findall(r"^make (\w+)", commands, re.MULTILINE)
    assert targets == ["demo"]
    for target in (*targets, "docs"):
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True, timeout=60)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert re.findall(r"pip install '\.\[(\w+)\]'", commands) == ["all"]
    assert "all" in extras


def test_the_messages_of_troubleshooting_are_those_of_the_code():
    page = (PAGES / "guides" / "troubleshooting.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "nbtrack").rglob("*.py"))
    source = re.sub(r"\s+", " ", re.sub(r"\"\s*f?\"", "", source))
    messages = re.findall(r"^\*\*`(.+?)`\.?\*\*", page, re.MULTILINE)
    assert len(messages) > 12
    for message in messages:
        if message.startswith(
            ("UsageError: Cell magic", "backfill NOT ok")
        ):  # IPython's; put together of words
            continue
        # what stands between names, numbers and what is left out
        parts = [part.strip() for part in re.split(r"…|: |'[^']*'|\d+|%+\w+", message)]
        assert any(part in source for part in parts if len(part) > 8), message


def test_the_settings_of_the_readme_are_taken(home: Path, monkeypatch: pytest.MonkeyPatch):
    exported = dict(
        re.findall(
            r"^export (\w+)='?([^'\n]*?)'?(?:\s+#.*)?$", "\n".join(snippets(README, "sh")), re.MULTILINE
        )
    )
    assert exported.keys() == {"NBTRACK_COLLECTOR", "NBTRACK_HEADERS"}
    (toml,) = snippets(README, "toml")
    Path("pyproject.toml").write_text(toml)
    settings = NBTrack()
    assert (settings.collector, settings.app_id) == ("https://sp.acme.com", "analytics")
    Path("pyproject.toml").unlink()
    for name, value in exported.items():
        monkeypatch.setenv(name, value)
    settings = NBTrack()
    assert settings.complaints == []
    assert settings.collector == "https://sp.acme.com"
    assert settings.headers == json.loads(exported["NBTRACK_HEADERS"])


@pytest.mark.parametrize(
    "path", [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda path: path.name
)
def test_no_link_inside_the_repository_is_dead(path: Path):
    links = re.findall(r"\]\((?!https?:|#)([^)#\"\s]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run the snippets of all pages in one process, a namespace each; give what went wrong by page."""
    folder = tmp_path_factory.mktemp("pages")
    pages = {path.stem: snippets(path, "python") for path in WITH_PYTHON}
    kept = {name: value for name, value in os.environ.items() if name != "DO_NOT_TRACK"}
    with LocalCollector() as collector:
        shown = subprocess.run(
            [sys.executable, "-c", RUN_PAGES, collector.url],
            input=json.dumps(pages),
            env=kept | {"NBTRACK_HOME": str(folder / "home")},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        shared_collector.stop(folder / "home")
        assert shown.returncode == 0, shown.stderr
        assert collector.counts()["good"]
        assert collector.counts()["bad"] == 0, collector.bad()
    return json.loads(shown.stdout.splitlines()[-1])


@pytest.mark.parametrize("page", [path.stem for path in WITH_PYTHON])
def test_the_snippets_of_a_page_run_in_order(page: str, ran: dict[str, str]):
    assert ran[page] == ""


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.md")), ids=lambda path: path.stem)
def test_the_settings_on_a_page_exist(path: Path, home: Path):
    for text in snippets(path, "toml"):
        table = tomllib.loads(text)
        if "project" in table:  # of a user's own package
            continue
        table = table.get("tool", {}).get("nbtrack", table)
        names = {*table, *table.get("locked", {})} - {"locked"}
        assert names <= set(NBTrack().names())
    for name in re.findall(r"NBTRACK_([A-Z]\w*)", path.read_text(encoding="utf-8")):
        assert name.lower() in {*NBTrack().names(), "home", "disabled", "name", "require", "long"}


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.md")), ids=lambda path: path.stem)
def test_the_commands_on_a_page_exist(path: Path):
    from nbtrack.cli import main

    for line in "\n".join(snippets(path, "sh")).splitlines():
        if line.startswith("nbtrack "):
            words = [word for word in line.split("#")[0].split()[1:] if not word.startswith("-")]
            command = main.commands[words[0]]
            if hasattr(command, "commands"):
                command = command.commands[words[1]]
            options = {name for parameter in command.params for name in parameter.opts}
            assert {o.split("=")[0] for o in re.findall(r" (--[\w-]+)", line)} <= options | {"--store"}
        elif line.startswith("make "):
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert f"\n{line.split()[1]}:" in makefile, os.linesep.join([line, path.name])


def test_what_the_recipes_name_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:nbtrack|tests|docs|notebooks)/[\w/.-]+)`", text)) - {
        "nbtrack/schemas/iglu/"
    }
    assert len(paths) > 5
    assert [path for path in paths if "VENDOR" not in path and not (ROOT / path).exists()] == []
    for names, path in re.findall(r"((?:`_[A-Z_]+`[^`]*)+)`(nbtrack/[\w/]+\.py)`", text):
        for name in re.findall(r"_[A-Z_]+", names):
            assert name in (ROOT / path).read_text(encoding="utf-8")
    for line in snippets(ROOT / "CONTRIBUTING.md", "sh")[0].splitlines():
        assert f"\n{line.split()[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_table_of_minutes_has_all_that_ci_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    targets = set(re.findall(r"^make (.+)$", ci, re.MULTILINE)[-1].split())
    # it stands for others
    targets = targets - {"test"} | set(re.search(r"^test: ([^#]+)", makefile, re.MULTILINE)[1].split())
    rows = re.findall(
        r"^\| (`.+) \| [\d.]+ \|$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    named = [name for row in rows for name in re.findall(r"`([\w-]+)`", row)]
    assert sorted(named) == sorted(targets)


def test_a_setting_added_by_the_recipe_is_taken_from_everywhere(home: Path, monkeypatch: pytest.MonkeyPatch):
    class Extended(NBTrack):
        colour = Unicode("blue", help="The colour of the monitor.").tag(config=True)

    monkeypatch.setenv("NBTRACK_COLOUR", "green")
    assert Extended().colour == "green"
    assert ("colour", "'green'", "NBTRACK_COLOUR") in Extended().describe()
