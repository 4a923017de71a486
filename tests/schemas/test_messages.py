"""Messages of schemas: what is wrong, where, why, and what to do; the page lists them."""

from nbtrack.schemas import Registry, draft_schema, lint_schema
from nbtrack.tracker import event_class
from tests.support.messages import Messages, message_tests

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
NAME = {"vendor": "com.acme", "name": "visit", "format": "jsonschema", "version": "1-0-0"}


MESSAGES: Messages = {
    "a misspelt schema": (
        lambda: event_class("iglu:com.snowplowanalytics.snowplow/link_clik/jsonschema/1-0-1"),
        LookupError,
        "did you mean iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1?",
    ),
    "a schema without a name": (
        lambda: Registry().register({"type": "object"}),
        ValueError,
        "the schema has no `self` with vendor, name, format and version",
    ),
    "a schema that cannot be used": (
        lambda: Registry().register({"self": NAME, "type": "objekt"}),
        ValueError,
        "iglu:com.acme/visit/jsonschema/1-0-0 cannot be used: ",
    ),
    "a schema that is its own alternative": (
        lambda: Registry().register({"self": NAME, "anyOf": [{"type": "null"}, {"$ref": "#"}]}),
        ValueError,
        "iglu:com.acme/visit/jsonschema/1-0-0 cannot be used: more than 10,000 of its subschemas apply to one value",
    ),
    "a server's URL without its scheme": (
        lambda: Registry(servers=["schemas.acme.com"]),
        ValueError,
        "an Iglu server's URL must begin with http:// or https://, got 'schemas.acme.com'",
    ),
    "a folder instead of a list of folders": (
        lambda: Registry("schemas"),
        TypeError,
        "folders must be a list, such as folders=[…], got 'schemas'",
    ),
    "a schema that is in no folder": (
        lambda: Registry(["nowhere"]).find("iglu:com.acme/visit/jsonschema/1-0-0"),
        LookupError,
        "no schema iglu:com.acme/visit/jsonschema/1-0-0 in the session, nowhere (no such folder), the built-in registry",
    ),
    "data instead of the schema's URI": (
        lambda: Registry().faults({"timing": 3}, TIMING),
        ValueError,
        "{'timing': 3} is not an Iglu URI such as ",
    ),
    "data that is not JSON": (
        lambda: Registry().faults(TIMING, {"timing": object()}),
        ValueError,
        "the data is not JSON (Unsupported type: 'object'); nbtrack.values.jsonable converts it",
    ),
    "a file's name instead of a schema": (
        lambda: Registry().register("visit.json"),
        ValueError,
        "schema must be a dict, got 'visit.json'; json.loads reads one from text",
    ),
    "None instead of a schema": (
        lambda: Registry().register(None),
        ValueError,
        "the schema has no `self` with vendor, name, format and version",
    ),
    "a dict instead of a DataFrame": (
        lambda: draft_schema({"quantity": [1]}, "iglu:com.acme/order/jsonschema/1-0-0"),
        TypeError,
        "df must be a DataFrame, got dict",
    ),
    "a schema's URI instead of the schema": (
        lambda: lint_schema(TIMING),
        TypeError,
        "schema must be a dict, got str",
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
    "a server that is not a URL": (
        lambda: Registry(servers=[3]),
        TypeError,
        "servers must be URLs such as https://iglu.acme.com, or IgluServer(…), got 3",
    ),
}


test_a_message_says_what_is_wrong_and_what_to_do, test_the_page_lists_every_message = message_tests(
    "schemas", MESSAGES
)
