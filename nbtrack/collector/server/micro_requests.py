"""Bodies of requests to Micro's paths: what they may hold."""

import functools
from collections.abc import Mapping
from typing import Any, Literal

from nbtrack.schemas.compiling import Validator, compile_schema

Body = Literal["good", "bad", "events", "timeline"]
"""The paths below ``/micro`` that take a body."""

STRING = {"type": ["string", "null"]}
INTEGER = {"type": ["integer", "null"]}
STRINGS = {"type": ["array", "null"], "items": {"type": "string"}}
POSITIVE = {"type": "integer", "minimum": 1}
COLUMN_FILTER = {
    "type": "object",
    "properties": {"column": {"type": "string"}, "values": {"type": "array"}},
    "required": ["column"],
}
TIME_RANGE = {"type": ["object", "null"], "properties": {"start": STRING, "end": STRING}}
TIME = {"type": ["string", "integer"], "minimum": -(2**53), "maximum": 2**53}
"""ISO 8601, or a Unix timestamp in milliseconds within what SQLite counts."""
BUCKET = {"type": "object", "properties": {"start": TIME, "end": TIME}, "required": ["start", "end"]}
PROPERTIES: Mapping[Body, Mapping[str, Any]] = {
    "good": {"event_type": STRING, "schema": STRING, "contexts": STRINGS, "limit": INTEGER},
    "bad": {"vendor": STRING, "version": STRING, "limit": INTEGER},
    "events": {
        "page": POSITIVE,
        "pageSize": POSITIVE,
        "filters": {"type": "array", "items": COLUMN_FILTER},
        "validEvents": {"type": ["boolean", "null"]},
        "timeRange": TIME_RANGE,
        "sorting": {"type": ["object", "null"], "properties": {"column": {"type": "string"}}},
    },
    "timeline": {"buckets": {"type": ["array", "null"], "items": BUCKET}},
}
"""What is not named here is ignored: another version of Micro may know it."""
REQUIRED: Mapping[Body, list[str]] = {"events": ["page", "pageSize", "filters"]}


@functools.cache
def _validator(body: Body) -> Validator:
    schema: dict[str, Any] = {"properties": PROPERTIES[body]}
    if body in REQUIRED:
        schema["required"] = REQUIRED[body]
    return compile_schema(schema, f"the body of /micro/{body}")


def schema_errors(body: Body, value: Mapping[str, Any]) -> str:
    """Return what is wrong with a body; an empty string if nothing is.

    Examples
    --------
    >>> schema_errors("good", {"contexts": 5})
    '$.contexts: integer found, array or null expected'
    """
    return "; ".join(map(str, _validator(body).faults(value)))
