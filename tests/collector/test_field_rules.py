"""Field rules: the fast check of an event's fields accepts only what the rules accept."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbtrack.collector.events.field_rules import usual_event
from nbtrack.common.field_formats import FORMATS, RULES
from nbtrack.protocol import FIELDS

EVENT_ID = "3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1"
USUAL = {
    "uuid": [EVENT_ID, EVENT_ID.upper()],
    "timestamp": ["1735689600000", "0"],
    "integer": ["0", "1", "123456789"],
    "number": ["1", "-1.5", ".5", "5.", "1e-7"],
    "flag": ["0", "1"],
    "size": ["1920x1080"],
    "uri": ["http://acme.com", "https://www.acme.com/a/b?c=d#e"],
    "enum": ["web", "pc", "srv"],
}
# strings at the limits of a format, besides generated ones
EDGES = ["253402300799999", "253402300800000", "2147483647", "2147483648", "-1", "1e1000", "http://[", "http://a:99999/",
         "http://a b/", "\u0661", "\x00", EVENT_ID.replace("-", ""), "1x2x3"]  # fmt: skip


def follows_the_rules(key, text):
    rule = RULES[key]
    return len(text) <= rule.max_length and (rule.format is None or bool(rule.format.matches(text)))


def texts():
    known = st.sampled_from([*EDGES, *(text for some in USUAL.values() for text in some)])
    pieces = st.sampled_from(["", "\n", " ", "\u2028", "-", "+", "0", "é", "x" * 300, "9" * 10, "://"])
    return st.one_of(st.text(), known, st.builds("{}{}{}".format, pieces, known, pieces))


@given(st.sampled_from(sorted(RULES)), texts())
@example("eid", EVENT_ID + "\n")
@example("dtm", "253402300800000")
def test_a_field_that_passes_the_fast_check_follows_its_rule(key, text):
    assert follows_the_rules(key, text) or not usual_event().is_valid({"e": "pv", key: text})


@pytest.mark.parametrize("kind", FORMATS)
def test_what_trackers_send_passes_the_fast_check(kind):
    keys = [key for key in RULES if FIELDS[key].kind == kind]
    assert keys
    for text in USUAL[kind]:
        assert usual_event().is_valid({"e": "pv", **dict.fromkeys(keys, text)}), text


def test_one_field_that_is_too_long_or_of_another_format_fails_the_fast_check():
    event = {"e": "pv", "p": "web", "eid": EVENT_ID, "aid": "a" * 255, "page": "é" * 1000}
    assert usual_event().is_valid(event)
    for wrong in ({"p": "desk"}, {"aid": "a" * 256}, {"page": "é" * 2001}, {"vid": "x"}):
        assert not usual_event().is_valid(event | wrong)
