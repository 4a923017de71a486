"""What the string of each payload field must be: the one table for the tracker, which warns, and the collector, which validates."""

import re
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from nbtrack.protocol import FIELDS, PLATFORMS

UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
TIMESTAMP = re.compile(r"-?[0-9]{1,15}")
INTEGER = re.compile(r"-?[0-9]{1,10}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
SIZE = re.compile(r"[0-9]{1,9}x[0-9]{1,9}")
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
    if (
        text.startswith(("https://", "http://"))
        and text.isascii()
        and text.find(":", 6) < 0
        and "[" not in text
    ):
        return "]" not in text  # the usual address, in a tenth of the time
    from urllib.parse import urlsplit  # noqa: PLC0415 - a twentieth of the tracker's import time

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
