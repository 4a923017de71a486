"""What the bodies of requests to Micro's paths hold, and what is wrong with one."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Literal

from nbtrack.schemas.compiling import Validator, compile_schema
from nbtrack.schemas.faults import faults_of

Body = Literal["good", "bad", "events", "timeline"]

TEXT = {"type": ["string", "null"]}
WHOLE = {"type": ["integer", "null"]}
TEXTS = {"type": ["array", "null"], "items": {"type": "string"}}
PAGE = {"type": "integer", "minimum": 1}
COLUMN = {
    "type": "object",
    "properties": {"column": {"type": "string"}, "values": {"type": "array"}},
    "required": ["column"],
}
SPAN = {"type": ["object", "null"], "properties": {"start": TEXT, "end": TEXT}}
# ISO 8601, or milliseconds since 1970 within what SQLite counts
MOMENT = {"type": ["string", "integer"], "minimum": -(2**53), "maximum": 2**53}
BUCKET = {"type": "object", "properties": {"start": MOMENT, "end": MOMENT}, "required": ["start", "end"]}
# what is not named here is left alone: another version of Micro may know it
PROPERTIES: Mapping[Body, Mapping[str, Any]] = {
    "good": {"event_type": TEXT, "schema": TEXT, "contexts": TEXTS, "limit": WHOLE},
    "bad": {"vendor": TEXT, "version": TEXT, "limit": WHOLE},
    "events": {
        "page": PAGE,
        "pageSize": PAGE,
        "filters": {"type": "array", "items": COLUMN},
        "validEvents": {"type": ["boolean", "null"]},
        "timeRange": SPAN,
        "sorting": {"type": ["object", "null"], "properties": {"column": {"type": "string"}}},
    },
    "timeline": {"buckets": {"type": ["array", "null"], "items": BUCKET}},
}
REQUIRED: Mapping[Body, list[str]] = {"events": ["page", "pageSize", "filters"]}


@functools.cache
def _validator(body: Body) -> Validator:
    schema: dict[str, Any] = {"properties": PROPERTIES[body]}
    if body in REQUIRED:
        schema["required"] = REQUIRED[body]
    return compile_schema(schema, f"the body of /micro/{body}")


def misfit(body: Body, given: Mapping[str, Any]) -> str:
    """Say what is wrong with a body; an empty text when nothing is.

    Examples
    --------
    >>> misfit("good", {"contexts": 5})
    '$.contexts: integer found, array or null expected'
    """
    return "; ".join(map(str, faults_of(_validator(body).iter_errors(given))))
