"""The protocol's table, against Iglu Central's own schemas."""

import json
from pathlib import Path

import pytest

from nbtrack.protocol import (
    CONTEXTS,
    EVENT_NAMES,
    FIELDS,
    IGLU_URI,
    PAYLOAD_DATA,
    PLATFORMS,
    UNSTRUCT_EVENT,
    iglu,
)
from tests.support.tools import require


def central(uri: str) -> dict:
    return json.loads((Path(require("iglu")) / uri.removeprefix("iglu:")).read_text())


@pytest.mark.iglu
def test_the_keys_are_those_that_payload_data_accepts():
    properties = central(PAYLOAD_DATA)["items"]["properties"]
    assert set(FIELDS) == set(properties)


@pytest.mark.iglu
def test_columns_and_their_lengths_are_those_of_the_atomic_schema():
    atomic = central("iglu:com.snowplowanalytics.snowplow/atomic/jsonschema/1-0-0")["properties"]
    for field in FIELDS.values():
        for column in filter(None, (field.column or "").split(",")):
            if column in {"unstruct_event", "contexts", "txn_id"}:
                continue  # JSON columns are not part of it
            assert column in atomic, field
            if field.kind in {"string", "uri", "enum", "uuid"}:
                assert atomic[column].get("maxLength") == field.max_length, field


def test_each_key_says_what_it_is():
    assert all(field.key == key and field.meaning for key, field in FIELDS.items())
    assert {event for field in FIELDS.values() for event in field.events} - {"ad"} <= EVENT_NAMES.keys()
    assert "headset" in PLATFORMS


@pytest.mark.parametrize("uri", [PAYLOAD_DATA, CONTEXTS, UNSTRUCT_EVENT, iglu("com.acme", "thing", "2-0-13")])
def test_a_uri_is_known_by_its_parts(uri):
    found = IGLU_URI.fullmatch(uri)
    assert found
    assert f"iglu:{found['vendor']}/{found['name']}/{found['format']}/{found['version']}" == uri


@pytest.mark.parametrize(
    "text", ["", "iglu:a/b/jsonschema/1", "iglu:a/b/jsonschema/0-0-0", "a/b/jsonschema/1-0-0"]
)
def test_what_is_no_uri(text):
    assert IGLU_URI.fullmatch(text) is None
