"""Columns of unusual types: each value is sent as `track()` sends it, or its row is named; the others are not affected."""

import decimal
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbtrack import backfill, col
from nbtrack.bulk import SourceError, preview
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson
from tests.support.backfills import check_accounts
from tests.support.fault_server import FaultServer

EVENT = SelfDescribing(SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {"x": col("x")}))
SKIPPED = object()


def sent(data: Any, event: Any = EVENT) -> list[Any]:
    """Return what each row sends, `SKIPPED` for a row that is skipped with a reason that names the column."""
    report = backfill(data, event, dry_run=True)
    check_accounts(report)
    skipped = dict(report.errors[["row", "reason"]].to_numpy().tolist())
    assert all(reason.startswith("x: ") for reason in skipped.values()), skipped
    values = iter([value["data"]["data"]["x"] for value in preview(data, event, 100).get("ue_px", [])])
    return [SKIPPED if row in skipped else next(values) for row in range(report.rows)]


def duplicate_map() -> pa.Array:
    return pa.array([[("a", 1)], [("a", 1), ("a", 2)], None], pa.map_(pa.string(), pa.int64()))


def struct_with_a_name_twice() -> pa.Array:
    return pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])


def dense_union() -> pa.Array:
    return pa.UnionArray.from_dense(
        pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])]
    )


ARROW: dict[str, tuple[Any, list[Any]]] = {
    "decimal256": (pa.array([decimal.Decimal("1.5"), None], pa.decimal256(50, 1)), [1.5, None]),
    "negative scale": (pa.array([decimal.Decimal(1200)], pa.decimal128(5, -2)), [1200]),
    "map": (duplicate_map(), [{"a": 1}, SKIPPED, None]),
    "struct with a name twice": (struct_with_a_name_twice(), [SKIPPED]),
    "dense union": (dense_union(), [1, "a"]),
    "long duration": (pa.array([2**62, 1, None], pa.duration("s")), [float(2**62), 1, None]),
    "far dates in a list": (pa.array([[0], [2**31 - 1]], pa.list_(pa.date32())), [["1970-01-01"], SKIPPED]),
    "interval": (pa.array([(0, 1, 500_000_000), (1, 0, 0)], pa.month_day_nano_interval()), [86_400.5, SKIPPED]),
    "run ends": (pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"]), ["a", "a", "b"]),
    "dictionary": (pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
    "large uint": (pa.array([2**64 - 1], pa.uint64()), [2**64 - 1]),
    "time": (pa.array([1_000_000], pa.time64("us")), ["00:00:01"]),
    "binary": (pa.array([b"\x00\xff"]), ["AP8="]),
    "not utf-8": (pa.array([b"caf\xe9", b"ok", None]).cast(pa.binary()).view(pa.string()), ["caf\ufffd", "ok", None]),
    "not utf-8 in a list": (
        pa.ListArray.from_arrays([0, 1, 2], pa.array([b"\xff", b"ok"]).view(pa.string())), [["\ufffd"], ["ok"]],
    ),
    "nanoseconds": (pa.array([2**63 - 1, None], pa.timestamp("ns")), ["2262-04-11T23:47:16.854775Z", None]),
}  # fmt: skip
if hasattr(pa, "bool8"):  # pyarrow 18 and later
    flags = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8()))
    ARROW["bool8"] = (flags, [True, False, None])
    ARROW["uuid"] = (pa.array([UUID(int=1).bytes], pa.uuid()), [str(UUID(int=1))])


@pytest.mark.parametrize("name", ARROW)
def test_a_value_of_arrow_is_sent_or_its_row_is_named(name: str) -> None:
    array, values = ARROW[name]
    table = pa.table({"x": array})
    assert sent(table) == values
    assert sent([table]) == values


@pytest.mark.parametrize("name", ARROW)
def test_a_column_that_is_not_used_does_not_matter(name: str) -> None:
    table = pa.table({"x": ARROW[name][0]})
    report = backfill(table, PageView("https://acme.com"), dry_run=True)
    assert (report.ok, report.rows) == (True, len(table))


PANDAS: dict[str, tuple[Any, list[Any]]] = {
    "periods": (pd.Series(pd.period_range("2024-01", periods=2, freq="M")), ["2024-01", "2024-02"]),
    "category of periods": (
        pd.Series(pd.period_range("2024-01", periods=2, freq="M")).astype("category"),
        ["2024-01", "2024-02"],
    ),
    "cut": (pd.cut(pd.Series([1, 5]), [0, 2, 6]), ["(0, 2]", "(2, 6]"]),
    "bools of numpy": (pd.Series([np.bool_(True), False, None], dtype=object), [True, False, None]),
    "timedelta": (pd.Series([timedelta(seconds=1.5), None]), [1.5, None]),
    "integers with gaps": (pd.Series([1, None, 3]), [1, None, 3]),
    "nullable": (pd.Series([1, None], dtype="Int64"), [1, None]),
    "mixed": (pd.Series([1, "a", [1.0], {"a": date(2024, 1, 1)}], dtype=object), [1, "a", [1], {"a": "2024-01-01"}]),
    "objects": (pd.Series([object(), 1], dtype=object), [SKIPPED, 1]),
    "lists and strings": (pd.Series([["a"], "a", None], dtype=object), [["a"], "a", None]),
}  # fmt: skip


@pytest.mark.parametrize("name", PANDAS)
def test_a_value_of_pandas_is_sent_or_its_row_is_named(name: str) -> None:
    series, values = PANDAS[name]
    assert sent(pd.DataFrame({"x": series})) == values


def test_values_of_polars_are_sent() -> None:
    polars: dict[str, tuple[Any, list[Any]]] = {
        "object": (pl.Series([UUID(int=1), [1], None], dtype=pl.Object), [str(UUID(int=1)), [1], None]),
        **(
            {"int128": (pl.Series([2**70, None], dtype=pl.Int128), [2**70, None])}
            if hasattr(pl, "Int128")
            else {}
        ),
        "decimal": (pl.Series([decimal.Decimal("1.10")]), [1.1]),
        "duration": (pl.Series([timedelta(seconds=2)]), [2]),
        "time": (pl.Series([datetime(2024, 1, 1, 12, tzinfo=UTC).time()]), ["12:00:00"]),
        "categorical": (pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),
        "enum": (pl.Series(["a"], dtype=pl.Enum(["a", "b"])), ["a"]),
        "struct": (pl.Series([{"a": 1}]), [{"a": 1}]),
    }
    for name, (series, values) in polars.items():
        assert sent(pl.DataFrame({"x": series})) == values, name


def test_values_of_duckdb_are_sent() -> None:
    connection = duckdb.connect()
    values = {
        "340282366920938463463374607431768211455::uhugeint": 2**128 - 1,
        "(-170141183460469231731687303715884105728)::hugeint": -(2**127),
        "'0101'::bit": "0101",
        "interval '90 seconds'": 90,
        "map {'a': 1}": {"a": 1},
        "uuid '00000000-0000-0000-0000-000000000001'": "00000000-0000-0000-0000-000000000001",
        "1.10::decimal(4, 2)": 1.1,
        "[1, 2]": [1, 2],
        "true": True,
    }
    for sql, value in values.items():
        assert sent(connection.sql(f"select {sql} as x")) == [value], sql
    assert sent(connection.sql("select interval '1 month' as x")) == [SKIPPED]


def test_text_that_is_not_utf_8_is_counted_and_the_body_arrives() -> None:
    strings = pa.array([b"ok", b"caf\xe9"] * 1_500).view(pa.string())
    with FaultServer() as server:
        report = backfill(pa.table({"x": strings}), EVENT, collector=server.url)
        assert (report.sent, report.repaired, len(server.delivered)) == (3_000, 1_500, 3_000)
    assert report.ok
    assert "1,500 rows with text that is not UTF-8, sent with U+FFFD" in str(report)


def test_files_of_different_types_are_read_by_their_own(tmp_path: Path) -> None:
    arrays = [
        pa.array([1]),
        pa.array([True]),
        pa.nulls(1),
        pa.array(["a"]),
        pa.array([[1]]),
        pa.array([["a"]]),
    ]
    arrays.append(pa.array([timedelta(seconds=90)]))
    for number, array in enumerate(arrays):
        pq.write_table(pa.table({"x": array}), tmp_path / f"{number}.parquet")
    assert sent(str(tmp_path / "*.parquet")) == [1, True, None, "a", [1], ["a"], 90]


def test_a_folder_named_like_a_column_adds_it_unless_the_file_has_it(tmp_path: Path) -> None:
    for year in ("2023", "2024"):
        folder = tmp_path / f"x={year}" / f"y={year}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [1]}), folder / "rows.parquet")
    event = SelfDescribing(
        SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {"x": col("x"), "y": col("y")})
    )
    events = preview(str(tmp_path / "**" / "*.parquet"), event)["ue_px"]
    assert [value["data"]["data"] for value in events] == [{"x": 1, "y": "2023"}, {"x": 1, "y": "2024"}]


@pytest.mark.parametrize(("log", "library"), [("_delta_log", "deltalake"), ("metadata", "pyiceberg")])
def test_the_files_of_a_table_with_a_log_are_not_read_by_themselves(
    tmp_path: Path, log: str, library: str
) -> None:
    (tmp_path / log).mkdir()
    (tmp_path / log / "1.metadata.json").write_text("{}")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "part.parquet")
    for path in (tmp_path, tmp_path / "part.parquet", str(tmp_path / "*.parquet")):
        with pytest.raises(SourceError, match=rf"files also hold deleted rows; install {library} to read it"):
            backfill(path, EVENT, dry_run=True)


class GeoFrame(pd.DataFrame):
    __module__ = "geopandas.geodataframe"


def test_a_subclass_of_a_frame_is_a_frame() -> None:
    assert sent(GeoFrame({"x": [1]})) == [1]


def test_an_empty_iterable_is_a_backfill_of_no_rows() -> None:
    report = backfill(iter([]), EVENT, key="x", dry_run=True)
    assert (report.rows, report.ok) == (0, True)


def test_an_index_is_a_column_if_the_event_uses_it() -> None:
    data = pd.DataFrame({"y": [1, 2]}, index=pd.Index(["a", "b"], name="x"))
    assert sent(data) == ["a", "b"]
    assert backfill(data, EVENT, dry_run=True).unused == ("y",)
    both = data.set_index("y", append=True).assign(x=[5, 6])
    assert sent(both) == [5, 6]


@pytest.mark.parametrize("format_", ["frame", "csv", "parquet"])
def test_many_columns_take_no_longer_than_needed(format_: str, tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(10_000)]
    data: Any = pd.DataFrame(np.zeros((3, 10_000)), columns=names)
    if format_ == "csv":
        data.to_csv(tmp_path / "wide.csv", index=False)
        data = tmp_path / "wide.csv"
    elif format_ == "parquet":
        data.to_parquet(tmp_path / "wide.parquet")
        data = tmp_path / "wide.parquet"
    event = SelfDescribing(
        SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {name: col(name) for name in names})
    )
    started = time.process_time()
    assert backfill(data, event, dry_run=True).ok
    assert time.process_time() - started < 8
