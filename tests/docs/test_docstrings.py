"""Docstrings: every public name has one, and the examples in them run and leave nothing behind."""

import ast
import doctest
import importlib
import inspect
import itertools
import multiprocessing
import pkgutil
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from numpydoc.docscrape import NumpyDocString

import nbtrack
from nbtrack.collector import shared_collector
from nbtrack.runtime import find_session
from tests.support.waiting import poll

DOCS = Path(__file__).parents[2] / "docs"
# every name in `__all__` of these is public, and so are the methods of public classes
ROOMS = (
    "",
    ".activities",
    ".bulk",
    ".collector",
    ".delivery",
    ".pandas",
    ".plans",
    ".protocol",
    ".runtime",
    ".schemas",
    ".steps",
    ".template",
    ".tracker",
    ".values",
    ".warehouse",
    ".widget",
)
# what cannot show itself in a doctest, and why
WITHOUT_EXAMPLE = {
    "nbtrack.load_ipython_extension": "only `%load_ext` calls it; tests/notebook runs it",
    "nbtrack.unload_ipython_extension": "only `%unload_ext` calls it; tests/notebook runs it",
}
MODULES = sorted(
    name
    for name in ("nbtrack", *(module.name for module in pkgutil.walk_packages(nbtrack.__path__, "nbtrack.")))
    if "    >>> " in Path(importlib.util.find_spec(name).origin).read_text(encoding="utf-8")
)


def public_names():
    for room in ROOMS:
        module = importlib.import_module(f"nbtrack{room}")
        for name in module.__all__:
            yield f"nbtrack{room}.{name}", getattr(module, name)


OBJECTS = {
    name: thing for name, thing in public_names() if inspect.isclass(thing) or inspect.isroutine(thing)
}
CLASSES = [name for name, thing in OBJECTS.items() if inspect.isclass(thing)]


def documented_constants() -> set[str]:
    """Name the assignments of all modules that a text follows."""
    found = set()
    for path in Path(nbtrack.__file__).parent.rglob("*.py"):
        lines = ast.parse(path.read_text(encoding="utf-8")).body
        for line, after in itertools.pairwise(lines):
            targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                found |= {one.id for one in targets if isinstance(one, ast.Name)}
    return found


def own_docstring(thing: Any) -> str:
    return inspect.cleandoc(
        (vars(thing) if inspect.isclass(thing) else {"__doc__": thing.__doc__})["__doc__"] or ""
    )


def parameters(thing: Any) -> dict[str, inspect.Parameter]:
    """Give what a caller of a function or class hands over."""
    if not inspect.isclass(thing):
        signature = inspect.signature(thing)
    elif getattr(thing, "_is_protocol", False) or not inspect.isfunction(thing.__init__):
        return {}  # nobody makes one, or Python's own constructor does
    else:
        signature = inspect.signature(thing.__init__)
    return {name: one for name, one in signature.parameters.items() if name != "self"}


def methods(thing: type) -> Iterator[tuple[str, Any]]:
    """Give the public methods and properties that a class has of us, inherited ones too."""
    for member in dir(thing):
        value = inspect.getattr_static(thing, member)
        value = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        function = value.fget if isinstance(value, property) else value
        if member[0] != "_" and inspect.isfunction(function) and function.__module__.startswith("nbtrack"):
            yield member, value


def documented(thing: Any) -> dict[str, str]:
    """Give what the docstring says about each parameter: its type and its meaning."""
    found = NumpyDocString(own_docstring(thing))
    return {
        name.strip(" *"): " ".join([one.type, *one.desc])
        for one in [*found["Parameters"], *found["Attributes"]]
        for name in one.name.split(",")
    }


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_a_page_of_the_reference(room: str):
    page = f"api/{room.removeprefix('.') or 'nbtrack'}.md"
    assert f"::: nbtrack{room}\n" in (DOCS / "pages" / page).read_text(encoding="utf-8")
    assert f" nbtrack{room}: {page}\n" in (DOCS / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in {".protocol", ".values"}])
def test_a_page_of_the_reference_shows_each_public_name_exceptions_last(room: str):
    text = (DOCS / "pages" / "api" / f"{room.removeprefix('.') or 'nbtrack'}.md").read_text(encoding="utf-8")
    shown = re.findall(r"^        - (\w+)$", text, re.MULTILINE)
    module = importlib.import_module(f"nbtrack{room}")
    assert sorted(shown) == sorted(module.__all__)
    raised = [
        inspect.isclass(getattr(module, name)) and issubclass(getattr(module, name), Exception)
        for name in shown
    ]
    assert raised == sorted(raised)


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_has_a_docstring(name: str):
    text = own_docstring(OBJECTS[name])
    assert text, f"{name} has no docstring"
    first = text.splitlines()[0]
    assert first.endswith((".", ":")), first


def test_so_has_a_public_constant():
    constants = {name.rpartition(".")[2] for name, thing in public_names() if name not in OBJECTS}
    assert constants - documented_constants() == set()


@pytest.mark.parametrize("name", CLASSES)
def test_so_have_its_public_methods(name: str):
    assert [member for member, value in methods(OBJECTS[name]) if not inspect.getdoc(value)] == []


@pytest.mark.parametrize("name", OBJECTS)
def test_a_docstring_tells_of_each_parameter_and_its_type(name: str):
    wanted, told = parameters(OBJECTS[name]), documented(OBJECTS[name])
    assert bool(told) or not wanted, f"{name} has no section Parameters"
    several = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    silent = [one for one, what in wanted.items() if what.kind not in several and not told.get(one)]
    assert silent == [], f"{name} does not tell of {silent}"
    assert [one for one, what in wanted.items() if what.annotation is inspect.Parameter.empty] == []


@pytest.mark.parametrize("name", OBJECTS)
def test_a_docstring_has_an_example(name: str):
    has_example = bool(doctest.DocTestParser().get_examples(own_docstring(OBJECTS[name])))
    assert has_example != (name in WITHOUT_EXAMPLE), (
        f"{name} has no example, or is needlessly listed as having none"
    )


def docstrings_of(name: str) -> Iterator[doctest.DocTest]:
    """Return the examples of a module as they stand in its file, wherever its classes show themselves."""
    module = importlib.import_module(name)
    path = Path(module.__file__)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            place = (getattr(node, "name", name), str(path), getattr(node, "lineno", 0))
            test = doctest.DocTestParser().get_doctest(text, dict(vars(module)), *place)
            if test.examples:
                yield test


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    monkeypatch.chdir(tmp_path)
    threads = threading.active_count()
    try:
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        for test in docstrings_of(name):
            runner.run(test)
    finally:
        shared_collector.stop(tmp_path / "home")
    assert runner.tries
    assert runner.failures == 0
    assert find_session() is None
    assert multiprocessing.active_children() == []
    # a cancelled timer's thread needs a moment to end
    assert poll(lambda: threading.active_count() <= threads), threading.enumerate()
    assert {path.name for path in tmp_path.iterdir()} <= {"home"}
