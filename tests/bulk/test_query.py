"""One query over many chunks returns the same rows as a query for each."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack import backfill, col
from nbtrack.bulk.duckdb import open_cursor
from nbtrack.bulk.encoding.query import run_query
from nbtrack.tracker import StructuredEvent
from tests.support.fault_server import FaultServer

SQL = "select x + 1 as y, repeat('é', x % 9) as text from chunk"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 6_000), max_size=6))
def test_each_table_gets_its_own_rows_whatever_the_sizes(sizes: list[int]) -> None:
    numbers = [list(range(index, index + size)) for index, size in enumerate(sizes)]
    tables = [pa.table({"x": pa.chunked_array([rows[:7], rows[7:]], pa.int64())}) for rows in numbers]
    results = [table.to_pydict() for table in run_query(open_cursor(), SQL, iter(tables))]
    assert results == [
        {"y": [x + 1 for x in rows], "text": ["é" * (x % 9) for x in rows]} for rows in numbers
    ]


def test_an_error_of_the_source_is_raised_after_the_rows_before_it() -> None:
    def tables() -> Iterator[pa.Table]:
        yield pa.table({"x": [1, 2]})
        raise ConnectionError("the database went away")

    results = run_query(open_cursor(), SQL, tables())
    assert next(results)["y"].to_pylist() == [2, 3]
    with pytest.raises(ConnectionError, match="went away"):
        next(results)


def event() -> StructuredEvent:
    return StructuredEvent("shop", "bought", value=col("x"), label=col("id"))


def test_rows_are_sent_before_the_source_yields_more() -> None:
    with FaultServer() as server:

        def frames() -> Iterator[pd.DataFrame]:
            for part in range(3):
                yield pd.DataFrame({"id": [f"{part}-{row}" for row in range(10)], "x": range(10)})
                assert server.wait_for(10 * (part + 1)), "rows wait for others"

        report = backfill(frames(), event(), key="id", collector=server.url)
    assert report.ok
    assert report.sent == 30


def test_frames_of_many_types_follow_one_another() -> None:
    dtypes: list[Any] = ["int64", "float64", "object", "int64", "string", "Int64"]
    frames = [
        pd.DataFrame({"id": [f"{index}-{row}" for row in range(3)], "x": pd.Series([1, 2, 3]).astype(dtype)})
        for index, dtype in enumerate(dtypes)
    ]
    with FaultServer() as server:
        report = backfill(iter(frames), event(), key="id", collector=server.url)
        values = {event["se_la"]: event["se_va"] for seen in server.seen for event in seen.events}
    assert report.ok, report
    assert values.keys() == {f"{index}-{row}" for index in range(len(dtypes)) for row in range(3)}
    assert {float(value) for value in values.values()} == {1, 2, 3}
