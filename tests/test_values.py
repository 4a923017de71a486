"""The JSON form of any value."""

# ruff: noqa: DTZ001 - a datetime without a zone is a case of its own

import dataclasses
import enum
import json
import math
from collections import OrderedDict, deque, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.template import col
from nbtrack.values import dumps, jsonable, key_text, milliseconds, text


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Order:
    number: int
    price: Decimal


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the plain kind is what users have

FORMS = [
    (float("nan"), None),
    (float("inf"), None),
    (np.float32("nan"), None),
    (pd.NaT, None),
    (pd.NA, None),
    (np.datetime64("NaT", "us"), None),
    (np.int64(3), 3),
    (np.float64(2.5), 2.5),
    (np.bool_(True), True),
    (np.str_("a"), "a"),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.array([1.0, np.nan]), [1.0, None]),
    (np.array(["2026-01-31"], dtype="datetime64[ns]"), ["2026-01-31T00:00:00.000000Z"]),
    (np.timedelta64(1500, "ms"), 1.5),
    (2**70, 2**70),
    (-(2**63) - 1, -(2**63) - 1),
    (Decimal("9.90"), 9.9),
    (Decimal(12), 12),
    (Decimal("NaN"), None),
    (datetime(2026, 1, 31, 12, 30), "2026-01-31T12:30:00.000000Z"),
    (datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2))), "2026-01-31T10:00:00.000000Z"),
    (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
    (pd.Timestamp("2026-01-31 12:30:00.123456789"), "2026-01-31T12:30:00.123456Z"),
    (np.datetime64("2026-01-31T12:30:00.123456789"), "2026-01-31T12:30:00.123456Z"),
    (date(2026, 1, 31), "2026-01-31"),
    (time(12, 30), "12:30:00"),
    (timedelta(minutes=1), 60.0),
    (pd.Timedelta("2s"), 2.0),
    (pd.Period("2026-01"), "2026-01"),
    (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (PurePosixPath("a/b"), "a/b"),
    (Colour.RED, "red"),
    (Level.HIGH, 3),
    (1.0, 1),
    (-0.0, 0),
    (np.float32(20.0), 20),
    (Decimal("2.00"), 2),
    (2.0**53, 2.0**53),
    (b"\x00\xff", "AP8="),
    (bytearray(b"a"), "YQ=="),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset("ba"), ["a", "b"]),
    (Order(1, Decimal("2.5")), {"number": 1, "price": 2.5}),
    (Point(1, 2), [1, 2]),
    (deque([1, 2]), [1, 2]),
    (range(3), [0, 1, 2]),
    (OrderedDict(a=1), {"a": 1}),
    ({1: "a", None: "b", 2.5: "c", Colour.RED: "d", date(2026, 1, 31): "e"}, {"1": "a", "null": "b", "2.5": "c", "red": "d", "2026-01-31": "e"}),
    ("\ud800a\udfff", "\ufffda\ufffd"),
    ({"\ud800": "é☃😀"}, {"\ufffd": "é☃😀"}),
]  # fmt: skip


@pytest.mark.parametrize(("value", "form"), FORMS, ids=repr)
def test_a_value_has_the_form_of_the_table(value, form):
    for nested, expected in ((value, form), ({"a": [value]}, {"a": [form]})):
        assert jsonable(nested) == expected
        assert json.loads(dumps(nested)) == expected
        assert dumps(nested).encode()


def test_json_is_compact_and_keeps_non_ascii_characters():
    assert dumps({"é": [1, "☃"], "b": None}) == '{"é":[1,"☃"],"b":null}'


@pytest.mark.parametrize("value", [float("nan"), {"a": [1, float("inf")]}, np.array([np.nan])], ids=repr)
def test_nan_raises_by_setting(value):
    with pytest.raises(ValueError, match=r"^\$.*JSON"):
        dumps(value, nan="raise")


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"a": [1]}), pd.Series([1]), pl.DataFrame({"a": [1]}), pl.Series([1])], ids=type
)
def test_a_frame_is_an_error_with_a_hint(frame):
    with pytest.raises(TypeError, match=r"\$\.rows is a .*nbtrack.backfill"):
        dumps({"rows": frame})


def test_cyclic_data_is_an_error():
    cycle = {"a": []}
    cycle["a"].append(cycle)
    for how in (dumps, jsonable):
        with pytest.raises(ValueError, match=r"\$\.a\[0\] contains itself"):
            how(cycle)


def test_the_same_value_twice_is_not_a_cycle():
    shared = [1]
    assert jsonable({"a": shared, "b": [shared, shared]}) == {"a": [1], "b": [[1], [1]]}


def test_deep_nesting_is_an_error_and_200_levels_are_not():
    def nest(levels):
        value = []
        for _ in range(levels - 1):
            value = [value]
        return value

    assert json.loads(dumps(nest(200))) == nest(200)
    for how in (dumps, jsonable):
        with pytest.raises(ValueError, match="254 levels"):
            how(nest(1000))


def test_a_value_without_a_form_is_named_with_its_path():
    with pytest.raises(TypeError, match=r"\$\.a\[1\] is a object.*json_encoder"):
        dumps({"a": [1, object()]})
    with pytest.raises(TypeError, match="key"):
        dumps({("a", "b"): 1})
    with pytest.raises(TypeError, match=r"col\('x'\) at \$\.a.*backfill"):
        dumps({"a": col("x")})


def test_a_custom_encoder_is_called_first():
    def encoder(value):
        if isinstance(value, date | Order):
            return {"mine": type(value).__name__}
        raise TypeError(f"not mine: {value!r}")

    value = {"d": date(2026, 1, 31), "o": Order(1, Decimal(2)), "u": UUID(int=5), "n": float("nan")}
    assert json.loads(dumps(value, encoder=encoder)) == {
        "d": {"mine": "date"},
        "o": {"mine": "Order"},
        "u": "00000000-0000-0000-0000-000000000005",
        "n": None,
    }
    with pytest.raises(TypeError, match="not mine"):
        dumps(object(), encoder=encoder)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)


@given(TREES)
def test_the_fast_way_and_the_slow_way_agree(tree):
    fast = json.loads(dumps(tree))
    assert fast == json.loads(dumps(tree, encoder=str)) == jsonable(tree)


@given(TREES)
def test_the_output_is_always_json_in_utf8(tree):
    json.loads(dumps(tree).encode().decode(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a", "a"), (True, "True"), (1, "1"), (1.0, "1.0"), (20.0, "20.0"), (-0.0, "-0.0"), (np.float64(20), "20.0"),
        (Decimal("2.00"), "2.0"), ([1.0], "[1]"), (2**70, str(2**70)), (np.float64(2.5), "2.5"),
        (Decimal("9.90"), "9.9"), ([1, None], "[1,null]"), ({"a": 1}, '{"a":1}'), (None, ""), (math.nan, ""),
        (datetime(2026, 1, 31), "2026-01-31T00:00:00.000000Z"), (UUID(int=5), str(UUID(int=5))), ("\ud800", "\ufffd"),
        (Colour.RED, "red"), (b"a", "YQ=="),
    ],
)  # fmt: skip
def test_the_string_of_a_flat_value(value, written):
    assert text(value) == written


@pytest.mark.parametrize(
    "time_",
    [
        1000, 1000.9, np.int64(1000), np.float64(1000.5), Decimal("1000.5"), datetime(1970, 1, 1, 0, 0, 1),
        datetime(1970, 1, 1, 1, 0, 1, tzinfo=timezone(timedelta(hours=1))), pd.Timestamp("1970-01-01T00:00:01.000999"),
        np.datetime64("1970-01-01T00:00:01"), "1970-01-01T00:00:01", "1970-01-01 01:00:01+01:00", np.datetime64("1970-01-01T00:00:01.000999", "ns"),
    ],
    ids=repr,
)  # fmt: skip
def test_a_time_in_milliseconds(time_):
    assert milliseconds(time_) == 1000


def test_a_time_before_1970_is_rounded_down():
    assert milliseconds(datetime(1969, 12, 31, 23, 59, 59, 999_500)) == -1
    assert milliseconds(np.datetime64("1969-12-31T23:59:59.999500")) == -1


@pytest.mark.parametrize("value", [math.nan, pd.NaT, np.datetime64("NaT", "us"), np.float64("inf")], ids=repr)
def test_a_missing_time_is_a_value_error(value):
    with pytest.raises(ValueError, match=r"time (is missing|must be finite)"):
        milliseconds(value)


@pytest.mark.parametrize("value", [b"2026-01-31", object(), [1], True], ids=repr)
def test_a_value_that_is_not_a_time_is_a_type_error(value):
    with pytest.raises(TypeError, match="milliseconds since 1970"):
        milliseconds(value)


@pytest.mark.parametrize(
    "value", [[1.0, {"a": 2.0}], {"a": [-0.0]}, 3.0, np.array([4.0]), Decimal("5.0")], ids=repr
)
def test_an_integral_float_is_written_like_an_integer(value):
    assert "." not in dumps(value)
    assert json.loads(dumps(value)) == jsonable(value)


def test_what_looks_like_an_integral_float_in_a_string_stays():
    assert (
        dumps({"version": "v1.0", "n": 1.0, "large": 1.5e300}) == '{"version":"v1.0","n":1,"large":1.5e+300}'
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.0, "1"), (1, "1"), (True, "True"), (-0.0, "0"), (2.5, "2.5"), (np.float32(3), "3"), (2.0**60, "1.152921504606847e+18"),
        (Decimal("1.10"), "1.10"), (Decimal("1E+2"), "100"), (None, ""), (math.nan, ""), ("a", "a"), (UUID(int=5), str(UUID(int=5))),
        (datetime(2026, 1, 31), "2026-01-31T00:00:00.000000Z"),
    ],
)  # fmt: skip
def test_the_string_of_a_key_has_one_form_for_a_number(value, written):
    assert key_text(value) == written
