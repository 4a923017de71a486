"""Formats: the fast patterns accept only what the functions accept, and both know the limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.schemas.compiling import compile_schema
from nbtrack.schemas.formats import CHECKS

VALID = {
    "date-time": ["2020-01-01T00:00:00Z", "2020-01-01 00:00:00+00:00", "2020-02-29t23:59:59.123456789z", "2020-01-01T00:00:00.Z",
                  "2020-01-01T00:00:00+18:00", "2016-12-31T23:59:60Z", "0000-02-29T00:00:00Z"],
    "date": ["2020-02-29", "0000-01-01"],
    "uri": ["http://a.com/%zz", "http://a.com:abc/", "http://[::1]/", "x:", "mailto:a@b.c", "http://a.com/?a=b#c"],
    "email": ["a.b+c@d.co", "é@b.com", "a@[1.2.3.4]", "a@[::1]", "a@é.com", '"a b"@c.de', "o'x@acme.com"],
    "uuid": ["5D79770B-015B-4AF8-8C91-B2ED6FAF4B1E"],
    "ipv4": ["0.0.0.0"],
    "ipv6": ["::1", "1::", "1:2:3:4:5:6:7::", "::ffff:1.2.3.4"],
    "hostname": ["a.com", "1.2.3.4"],
    "time": ["24:00:00", "00:00:00.5"],
    "color": ["red", "#fff", "rgb(1, 2, 255)", "rgb(1%,2%,100%)"],
    "phone": ["+1 234 567 89"],
    "ip-address": ["01.2.3.4"],
    "utc-millisec": ["1", "1.5"],
    "style": ["color: red;"],
    "duration": ["P1D", "PT1H2S", "P2W", "P1Y2M3DT4H"],
}  # fmt: skip
INVALID = {
    "date-time": ["2020-01-01", "2020-01-01T00:00:00", "2020-01-01T00:00:00-00:00", "2020-01-01T23:59:60Z", "2020-06-30T23:59:60Z",
                  "2020-01-01T00:00:00+18:01", "2020-01-01T00:00:00.1234567890Z", "2021-02-29T00:00:00Z", "2020-01-01T24:00:00Z",
                  "2016-12-31T23:59:60+01:00",
        "2017-01-01T08:59:60+09:00", "1900-02-29T00:00:00Z"],
    "date": ["2021-02-29", "2020-1-1", ""],
    "uri": ["a", "//a.com", "http://a b.com", "http://é.com/", "http://a.com/{x}", "C:\\x", ""],
    "email": ["a@b", "a@b.c", ".a@b.com", "a@@b", "a@b_c.com", "a@localhost", "", "a b@c.de"],
    "uuid": ["x", "5d79770b015b4af88c91b2ed6faf4b1e", "5D79770B-015B-4AF8-8C91-B2ED6FAF4B1E\n"],
    "ipv4": ["256.1.1.1", "01.2.3.4"],
    "ipv6": ["::1%lo", "gggg::"],
    "hostname": ["", "a_b", "a..b", "a-.com", "a."],
    "time": ["24:00:00Z"],
    "color": ["x"],
    "phone": ["x", "123"],
    "ip-address": ["x"],
    "utc-millisec": ["x", ""],
    "style": ["x"],
    "duration": ["x", "P", "P1DT"],
}  # fmt: skip


@pytest.mark.parametrize("name", VALID)
def test_each_format_accepts_and_rejects_what_iglu_does(name):
    validator = compile_schema({"format": name}, "the schema")
    assert [text for text in VALID[name] if not validator.is_valid(text)] == []
    assert [text for text in INVALID[name] if validator.is_valid(text)] == []
    assert all(validator.is_valid(value) for value in (None, 5, [], {}))


@pytest.mark.parametrize("name", sorted(CHECKS))
@given(data=st.data())
def test_the_fast_pattern_agrees_with_the_function(name, data):
    known = st.sampled_from([*VALID.get(name, ["a"]), *INVALID.get(name, ["a"])])
    pieces = st.sampled_from(["", "\n", " ", "-", "é", "0", "@", ".", ":", "\u0660"])
    text = data.draw(st.one_of(st.text(max_size=40), st.builds("{}{}{}".format, pieces, known, pieces)))
    validator = compile_schema({"format": name}, "the schema")
    assert validator.is_valid(text) == CHECKS[name](text) == (not list(validator.iter_errors(text)))


def test_an_unknown_format_is_not_checked():
    assert compile_schema({"format": "md5"}, "the schema").is_valid("x")
