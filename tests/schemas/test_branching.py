"""Bounds: no schema and no data make a validation take for ever."""

import time

import pytest

from nbtrack.schemas import BadSchema, Registry
from nbtrack.schemas.branching import Branching, extent_of
from nbtrack.schemas.compiling import compile_schema

TEXT = {"type": "string"}


def doubled(keyword, levels, below=False):
    """Return a schema of so many levels of two alternatives each."""

    def refer(level):
        reference = {"$ref": f"#/definitions/{level}"}
        return {"properties": {"a": reference}} if below else reference

    definitions = {str(level): {keyword: [refer(level + 1)] * 2} for level in range(levels)}
    return {"$ref": "#/definitions/0", "definitions": definitions | {str(levels): TEXT}}


def nested(levels, value=1):
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.fixture
def within(request):
    """Fail if the test takes more than a second of processor time."""
    began = time.process_time()
    yield
    assert time.process_time() - began < 1


@pytest.mark.usefixtures("within")
@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_a_schema_of_16_million_alternatives_is_rejected(keyword):
    with pytest.raises(BadSchema, match="more than 10,000 of its subschemas apply to one value"):
        compile_schema(doubled(keyword, 24), "the schema")


@pytest.mark.usefixtures("within")
@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_a_schema_of_a_thousand_alternatives_is_used_and_its_faults_take_no_long(keyword):
    validator = compile_schema(doubled(keyword, 10), "the schema")
    assert validator.is_valid("text") is (keyword != "oneOf")
    (fault,) = validator.faults(1)
    assert fault.message == "does not match the schema, which has too many alternatives to say why"


@pytest.mark.usefixtures("within")
def test_data_is_validated_as_deep_as_its_alternatives_allow():
    validator = compile_schema(doubled("anyOf", 30, below=True), "the schema")
    assert validator.is_valid(nested(3))
    assert validator.faults({"a": {"a": nested(28)}})[0].message.startswith("nested 30 levels deep; at most ")


@pytest.mark.usefixtures("within")
def test_a_schema_that_is_its_own_alternative_is_rejected_and_one_of_a_tree_is_not():
    with pytest.raises(BadSchema, match="subschemas apply to one value"):
        compile_schema({"anyOf": [TEXT, {"$ref": "#"}]}, "the schema")
    tree = {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"items": {"$ref": "#"}}}}
    validator = compile_schema(tree, "the schema")
    assert validator.is_valid(nested(39, {}))
    assert [fault.path for fault in validator.faults(nested(3))] == ["$.a.a.a"]


@pytest.mark.usefixtures("within")
@pytest.mark.parametrize("data", [{"a": ["x"] * 100_000}, {f"k{number}": "x" for number in range(30_000)}])
def test_large_data_with_a_fault_in_each_value_is_explained_by_the_first(data):
    schema = {
        "properties": {"a": {"items": {"type": "integer"}}},
        "additionalProperties": {"type": "integer"},
    }
    first, note = compile_schema(schema, "the schema").faults(data)
    assert first.message == "string found, integer expected"
    assert note.message.startswith("not checked for more faults: it has ")


def test_at_most_100_faults_are_listed():
    validator = compile_schema({"items": TEXT}, "the schema")
    assert len(validator.faults([1] * 100)) == 100
    faults = validator.faults([1] * 101)
    assert (len(faults), faults[-1].message) == (101, "more than 100 faults; the others are not listed")


def test_no_schema_that_comes_with_nbtrack_is_near_the_bounds():
    registry = Registry()
    assert max(Branching(registry.find(uri)).count(depth=40) for uri in registry.uris()) < 100


def test_levels_and_values_are_counted():
    assert extent_of(None) == (0, 1)
    assert extent_of([[], {"a": [1, 2]}]) == (3, 6)
