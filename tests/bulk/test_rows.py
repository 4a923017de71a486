"""The event of each row is the one that `track()` sends for it, key by key."""

import base64
import json
import math
import os
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings

from nbtrack import col
from nbtrack.bulk import make_plan
from nbtrack.bulk.previews import encode_source
from nbtrack.bulk.sources.frames import open_source
from nbtrack.template import Col, is_missing
from nbtrack.tracker import (
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    StructuredEvent,
    Subject,
)
from tests.support.backfills import track_rows

SCHEMA = "iglu:com.acme/thing/jsonschema/1-0-0"
EXAMPLES = 200 if os.environ.get("NBTRACK_LONG") else 7
ENTITY = "iglu:com.acme/box/jsonschema/1-0-0"


def encode(event: Any, data: Any, base64_: bool, **options: Any) -> list[dict[str, str]]:
    source = open_source(data)
    options = {"on_missing_time": "send", **options}
    plan = make_plan(event, source.names, send=False, encode_base64=base64_, **options)
    return [json.loads(event) for encoded in encode_source(plan, source, 7) for event in encoded.payloads()]


def comparable(payload: dict[str, str], event: Any) -> dict[str, Any]:
    """Leave out what is made when tracking; decode JSON, where 1.0 and 1 differ but 1e16 and 1e+16 do not."""
    at_tracking = {
        "stm",
        *(() if event.device_timestamp is not None else ("dtm",)),
        *(() if event.event_id is not None else ("eid",)),
    }
    shown: dict[str, Any] = {key: value for key, value in payload.items() if key not in at_tracking}
    for key in shown.keys() & {"ue_px", "cx"}:
        shown[key] = base64.urlsafe_b64decode(shown[key]).decode()
    for key in shown.keys() & {"ue_px", "cx", "ue_pr", "co"}:
        shown[key] = json.loads(shown[key], parse_float=lambda text: repr(float(text)), parse_int=str)
    return shown


def as_python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) and value.dtype.kind not in "mM" else value


def assert_same(event: Any, data: Any, rows: list[dict[str, Any]], base64_: bool = True) -> None:
    encoded = encode(event, data, base64_)
    tracked = track_rows(event, rows, encode_base64=base64_)
    assert [comparable(payload, event) for payload in encoded] == [
        comparable(payload, event) for payload in tracked
    ]


def template(column: Col, other: Col | None = None) -> SelfDescribing:
    return SelfDescribing(
        SelfDescribingJson(
            SCHEMA,
            {
                "one": column,
                "list": [column, {"deep": other if other is not None else column}],
                "fixed": 'é"',
            },
        ),
        context=[SelfDescribingJson(ENTITY, {"box": column}), SelfDescribingJson(ENTITY, {"box": 1})],
        event_subject=Subject().set_user_id(column),
    )


texts = st.text(max_size=12) | st.sampled_from(
    ["", "a\0b", "\"'\\", "é漢🤦", "\x7f\x1f", "\ud800", "NaN", "null", "{}", "$1"]
)
floats = (
    st.floats()
    | st.floats(width=32)
    | st.sampled_from([1e16, 1e-7, 1e22, 123456789012345680.0, 0.1, -0.0, 1e15, 9007199254740993.0])
)
integers = st.integers(-(2**63), 2**63 - 1)
times = st.datetimes(datetime.fromisoformat("1700-01-01"), datetime.fromisoformat("2200-01-01"))
zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))])
days = st.dates(date(1700, 1, 1), date(2200, 1, 1))
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
nested = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def maybe(values: Any, missing: Any = None) -> Any:
    return st.lists(values | st.just(missing), min_size=1, max_size=10)


PANDAS: dict[str, tuple[Any, Any]] = {
    "str": (
        maybe(
            st.text(max_size=12).filter(
                lambda t: t.isascii() or t.encode("utf-16", "ignore").decode("utf-16") == t
            )
        ),
        "str",
    ),
    "object texts": (maybe(texts), object),
    "object mixed": (maybe(nested), object),
    "object lists": (maybe(st.lists(st.integers() | texts, max_size=3)), object),
    "object decimals": (maybe(decimals), object),
    "object dates": (maybe(days), object),
    "object times": (maybe(st.times()), object),
    "object uuids": (maybe(st.uuids()), object),
    "object integers": (maybe(st.integers()), object),
    "object booleans": (maybe(st.booleans()), object),
    "float64": (maybe(floats, math.nan), "float64"),
    "float32": (maybe(st.floats(width=32), math.nan), "float32"),
    "integers with gaps": (maybe(st.integers(-(2**40), 2**40), math.nan), "float64"),
    "int64": (st.lists(integers, min_size=1, max_size=10), "int64"),
    "int8": (st.lists(st.integers(-128, 127), min_size=1, max_size=10), "int8"),
    "uint64": (st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=10), "uint64"),
    "bool": (st.lists(st.booleans(), min_size=1, max_size=10), "bool"),
    "Int64": (maybe(integers, pd.NA), "Int64"),
    "UInt8": (maybe(st.integers(0, 255), pd.NA), "UInt8"),
    "Float64": (maybe(st.floats(allow_nan=False), pd.NA), "Float64"),
    "boolean": (maybe(st.booleans(), pd.NA), "boolean"),
    "string": (maybe(st.text(max_size=9).filter(lambda t: t.isascii()), pd.NA), "string"),
    "category": (maybe(st.sampled_from(["a", "b", "ü"])), "category"),
    "category of integers": (maybe(st.integers(0, 5)), "category"),
    "datetime64[us]": (maybe(times, pd.NaT), "datetime64[us]"),
    "datetime64[ns]": (maybe(times, pd.NaT), "datetime64[ns]"),
    "datetime64[s]": (maybe(times.map(lambda m: m.replace(microsecond=0)), pd.NaT), "datetime64[s]"),
    "zoned": (maybe(times.map(lambda m: m.replace(tzinfo=UTC)), pd.NaT), "datetime64[us, Asia/Kolkata]"),
    "timedelta64[us]": (maybe(st.timedeltas(timedelta(-9999), timedelta(9999)), pd.NaT), "timedelta64[us]"),
    "timedelta64[ns]": (maybe(st.timedeltas(timedelta(-9999), timedelta(9999)), pd.NaT), "timedelta64[ns]"),
    "timedelta64[s]": (
        maybe(st.integers(-9999, 9999).map(lambda n: timedelta(seconds=n)), pd.NaT),
        "timedelta64[s]",
    ),
    "float16": (maybe(st.floats(width=16), math.nan), "float16"),
    "UInt64": (maybe(st.integers(0, 2**64 - 1), pd.NA), "UInt64"),
    "Float32": (maybe(st.floats(width=32, allow_nan=False), pd.NA), "Float32"),
    "category of booleans": (maybe(st.booleans()), "category"),
    "category of times": (maybe(times.map(pd.Timestamp)), "category"),
    "zoned seconds": (
        maybe(times.map(lambda m: m.replace(microsecond=0, tzinfo=UTC)), pd.NaT),
        "datetime64[s, America/New_York]",
    ),
    "object tuples": (maybe(st.tuples(st.integers(), texts)), object),
    "object of numpy": (
        maybe(
            st.integers(0, 9).map(np.int32)
            | st.floats(width=32).map(np.float32)
            | st.booleans().map(np.bool_)
        ),
        object,
    ),
    "object times of pandas": (maybe(times.map(pd.Timestamp) | st.sampled_from([pd.NaT, pd.NA])), object),
    "object arrays": (maybe(st.lists(st.floats(), max_size=3).map(np.array)), object),
    "decimal[pyarrow]": (maybe(decimals, pd.NA), pd.ArrowDtype(pa.decimal128(20, 3))),
    "list[pyarrow]": (
        maybe(st.lists(st.integers(0, 9), max_size=3), pd.NA),
        pd.ArrowDtype(pa.list_(pa.int64())),
    ),
    "zoned[pyarrow]": (
        maybe(times.map(lambda m: m.replace(tzinfo=UTC)), pd.NA),
        pd.ArrowDtype(pa.timestamp("us", "Asia/Tokyo")),
    ),
    "period": (maybe(days.map(lambda d: pd.Period(d, "D")), pd.NaT), "period[D]"),
    "int64[pyarrow]": (maybe(integers, pd.NA), "int64[pyarrow]"),
    "string[pyarrow]": (maybe(st.text(max_size=9).filter(lambda t: t.isascii()), pd.NA), "string[pyarrow]"),
}


@pytest.mark.parametrize("name", PANDAS)
def test_a_row_of_pandas_is_tracked_as_it_is(name: str) -> None:
    values, dtype = PANDAS[name]

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(values, st.booleans())
    def same(cells: list[Any], base64_: bool) -> None:
        frame = pd.DataFrame({"x": pd.Series(cells, dtype=dtype)})
        rows = [{"x": as_python(frame["x"].iloc[index])} for index in range(len(frame))]
        event = template(col("x"))
        if any(isinstance(row["x"], list | dict | tuple | np.ndarray) for row in rows):
            event.event_subject = None
        assert_same(event, frame, rows, base64_)

    same()


ARROW: dict[str, tuple[Any, Any]] = {
    "string": (maybe(st.text(max_size=12).filter(str.isascii)), pa.string()),
    "large_string": (maybe(st.text(max_size=12).filter(str.isascii)), pa.large_string()),
    "string_view": (maybe(st.text(max_size=30).filter(str.isascii)), pa.string_view()),
    "binary": (maybe(st.binary(max_size=9)), pa.binary()),
    "int32": (maybe(st.integers(-(2**31), 2**31 - 1)), pa.int32()),
    "uint64": (maybe(st.integers(0, 2**64 - 1)), pa.uint64()),
    # pyarrow before 18 makes them of numpy's floats alone
    **({} if pa.__version__ < "18" else {"float16": (maybe(st.floats(width=16)), pa.float16())}),
    "double": (maybe(floats), pa.float64()),
    "bool": (maybe(st.booleans()), pa.bool_()),
    "null": (st.lists(st.none(), min_size=1, max_size=4), pa.null()),
    "decimal": (maybe(decimals), pa.decimal128(15, 3)),
    "wide decimal": (maybe(decimals), pa.decimal128(38, 3)),
    "whole decimal": (maybe(st.integers(-(10**9), 10**9).map(Decimal)), pa.decimal128(12, 0)),
    "date32": (maybe(days), pa.date32()),
    "date64": (maybe(days), pa.date64()),
    "time64": (maybe(st.times()), pa.time64("us")),
    "timestamp[us]": (maybe(times), pa.timestamp("us")),
    "timestamp[ms, zone]": (
        maybe(times.map(lambda m: m.replace(microsecond=0, tzinfo=UTC))),
        pa.timestamp("ms", "Europe/Paris"),
    ),
    "duration": (maybe(st.timedeltas(timedelta(-9999), timedelta(9999))), pa.duration("us")),
    "list": (maybe(st.lists(st.integers(0, 9), max_size=3)), pa.list_(pa.int64())),
    "struct": (
        maybe(st.fixed_dictionaries({"a": st.integers(0, 9), "b": st.none() | st.just("ü")})),
        pa.struct([("a", pa.int64()), ("b", pa.string())]),
    ),
    "dictionary": (maybe(st.sampled_from(["a", "b"])), pa.dictionary(pa.int8(), pa.string())),
}


@pytest.mark.parametrize("name", ARROW)
def test_a_row_of_arrow_is_tracked_as_it_is(name: str) -> None:
    values, kind = ARROW[name]

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(values, st.booleans())
    def same(cells: list[Any], base64_: bool) -> None:
        table = pa.table({"x": pa.array(cells, kind)})
        event = template(col("x"))
        if name in {"list", "struct"}:
            event.event_subject = None
        assert_same(event, table, table.to_pylist(), base64_)

    same()


STEPS: dict[str, tuple[Any, Any]] = {
    "default text": (col("x").default("none"), maybe(texts)),
    "default number": (col("x").default(0.5), maybe(floats, math.nan)),
    "default of another type": (col("x").default("-"), maybe(st.integers(0, 9))),
    "map": (
        col("x").map({"a": "A", "b": None, "c": "é'"}).default("?"),
        maybe(st.sampled_from(["a", "b", "c", "d"])),
    ),
    "map to numbers": (col("x").map({"a": 1, "b": 2.5, "c": [1]}), maybe(st.sampled_from(["a", "b", "c"]))),
    "map numbers": (col("x").map({1: "one", 2: "two"}), maybe(st.integers(0, 3))),
    "cast int to text": (col("x").cast("str"), maybe(st.integers(-(2**62), 2**62))),
    "cast float to text": (col("x").cast("str"), maybe(floats, math.nan)),
    "cast bool to text": (col("x").cast("str"), maybe(st.booleans())),
    "cast moment to text": (col("x").cast("str"), maybe(times)),
    "cast text to int": (col("x").cast("int"), maybe(st.integers(-99, 99).map(str))),
    "cast float to int": (col("x").cast("int"), maybe(st.floats(-1e9, 1e9), math.nan)),
    "cast int to float": (col("x").cast("float"), maybe(st.integers(-(2**62), 2**62))),
    "cast text to bool": (col("x").cast("bool"), maybe(st.sampled_from(["yes", "No", " 1 ", "f"]))),
    "format": (col("x").format("o-{}'é"), maybe(st.integers(0, 99))),
    "format float": (col("x").format("{}%"), maybe(floats, math.nan)),
    "many": (
        col("x").default(7).cast("str").map({"7": "seven"}).default("other").format("<{}>"),
        maybe(st.integers(5, 9)),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_mean_the_same_in_bulk(name: str) -> None:
    column, values = STEPS[name]

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(values)
    def same(cells: list[Any]) -> None:
        table = (
            pa.table({"x": pa.array([None if isinstance(c, float) and math.isnan(c) else c for c in cells])})
            if not any(isinstance(c, str) and "\ud800" in c for c in cells)
            else pd.DataFrame({"x": pd.Series(cells, dtype=object)})
        )
        rows = [{"x": None if is_missing(cell) else cell} for cell in cells]
        event = template(column)
        if name == "map to numbers":
            event.event_subject = None
        assert_same(event, table, rows)

    same()


@settings(max_examples=EXAMPLES, deadline=None)
@given(maybe(times), st.sampled_from(["us", "ms", "ns", "s"]), st.booleans())
def test_times_are_milliseconds(cells: list[Any], unit: str, of_device: bool) -> None:
    table = pa.table({"x": pa.array(cells, pa.timestamp("us")).cast(pa.timestamp(unit), safe=False)})
    rows = [
        {"x": None if v is None else pd.Timestamp(v).to_pydatetime(warn=False)}
        for v in table["x"].to_pylist()
    ]
    event = PageView("https://acme.com", true_timestamp=col("x"))
    if of_device:
        event.device_timestamp = col("x")
        rows = [row for row in rows if row["x"] is not None]
        table = table.filter(pa.compute.is_valid(table["x"]))
    assert_same(event, table, rows)


def test_numbers_and_python_objects_are_times_too() -> None:
    for cells in ([1500, 0, -1], [1500.9, 2.0], [datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1)]):
        frame = pd.DataFrame({"x": pd.Series(cells, dtype=object)})
        assert_same(PageView("https://acme.com", true_timestamp=col("x")), frame, [{"x": c} for c in cells])


def test_every_kind_of_event_takes_columns() -> None:
    frame = pd.DataFrame(
        {
            "a": ["x", "y"],
            "n": [1, 2],
            "v": [1.5, None],
            "u": [str(UUID(int=1)), str(UUID(int=2))],
            "url": ["https://acme.com/1", "https://acme.com/2"],
        }
    )
    rows = [
        {k: None if is_missing(as_python(v)) else as_python(v) for k, v in row.items()}
        for row in frame.to_dict("records")
    ]
    subject = (
        Subject().set_user_id(col("a")).set_domain_session_id(col("u")).set_domain_session_index(col("n"))
    )
    for event in (
        PageView(col("url"), col("a"), event_subject=subject),
        StructuredEvent(col("a"), col("a"), label=col("a"), value=col("v"), event_subject=subject),
        PageView(col("url"), event_id=col("u")),
    ):
        assert_same(event, frame, rows)


def test_polars_and_iterators_give_the_same_rows() -> None:
    rows = [{"x": "a", "n": 1}, {"x": None, "n": 2}, {"x": "ü", "n": None}]
    event = template(col("x"), col("n"))
    assert_same(event, pl.DataFrame(rows), rows)
    assert_same(event, iter([pl.DataFrame(rows[:2]), pa.Table.from_pylist(rows[2:])]), rows)
