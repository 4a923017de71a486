"""What the text of an event's fields may be."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from nbtrack.protocol import FIELDS, PLATFORMS
from nbtrack.schemas.compiling import UUID, Validator, compile_schema

TIMESTAMP = re.compile(r"-?[0-9]{1,15}")
INTEGER = re.compile(r"-?[0-9]{1,10}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
SIZE = re.compile(r"[0-9]{1,9}x[0-9]{1,9}")
INT_MAX = 2**31 - 1
TIME_MAX = 253_402_300_799_999  # the last millisecond of the year 9999


def _uri(text: str) -> bool:
    try:
        return urlsplit(text).port is not False
    except ValueError:
        return False


class Form(NamedTuple):
    """What a kind of field holds.

    Attributes
    ----------
    holds : callable
        Whether a text is of the kind.
    expected : str
        How to say what one is.
    plain : str
        A pattern of texts that are, such as nearly all are; `plain_event` looks for these first.
    """

    holds: Callable[[str], object]
    expected: str
    plain: str


FORMS: Mapping[str, Form] = {
    "uuid": Form(UUID.fullmatch, "UUID expected", UUID.pattern),
    "timestamp": Form(
        lambda text: TIMESTAMP.fullmatch(text) and abs(int(text)) <= TIME_MAX,
        "whole milliseconds since 1970 expected",
        "[0-9]{1,14}",
    ),
    "integer": Form(
        lambda text: INTEGER.fullmatch(text) and -INT_MAX - 1 <= int(text) <= INT_MAX,
        "integer of 32 bits expected",
        "[0-9]{1,9}",
    ),
    "number": Form(NUMBER.fullmatch, "number expected", NUMBER.pattern),
    "flag": Form(lambda text: text in {"0", "1"}, "0 or 1 expected", "[01]"),
    "size": Form(SIZE.fullmatch, "WIDTHxHEIGHT in whole pixels expected", SIZE.pattern),
    "uri": Form(_uri, "URI expected", "https?://[A-Za-z0-9.-]+(?:/[!-~]*)?"),
    "enum": Form(
        PLATFORMS.__contains__, f"one of {', '.join(sorted(PLATFORMS))} expected", "|".join(sorted(PLATFORMS))
    ),
}


class Rule(NamedTuple):
    """What a field's text must be: of a length, and of a form where the field has one."""

    longest: int
    form: Form | None
    column: str


# the event's type is looked at first, on its own
RULES: Mapping[str, Rule] = {
    key: Rule(spec.max_length or sys.maxsize, FORMS.get(spec.kind), (spec.column or key).partition(",")[0])
    for key, spec in FIELDS.items()
    if key != "e" and (spec.kind in FORMS or spec.max_length is not None)
}


@functools.cache
def plain_event() -> Validator:
    """Give a validator that finds an event valid only if each of its fields follows its rule.

    It looks at an event several times faster than the rules one by one, and may say no to an event that is good: the
    rules decide then, and say what is wrong.
    """
    return compile_schema({"properties": {key: _plain(rule) for key, rule in RULES.items()}}, "the fields")


def _plain(rule: Rule) -> dict[str, Any]:
    schema: dict[str, Any] = {"maxLength": rule.longest}
    if rule.form is not None:
        schema["pattern"] = f"^(?:{rule.form.plain})$"
    return schema
