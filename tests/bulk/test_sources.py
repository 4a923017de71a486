"""Sources: rows as Python objects, database cursors, lines of JSON, files of Arrow, and objects with Arrow inside."""

import csv
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather

from nbtrack import backfill, col
from nbtrack.bulk import SourceError, TemplateError, preview
from nbtrack.tracker import SelfDescribing, SelfDescribingJson
from tests.support.backfills import check_accounts

EVENT = SelfDescribing(
    SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {"x": col("x"), "y": col("y")})
)
ROWS = [{"x": 1, "y": "a"}, {"x": None, "y": "ü"}, {"x": 2.5, "y": None}]


def sent(data: Any) -> list[dict[str, Any]]:
    return [value["data"]["data"] for value in preview(data, EVENT, 100)["ue_px"]]


def test_dicts_are_rows() -> None:
    assert sent(ROWS) == sent(iter(ROWS)) == ROWS
    assert sent([{"x": 1, "y": [1]}, {"y": {"a": 1.0}}]) == [{"x": 1, "y": [1]}, {"x": None, "y": {"a": 1}}]
    text = io.StringIO("x,y\n1,a\n2,\n")
    assert sent(csv.DictReader(text)) == [{"x": "1", "y": "a"}, {"x": "2", "y": ""}]
    with pytest.raises(TemplateError, match="no column 'y'"):
        sent([{"x": 1}])


def test_a_cursor_yields_its_rows() -> None:
    connection = sqlite3.connect(":memory:")
    cursor = connection.execute(
        "select 1 as x, 'a' as y union all select null, 'ü' union all select 2.5, null"
    )
    assert sent(cursor) == ROWS
    with pytest.raises(SourceError, match="execute a query first"):
        sent(connection.cursor())
    connection.close()


def test_lines_of_json_are_rows_and_bad_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"x": 1, "y": "a"}\n\n{"x": oops}\n[1]\n{"y": "b"}\n')
    assert sent(path) == [{"x": 1, "y": "a"}, {"x": None, "y": "b"}]
    report = backfill(path, EVENT, key="y", dry_run=True)
    check_accounts(report)
    assert (report.rows, report.sent, report.skipped) == (4, 2, 2)
    assert report.errors["row"].to_list() == [1, 2]
    assert set(report.reasons) == {f"{path}: not valid JSON", f"{path}: not a JSON object"}


def test_files_of_arrow_are_read(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    feather.write_feather(table, tmp_path / "rows.feather")
    with (
        pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema) as writer,
    ):
        writer.write_table(table)
    assert sent(tmp_path / "rows.feather") == sent(tmp_path / "rows.arrow") == ROWS


class Reader:
    """Like a table of Ibis."""

    def to_pyarrow_batches(self) -> pa.RecordBatchReader:
        return pa.Table.from_pylist(ROWS).to_reader()


class Exporter:
    """Anything with Arrow's stream."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return pa.Table.from_pylist(ROWS).__arrow_c_stream__(requested_schema)


class Table:
    """Like a result of a client of a warehouse."""

    def to_arrow(self) -> pa.Table:
        return pa.Table.from_pylist(ROWS)


def test_objects_with_arrow_inside_are_read() -> None:
    for data in (Reader(), Exporter(), Table(), pl.DataFrame(ROWS, strict=False).lazy()):
        assert sent(data) == ROWS, type(data)


def test_other_data_is_answered_with_the_call_that_helps() -> None:
    class DataFrame:
        __module__ = "modin.pandas.dataframe"

    with pytest.raises(
        SourceError, match=r"cannot read modin\.pandas\.dataframe\.DataFrame; pass data\.to_pandas\(\)"
    ):
        sent(DataFrame())


def test_generators_of_frames_stay_streams() -> None:
    def frames() -> Iterator[pd.DataFrame]:
        yield pd.DataFrame(ROWS[:2])
        yield pd.DataFrame(ROWS[2:])

    assert sent(frames()) == ROWS
