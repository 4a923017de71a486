"""Java's regular expressions: the same strings match after the translation."""

import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.schemas import Registry
from nbtrack.schemas.java_regex import translate

CASES = [
    # pattern, strings that match, strings that do not
    (r"^\d+$", ["1", "1\n", "1\r\n", "1\u2028"], ["\u0663", "", "1\n\n", "\n1"]),
    (r"^\w+$", ["a_1"], ["é"]),
    (r"\s", [" ", "\x0b"], ["\u00a0", "\u2003", "\ufeff"]),
    (r"^.$", ["a", "\x0b"], ["\n", "\r", "\u0085", "\u2028"]),
    (r"^(?s).$", ["\n"], ["", "ab"]),
    (r"^(?i)abc$", ["abc", "ABC"], ["x"]),
    (r"^a(?i:b)c$", ["aBc"], ["ABc", "abC"]),
    (r"^(?i)a(?-i)b|c$", ["Ab", "xc"], ["aB", "C"]),
    (r"^(?<y>\d{4})-\k<y>$", ["2020-2020"], ["2020-2021"]),
    (r"^(a|b)(c)\2\1$", ["acca"], ["accb"]),
    (r"^a++b$", ["aab"], ["b", "a"]),
    (r"^a*+a$", [], ["aaa"]),
    (r"^(?>a|ab)c$", ["ac"], ["abc"]),
    (r"^a++(b)\1$", ["abb"], ["ab"]),
    (r"^\Qa.b\E$", ["a.b"], ["axb"]),
    (r"^[\Q^-]\E]+$", ["^-]"], ["a"]),
    (r"\Aab\z", ["ab"], ["xab", "ab\n"]),
    (r"\Aab\Z", ["ab", "ab\n"], ["ab\n\n"]),
    (r"^\h$", [" ", "\u2003"], ["\n"]),
    (r"^\R$", ["\n", "\r\n", "\u2029"], [" "]),
    (r"^\x{1F600}\u00e9\x41\0101$", ["\U0001f600éAA"], ["a"]),
    (r"^[a-z&&[^b]]+$", ["ac"], ["b", "A"]),
    (r"^[a-z&&[aeiou]&&[^a]]$", ["e"], ["a", "b"]),
    (r"^[[a-c][x-z]]+$", ["az"], ["d"]),
    (r"^[^[a-c]x]$", ["d"], ["a", "x"]),
    (r"^[a-zA-Z0-9-_.]+$", ["a-_."], ["é", " "]),
    (r"^[\w&&\D]$", ["a"], ["1"]),
    (r"^\p{Alpha}\p{L}\pN\P{Lu}$", ["aé٣x"], ["éé٣x"]),
    (r"^\p{IsLatin}\p{javaLowerCase}$", ["éa"], ["éA"]),
    (r"(?m)^b$", ["a\nb\nc"], ["abc"]),
    ("(?x) a b # a comment\n c", ["abc"], ["a b c"]),
    (r"^(a|b$)", ["a", "b", "b\n"], ["bx"]),
]


def matches(pattern, text):
    return jsonschema_rs.Draft4Validator({"pattern": translate(pattern)}).is_valid(text)


@pytest.mark.parametrize(("pattern", "matching", "others"), CASES, ids=[case[0] for case in CASES])
def test_the_same_strings_match(pattern, matching, others):
    assert [text for text in matching if not matches(pattern, text)] == []
    assert [text for text in others if matches(pattern, text)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        "[",
        "^a{,3}$",
        "^[^]$",
        "*a",
        "a**",
        "(a",
        "a)",
        r"\q",
        "[b-a]",
        r"\k<x>",
        r"\2(a)",
        "(?y)a",
        r"\x{110000}",
    ],
)
def test_what_java_rejects_is_rejected(pattern):
    with pytest.raises(ValueError, match="regular expression"):
        translate(pattern)


@given(st.text("ab01-_. \n$", max_size=6))
def test_patterns_that_mean_the_same_in_python_match_the_same(text):
    for pattern in (r"^[ab]+-?\d{1,2}$", r"^(a|b)*\.$", r"^[^a-b]$", r"(?:ab){2}|^_", r"a(?!b)", r"(?<=a)0"):
        assert matches(pattern, text) == (re.search(pattern, text, re.ASCII) is not None), (pattern, text)


def test_an_error_shows_the_pattern_of_the_schema():
    registry = Registry()
    name = {"vendor": "com.acme", "name": "code", "format": "jsonschema", "version": "1-0-0"}
    uri = registry.register({"self": name, "properties": {"code": {"pattern": r"^(?i)ab\h$"}}})
    assert [str(fault) for fault in registry.faults(uri, {"code": "x"})] == [
        r"$.code: 'x' does not match ^(?i)ab\h$"
    ]
