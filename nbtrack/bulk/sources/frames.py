"""DataFrames, tables, readers and iterables of them, read in chunks of one size."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from nbtrack.bulk.sources.chunks import NO_COLUMN, Chunk, Source, SourceError, rechunk, select_columns
from nbtrack.bulk.sources.files import RelationSource, open_files
from nbtrack.template import is_missing


def open_source(data: Any) -> Source:
    """Return the source of anything that `backfill` accepts.

    Parameters
    ----------
    data
        A pandas or polars DataFrame, an Arrow table, batch, reader or dataset, a DuckDB relation, the path of a Parquet
        or CSV file or a pattern of paths, or an iterable of DataFrames.

    Raises
    ------
    SourceError
        If it is anything else; the message names what fits.
    """
    for fits, make_source in _KINDS:
        if fits(data):
            return make_source(data)
    raise SourceError(
        f"backfill cannot read {type(data).__name__}; pass a pandas or polars DataFrame, an Arrow table or reader, the "
        "path of a Parquet or CSV file, a DuckDB relation, or an iterable of DataFrames"
    )


class PandasSource:
    """A pandas DataFrame; integer columns that pandas holds as floats because of gaps are integers again."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = [str(name) for name in frame.columns]
        self._labels = dict(zip(self.names, frame.columns, strict=True))
        self.rows: int | None = len(frame)

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        # column by column: a DataFrame of some columns would be a copy of them
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
        """Yield the rows of some columns, `size` at a time."""
        table = select_columns(self._table, columns)
        for number, start in enumerate(range(0, self._table.num_rows, size)):
            yield Chunk(number, start, table.slice(start, size))


class ReaderSource:
    """An Arrow reader, which can be read once."""

    rows: int | None = None

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = reader
        self.names = reader.schema.names

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        tables = (select_columns(pa.Table.from_batches([batch]), columns) for batch in self._reader)
        return rechunk(tables, size)


class FramesSource:
    """An iterable of DataFrames or anything else that `open_source` accepts; the first one names the columns."""

    rows: int | None = None

    def __init__(self, frames: Iterator[Any]) -> None:
        first = next(frames, None)
        if first is None:
            raise SourceError("the iterable is empty")
        self._sources = (open_source(frame) for frame in itertools.chain([first], frames))
        self._first = next(self._sources)
        self.names = self._first.names

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time; a chunk ends where a DataFrame ends."""
        number = row = 0
        for index, source in enumerate(itertools.chain([self._first], self._sources)):
            if missing := [name for name in columns if name not in source.names]:
                raise SourceError(f"DataFrame {index} of the iterable has no column {missing[0]!r}")
            for chunk in source.chunks(columns, size):
                yield Chunk(number, row, chunk.table, chunk.objects)
                number += 1
                row += chunk.table.num_rows


def _open_polars(data: Any) -> Source:
    if type(data).__name__ == "LazyFrame":
        data = data.collect()
    if not hasattr(data, "to_arrow") or not hasattr(data, "columns"):
        raise SourceError(f"backfill accepts a polars DataFrame, got polars {type(data).__name__}")
    return TableSource(data.to_arrow())


def _is_integral(series: Any) -> bool:
    """Check whether a float column with gaps holds only integers: pandas makes floats of integers with gaps."""
    if str(series.dtype) != "float64":
        return False
    values = series.to_numpy()
    present = values[values == values]  # noqa: PLR0124 - NaN does not equal itself
    if len(present) == len(values) or not len(present):
        return False
    return bool((abs(present) < 2**53).all() and (present == present.astype("int64")).all())


def _to_arrow(series: Any, *, integral: bool) -> pa.Array | pa.ChunkedArray | list[Any]:
    """Return a column as Arrow, or as a list of Python objects where Arrow has no type for them."""
    if integral:
        return pa.array(series, type=pa.int64(), from_pandas=True)
    try:
        if series.dtype == object:
            return _objects_to_arrow(series)
        array = pa.array(series, from_pandas=True)
        # the storage of periods and intervals is not their meaning
        return list(series) if isinstance(array.type, pa.BaseExtensionType) else array
    except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError):
        return list(series)


def _objects_to_arrow(series: Any) -> pa.Array | list[Any]:
    """Return an object column as Arrow if all its values are strings or all are bools; Arrow would guess at others."""
    types = {type(value) for value in series if not is_missing(value)}
    if types <= {str} or types <= {bool}:
        return pa.array(series, from_pandas=True)
    return list(series)


def _library(data: Any) -> str:
    return type(data).__module__.partition(".")[0]


def _reject_column(data: Any) -> NoReturn:
    raise SourceError(
        f"backfill needs a DataFrame, and a {type(data).__name__} is one column; convert it, as with "
        "series.to_frame('name')"
    )


def _reject_values(data: Any) -> NoReturn:
    raise SourceError(
        f"backfill needs a DataFrame, got {type(data).__name__}; convert it, as with pandas.DataFrame(…)"
    )


_COLUMNS = {"Series", "ChunkedArray", "Index"}
# a check, and what to do with the data that passes it; the first match counts
_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Source]], ...] = (
    (lambda data: type(data).__name__ in _COLUMNS, _reject_column),
    (lambda data: isinstance(data, dict) or _library(data) == "numpy", _reject_values),
    (lambda data: _library(data) == "pandas" and hasattr(data, "columns"), PandasSource),
    (lambda data: _library(data) == "polars", _open_polars),
    (lambda data: isinstance(data, pa.Table), TableSource),
    (lambda data: isinstance(data, pa.RecordBatch), lambda data: TableSource(pa.Table.from_batches([data]))),
    (lambda data: isinstance(data, pa.RecordBatchReader), ReaderSource),
    (lambda data: isinstance(data, str | Path), lambda data: open_files(str(data))),
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
        lambda data: isinstance(data, Iterable) and not isinstance(data, bytes),
        lambda data: FramesSource(iter(data)),
    ),
)
