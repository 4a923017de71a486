"""Docstrings: every public name has one, and the examples in them run and leave nothing behind."""

import doctest
import importlib
import inspect
import multiprocessing
import pkgutil
from pathlib import Path

import pytest

import nbtrack
from nbtrack.collector import shared
from nbtrack.runtime import find_session

ROOMS = ("", ".bulk", ".collector", ".delivery", ".runtime", ".schemas", ".tracker")
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(nbtrack.__path__, "nbtrack.")
    if ">>>" in Path(importlib.util.find_spec(module.name).origin).read_text(encoding="utf-8")
)


def public_names():
    for room in ROOMS:
        module = importlib.import_module(f"nbtrack{room}")
        for name in module.__all__:
            yield f"nbtrack{room}.{name}", getattr(module, name)


OBJECTS = {
    name: thing for name, thing in public_names() if inspect.isclass(thing) or inspect.isfunction(thing)
}


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_has_a_docstring(name: str):
    thing = OBJECTS[name]
    text = thing.__dict__.get("__doc__") if inspect.isclass(thing) else thing.__doc__
    assert text
    assert text.strip()
    first = text.strip().splitlines()[0]
    assert first.endswith((".", ":")), first


@pytest.mark.parametrize("name", [n for n, t in OBJECTS.items() if inspect.isclass(t)])
def test_so_have_its_public_methods(name: str):
    missing = [
        member
        for member, value in vars(OBJECTS[name]).items()
        if not member.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, property))
        and not inspect.getdoc(value)
    ]
    assert missing == []


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    monkeypatch.chdir(tmp_path)
    try:
        result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    finally:
        shared.stop(tmp_path / "home")
    assert result.failed == 0
    assert result.attempted
    assert find_session() is None
    assert multiprocessing.active_children() == []
    assert {path.name for path in tmp_path.iterdir()} <= {"home"}
