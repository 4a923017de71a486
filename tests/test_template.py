"""Placeholders for the values of columns."""

import math
import pickle

import pandas as pd
import pytest

from nbtrack.template import Col, col, columns_of


def test_each_step_returns_a_new_placeholder():
    plain = col("n")
    assert plain.default(1).name == "n"
    assert plain.steps == ()
    assert repr(plain.default(1).cast("int").map({1: "a"}).format("x-{}")) == (
        "col('n').default(1).cast('int').map({1: 'a'}).format('x-{}')"
    )


@pytest.mark.parametrize(
    ("placeholder", "value", "result"),
    [
        (col("n"), 5, 5), (col("n"), math.nan, None), (col("n"), pd.NA, None), (col("n"), pd.NaT, None),
        (col("n").default(7), None, 7), (col("n").default(7), 0, 0),
        (col("n").map({"a": 1, "b": None}), "a", 1), (col("n").map({"a": 1}), "z", None), (col("n").map({"a": 1}), None, None),
        (col("n").map({"a": 1}).default(9), "z", 9), (col("n").default("a").map({"a": 1}), None, 1),
        (col("n").cast("int"), "17", 17), (col("n").cast("int"), 2.9, 2), (col("n").cast("float"), "1.5", 1.5),
        (col("n").cast("str"), 5, "5"), (col("n").cast("str"), True, "true"),
        (col("n").cast("bool"), "no", False), (col("n").cast("bool"), "TRUE", True), (col("n").cast("bool"), 0, False),
        (col("n").format("o-{}"), 5, "o-5"), (col("n").format("o-{}"), None, None), (col("n").format("o-{}"), False, "o-false"),
    ],
)  # fmt: skip
def test_the_meaning_of_the_steps(placeholder, value, result):
    assert placeholder.evaluate(value) == result


@pytest.mark.parametrize(
    "use",
    [
        str, bool, len, iter, int, float, lambda c: c == 1, lambda c: c != 1, lambda c: c < 1, lambda c: c >= 1,
        lambda c: f"{c}", lambda c: c[0], lambda c: 1 in c,
    ],
)  # fmt: skip
def test_a_placeholder_has_no_value(use):
    with pytest.raises(TypeError, match=r"col\('n'\) is a placeholder without a value.*nbtrack.backfill"):
        use(col("n"))


def test_wrong_steps_raise_at_once():
    with pytest.raises(TypeError, match="name of a column"):
        col(3)
    with pytest.raises(ValueError, match="one of str, int, float, bool"):
        col("n").cast("date")
    with pytest.raises(TypeError, match="must be a dict"):
        col("n").map(["a"])
    for pattern in ("no place", "{} {}", "{0}", "{"):
        with pytest.raises(ValueError, match="pattern"):
            col("n").format(pattern)
    with pytest.raises(ValueError, match="maybe"):
        col("n").cast("bool").evaluate("maybe")


def test_a_placeholder_can_be_pickled():
    copy = pickle.loads(pickle.dumps(col("n").default(1).map({1: 2})))
    assert isinstance(copy, Col)
    assert copy.same_as(col("n").default(1).map({1: 2}))
    assert not copy.same_as(col("n"))
    assert len({col("n"), col("n")}) == 2


def test_columns_are_named_once_in_order():
    assert columns_of({"a": col("x"), "b": [col("y"), (col("x"), {"c": col("z")})], "d": 1}) == (
        "x",
        "y",
        "z",
    )
