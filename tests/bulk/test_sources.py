"""Sources: rows as Python objects, database cursors, lines of JSON, files of Arrow, and objects with Arrow inside."""

import bz2
import csv
import gzip
import http.server
import io
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import fsspec
import narwhals
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
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


class Named(NamedTuple):
    x: Any
    y: Any


@dataclass
class Record:
    x: Any
    y: Any


class Row:
    """Like a row of SQLAlchemy."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._mapping = values


def test_rows_with_names_are_dicts() -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    query = "select 1 as x, 'a' as y union all select null, 'ü' union all select 2.5, null"
    rows: list[Any] = [
        [Named(**row) for row in ROWS],
        [Record(**row) for row in ROWS],
        [Row(row) for row in ROWS],
        connection.execute(query).fetchall(),
    ]
    for data in rows:
        assert sent(data) == ROWS, type(data[0])
    connection.close()


def test_frames_of_narwhals_and_batches_of_polars() -> None:
    frame = pl.DataFrame(ROWS, strict=False)
    for data in (narwhals.from_native(frame), narwhals.from_native(frame.lazy())):
        assert sent(data) == ROWS, type(data)
    if hasattr(pl.LazyFrame, "collect_batches"):
        assert sent(frame.lazy().collect_batches()) == ROWS
    relation = duckdb.from_arrow(pa.Table.from_pylist(ROWS))
    assert sent(narwhals.from_native(relation)) == ROWS
    assert sent(ds.dataset(pa.Table.from_pylist(ROWS)).scanner()) == ROWS


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: [("a", 1), ("b", 2)], r"iterable of tuples, whose values have no column names; pass dicts"),
        (lambda: pd.DataFrame(ROWS).groupby("y"), r"iterable of tuples, whose values have no column names"),
        (lambda: io.StringIO("x,y\n"), r"cannot read an open file; pass its path, or what reads it, such as csv\.Dict"),
        (lambda: sqlite3.connect(":memory:"), r"sqlite3\.Connection, a database connection; pass what a query returns"),
        (lambda: "x,y\n1,2\n", r"no such file: x,y\n1,2\n \(backfill takes the path of a file, not its text\)"),
        (lambda: pl.DataFrame(ROWS, strict=False).group_by("y"), r"accepts a polars DataFrame, got polars GroupBy"),
        (lambda: "xyz://bucket/rows.csv", r"cannot read xyz://bucket/rows\.csv: Protocol not known: xyz"),
        (lambda: "s3://bucket/rows.csv", r"install s3fs to read it"),
    ],
)  # fmt: skip
def test_what_is_not_rows_is_answered_with_what_helps(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        sent(make())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The same rows in files of each format, also packed."""
    table = pa.Table.from_pylist(ROWS)
    feather.write_feather(table, tmp_path / "rows.feather")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "rows.csv").write_text("x,y\n1,a\n,ü\n2.5,\n", encoding="utf-8")
    for path in list(tmp_path.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.with_name(f"{path.name}.bz2").write_bytes(bz2.compress(path.read_bytes()))
        packed = pa.Codec("zstd").compress(path.read_bytes(), asbytes=True)
        path.with_name(f"{path.name}.zst").write_bytes(packed)
    pq.write_table(table, tmp_path / "rows.parquet")
    return tmp_path


def check_files(urls: list[str]) -> None:
    assert len(urls) == 13
    strings = [{"x": "1", "y": "a"}, {"x": None, "y": "ü"}, {"x": "2.5", "y": None}]
    for url in urls:
        assert sent(url) == (strings if ".csv" in url else ROWS), url


def test_files_elsewhere_are_opened_by_fsspec(files: Path) -> None:
    memory = fsspec.filesystem("memory")
    for path in files.iterdir():
        memory.pipe(f"/bucket/{path.name}", path.read_bytes())
    check_files([f"memory://bucket/{path.name}" for path in sorted(files.iterdir())])
    check_files([path.as_uri() for path in sorted(files.iterdir())])
    memory.pipe("/bucket/year=2024/a.parquet", (files / "rows.parquet").read_bytes())
    event = SelfDescribing(SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {"x": col("year")}))
    report = backfill("memory://bucket/*/*.parquet", event, dry_run=True)
    assert report.rows == 3
    assert report.sample[0]["ue_px"]["data"]["data"] == {"x": "2024"}
    with pytest.raises(SourceError, match=r"no such file: memory://bucket/none-\*\.csv"):
        sent("memory://bucket/none-*.csv")
    with pytest.raises(
        SourceError, match=r"memory:///bucket is a folder; use a pattern .* memory:///bucket/\*\.parquet"
    ):
        sent("memory://bucket")
    memory.pipe("/lake/_delta_log/0.json", b"{}")
    memory.pipe("/lake/part.parquet", (files / "rows.parquet").read_bytes())
    with pytest.raises(SourceError, match=r"Delta table"):
        sent("memory://lake/*.parquet")


def test_files_of_a_web_server_are_read_and_the_query_of_their_urls_is_not_shown(files: Path) -> None:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(files))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        check_files([f"{base}/{path.name}?signature=s3cret" for path in sorted(files.iterdir())])
        (files / "bad.csv").write_bytes(b"x,y\n\xff,1\n")
        (files / "bad.parquet").write_text("PAR1 no, it is not")
        for name in ("none.csv", "bad.csv", "bad.parquet"):
            with pytest.raises(SourceError, match=f"{base}/{name}") as raised:
                sent(f"{base}/{name}?signature=s3cret")
            assert "s3cret" not in str(raised.value)
        server.shutdown()
        thread.join()


def test_generators_of_frames_stay_streams() -> None:
    def frames() -> Iterator[pd.DataFrame]:
        yield pd.DataFrame(ROWS[:2])
        yield pd.DataFrame(ROWS[2:])

    assert sent(frames()) == ROWS
