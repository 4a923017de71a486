"""Rows in chunks of one size, which every source yields."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from nbtrack.bulk.duckdb import VECTOR
from nbtrack.common.errors import NbtrackError

CHUNK_ROWS = 10 * VECTOR
"""Rows of a chunk: the events of more do not fit into the processor's cache, and encoding is a tenth slower."""
_MIN_CHUNKS = 8
NO_COLUMN = "__nbtrack_none"
"""Stands for the columns of an event that uses none: it holds the number of rows."""


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
        """Number of rows; None if it is known only at the end."""

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
    """Cut a stream of tables into chunks of one size, so that their borders do not depend on the reader."""
    pending: list[pa.Table] = []
    pending_rows = number = row = 0
    for table in tables:
        pending.append(table)
        pending_rows += table.num_rows
        while pending_rows >= size:
            joined = pa.concat_tables(pending)
            yield Chunk(number, row, joined.slice(0, size))
            pending = [joined.slice(size)]
            pending_rows -= size
            number += 1
            row += size
    if pending_rows:
        yield Chunk(number, row, pa.concat_tables(pending))
