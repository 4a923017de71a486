"""Reading a tracking plan: what belongs to it, and every mistake by file, line and key."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from nbtrack.plans import TrackingPlanError, read_tracking_plan
from tests.support.tracking_plans import (
    BASKET_ITEM_ADDED,
    SHOP,
    product,
    specification,
    structure,
    write_plan,
)

URI = "iglu:com.example/basket_change/jsonschema/1-0-0"


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(TrackingPlanError) as raised:
        read_tracking_plan(folder)
    return [str(mistake).removeprefix(f"{folder}/") for mistake in raised.value.mistakes]


def test_a_plan_has_specifications_and_structures() -> None:
    plan = read_tracking_plan(SHOP)
    [one] = plan
    assert (one.id, one.name, one.version) == (BASKET_ITEM_ADDED, "Basket Item Added", 4)
    assert (one.product.name, one.product.domain) == ("Bookshop Checkout", "Sales")
    assert [(source.min_count, source.max_count) for source in one.entities] == [(1, 3), (0, 1)]
    assert [trigger.url for trigger in one.triggers] == ["https://shop.example/books/42"]
    assert [uri.split("/")[1] for uri in plan.structures] == ["basket_change", "book", "reader"]
    assert [structure.is_entity for structure in plan.structures.values()] == [False, True, True]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"resourceType": "data-product"}')
    (tmp_path / "list.yaml").write_text("- a\n- b\n")
    (tmp_path / "new.yml").write_text("apiVersion: v1\nresourceType: something-new\n")
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "broken.json").write_text("{")
    assert list(read_tracking_plan(tmp_path)) == []


def test_yaml_has_the_types_of_json_alone(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "apiVersion: v1\nresourceType: data-structure\nmeta: {hidden: false, schemaType: entity, customData: {}}\n"
        "data:\n  self: {vendor: com.example, name: a, format: jsonschema, version: 1-0-0}\n"
        '  properties: {a: {enum: [on, off, yes, 2026-01-31, 1_000, 0x1F, 1:30, "1", 1, 1.5, true, null, ~, "", -3, 1e3]}}\n'
    )
    [found] = read_tracking_plan(tmp_path).structures.values()
    values = found.schema["properties"]["a"]["enum"]
    expected = [
        "on",
        "off",
        "yes",
        "2026-01-31",
        "1_000",
        "0x1F",
        "1:30",
        "1",
        1,
        1.5,
        True,
        None,
        None,
        "",
        -3,
        1000.0,
    ]
    assert values == expected
    assert [type(value) for value in values] == [type(value) for value in expected]


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    resources = [
        product([specification(name, URI) for name in names], title)
        for title, names in (("B", "xy"), ("A", "zw"))
    ]
    one = read_tracking_plan(write_plan(tmp_path / "1", resources))
    other = read_tracking_plan(write_plan(tmp_path / "2", resources[::-1]))
    assert [specification.id for specification in one] == [specification.id for specification in other]


def test_mistakes_are_named_by_file_line_and_key(tmp_path: Path) -> None:
    yaml = (
        "apiVersion: v1\n"
        "resourceType: data-product\n"
        "resourceName: not-an-id\n"
        "data:\n"
        "  name: ''\n"
        "  eventSpecifications:\n"
        "    - resourceName: 7a1e9c3b-58f4-4b7f-8a55-1c0f6d2e4b21\n"
        "      name: Added\n"
        "      event:\n"
        "        source: basket_change\n"
        "      entities:\n"
        "        tracked:\n"
        "          - source: iglu:com.example/book/jsonschema/1-0-0\n"
        "            minCardinality: 3\n"
        "            maxCardinality: 1\n"
        "            maxCardinalty: 1\n"
        "          - source: iglu:com.example/book/jsonschema/1-0-0\n"
        "    - resourceName: 7a1e9c3b-58f4-4b7f-8a55-1c0f6d2e4b21\n"
        "      name: 5\n"
        "      event: {tracked: {source: 'iglu:com.example/a/jsonschema/1-0-0'}}\n"
    )
    (tmp_path / "p.yaml").write_text(yaml)
    place = "data.eventSpecifications"
    found = mistakes(tmp_path)
    assert [mistake.split(": ", 1)[1] for mistake in found] == [
        "resourceName: must be a UUID, got 'not-an-id'",
        "data.name: must not be empty",
        f"{place}[0].event.source: 'basket_change' is not an Iglu URI such as iglu:com.acme/purchase/jsonschema/1-0-0",
        f"{place}[0].entities.tracked[0].maxCardinality: must be at least minCardinality (3), got 1",
        f"{place}[0].entities.tracked[0].maxCardinalty: is not a key that belongs here; did you mean 'maxCardinality'?",
        f"{place}[0].entities.tracked[1].source: iglu:com.example/book/jsonschema/1-0-0 is listed twice in this specification",
        f"resourceName: {BASKET_ITEM_ADDED} is also the id of event specification 'Added' ({tmp_path / 'p.yaml'}:7)",
        f"{place}[1].name: must be a string, got 5",
        f"{place}[1].event.tracked: is not a key that belongs here; known are source, schema, comment",
        f"{place}[1].event.source: is missing, but required",
    ]
    assert [int(mistake.split(":")[1]) for mistake in found] == [3, 5, 10, 15, 16, 17, 18, 19, 20, 20]


def test_lines_of_json_are_found_without_yaml(tmp_path: Path) -> None:
    text = json.dumps(product([specification("ok", URI), specification("x" * 300, URI)]), indent=2)
    (tmp_path / "p.json").write_text(text)
    [mistake] = mistakes(tmp_path)
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "xxx" in one)
    assert (
        mistake
        == f"p.json:{line}: data.eventSpecifications[1].name: must have at most 256 characters, has 300"
    )


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.json", '{\n"a": 1,\n}', "a.json:3: not valid JSON: "),
        ("a.yaml", "a: 1\nb: [\n", "a.yaml:3: not valid YAML: "),
        ("a.yaml", "a: 1\nb: 2\na: 3\n", "a.yaml:3: not valid YAML: the key 'a' stands here twice"),
        ("a.yaml", "a: !!python/object:os.system {}\n", "a.yaml:1: not valid YAML: tag:yaml.org,2002:python/object:os.system"),
        ("a.yaml", "a: &x [*x]\n", "a.yaml:1: not valid YAML: "),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_parsed_is_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    [mistake] = mistakes(tmp_path)
    assert mistake.startswith(told)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    assert mistakes(tmp_path)[0].startswith("a.yaml:1: cannot be read: ")


def test_two_files_with_one_schema_are_a_mistake(tmp_path: Path) -> None:
    folder = write_plan(tmp_path, [structure("a", {}), structure("a", {})])
    assert mistakes(folder) == [
        f"1.json:1: data.self: iglu:com.example/a/jsonschema/1-0-0 is also in {folder / '0.json'}"
    ]


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"eventSpecifications": {"a": "4"}}', '{"eventSpecifications": {"a": -1}}', "{"]
)
def test_a_broken_lock_file_is_named(tmp_path: Path, content: str) -> None:
    shutil.copytree(SHOP, tmp_path / "plan")
    (tmp_path / "plan" / ".snowtype-lock.json").write_text(content)
    [mistake] = mistakes(tmp_path / "plan")
    assert (
        mistake
        == '.snowtype-lock.json:1: not a lock file: expected {"eventSpecifications": {"<id>": <version>}}'
    )


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such folder: .*plan"):
        read_tracking_plan(tmp_path / "plan")
    with pytest.raises(FileNotFoundError, match=r"no such lock file: .*lock"):
        read_tracking_plan(SHOP, tmp_path / "lock")


def test_json_needs_no_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    folder = write_plan(tmp_path, [structure("a", {}), product([specification("Added", URI)])])
    assert len(read_tracking_plan(folder).specifications) == 1


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.common import extras

    hidden: Any = lambda name: None if name == "pyyaml" else "99"  # noqa: E731
    monkeypatch.setattr(extras, "installed_version", hidden)
    with pytest.raises(
        ModuleNotFoundError, match=r"a tracking plan in YAML needs other packages .*pip install 'pyyaml>="
    ):
        read_tracking_plan(SHOP)
