"""A quick check that accepts most good events; `nbtrack.common.field_formats` has the rules of each field."""

import functools
import sys
from typing import Any

from nbtrack.common.field_formats import RULES, Rule
from nbtrack.protocol import EVENT_NAMES, FIELDS
from nbtrack.schemas.compiling import Validator, compile_schema

JSON_KINDS = frozenset({"json", "base64_json"})
JSON_KEYS = tuple(key for key, spec in FIELDS.items() if spec.kind in JSON_KINDS)
EXPECTED = {
    "se": ("se_ca", "se_ac"),
    "tr": ("tr_id", "tr_tt"),
    "ti": ("ti_id", "ti_sk", "ti_pr", "ti_qu"),
}
"""Payload keys that a type of event should have; a pipeline accepts it without them."""
SINK_LIMITS = {"Amazon SQS": 192_000, "Kinesis, Kafka and NSQ": 1_000_000}
"""Bytes that the sinks of a pipeline's collector take; a larger event is a size_violation there."""
MAX_USUAL_LENGTH = 1000
MAX_USUAL_SIZE = sum(len(key) + 8 + MAX_USUAL_LENGTH for key in FIELDS)
"""Characters that a usual event has at most, besides its JSON."""
MAX_USUAL_JSON = (min(SINK_LIMITS.values()) - MAX_USUAL_SIZE) // 2
"""Characters of its data, and of its entities, so that its size is surely within all limits."""


@functools.cache
def usual_event() -> Validator:
    """Return a validator that accepts an event only if its type is known, and each of its fields follows its rule.

    It also has its JSON where it is expected, at most once and not too large, so that no rule about several fields applies.

    It is several times faster than the rules one by one, and may reject an event that is good: the rules decide then,
    and find the reasons.
    """
    properties: dict[str, Any] = {
        key: _usual_text(key) for key in FIELDS if FIELDS[key].kind not in JSON_KINDS
    }
    properties |= {key: {"minLength": 1, "maxLength": MAX_USUAL_JSON} for key in JSON_KEYS}
    schema = {
        "properties": properties,
        "required": ["e"],
        "not": {"required": ["cx", "co"]},
        "anyOf": [_usual_type(event_type) for event_type in EVENT_NAMES],
    }
    return compile_schema(schema, "the fields")


def _usual_type(event_type: str) -> dict[str, Any]:
    """Return what an event of a type has, besides what all have."""
    expected = EXPECTED.get(event_type, ())
    schema: dict[str, Any] = {
        "properties": {"e": {"enum": [event_type]}, **{key: {"minLength": 1} for key in expected}}
    }
    if expected:
        schema["required"] = list(expected)
    described = [{"required": ["ue_px"]}, {"required": ["ue_pr"]}]
    if event_type == "ue":
        return schema | {"oneOf": described}
    return schema | {"not": {"anyOf": described}}


def _usual_text(key: str) -> dict[str, Any]:
    rule = RULES.get(key, Rule(sys.maxsize, None, key))
    schema: dict[str, Any] = {"maxLength": min(rule.max_length, MAX_USUAL_LENGTH)}
    if rule.format is not None:
        # a final line break would match $ in Java's regular expressions, which schemas have
        schema["pattern"] = f"^(?:{rule.format.usual})\\z"
    return schema
