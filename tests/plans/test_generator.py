"""Generated modules: the same text for the same plan, clean for type checkers, and wrong calls are wrong there."""

import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import nbtrack.tracker
from nbtrack.cli import main
from nbtrack.plans import generate, read_tracking_plan
from nbtrack.plans.naming import (
    RESERVED_ARGUMENTS,
    RESERVED_CLASSES,
    Candidates,
    argument_names,
    choose_names,
)
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson
from tests.support.tracking_plans import SHOP, make_plan, product, specification, structure, write_plan

PLANS = 50


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the modules of made-up plans."""
    folder = tmp_path_factory.mktemp("modules")
    for seed in range(PLANS):
        plan = write_plan(folder / "plans" / str(seed), make_plan(seed))
        made = generate(read_tracking_plan(plan))
        assert made.problems == ()
        (folder / f"plan_{seed}.py").write_text(made.text, encoding="utf-8")
    return folder


def run(*command: str | Path, folder: Path | None = None) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        capture_output=True, text=True, timeout=300, check=False, cwd=folder,
    )  # fmt: skip
    return ran.stdout + ran.stderr


def test_modules_are_clean_for_mypy_and_formatted(modules: Path) -> None:
    empty = modules / "mypy.ini"
    empty.write_text("[mypy]\n")
    files = sorted(modules.glob("*.py"))
    shown = run("mypy", "--strict", "--config-file", empty, "--cache-dir", modules / "cache", *files)
    assert shown == f"Success: no issues found in {PLANS} source files\n"
    assert run("ruff", "format", "--isolated", "--check", *files) == f"{PLANS} files already formatted\n"
    assert run("ruff", "check", "--isolated", "--select", "F,I,UP", *files) == "All checks passed!\n"


def test_modules_are_clean_for_pyright(modules: Path) -> None:
    assert "0 errors, 0 warnings" in run(
        "pyright", "--pythonpath", sys.executable, *sorted(modules.glob("*.py"))
    )


def test_modules_import_nothing_but_the_tracker(modules: Path) -> None:
    for file in modules.glob("*.py"):
        imports = [
            line.split()[1]
            for line in file.read_text(encoding="utf-8").splitlines()
            if line.startswith("from ")
        ]
        assert set(imports) <= {"collections.abc", "typing", "nbtrack.tracker"}
        compile(file.read_text(encoding="utf-8"), str(file), "exec")


@pytest.mark.parametrize("seed", range(10))
def test_the_text_depends_on_the_plan_alone(tmp_path: Path, seed: int) -> None:
    resources = make_plan(seed)
    text = generate(read_tracking_plan(write_plan(tmp_path / "a", resources))).text
    random.Random(seed).shuffle(resources)
    assert generate(read_tracking_plan(write_plan(tmp_path / "b", resources))).text == text


WRONG = (
    'BasketItemAdded(action="remove", quantity=2, currency="EUR", book=BOOK)',
    'BasketItemAdded(action="add", quantity="2", currency="EUR", book=BOOK)',
    'BasketItemAdded(action="add", quantity=2, currency=None, book=BOOK)',
    'BasketItemAdded(action="add", quantity=2, currency="USD", book=BOOK)',
    'BasketItemAdded(action="add", quantity=2, book=BOOK)',
    'BasketItemAdded(action="add", quantity=2, currency="EUR")',
    'BasketItemAdded(action="add", quantity=2, currency="EUR", book=())',
    'BasketItemAdded(action="add", quantity=2, currency="EUR", book=(BOOK, BOOK, BOOK, BOOK))',
    'BasketItemAdded(action="add", quantity=2, currency="EUR", book=BOOK, reader=(Reader(), Reader()))',
    'BasketItemAdded(action="add", quantity=2, currency="EUR", book=Reader())',
    'BasketItemAdded(action="add", quantity=2, currency="EUR", book=BOOK, colour="red")',
    'BasketItemAddedBook(isbn="9", format="audio")',
    'Book(isbn=9, format="paper")',
)
RIGHT = (
    'BasketItemAdded(action="add", quantity=2, currency="EUR", book=BOOK)',
    'BasketItemAdded(action="add", quantity=2, currency="EUR", book=(BOOK, BOOK), reader=Reader(), class_="gift")',
    'BasketItemAdded(action="add", quantity=2, currency="EUR", context=[Book(isbn="9", format="paper")], event_id="x")',
)


def test_wrong_calls_are_wrong_for_type_checkers(tmp_path: Path) -> None:
    (tmp_path / "tracking.py").write_text(generate(read_tracking_plan(SHOP)).text)
    head = [
        "from tracking import BasketItemAdded, BasketItemAddedBook, Book, Reader",
        'BOOK = BasketItemAddedBook(isbn="9", format="paper")',
    ]
    program = tmp_path / "program.py"
    program.write_text("\n".join([*head, *RIGHT, *WRONG, ""]))
    (tmp_path / "mypy.ini").write_text("[mypy]\n")
    expected = set(range(len(head) + len(RIGHT) + 1, len(head) + len(RIGHT) + len(WRONG) + 1))
    shown = run(
        "mypy", "--strict", "--config-file", tmp_path / "mypy.ini", "--cache-dir", tmp_path / "cache", program
    )
    assert {int(line.split(":")[1]) for line in shown.splitlines() if ": error: " in line} == expected
    shown = run("pyright", "--pythonpath", sys.executable, program, folder=tmp_path)
    assert {int(line.split(":")[1]) for line in shown.splitlines() if " - error: " in line} == expected


def test_names_that_events_and_modules_have_are_reserved() -> None:
    taken = {
        name
        for kind in (SelfDescribing, PageView, SelfDescribingJson)
        for name in dir(kind)
        if name[0] != "_"
    }
    pages = {"page_url", "page_title", "referrer"}  # of a class whose properties have no arguments
    assert taken - pages - {"list_entities"} <= RESERVED_ARGUMENTS
    text = "".join(generate(read_tracking_plan(SHOP)).text)
    imported = {
        name.strip(" ,")
        for line in text.splitlines()
        if line.startswith("from ")
        for name in line.partition("import ")[2].split(",")
    }
    assert imported <= RESERVED_CLASSES


def test_arguments_are_the_same_whatever_the_order() -> None:
    keys = ["a_b", "a-b", "aB", "class", "class_", "", "é", "context"]
    names = argument_names(keys)
    assert argument_names(keys[::-1]) == names
    assert len(set(names.values())) == len(keys)
    assert all(name.isidentifier() for name in names.values())


def test_class_names_are_the_same_whatever_the_order() -> None:
    wanted = [
        Candidates("1", ("Added", "AddedCheckout", "Added_1")), Candidates("2", ("Added", "AddedCheckout", "Added_2")),
        Candidates("3", ("Added", "AddedReturns", "Added_3")), Candidates("4", ("Book", "BookEntity"), 1),
        Candidates("5", ("Book", "BookSeen")), Candidates("6", ("List", "ListChecked")), Candidates("7", ("list", "list_7")),
    ]  # fmt: skip
    chosen = choose_names(wanted)
    assert chosen == {
        "1": "Added_1", "2": "Added_2", "3": "AddedReturns", "4": "BookEntity", "5": "Book", "6": "List", "7": "list_7"
    }  # fmt: skip
    assert choose_names(wanted[::-1]) == chosen


def test_hidden_and_outdated_schemas_are_noted(tmp_path: Path) -> None:
    timing = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
    newer = structure("timing", {}, vendor="com.snowplowanalytics.snowplow", version="1-0-1")
    hidden = structure("a", {"properties": {"x": {"type": "string"}}})
    hidden["meta"]["hidden"] = True
    plan = [
        newer,
        hidden,
        product([specification("Timed", timing), specification("A", "iglu:com.example/a/jsonschema/1-0-0")]),
    ]
    notes = "\n".join(generate(read_tracking_plan(write_plan(tmp_path, plan))).notes)
    assert f"pins {timing}; the plan has version 1-0-1" in notes
    assert "is hidden in Snowplow's console" in notes


# -- the command


def invoke(*arguments: Any, code: int = 0) -> Any:
    result = CliRunner().invoke(main, ["generate", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def test_the_command_writes_the_module_and_checks_it(tmp_path: Path) -> None:
    module = tmp_path / "tracking.py"
    assert "lines" in invoke(SHOP, "-o", module).stderr
    assert module.read_text() == generate(read_tracking_plan(SHOP)).text == invoke(SHOP).stdout
    assert "is what the plan gives" in invoke(SHOP, "-o", module, "--check").stderr
    module.write_text(module.read_text().replace("At most 32 characters.", "Any."))
    result = invoke(SHOP, "-o", module, "--check", code=1)
    assert "+        At most 32 characters." in result.stdout
    assert "run nbtrack generate again" in result.stderr
    assert "Any." in module.read_text()
    assert "--output" in invoke(SHOP, "--check", code=2).stderr
    assert invoke(SHOP, "-o", tmp_path / "none.py", "--check", code=1).stdout.startswith("---")


def test_the_command_names_mistakes_and_what_it_skips(tmp_path: Path) -> None:
    shutil.copytree(SHOP, tmp_path / "plan")
    (tmp_path / "plan" / "data-structures" / "book.yaml").unlink()
    assert "skipped: event specification 'Basket Item Added'" in invoke(tmp_path / "plan").stderr
    assert "which is not there" in invoke(tmp_path / "plan", "--strict", code=1).stderr
    (tmp_path / "plan" / "broken.yaml").write_text("a: [")
    assert "broken.yaml:1: not valid YAML" in invoke(tmp_path / "plan", code=2).stderr


def test_an_empty_plan_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    assert f"{tmp_path} has no event specification and no data structure" in invoke(tmp_path).stderr
    wrong = invoke(SHOP, "--iglu", tmp_path / "schemas", code=2).stderr
    assert f"--iglu: no such folder: '{tmp_path / 'schemas'}'" in wrong
    missing = tmp_path / "nowhere" / "tracking.py"
    assert f"cannot write {missing} (No such file or directory)" in invoke(SHOP, "-o", missing, code=1).stderr


def test_schemas_come_from_iglu_folders_too(tmp_path: Path) -> None:
    folder = tmp_path / "schemas" / "com.example" / "seen" / "jsonschema"
    folder.mkdir(parents=True)
    (folder / "1-0-0").write_text(
        '{"self": {"vendor": "com.example", "name": "seen", "format": "jsonschema", "version": "1-0-0"}, '
        '"type": "object", "properties": {"place": {"type": "string"}}}'
    )
    plan = write_plan(
        tmp_path / "plan", [product([specification("Seen", "iglu:com.example/seen/jsonschema/1-0-0")])]
    )
    assert "place: str | None = None" in invoke(plan, "--iglu", tmp_path / "schemas").stdout


def test_nothing_of_plans_is_loaded_with_nbtrack() -> None:
    code = "import sys, nbtrack, nbtrack.tracker; print([name for name in sys.modules if 'yaml' in name or 'nbtrack.plans' in name])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "[]\n"
    assert "EventOptions" in nbtrack.tracker.__all__
