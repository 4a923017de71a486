"""DataFrames and files as data engineers have them: each gives the right events or a clear error."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbtrack import backfill, col
from nbtrack.bulk import SourceError, TemplateError, make_plan, preview, send_batches
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson

URI = "iglu:com.acme/thing/jsonschema/1-0-0"


def thing(**data: Any) -> SelfDescribing:
    return SelfDescribing(SelfDescribingJson(URI, data))


def sent(data: Any, **template: Any) -> list[dict[str, Any]]:
    return [event["data"]["data"] for event in preview(data, thing(**template))["ue_px"]]


def test_columns_that_differ_in_case_only_are_two() -> None:
    frame = pd.DataFrame({"A": [1], "a": [2], "key": ["x"], "KEY": ["y"]})
    assert sent(frame, upper=col("A"), lower=col("a")) == [{"upper": 1, "lower": 2}]
    ids = {preview(frame, thing(), key=key)["eid"][0] for key in ("key", "KEY")}
    assert len(ids) == 2


def test_no_column_name_is_special() -> None:
    names = ["number", "body", "event", "id", "moment", "sure", "print", "chunk", "c0", "c1", "", "a\"b'c"]
    names += ["__nbtrack_row", "__nbtrack_0", "__nbtrack_none"]
    frame = pd.DataFrame({name: [index] for index, name in enumerate(names)})
    template = {f"x{index}": col(name) for index, name in enumerate(names)}
    wanted = [{f"x{index}": index for index in range(len(names))}]
    for options in ({}, {"key": "number"}, {"key": ["id", "event"]}):
        found = preview(frame, thing(**template), **options)["ue_px"]
        assert [event["data"]["data"] for event in found] == wanted


def test_labels_that_are_not_strings_are_named_by_their_string() -> None:
    assert sent(pd.DataFrame({0: [1], 1: [2]}), x=col("1")) == [{"x": 2}]
    pairs = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert sent(pairs, x=col("('a', 'y')")) == [{"x": 2}]


def test_a_name_of_two_columns_is_an_error_where_it_is_used() -> None:
    doubled = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    for data in (doubled, pa.Table.from_arrays([pa.array([n]) for n in (1, 2, 3)], names=["a", "a", "b"])):
        with pytest.raises(TemplateError, match="more than one column called 'a'"):
            sent(data, x=col("a"))
        assert sent(data, x=col("b")) == [{"x": 3}]
    with pytest.raises(TemplateError, match="more than one column called '1'"):
        sent(pd.DataFrame([[1, 2]], columns=[1, "1"]), x=col("1"))


def test_an_event_without_placeholders_is_sent_for_each_row() -> None:
    table = pa.table({"a": [1, 2, 3]})
    for data in (table, table.to_pandas(), table.to_reader(), iter([table]), pd.DataFrame(index=[1, 2, 3])):
        report = backfill(data, thing(x=1), dry_run=True)
        assert (report.rows, report.sent) == (3, 3), type(data)
    plan = make_plan(thing(x=1), table.column_names, send=False)
    assert send_batches(plan, table.to_batches(), dry=True).rows == 3


def test_a_frame_without_rows_is_not_an_error() -> None:
    for data in (
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": pd.Series([], dtype=object)}),
        pa.table({"a": pa.nulls(0)}),
    ):
        report = backfill(data, thing(x=col("a")), key="a", dry_run=True)
        assert report.ok
        assert report.rows == 0


def test_times_beyond_the_calendar_are_rows_that_cannot_be_sent() -> None:
    far = [
        pa.array([0, 2**62, None], pa.timestamp("s")),
        pa.array([0, -(2**62), None], pa.timestamp("us", "Europe/Paris")),
        pa.array([0, 2**31 - 1, None], pa.date32()),
        pa.array([0, -1_000_000, None], pa.date32()),
    ]
    for cells in far:
        for event in (thing(x=col("t")), PageView("https://acme.com", true_timestamp=col("t"))):
            report = backfill(pa.table({"t": cells}), event, dry_run=True, on_missing_time="send")
            assert (report.rows, report.sent, report.skipped) == (3, 2, 1)
            assert report.reasons == {"t: the time is beyond the years 1 to 9999": 1}


@pytest.mark.skipif(pd.__version__ < "2", reason="pandas 1 has nanoseconds only")
def test_times_at_the_ends_of_the_calendar_are_sent() -> None:
    ends = pd.DataFrame({"t": np.array(["0001-01-01", "9999-12-31T23:59:59"], dtype="datetime64[s]")})
    assert [data["x"] for data in sent(ends, x=col("t"))] == [
        "0001-01-01T00:00:00.000000Z",
        "9999-12-31T23:59:59.000000Z",
    ]
    times = preview(ends, PageView("https://acme.com", true_timestamp=col("t")))["ttm"]
    assert list(times) == ["-62135596800000", "253402300799000"]
    days = pa.table({"t": pa.array([date.min, date.max], pa.date32())})
    assert [data["x"] for data in sent(days, x=col("t"))] == ["0001-01-01", "9999-12-31"]


def test_an_event_just_over_the_limit_is_named_with_its_size() -> None:
    def run(size: int) -> Any:
        frame = pd.DataFrame({"a": ["x" * size]})
        return backfill(frame, thing(x=col("a")), encode_base64=False, dry_run=True)

    assert run(899_400).ok
    assert run(899_900).errors["reason"][0].endswith("bytes, more than 899,913")
    assert run(3_000_000).skipped == 1


def test_files_with_other_columns_are_read_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": ["y"], "a": [2]}), tmp_path / "2.parquet")
    pq.write_table(pa.table({"a": [3]}), tmp_path / "3.parquet")
    found = sent(str(tmp_path / "*.parquet"), x=col("a"), y=col("b"))
    assert found == [{"x": 1, "y": "x"}, {"x": 2, "y": "y"}, {"x": 3, "y": None}]
    pq.write_table(pa.table({"a": ["4"], "b": ["z"]}), tmp_path / "4.parquet")
    assert sent(str(tmp_path / "*.parquet"), x=col("a"), y=col("b"))[3] == {"x": "4", "y": "z"}


def test_data_that_is_not_a_table_is_an_error_that_names_what_fits(tmp_path: Path) -> None:
    (tmp_path / "no.parquet").write_text("hello")
    with pytest.raises(SourceError, match="cannot read"):
        backfill(tmp_path / "no.parquet", thing(x=1), dry_run=True)
    with pytest.raises(SourceError, match="a Series is one column; convert it"):
        backfill(pd.Series([1], name="a"), thing(x=1), dry_run=True)
    for data in ({"a": [1]}, np.zeros((2, 2))):
        with pytest.raises(SourceError, match=r"needs a DataFrame, got (dict|ndarray); convert it"):
            backfill(data, thing(x=1), dry_run=True)
    with pytest.raises(SourceError, match="pass a pandas or polars DataFrame"):
        backfill(7, thing(x=1), dry_run=True)


def test_frames_of_an_iterable_may_differ_in_types_but_not_in_columns() -> None:
    def frames(*cells: Any) -> Iterator[pd.DataFrame]:
        return (pd.DataFrame({"a": [cell]}) for cell in cells)

    assert sent(frames(1, "x", 1.5, None), x=col("a")) == [{"x": 1}, {"x": "x"}, {"x": 1.5}, {"x": None}]
    with pytest.raises(SourceError, match="DataFrame 1 of the iterable has no column 'a'"):
        backfill(iter([pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})]), thing(x=col("a")), dry_run=True)
