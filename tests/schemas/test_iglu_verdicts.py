"""Conformance: validation results equal those of the validator behind Snowplow's Iglu client, recorded as test data.

A schema that Draft 4 does not allow is rejected before any data is validated, here and in a pipeline.
"""

import gzip
import json
from pathlib import Path

import pytest

from nbtrack.schemas import BadSchema, Registry, parse_uri
from nbtrack.schemas.compiling import compile_schema
from tests.support.tools import require

pytestmark = pytest.mark.iglu
UNEQUAL_NUMBERS = "Iglu's validator does not see 1 and 1.0, or 0 and -0.0, as equal items"
ALLOWED = {
    ('{"uniqueItems": true}', "[1, 1.0]"): UNEQUAL_NUMBERS,
    ('{"uniqueItems": true}', "[0, -0.0]"): UNEQUAL_NUMBERS,
}
"""Disagreements by schema and data, each with its mechanism: at most two."""
NOT_DRAFT_4 = [
    '"objekt" is not valid',
    'is not of type "array"',
    '"minimum" is a required property',
    "minimum of 0",
]
"""What Draft 4 says of schemas that it does not allow."""


@pytest.fixture(scope="module")
def verdicts():
    return Path(require("iglu-verdicts"))


def test_results_for_all_schemas_of_iglu_central_agree(verdicts):
    central, validators, disagreements, count = Registry([require("iglu")], builtin=False), {}, [], 0
    with gzip.open(verdicts / "cases.ndjson.gz", "rt", encoding="utf-8") as lines:
        for case in map(json.loads, lines):
            uri = case["schema"]
            if uri not in validators:
                validators[uri] = compile_schema(central.find(uri), uri)
            count += 1
            is_valid = validators[uri].is_valid(case["data"])
            assert is_valid == (not list(validators[uri].iter_errors(case["data"]))), case
            if is_valid != case["valid"]:
                disagreements.append(case)
    assert count
    assert disagreements == []


def test_results_for_each_keyword_and_format_agree(verdicts):
    disagreements = {}
    for case in map(json.loads, (verdicts / "keywords.ndjson").read_text("utf-8").splitlines()):
        try:
            validator = compile_schema(case["schema"], "the schema")
            is_valid = validator.is_valid(case["data"])
            assert is_valid == (not list(validator.iter_errors(case["data"]))), case
        except BadSchema as error:
            if any(text in str(error) for text in NOT_DRAFT_4):
                continue
            is_valid = False
        if is_valid != bool(case["valid"]):
            disagreements[json.dumps(case["schema"]), json.dumps(case["data"])] = is_valid
    assert disagreements.keys() == ALLOWED.keys()


def test_every_schema_of_iglu_central_compiles():
    central = Registry([require("iglu")], builtin=False)
    failed = {}
    for uri in central.uris():
        if parse_uri(uri).format != "jsonschema":
            continue
        try:
            central.validator(uri)
        except BadSchema as error:
            failed[uri] = str(error)
    assert failed == {}
