"""DataFrames, tables, readers and iterables of them, read in chunks of one size."""

import dataclasses
import io
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import duckdb
import pyarrow as pa

from nbtrack.bulk.duckdb import quote_name, read_batches
from nbtrack.bulk.sources.chunks import NO_COLUMN, Chunk, Source, SourceError, rechunk, select_columns
from nbtrack.bulk.sources.csv_files import CsvOptions
from nbtrack.bulk.sources.files import ArrowSource, open_files
from nbtrack.bulk.sources.rows import CursorSource, RowsSource, find_converter
from nbtrack.template import is_missing


def unwrap(data: Any) -> Any:
    """Return the DataFrame inside of one of narwhals; other data as it is."""
    return data.to_native() if _library(data) == "narwhals" and hasattr(data, "to_native") else data


def open_source(data: Any, csv: CsvOptions | None = None) -> Source:
    """Return the source of anything that `backfill` accepts.

    Parameters
    ----------
    data
        A pandas or polars DataFrame, an Arrow table, batch, reader or dataset, a DuckDB relation, a database cursor, the
        path of a Parquet, CSV, JSON Lines or Arrow IPC file or a pattern of paths, or an iterable of DataFrames or dicts.
    csv
        How CSV files are written.

    Raises
    ------
    SourceError
        If it is anything else; the message names what fits.
    """
    data = unwrap(data)
    if isinstance(data, str | os.PathLike):
        return open_files(os.fspath(data), csv)
    for fits, make_source in _KINDS:
        if fits(data):
            return make_source(data)
    raise SourceError(
        f"backfill cannot read {type(data).__name__}; pass a pandas or polars DataFrame, an Arrow table or reader, the "
        "path of a Parquet or CSV file, a DuckDB relation, or an iterable of DataFrames or dicts"
    )


class PandasSource(Source):
    """A pandas DataFrame; the levels of its index can be used by their names."""

    rereadable = True

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = [str(name) for name in frame.columns]
        self._columns = dict(zip(self.names, frame.columns, strict=True))
        self._levels = {str(name): level for level, name in enumerate(frame.index.names) if name is not None}
        self.index_names = [name for name in self._levels if name not in self._columns]
        self.rows: int | None = len(frame)

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        # column by column: a DataFrame of some columns would be a copy of them
        series = {name: self._find(name) for name in columns}
        for number, start in enumerate(range(0, len(self._frame), size)):
            arrays = {
                name: _to_arrow(column if len(column) <= size else column.iloc[start : start + size])
                for name, column in series.items()
            }
            nulls = pa.nulls(min(size, len(self._frame) - start))
            yield _make_chunk(number, start, arrays, nulls)

    def _find(self, name: str) -> Any:
        if name in self._columns:
            return self._frame[self._columns[name]]
        return self._frame.index.get_level_values(self._levels[name]).to_series()


class PolarsSource(Source):
    """A polars DataFrame."""

    rereadable = True

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = list(frame.columns)
        self.rows: int | None = frame.height

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        series = {name: self._frame.get_column(name) for name in columns}
        for number, start in enumerate(range(0, self._frame.height, size)):
            arrays = {name: _polars_to_arrow(column.slice(start, size)) for name, column in series.items()}
            yield _make_chunk(number, start, arrays, pa.nulls(min(size, self._frame.height - start)))


class TableSource(Source):
    """An Arrow table."""

    rereadable = True

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.names = table.column_names
        self.rows: int | None = table.num_rows

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        table = select_columns(self._table, columns)
        for number, start in enumerate(range(0, self._table.num_rows, size)):
            yield Chunk(number, start, table.slice(start, size))


class RelationSource(Source):
    """A DuckDB relation, read as a stream."""

    rereadable = True

    def __init__(self, relation: Any, connection: Any = None) -> None:
        # a relation does not keep its connection alive
        self._relation, self._connection = relation, connection
        self.names = list(relation.columns)
        self._types = dict(zip(self.names, map(str, relation.types), strict=False))

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        projection = ", ".join(map(self._project, columns)) or f"null as {NO_COLUMN}"
        integers = [name for name in columns if self._types[name] in _LARGE_INTEGERS]
        for chunk in rechunk(self._read(projection, size), size):
            if not integers:
                yield chunk
                continue
            # no Arrow type holds them all
            objects = {
                name: [
                    None if value is None else int(value) for value in chunk.table.column(name).to_pylist()
                ]
                for name in integers
            }
            yield dataclasses.replace(chunk, objects=objects)

    def _project(self, name: str) -> str:
        quoted = quote_name(name)
        type_ = self._types[name]
        if type_ in _LARGE_INTEGERS or type_ in _AS_TEXT:
            return f"{quoted}::varchar as {quoted}"
        if not hasattr(pa, "decimal32") and (decimal := _NARROW_DECIMAL.fullmatch(type_)):
            # DuckDB hands out types of 32 and 64 bits, which pyarrow before 18 does not know
            return f"{quoted}::decimal(19, {decimal['scale']}) as {quoted}"
        return quoted

    def _read(self, projection: str, size: int) -> Iterator[pa.Table]:
        try:
            for batch in read_batches(self._relation.project(projection), size):
                yield pa.Table.from_batches([batch])
        except (duckdb.Error, OSError) as error:  # Arrow raises OSError for DuckDB's errors
            raise SourceError(f"cannot read the remaining rows: {error}") from None


class FramesSource(Source):
    """An iterable of DataFrames or anything else that `open_source` accepts; the first one names the columns."""

    def __init__(self, frames: Iterator[Any]) -> None:
        first = next(frames, None)
        self._sources: Iterator[Source] = iter(())
        self._first: Source | None = None
        if first is None:
            self.names, self.rows = None, 0
            return
        self._sources = (open_source(frame) for frame in itertools.chain([first], frames))
        self._first = next(self._sources)
        self.names, self.index_names = self._first.names, self._first.index_names

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time; a chunk ends where a DataFrame ends."""
        number = row = 0
        sources = [] if self._first is None else [self._first]
        for index, source in enumerate(itertools.chain(sources, self._sources)):
            names = [*(source.names or ()), *source.index_names]
            if missing := [name for name in columns if name not in names]:
                raise SourceError(f"DataFrame {index} of the iterable has no column {missing[0]!r}")
            for chunk in source.chunks(columns, size):
                yield dataclasses.replace(chunk, number=number, first_row=row)
                number += 1
                row += chunk.table.num_rows


_NARROW_DECIMAL = re.compile(r"DECIMAL\((?:[0-9]|1[0-8]),(?P<scale>[0-9]+)\)")
_LARGE_INTEGERS = frozenset({"HUGEINT", "UHUGEINT", "BIGNUM", "VARINT"})
_AS_TEXT = frozenset({"BIT", "VARIANT", "TIME WITH TIME ZONE"})


def _make_chunk(number: int, first_row: int, arrays: Mapping[str, Any], nulls: pa.Array) -> Chunk:
    objects = {name: array for name, array in arrays.items() if isinstance(array, list)}
    columns = {name: nulls if name in objects else array for name, array in arrays.items()}
    return Chunk(number, first_row, pa.table(columns or {NO_COLUMN: nulls}), objects)


def _open_polars(data: Any) -> Source:
    if type(data).__name__ == "LazyFrame":
        # newer versions stream
        return (
            FramesSource(data.collect_batches())
            if hasattr(data, "collect_batches")
            else PolarsSource(data.collect())
        )
    if isinstance(data, Iterator) and "GroupBy" not in type(data).__name__:  # collect_batches
        return FramesSource(data)
    if not hasattr(data, "to_arrow") or not hasattr(data, "columns"):
        raise SourceError(f"backfill accepts a polars DataFrame, got polars {type(data).__name__}")
    return PolarsSource(data)


def _polars_to_arrow(series: Any) -> pa.Array | list[Any]:
    try:
        if str(series.dtype) == "Object":
            return list(series.to_list())
        return series.to_arrow()
    except Exception:  # noqa: BLE001 - polars raises its own kinds, even a panic, for types without an Arrow type
        return list(series.to_list())


def _to_arrow(series: Any) -> pa.Array | pa.ChunkedArray | list[Any]:
    """Return a column as Arrow, or as a list of Python objects where Arrow has no type for them."""
    try:
        if series.dtype == object:
            return _objects_to_arrow(series)
        array = pa.array(series, from_pandas=True)
        type_ = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
        # the storage of periods and intervals is not their meaning
        return (
            list(series)
            if isinstance(type_, pa.BaseExtensionType) and "pandas" in type_.extension_name
            else array
        )
    except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError):
        return list(series)


def _objects_to_arrow(series: Any) -> pa.Array | list[Any]:
    """Return an object column as Arrow if all its values are strings or all are bools; Arrow would guess at others."""
    types = {type(value) for value in series if not is_missing(value)}
    if types <= {str} or types <= {bool}:
        return pa.array(series, from_pandas=True)
    return list(series)


def _is_instance(data: Any, library: str, name: str) -> bool:
    """Check whether data is of a class of a library, or of a subclass, without importing the library."""
    class_ = getattr(sys.modules.get(library), name, None)
    return class_ is not None and isinstance(data, class_)


def _library(data: Any) -> str:
    return type(data).__module__.partition(".")[0]


def _reject_column(data: Any) -> NoReturn:
    raise SourceError(
        f"backfill needs a DataFrame, and a {type(data).__name__} is one column; convert it, as with "
        "series.to_frame('name')"
    )


def _reject_with_advice(data: Any) -> NoReturn:
    raise SourceError(
        f"backfill cannot read {type(data).__module__}.{type(data).__name__}; pass {_ADVICE[_library(data)]}"
    )


def _open_iterable(items: Iterator[Any]) -> Source:
    """Return the source of an iterable of dicts, or of DataFrames and the like."""
    first = next(items, None)
    if first is None:
        return FramesSource(items)
    rest = itertools.chain([first], items)
    if (convert := find_converter(first)) is not None:
        return RowsSource(map(convert, rest))
    if isinstance(first, list | tuple | set | frozenset):
        raise SourceError(
            f"backfill cannot read an iterable of {type(first).__name__}s, whose values have no column names; pass dicts, or "
            "convert it, as with pandas.DataFrame(rows, columns=[…])"
        )
    return FramesSource(rest)


def _reject_file(data: Any) -> NoReturn:
    name = getattr(data, "name", None)
    raise SourceError(
        f"backfill cannot read an open file; pass its path{f', {name!r}' if isinstance(name, str) else ''}, or what reads it, "
        "such as csv.DictReader(file) or pandas.read_csv(file)"
    )


def _reject_connection(data: Any) -> NoReturn:
    raise SourceError(
        f"backfill cannot read {type(data).__module__}.{type(data).__name__}, a database connection; pass what a query "
        "returns, such as connection.execute('select …') or cursor.execute('select …')"
    )


def _reject_values(data: Any) -> NoReturn:
    raise SourceError(
        f"backfill needs a DataFrame, got {type(data).__name__}; convert it, as with pandas.DataFrame(…)"
    )


_COLUMNS = {"Series", "ChunkedArray", "Index", "Array"}
_ADVICE = {
    "modin": "data.to_pandas()",
    "dask": "data.compute()",
    "pyspark": "data.toPandas()",
    "snowflake": "data.to_pandas()",
    "google": "result.to_arrow()",
    "ray": "(batch for batch in dataset.iter_batches(batch_format='pyarrow'))",
    "ibis": "data.to_pyarrow_batches()",
}
# a check, and what to do with the data that passes it; the first match counts
_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Source]], ...] = (
    (lambda data: type(data).__name__ in _COLUMNS, _reject_column),
    (lambda data: _library(data) == "ibis" and not hasattr(data, "columns"), _reject_column),
    (lambda data: isinstance(data, io.IOBase), _reject_file),
    (lambda data: isinstance(data, dict) or _library(data) == "numpy", _reject_values),
    (lambda data: _is_instance(data, "pandas", "DataFrame"), PandasSource),
    (lambda data: _library(data) == "polars", _open_polars),
    (lambda data: isinstance(data, pa.Table), TableSource),
    (lambda data: isinstance(data, pa.RecordBatch), lambda data: TableSource(pa.Table.from_batches([data]))),
    (lambda data: isinstance(data, pa.RecordBatchReader), ArrowSource),
    (lambda data: _library(data) in {"duckdb", "_duckdb"} and hasattr(data, "columns"), RelationSource),
    (
        lambda data: _library(data) == "pyarrow" and hasattr(data, "to_batches") and hasattr(data, "schema"),
        ArrowSource,
    ),
    (
        lambda data: hasattr(data, "__arrow_c_stream__"),
        lambda data: ArrowSource(pa.RecordBatchReader.from_stream(data)),
    ),
    (lambda data: hasattr(data, "to_reader"), lambda data: ArrowSource(data.to_reader())),
    (
        lambda data: _library(data) == "pyiceberg" and hasattr(data, "scan"),
        lambda data: open_source(data.scan()),
    ),
    (lambda data: hasattr(data, "to_pyarrow_dataset"), lambda data: ArrowSource(data.to_pyarrow_dataset())),
    (
        lambda data: hasattr(data, "to_arrow_batch_reader"),
        lambda data: ArrowSource(data.to_arrow_batch_reader()),
    ),
    (lambda data: hasattr(data, "to_pyarrow_batches"), lambda data: ArrowSource(data.to_pyarrow_batches())),
    (lambda data: hasattr(data, "fetchmany") and hasattr(data, "description"), CursorSource),
    (lambda data: hasattr(data, "cursor") or hasattr(data, "raw_connection"), _reject_connection),
    (lambda data: _library(data) in _ADVICE, _reject_with_advice),
    (lambda data: hasattr(data, "to_arrow"), lambda data: open_source(data.to_arrow())),
    (
        lambda data: isinstance(data, Iterable) and not isinstance(data, bytes),
        lambda data: _open_iterable(iter(data)),
    ),
)
