"""Compiled schemas: the fast check of validity and the errors agree."""

import pytest

from nbtrack.schemas.compiling import compile_schema

ID = "3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1"
UUID = {"type": ["string", "null"], "format": "uuid"}
SCHEMAS = {
    "by name": {"properties": {"a": UUID}},
    "by pattern": {"patternProperties": {"^a": UUID}},
    "in the rest": {"properties": {"b": {}}, "additionalProperties": UUID},
    "in a list": {"properties": {"a": {"items": UUID}}},
    "in a tuple": {"properties": {"a": {"items": [{}, UUID], "additionalItems": UUID}}},
    "one of": {"properties": {"a": {"oneOf": [UUID, {"type": "string", "maxLength": 3}]}}},
    "not": {"properties": {"a": {"not": UUID}}},
    "referred to": {"properties": {"a": {"$ref": "#/definitions/id"}}, "definitions": {"id": UUID}},
    "referred to elsewhere": {"properties": {"a": {"$ref": "#/own/id"}}, "own": {"id": UUID}},
    "beside a reference": {
        "properties": {"a": {"$ref": "#/definitions/any", "format": "uuid"}},
        "definitions": {"any": {}},
    },
    "when another is there": {"dependencies": {"b": {"properties": {"a": UUID}}, "a": ["b"]}},
    "with a pattern": {"properties": {"a": UUID | {"pattern": "^3"}}},
    "as a value": {"properties": {"a": {"enum": [{"format": "uuid"}, ID]}}},
    "as a property's name": {"properties": {"format": {"enum": ["uuid"]}, "a": {}}},
}
VALUES = [ID, ID.upper(), ID + "\n", "\n" + ID, ID.replace("-", ""), "4" + ID[1:], "x", "", None, 5, [ID], ["x", "x"],
          [ID, ID, "x"], {}, {"format": "uuid"}, {"pattern": "x"}]  # fmt: skip


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items(), ids=SCHEMAS)
def test_the_fast_check_agrees_with_the_errors(name, schema):
    validator = compile_schema(schema, "the schema")
    results = set()
    for value in VALUES:
        for more in ({}, {"b": 1}, {"format": "uuid"}, {"format": value}):
            data = {"a": value} | more
            is_valid = validator.is_valid(data)
            assert is_valid == (not list(validator.iter_errors(data))), data
            results.add(is_valid)
    assert results == {True, False}


def test_the_errors_name_the_format():
    validator = compile_schema(SCHEMAS["by name"], "the schema")
    (error,) = validator.iter_errors({"a": "x"})
    assert (error.kind.name, error.kind.value) == ("format", "uuid")
