"""Where rows come from: frames, tables, files, relations and iterators of these, read in chunks of one size."""

import glob
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pyarrow as pa

from nbtrack.bulk.columns import quote
from nbtrack.template import is_missing

CHUNK_ROWS = 20_000  # more do not fit into the processor's cache as events: the encoder is a tenth slower
_FEWEST_ROWS = 2_500
_CHUNKS = 8
NO_COLUMN = "__nbtrack_none"  # holds the number of rows of an event that asks for no column


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows in their order.

    Parameters
    ----------
    number
        From 0; chunk ``n`` of a source with a stable order holds the same rows in every run.
    first_row
        Position of its first row in the source, from 0.
    table
        The columns asked for, ``n`` rows; one without an Arrow type is null there.
    objects
        Python objects of the columns without an Arrow type, ``n`` each.
    """

    number: int
    first_row: int
    table: pa.Table
    objects: Mapping[str, list[Any]] = field(default_factory=dict)


class Source(Protocol):
    """Rows that can be read once, in order."""

    @property
    def names(self) -> Sequence[str]:
        """The columns."""

    @property
    def rows(self) -> int | None:
        """How many rows there are; None where that shows only at the end."""

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Give the rows of some columns, ``size`` at a time."""


class SourceError(TypeError):
    """The data is of a kind that cannot be read, or a file is not there.

    Examples
    --------
    >>> from nbtrack import backfill, col
    >>> from nbtrack.tracker import PageView
    >>> backfill("orders.parquet", PageView(col("address")), dry_run=True)
    Traceback (most recent call last):
    nbtrack.bulk.source.SourceError: no file is at orders.parquet
    """


def open_source(data: Any) -> Source:
    """Give the source of anything that `backfill` takes.

    Parameters
    ----------
    data
        A pandas or polars frame, an Arrow table, batch, reader or dataset, a DuckDB relation, the path of a Parquet or
        CSV file or a pattern of paths, or an iterable of frames.

    Raises
    ------
    SourceError
        For anything else, with what fits.
    """
    for fits, make in _KINDS:
        if fits(data):
            return make(data)
    raise SourceError(
        f"backfill cannot read {type(data).__name__}: give a pandas or polars frame, an Arrow table or reader, the path "
        "of a Parquet or CSV file, a DuckDB relation, or an iterable of frames"
    )


def choose_size(rows: int | None) -> int:
    """Give the rows of a chunk: fewer for a small source, so that all threads soon have something to do."""
    return min(CHUNK_ROWS, max(_FEWEST_ROWS, rows // _CHUNKS)) if rows is not None else CHUNK_ROWS


class PandasSource:
    """A pandas frame; integer columns that pandas holds as floats because of gaps are integers again."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = [str(name) for name in frame.columns]
        self._labels = dict(zip(self.names, frame.columns, strict=True))
        self.rows: int | None = len(frame)

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Give the rows of some columns, ``size`` at a time."""
        # column by column: a frame of some columns would be a copy of them
        series = {name: self._frame[self._labels[name]] for name in columns}
        integral = {name for name in columns if _is_integral(series[name])}
        for number, start in enumerate(range(0, len(self._frame), size)):
            arrays = {
                name: _to_arrow(column.iloc[start : start + size], integral=name in integral)
                for name, column in series.items()
            }
            objects = {name: array for name, array in arrays.items() if isinstance(array, list)}
            nulls = pa.nulls(min(size, len(self._frame) - start))
            table = pa.table({name: nulls if name in objects else array for name, array in arrays.items()})
            yield Chunk(number, start, table if columns else pa.table({NO_COLUMN: nulls}), objects)


class TableSource:
    """An Arrow table."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.names = table.column_names
        self.rows: int | None = table.num_rows

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Give the rows of some columns, ``size`` at a time."""
        table = self._table.select(list(columns))
        if not columns:
            table = pa.table({NO_COLUMN: pa.nulls(self._table.num_rows)})
        for number, start in enumerate(range(0, self._table.num_rows, size)):
            yield Chunk(number, start, table.slice(start, size))


class ReaderSource:
    """An Arrow reader, read once."""

    rows: int | None = None

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = reader
        self.names = reader.schema.names

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Give the rows of some columns, ``size`` at a time."""
        tables = (pa.Table.from_batches([batch]).select(list(columns)) for batch in self._reader)
        return rechunk(tables, size)


class RelationSource:
    """A DuckDB relation, streamed."""

    rows: int | None = None

    def __init__(self, relation: Any) -> None:
        self._relation = relation
        self.names = list(relation.columns)

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Give the rows of some columns, ``size`` at a time."""
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in columns) or f"null as {NO_COLUMN}"
        reader = self._relation.project(quoted).to_arrow_reader(size)
        return rechunk((pa.Table.from_batches([batch]) for batch in reader), size)


class FramesSource:
    """An iterable of frames, each of any kind `open_source` knows; the first one names the columns."""

    rows: int | None = None

    def __init__(self, frames: Iterator[Any]) -> None:
        first = next(frames, None)
        if first is None:
            raise SourceError("the iterable holds no frame")
        self._sources = (open_source(frame) for frame in itertools.chain([first], frames))
        self._first = next(self._sources)
        self.names = self._first.names

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Give the rows of some columns, ``size`` at a time; a chunk ends where a frame ends."""
        number = row = 0
        for source in itertools.chain([self._first], self._sources):
            for chunk in source.chunks(columns, size):
                yield Chunk(number, row, chunk.table, chunk.objects)
                number += 1
                row += chunk.table.num_rows


def _open_polars(data: Any) -> Source:
    if type(data).__name__ == "LazyFrame":
        data = data.collect()
    if not hasattr(data, "to_arrow") or not hasattr(data, "columns"):
        raise SourceError(f"backfill takes a polars frame, not its {type(data).__name__}")
    return TableSource(data.to_arrow())


def _open_files(pattern: str) -> Source:
    paths = sorted(glob.glob(pattern, recursive=True)) or ([pattern] if Path(pattern).exists() else [])  # noqa: PTH207 - a pattern may be absolute
    if not paths:
        raise SourceError(f"no file is at {pattern}")
    suffixes = {Path(path).name.lower().removesuffix(".gz").rpartition(".")[2] for path in paths}
    if suffixes <= {"parquet", "pq"}:
        function = "read_parquet"
    elif suffixes <= {"csv", "tsv", "txt"}:
        function = "read_csv"
    else:
        raise SourceError(f"backfill reads Parquet and CSV files, not .{', .'.join(sorted(suffixes))}")
    import duckdb  # noqa: PLC0415 - a frame needs none to be read

    connection = duckdb.connect()
    rows = f"{function}([{', '.join(map(quote, paths))}])"
    relation = RelationSource(connection.sql(f"select * from {rows}"))  # noqa: S608 - quoted above
    if function == "read_parquet":
        counted = connection.sql(f"select count(*) from {rows}").fetchall()  # noqa: S608 - quoted above
        relation.rows = counted[0][0]
    return relation


def rechunk(tables: Iterable[pa.Table], size: int) -> Iterator[Chunk]:
    """Cut a stream of tables into chunks of one size, so that their borders do not depend on the reader."""
    waiting: list[pa.Table] = []
    held = number = row = 0
    for table in tables:
        waiting.append(table)
        held += table.num_rows
        while held >= size:
            whole = pa.concat_tables(waiting)
            yield Chunk(number, row, whole.slice(0, size))
            waiting = [whole.slice(size)]
            held -= size
            number += 1
            row += size
    if held:
        yield Chunk(number, row, pa.concat_tables(waiting))


def _is_integral(series: Any) -> bool:
    """Tell whether a float column with gaps holds only whole numbers: what pandas makes of integers with gaps."""
    if str(series.dtype) != "float64":
        return False
    values = series.to_numpy()
    present = values[values == values]  # noqa: PLR0124 - NaN is not itself
    if len(present) == len(values) or not len(present):
        return False
    return bool((abs(present) < 2**53).all() and (present == present.astype("int64")).all())


def _to_arrow(series: Any, *, integral: bool) -> pa.Array | pa.ChunkedArray | list[Any]:
    """Give a column as Arrow; as a list of Python objects where Arrow has no type for them."""
    if integral:
        return pa.array(series, type=pa.int64(), from_pandas=True)
    try:
        if series.dtype == object:
            return _objects_to_arrow(series)
        array = pa.array(series, from_pandas=True)
        # periods and intervals: their storage is not their meaning
        return list(series) if isinstance(array.type, pa.BaseExtensionType) else array
    except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError):
        return list(series)


def _objects_to_arrow(series: Any) -> pa.Array | list[Any]:
    """Give an object column as Arrow where all its values are texts, or all truths; SQL would guess at the rest."""
    kinds = {type(value) for value in series if not is_missing(value)}
    if kinds <= {str} or kinds <= {bool}:
        return pa.array(series, from_pandas=True)
    return list(series)


def _library(data: Any) -> str:
    return type(data).__module__.partition(".")[0]


def _refuse_column(data: Any) -> NoReturn:
    raise SourceError(
        f"backfill wants a frame of rows, and a {type(data).__name__} is one column: make it a frame, as with "
        "series.to_frame('name')"
    )


# what fits, and what reads it; the first that fits counts
_COLUMNS = {"Series", "ChunkedArray", "Index"}
_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Source]], ...] = (
    (lambda data: type(data).__name__ in _COLUMNS, _refuse_column),
    (lambda data: _library(data) == "pandas" and hasattr(data, "columns"), PandasSource),
    (lambda data: _library(data) == "polars", _open_polars),
    (lambda data: isinstance(data, pa.Table), TableSource),
    (lambda data: isinstance(data, pa.RecordBatch), lambda data: TableSource(pa.Table.from_batches([data]))),
    (lambda data: isinstance(data, pa.RecordBatchReader), ReaderSource),
    (lambda data: isinstance(data, str | Path), lambda data: _open_files(str(data))),
    (lambda data: _library(data) in {"duckdb", "_duckdb"} and hasattr(data, "columns"), RelationSource),
    (
        lambda data: _library(data) == "pyarrow" and hasattr(data, "to_batches") and hasattr(data, "schema"),
        lambda data: ReaderSource(pa.RecordBatchReader.from_batches(data.schema, data.to_batches())),
    ),
    (
        lambda data: hasattr(data, "__arrow_c_stream__"),
        lambda data: ReaderSource(pa.RecordBatchReader.from_stream(data)),
    ),
    (
        lambda data: isinstance(data, Iterable) and not isinstance(data, dict | bytes),
        lambda data: FramesSource(iter(data)),
    ),
)
