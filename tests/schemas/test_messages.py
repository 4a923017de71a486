"""Messages of schemas: each says what is wrong, where, why, and what to do; the page lists them."""

from pathlib import Path

import pytest

from nbtrack.schemas import Registry, draft_schema, lint_schema
from nbtrack.tracker import (
    event_class,
)
from tests.support.messages import Messages, check_message, missing_from_page

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
NAME = {"vendor": "com.acme", "name": "visit", "format": "jsonschema", "version": "1-0-0"}


MESSAGES: Messages = {
    "a schema with a typing error": (
        lambda: event_class("iglu:com.snowplowanalytics.snowplow/link_clik/jsonschema/1-0-1"),
        LookupError,
        "did you mean iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1?",
    ),
    "a schema without a name": (
        lambda: Registry().register({"type": "object"}),
        ValueError,
        "a schema needs `self` with its vendor, name, format and version",
    ),
    "a schema that cannot be used": (
        lambda: Registry().register({"self": NAME, "type": "objekt"}),
        ValueError,
        "iglu:com.acme/visit/jsonschema/1-0-0 cannot be used: ",
    ),
    "a server's address without its scheme": (
        lambda: Registry(servers=["schemas.acme.com"]),
        ValueError,
        "'schemas.acme.com' is not the address of an Iglu server",
    ),
    "a folder in place of a registry's list": (
        lambda: Registry("schemas"),
        TypeError,
        "folders must be a list, such as folders=[…], not 'schemas'",
    ),
    "a registry's folder that is not there": (
        lambda: Registry(["nowhere"]).find("iglu:com.acme/visit/jsonschema/1-0-0"),
        LookupError,
        "no schema iglu:com.acme/visit/jsonschema/1-0-0 in the session, nowhere (no such folder), the built-in registry",
    ),
    "data where the schema's name goes": (
        lambda: Registry().faults({"timing": 3}, TIMING),
        ValueError,
        "{'timing': 3} is not an Iglu URI such as ",
    ),
    "data that is no JSON": (
        lambda: Registry().faults(TIMING, {"timing": object()}),
        ValueError,
        "the data holds what JSON does not know (Unsupported type: 'object'): nbtrack.values.jsonable makes",
    ),
    "a schema's file in place of the schema": (
        lambda: Registry().register("visit.json"),
        ValueError,
        "register takes a schema, a dict, not a text: json.loads(…) reads one; got 'visit.json'",
    ),
    "a schema that is none": (
        lambda: Registry().register(None),
        ValueError,
        "a schema needs `self` with its vendor, name, format and version",
    ),
    "a dict in place of a frame": (
        lambda: draft_schema({"quantity": [1]}, "iglu:com.acme/order/jsonschema/1-0-0"),
        TypeError,
        "draft_schema wants a frame, such as pandas.DataFrame(…), not a dict",
    ),
    "a schema's name in place of the schema": (
        lambda: lint_schema(TIMING),
        TypeError,
        "lint_schema wants a schema, a dict, not a str",
    ),
    "a folder in place of a class's registry": (
        lambda: event_class(TIMING, registry="schemas"),
        ValueError,
        "registry must be a Registry, such as Registry(['schemas']), got 'schemas'",
    ),
    "a property that a schema's class wants": (
        lambda: event_class(TIMING)(category="query"),
        TypeError,
        "Timing: missing a required argument: 'variable'; it takes category, variable, timing, label",
    ),
    "a property that the schema does not allow": (
        lambda: event_class(TIMING)(category="query", variable="load", timing="slow"),
        ValueError,
        "Timing: $.timing: string found, number expected",
    ),
    "a server that is none": (
        lambda: Registry(servers=[3]),
        TypeError,
        "servers takes addresses such as https://iglu.acme.com, and IgluServer(…); not 3",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_message_says_what_is_wrong_and_what_to_do(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    check_message(*MESSAGES[case])


def test_the_page_lists_every_message():
    assert missing_from_page("schemas", MESSAGES) == []
