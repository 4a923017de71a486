"""Rows in chunks of one size, which every source yields."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from nbtrack.bulk.duckdb import VECTOR
from nbtrack.bulk.models import Reason
from nbtrack.common.errors import NbtrackError

CHUNK_ROWS = 5 * VECTOR
"""Rows of a chunk: twice as many are not encoded faster, and a run needs a half more memory for them."""
_MIN_CHUNKS = 8
NO_COLUMN = "__nbtrack_none"
"""Stands for the columns of an event that uses none: it holds the number of rows."""
REASON_COLUMN = "__nbtrack_reason"
"""Holds rule, detail and text of the reason of each row that the source cannot read, in the tables of sources that know of such rows."""

_REASON_SEPARATOR = "\x1f"


def reason_column(reasons: Mapping[int, Reason], rows: int) -> pa.Array:
    """Return the column `REASON_COLUMN` of a table: the reason of each row that has one."""
    parts = {row: (reason.rule, reason.detail, str(reason)) for row, reason in reasons.items()}
    # a reason quotes what was in the row, which may hold the separator
    texts = {
        row: _REASON_SEPARATOR.join(part.replace(_REASON_SEPARATOR, " ") for part in three)
        for row, three in parts.items()
    }
    return pa.array([texts.get(row) for row in range(rows)], pa.string())


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some neighbouring rows.

    Parameters
    ----------
    number
        From 0; chunk ``n`` of a source with a stable order holds the same rows in every run.
    first_row
        Position of its first row in the source, from 0.
    table
        The columns of the event, ``n`` rows; a column without an Arrow type is null here.
    objects
        Python objects of the columns without an Arrow type, ``n`` of each.
    reasons
        Why the source cannot read a row, by index in the chunk.
    rows
        Positions of its rows in the source, where rows between them are left out; None if they are neighbours.
    marks
        For each row, the number that an incremental backfill is ordered by; None without `since`.
    passed
        Rows before it, or between its rows, that an earlier run delivered.
    """

    number: int
    first_row: int
    table: pa.Table
    objects: Mapping[str, list[Any]] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)
    rows: Any = None
    marks: Any = None
    passed: int = 0

    def positions(self) -> Any:
        """Return the positions of its rows in the source, as an array."""
        if self.rows is not None:
            return self.rows
        return np.arange(self.first_row, self.first_row + self.table.num_rows, dtype=np.int64)

    def position(self, index: int) -> int:
        """Return the position in the source of the row at an index."""
        return self.first_row + index if self.rows is None else int(self.rows[index])


class Source(ABC):
    """Rows that can be read in order.

    Attributes
    ----------
    names : sequence of str
        The columns; None if there is no row to know them from.
    rows : int or None
        Number of rows; None if it is known only at the end.
    index_names : sequence of str
        What else can be used like a column, such as the index of a DataFrame.
    rereadable : bool
        Whether the rows can be read more than once.
    untyped : bool
        Whether all values are strings because the format has no types.
    decimal : str
        The decimal sign of numbers in an untyped source.
    types : mapping
        The types of columns of an untyped source that were inferred.
    notes : list of str
        What to tell the user about how the data was read.
    hint : str
        What to try if a column is missing.
    """

    names: Sequence[str] | None
    rows: int | None = None
    index_names: Sequence[str] = ()
    rereadable = False
    untyped = False
    decimal = "."
    types: Mapping[str, str] = MappingProxyType({})
    notes: Sequence[str] = ()
    hint = ""

    @abstractmethod
    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""


class SourceError(NbtrackError, TypeError):
    """The data cannot be read: its type or file format is not supported, or its rows do not fit together.

    Examples
    --------
    >>> from nbtrack import backfill, col
    >>> from nbtrack.tracker import PageView
    >>> backfill(42, PageView(col("address")), dry_run=True)
    Traceback (most recent call last):
    nbtrack.bulk.SourceError: backfill cannot read int; pass a pandas or polars DataFrame, ...
    """


class MissingFileError(SourceError, FileNotFoundError):
    """There is no file of that name.

    Examples
    --------
    >>> from nbtrack import backfill, col
    >>> from nbtrack.tracker import PageView
    >>> backfill("orders.parquet", PageView(col("address")), dry_run=True)
    Traceback (most recent call last):
    nbtrack.bulk.MissingFileError: no such file: orders.parquet
    """


def choose_size(rows: int | None) -> int:
    """Return the number of rows of a chunk: fewer for a small source, so that all threads soon have work."""
    if rows is None:
        return CHUNK_ROWS
    vectors = math.ceil(rows / _MIN_CHUNKS / VECTOR)
    return min(CHUNK_ROWS, max(1, vectors) * VECTOR)


def select_columns(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return some columns of a table; without any, a column that holds the number of rows."""
    return table.select(list(columns)) if columns else pa.table({NO_COLUMN: pa.nulls(table.num_rows)})


def rechunk(tables: Iterable[pa.Table], size: int) -> Iterator[Chunk]:
    """Cut a stream of tables into chunks of one size, so that their borders do not depend on the reader.

    A chunk ends early where the types of the columns change.
    """
    pending: list[pa.Table] = []
    pending_rows = number = row = 0
    for table in tables:
        if pending_rows and table.schema != pending[0].schema:
            yield _make_chunk(number, row, pa.concat_tables(pending))
            number += 1
            row += pending_rows
            pending_rows = 0
        if not pending_rows:
            pending = []
        pending.append(table)
        pending_rows += table.num_rows
        while pending_rows >= size:
            joined = pa.concat_tables(pending)
            yield _make_chunk(number, row, joined.slice(0, size))
            pending = [joined.slice(size)]
            pending_rows -= size
            number += 1
            row += size
    if pending_rows:
        yield _make_chunk(number, row, pa.concat_tables(pending))


def _make_chunk(number: int, first_row: int, table: pa.Table) -> Chunk:
    if REASON_COLUMN not in table.column_names:
        return Chunk(number, first_row, table)
    column = table.column(REASON_COLUMN)
    reasons = {}
    if column.null_count < len(column):
        reasons = {
            row: Reason(*text.split(_REASON_SEPARATOR))
            for row, text in enumerate(column.to_pylist())
            if text is not None
        }
    return Chunk(number, first_row, table.drop_columns([REASON_COLUMN]), reasons=reasons)
