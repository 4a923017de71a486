"""The JSON in a payload's fields: many values read together give what each gives by itself."""

import base64
import json

from hypothesis import example, given
from hypothesis import strategies as st

from nbtrack.common.payload_json import MAX_DEPTH, read_json, read_many

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
JSON = VALUES.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
# parts of JSON, which could become whole beside their neighbours, and bytes that base64 and JSON treat in ways of their own
BROKEN = st.sampled_from(
    [
        b"",
        b"1,2",
        b"[1",
        b"2]",
        b'{"a":1',
        b'"b":2}',
        b'"',
        b"\0",
        b"1\0",
        b"{}\0\0",
        b'{"a":\0 1}',
        b" 1 ",
        b"\xff",
    ]
)
DEEP = st.sampled_from(
    [b"[" * levels + b"]" * levels for levels in (MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 200)]
)


def encode(raw: bytes, form: str) -> str:
    """Write bytes as base64, in one of the forms that trackers and others send."""
    text = base64.urlsafe_b64encode(raw).decode()
    if form == "standard":
        return base64.b64encode(raw).decode()
    if form == "unpadded":
        return text.rstrip("=")
    if form == "padded inside":
        return text + text
    if form == "bits left over" and text.endswith("="):
        place = text.index("=") - 1
        return f"{text[:place]}{chr(ord(text[place]) + 1)}{text[place + 1 :]}"
    return text


FORMS = st.sampled_from(["usual", "standard", "unpadded", "padded inside", "bits left over"])
BASE64 = st.builds(encode, JSON | BROKEN | DEEP, FORMS) | st.text(max_size=8)
PLAIN = (JSON | DEEP).map(bytes.decode) | st.text(max_size=8)


def one_by_one(key: str, values: list[str]) -> list[object]:
    """Read each value by itself; an exception stands for one that is rejected."""
    found: list[object] = []
    for value in values:
        try:
            found.append(read_json(key, value))
        except ValueError as error:
            found.append(error)
    return found


@given(st.lists(BASE64, max_size=8))
@example([encode(b"[1", "usual"), encode(b"2]", "usual"), encode(b"1,2", "usual")])
@example([encode(b'{"a":\0 1}', "usual"), encode(b"{} ", "bits left over")])
def test_what_is_read_together_is_what_each_value_holds_in_base64(values: list[str]) -> None:
    for found, expected in zip(read_many("cx", values), one_by_one("cx", values), strict=True):
        assert found is None or (type(found), found) == (type(expected), expected)


@given(st.lists(PLAIN, max_size=8))
def test_what_is_read_together_is_what_each_value_holds_as_plain_json(values: list[str]) -> None:
    for found, expected in zip(read_many("co", values), one_by_one("co", values), strict=True):
        assert found is None or (type(found), found) == (type(expected), expected)


@given(st.lists(st.tuples(JSON, st.sampled_from(["usual", "standard", "unpadded"])), max_size=8))
def test_all_values_that_can_be_read_are_read_together(pairs: list[tuple[bytes, str]]) -> None:
    values = [encode(raw, form) for raw, form in pairs]
    assert read_many("ue_px", values) == one_by_one("ue_px", values)
