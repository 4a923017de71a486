"""The linter: igluctl's rules."""

import copy

import pytest

from nbtrack.schemas import lint_schema
from nbtrack.schemas.linter import SELF_DESCRIBING

GOOD = {
    "$schema": SELF_DESCRIBING,
    "description": "An order",
    "self": {"vendor": "com.acme", "name": "order", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
    "properties": {
        "id": {"description": "Its number", "type": "string", "maxLength": 10},
        "n": {"description": "How many", "type": ["integer", "null"], "minimum": 0, "maximum": 9},
        "when": {"description": "When", "type": ["string", "null"], "format": "date-time"},
        "kind": {"description": "Kind", "type": ["string", "null"], "enum": ["a", None]},
    },
    "required": ["id"],
    "additionalProperties": False,
}


def changed(path, value):
    schema = copy.deepcopy(GOOD)
    node = schema
    for key in path[:-1]:
        node = node[key]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return schema


def test_a_good_schema_has_no_problem():
    assert lint_schema(GOOD) == []
    assert lint_schema(GOOD, "schemas/com.acme/order/jsonschema/1-0-0") == []
    assert lint_schema(GOOD, "schemas/com.acme/order/jsonschema/1-0-0.json") == []


@pytest.mark.parametrize(
    ("path", "value", "rule", "place"),
    [
        (("type",), "array", "rootObject", "$.type"),
        (("$schema",), "http://json-schema.org/draft-04/schema#", "metaSchema", "$['$schema']"),
        (("description",), None, "description", "$"),
        (("self", "version"), "0-1-0", "self", "$.self"),
        (("self", "vendor"), None, "self", "$.self"),
        (("properties", "id", "maxLength"), None, "stringLength", "$.properties.id"),
        (("properties", "id", "maxLength"), 70_000, "stringLength", "$.properties.id"),
        (("properties", "id", "description"), None, "description", "$.properties.id"),
        (("properties", "n", "maximum"), None, "numericMinMax", "$.properties.n"),
        (("properties", "n", "minimum"), 10, "bounds", "$.properties.n"),
        (("properties", "n", "type"), "integer", "optionalNull", "$.properties.n"),
        (("properties", "when", "format"), "moment", "unknownFormats", "$.properties.when"),
        (("properties", "n", "type"), "nonsense", "syntax", "$"),
        (("required",), ["id", "other"], "requiredPropertiesExist", "$"),
    ],
)
def test_each_rule_is_named_with_its_place(path, value, rule, place):
    found = lint_schema(changed(path, value))
    assert (rule, place) in [(problem.rule, problem.path) for problem in found], found


def test_the_files_path_must_match():
    (problem,) = lint_schema(GOOD, "schemas/com.acme/order/jsonschema/1-0-1")
    assert (problem.rule, problem.severity) == ("path", "error")
    assert str(problem).startswith("$.self: the file's path must end in")
