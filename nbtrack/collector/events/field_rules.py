"""Rules for the text of an event's fields: its length and its format."""

import functools
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from nbtrack.protocol import EVENT_NAMES, FIELDS, PLATFORMS
from nbtrack.schemas.compiling import Validator, compile_schema
from nbtrack.schemas.formats import UUID

TIMESTAMP = re.compile(r"-?[0-9]{1,15}")
INTEGER = re.compile(r"-?[0-9]{1,10}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
SIZE = re.compile(r"[0-9]{1,9}x[0-9]{1,9}")
JSON_KINDS = frozenset({"json", "base64_json"})
INT_MAX = 2**31 - 1
TIME_MAX = 253_402_300_799_999
"""The last millisecond of the year 9999."""


class Format(NamedTuple):
    """What a kind of field holds.

    Attributes
    ----------
    matches : callable
        Whether a string is of the kind.
    expectation : str
        What is expected, in words.
    usual : str
        A pattern of strings that surely match, as nearly all do; `usual_event` looks for these first.
    """

    matches: Callable[[str], object]
    expectation: str
    usual: str


def _is_uri(text: str) -> bool:
    try:
        return urlsplit(text).port is not False
    except ValueError:
        return False


FORMATS: Mapping[str, Format] = {
    "uuid": Format(UUID.fullmatch, "UUID expected", UUID.pattern),
    "timestamp": Format(
        lambda text: TIMESTAMP.fullmatch(text) and abs(int(text)) <= TIME_MAX,
        "whole milliseconds since 1970 expected",
        "[0-9]{1,14}",
    ),
    "integer": Format(
        lambda text: INTEGER.fullmatch(text) and -INT_MAX - 1 <= int(text) <= INT_MAX,
        "integer of 32 bits expected",
        "[0-9]{1,9}",
    ),
    "number": Format(NUMBER.fullmatch, "number expected", NUMBER.pattern),
    "flag": Format(lambda text: text in {"0", "1"}, "0 or 1 expected", "[01]"),
    "size": Format(SIZE.fullmatch, "WIDTHxHEIGHT in whole pixels expected", SIZE.pattern),
    "uri": Format(_is_uri, "URI expected", "https?://[A-Za-z0-9.-]+(?:/[!-~]*)?"),
    "enum": Format(
        PLATFORMS.__contains__, f"one of {', '.join(sorted(PLATFORMS))} expected", "|".join(sorted(PLATFORMS))
    ),
}
"""By the kind of a field."""


LENGTHS = {"url": 10_000, "refr": 10_000}
"""Lengths that Enrich allows beyond those of the atomic schema."""
MAX_USUAL_LENGTH = 1000


class Rule(NamedTuple):
    """What a field's text must be: at most so long, and of a format where the field has one."""

    max_length: int
    format: Format | None
    column: str


RULES: Mapping[str, Rule] = {
    key: Rule(
        LENGTHS.get(key, spec.max_length or sys.maxsize),
        FORMATS.get(spec.kind),
        (spec.column or key).partition(",")[0],
    )
    for key, spec in FIELDS.items()
    if key != "e" and (spec.kind in FORMATS or spec.max_length is not None)
}
"""By payload key; the event's type has checks of its own."""


@functools.cache
def usual_event() -> Validator:
    """Return a validator that accepts an event only if its type is known and each of its fields follows its rule.

    It is several times faster than the rules one by one, and may reject an event that is good: the rules decide then,
    and find the reasons.
    """
    properties: dict[str, Any] = {
        key: _usual_text(key) for key in FIELDS if FIELDS[key].kind not in JSON_KINDS
    }
    properties["e"] = {"enum": list(EVENT_NAMES)}
    return compile_schema({"properties": properties, "required": ["e"]}, "the fields")


def _usual_text(key: str) -> dict[str, Any]:
    rule = RULES.get(key, Rule(sys.maxsize, None, key))
    schema: dict[str, Any] = {"maxLength": min(rule.max_length, MAX_USUAL_LENGTH)}
    if rule.format is not None:
        # a final line break would match $ in Java's regular expressions, which schemas have
        schema["pattern"] = f"^(?:{rule.format.usual})\\z"
    return schema


MAX_USUAL_SIZE = sum(len(key) + 8 + MAX_USUAL_LENGTH for key in FIELDS)
"""Characters that a usual event has at most, besides its JSON."""
