"""The registry: where schemas come from, and what is rejected."""

import json
import subprocess
import sys

import pytest

from nbtrack.schemas import BadSchema, Registry, SchemaNotFound, lint_schema, parse_uri

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"


def named(name="thing", version="1-0-0", **body):
    own = {"vendor": "com.acme", "name": name, "format": "jsonschema", "version": version}
    return {"self": own, "type": "object"} | body


def put(folder, name, body, version="1-0-0", ending=""):
    path = folder / "com.acme" / name / "jsonschema" / (version + ending)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body))
    return path


def test_every_built_in_schema_compiles_and_is_in_the_folder_of_its_name():
    registry = Registry()
    for uri in registry.uris():
        registry.validator(uri)
        own = registry.find(uri)["self"]
        assert uri == "iglu:{vendor}/{name}/{format}/{version}".format(**own)


def test_nbtracks_own_schemas_pass_the_linter():
    registry = Registry()
    own = [uri for uri in registry.uris() if uri.startswith("iglu:io.github.nbtrack/")]
    assert [parse_uri(uri).name for uri in own] == [
        *("analysis", "cell_run", "cell_run", "dataframe", "kernel", "notebook", "notebook")
    ]
    assert {uri: lint_schema(registry.find(uri)) for uri in own} == {uri: [] for uri in own}


def test_registered_schemas_come_before_folders_and_folders_before_built_in_ones(tmp_path):
    put(tmp_path, "thing", {"type": "array"}, ending=".json")
    registry = Registry([tmp_path])
    uri = "iglu:com.acme/thing/jsonschema/1-0-0"
    assert registry.faults(uri, []) == []
    assert registry.register(named()) == uri
    assert registry.faults(uri, {}) == []
    assert [str(fault) for fault in registry.faults(uri, [])] == ["$: array found, object expected"]
    spot = tmp_path / "com.snowplowanalytics.snowplow" / "timing" / "jsonschema" / "1-0-0"
    spot.parent.mkdir(parents=True)
    spot.write_text('{"type":"array"}')
    assert registry.faults(TIMING, []) == []


def test_a_schema_that_is_nested_too_deeply_is_rejected_with_the_reason():
    for levels in (500, 5000):
        inner = {}
        for _ in range(levels):
            inner = {"not": inner}
        with pytest.raises(BadSchema, match=r"[Rr]ecursion"):
            Registry().register(named(**inner))


def test_an_edited_file_takes_effect_with_the_next_call(tmp_path):
    path = put(tmp_path, "thing", {"type": "array"})
    registry = Registry([tmp_path])
    uri = "iglu:com.acme/thing/jsonschema/1-0-0"
    assert registry.faults(uri, []) == []
    path.write_text('{"type":"string"}')
    assert registry.faults(uri, []) != []
    path.unlink()
    with pytest.raises(SchemaNotFound):
        registry.find(uri)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (TIMING.replace("timing", "timming"), TIMING),
        (TIMING.replace("1-0-0", "1-0-3"), TIMING),
        (
            "iglu:io.github.nbtrak/cell_run/jsonschema/1-0-0",
            "iglu:io.github.nbtrack/cell_run/jsonschema/1-0-0",
        ),
    ],
)
def test_the_error_of_an_unknown_schema_names_the_one_that_was_meant(wrong, meant):
    with pytest.raises(SchemaNotFound, match="did you mean") as caught:
        Registry().find(wrong)
    assert caught.value.suggestions[0] == meant


@pytest.mark.parametrize(
    "text",
    ["", "iglu:a/b/c", "iglu:../x/jsonschema/1-0-0", "iglu:a/../../jsonschema/1-0-0", "iglu:a/b/jsonschema/0-0-1",
     "iglu:a/b/jsonschema/1-0", "http://a/b/jsonschema/1-0-0", "iglu:a/b/jsonschema/1-0-0/", "iglu:a/b/jsonschema/1-0-0\n", 7],
)  # fmt: skip
def test_what_is_not_an_iglu_uri_is_rejected(text):
    with pytest.raises(ValueError, match="not an Iglu URI"):
        parse_uri(text)


@pytest.mark.parametrize(
    "reference",
    ["file:///etc/passwd", "/etc/passwd",
     "iglu:com.acme/../../x/jsonschema/1-0-0", "../other", "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"],
)  # fmt: skip
@pytest.mark.parametrize("base", [{}, {"id": "file:///etc/"}, {"$id": "http://127.0.0.1:1/"}])
def test_a_reference_out_of_the_schema_is_rejected(reference, base):
    with pytest.raises(BadSchema, match=r"may only refer to itself|is not present in a registry"):
        Registry().register(named(properties={"a": {"$ref": reference}}, **base))


def test_a_reference_within_the_schema_is_followed():
    registry = Registry()
    uri = registry.register(
        named(properties={"a": {"$ref": "#/definitions/n"}}, definitions={"n": {"type": "integer"}})
    )
    assert [fault.path for fault in registry.faults(uri, {"a": "x"})] == ["$.a"]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, "self"),
        (named() | {"self": {"vendor": "a"}}, "`self` is wrong"),
        (named(type="nonsense"), "cannot be used"),
    ],
)
def test_what_cannot_be_a_schema_is_rejected_with_the_reason(schema, words):
    with pytest.raises(BadSchema, match=words):
        Registry().register(schema)


def test_the_error_of_a_broken_file_names_the_schema(tmp_path):
    put(tmp_path, "thing", {}).write_text("{")
    with pytest.raises(BadSchema, match=r"com\.acme/thing"):
        Registry([tmp_path]).find("iglu:com.acme/thing/jsonschema/1-0-0")


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        ({"type": "integer"}, "1", "$.x: string found, integer expected"),
        ({"type": ["integer", "null"]}, "1", "$.x: string found, integer or null expected"),
        ({"type": "integer"}, True, "$.x: boolean found, integer expected"),
        ({"enum": ["a", "b"]}, "c", "$.x: 'c' is not one of 'a' or 'b'"),
        ({"maxLength": 2}, "abc", "$.x: 3 characters found, at most 2 allowed"),
        ({"minLength": 2}, "a", "$.x: 1 characters found, at least 2 allowed"),
        ({"maximum": 2}, 3, "$.x: 3 found, at most 2 expected"),
        ({"minimum": 2}, 1, "$.x: 1 found, at least 2 expected"),
        ({"format": "uuid"}, "x", "$.x: 'x' is not a valid uuid"),
        ({"format": "date-time"}, "x", "$.x: 'x' is not a valid date-time"),
        ({"format": "date"}, "x", "$.x: 'x' is not a valid date"),
        ({"format": "ipv4"}, "x", "$.x: 'x' is not a valid ipv4"),
        ({"pattern": "^a"}, "x", "$.x: 'x' does not match ^a"),
        ({"items": {"type": "string"}}, ["a", 1], "$.x[1]: integer found, string expected"),
    ],
)
def test_a_fault_says_where_what_and_what_is_expected(rule, value, message):
    registry = Registry()
    uri = registry.register(named(properties={"x": rule}))
    assert [str(fault) for fault in registry.faults(uri, {"x": value})] == [message]


def test_missing_and_unknown_properties_are_a_fault_each():
    registry = Registry()
    uri = registry.register(named(properties={"a": {}}, required=["a", "b"], additionalProperties=False))
    assert [str(fault) for fault in registry.faults(uri, {"odd key": 1, "c": 2})] == [
        "$.a: is missing, but required",
        "$.b: is missing, but required",
        "$.c: property is not in the schema",
        "$['odd key']: property is not in the schema",
    ]


def test_importing_the_registry_and_the_collector_loads_nothing_heavy():
    heavy = ["pandas", "numpy", "IPython", "tornado", "jsonschema_rs", "pyarrow", "requests", "duckdb"]
    program = (
        "import sys, nbtrack.schemas, nbtrack.collector, nbtrack.collector.shared_collector;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("reference", ["http://127.0.0.1:1/x", "https://example.com/x#/definitions/y"])
def test_a_reference_to_the_web_allows_anything_and_is_never_fetched(reference):
    registry = Registry()
    uri = registry.register(named(properties={"a": {"$ref": reference, "maxLength": 3}}))
    assert registry.faults(uri, {"a": 5}) == []
    assert [fault.keyword for fault in registry.faults(uri, {"a": "long"})] == ["maxLength"]


def test_keywords_beside_a_reference_apply():
    registry = Registry()
    uri = registry.register(
        named(
            properties={"a": {"$ref": "#/definitions/n", "minimum": 5}},
            definitions={"n": {"type": "integer"}},
        )
    )
    assert [fault.keyword for fault in registry.faults(uri, {"a": 1})] == ["minimum"]
    assert [fault.keyword for fault in registry.faults(uri, {"a": "x"})] == ["type"]


def test_a_reference_to_nothing_fails_only_the_data_that_reaches_it():
    registry = Registry()
    uri = registry.register(named(properties={"a": {"$ref": "#/definitions/nothing"}}))
    assert registry.faults(uri, {}) == []
    assert registry.faults(uri, {"a": 1}) != []


def test_a_superseded_schema_validates_by_the_version_that_supersedes_it(tmp_path):
    put(tmp_path, "thing", named() | {"$supersededBy": "1-0-1", "type": "array"})
    put(tmp_path, "thing", named(version="1-0-1"), version="1-0-1")
    registry = Registry([tmp_path])
    uri = "iglu:com.acme/thing/jsonschema/1-0-0"
    assert registry.faults(uri, {}) == []
    assert registry.find(uri)["type"] == "array"
