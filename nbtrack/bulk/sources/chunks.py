"""Rows in chunks of one size: what any source gives."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from nbtrack.bulk.duckdb import VECTOR
from nbtrack.common.errors import NbtrackError

# more do not fit into the processor's cache as events: the encoder is a tenth slower
CHUNK_ROWS = 10 * VECTOR
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


class SourceError(NbtrackError, TypeError):
    """The data is of a kind that cannot be read, or a file is not there.

    Examples
    --------
    >>> from nbtrack import backfill, col
    >>> from nbtrack.tracker import PageView
    >>> backfill("orders.parquet", PageView(col("address")), dry_run=True)
    Traceback (most recent call last):
    nbtrack.bulk.sources.chunks.SourceError: no file is at orders.parquet
    """


def choose_size(rows: int | None) -> int:
    """Give the rows of a chunk: fewer for a small source, so that all threads soon have something to do."""
    if rows is None:
        return CHUNK_ROWS
    vectors = math.ceil(rows / _CHUNKS / VECTOR)
    return min(CHUNK_ROWS, max(1, vectors) * VECTOR)


def pick(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Give some columns of a table; where there is none, one that holds the number of rows."""
    return table.select(list(columns)) if columns else pa.table({NO_COLUMN: pa.nulls(table.num_rows)})


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
