"""Rows as Python objects: dicts, tuples of a database cursor, and the lines of a JSON file."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from nbtrack.bulk.models import Reason
from nbtrack.bulk.sources.chunks import NO_COLUMN, Chunk, Source, SourceError
from nbtrack.bulk.sources.paths import open_stream, reading, show_path

Row = Mapping[str, Any] | Reason
"""A row, or why it cannot be read."""


def find_converter(row: Any) -> Callable[[Any], Mapping[str, Any]] | None:
    """Return what converts rows like this one to dicts: rows of databases, named tuples, data classes; None if nothing does."""
    if isinstance(row, Mapping):
        return lambda row: row
    if hasattr(row, "_mapping"):  # SQLAlchemy
        return lambda row: dict(row._mapping)  # noqa: SLF001 - its public name
    if hasattr(row, "_asdict"):
        return lambda row: dict(row._asdict())
    if hasattr(row, "keys") and hasattr(row, "__getitem__") and not hasattr(row, "columns"):  # sqlite3.Row
        return dict
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        names = [field.name for field in dataclasses.fields(row)]
        return lambda row: {name: getattr(row, name) for name in names}
    return None


class RowsSource(Source):
    """Dicts with the columns as keys, such as those of `csv.DictReader`; a key that a row does not have is missing.

    Parameters
    ----------
    rows
        The dicts; the first one names the columns.
    names
        The columns; None to take the keys of the first row.
    """

    def __init__(self, rows: Iterable[Any], names: Sequence[str] | None = None) -> None:
        self._rows = iter(rows)
        if names is None:
            first = next(self._rows)
            self._rows = itertools.chain([first], self._rows)
            names = [str(name) for name in first]
        self.names = list(names)

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        return chunk_rows(self._rows, columns, size)


class CursorSource(Source):
    """A cursor of a database (DB-API 2.0) that has executed a query."""

    def __init__(self, cursor: Any) -> None:
        if cursor.description is None:
            raise SourceError("the cursor has no rows; execute a query first")
        self._cursor = cursor
        self.names = [str(column[0]) for column in cursor.description]

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        names = self.names or ()
        batches = iter(lambda: self._cursor.fetchmany(size), [])
        rows = (dict(zip(names, row, strict=True)) for batch in batches for row in batch)
        return chunk_rows(rows, columns, size)


class JsonLinesSource(Source):
    """A file with one JSON object in each line."""

    rereadable = True

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        names: dict[str, None] = {}
        self.rows = 0
        for row in self._read():
            self.rows += 1
            if not isinstance(row, Reason):
                names.update(dict.fromkeys(row))
        self.names = list(names)

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        return chunk_rows(self._read(), columns, size)

    def _read(self) -> Iterator[Row]:
        for path in self._paths:
            with reading(path), open_stream(path) as stream:
                yield from _parse_lines(show_path(path), stream)


def _parse_lines(path: str, stream: Iterable[bytes]) -> Iterator[Row]:
    for number, line in enumerate(_split_lines(stream), 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except ValueError as error:
            yield Reason(f"{path}: not valid JSON", f"{error} in line {number}")
            continue
        if isinstance(row, dict):
            yield row
        else:
            yield Reason(f"{path}: not a JSON object", f"{type(row).__name__} in line {number}")


def _split_lines(stream: Any) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 20):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    yield rest


def chunk_rows(rows: Iterator[Any], columns: Sequence[str], size: int) -> Iterator[Chunk]:
    """Yield some values of rows, `size` rows at a time."""
    first_row = 0
    for number in itertools.count():
        part = list(itertools.islice(rows, size))
        if not part:
            return
        reasons = {index: row for index, row in enumerate(part) if isinstance(row, Reason)}
        objects = {
            name: [None if isinstance(row, Reason) else row.get(name) for row in part] for name in columns
        }
        nulls = pa.nulls(len(part))
        arrays = {name: _strings_to_arrow(values, nulls) for name, values in objects.items()}
        yield Chunk(
            number,
            first_row,
            pa.table(arrays or {NO_COLUMN: nulls}),
            {name: values for name, values in objects.items() if arrays[name] is nulls},
            reasons,
        )
        first_row += len(part)


def _strings_to_arrow(values: list[Any], nulls: pa.Array) -> pa.Array:
    """Return values that are all strings as Arrow; nulls for others, which stay Python objects."""
    if any(type(value) is not str and value is not None for value in values):
        return nulls
    try:
        return pa.array(values, pa.string())
    except UnicodeError:  # lone surrogates
        return nulls
