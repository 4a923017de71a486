"""The Parquet file of the rows that were not delivered, with the reason and the event of each."""

from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nbtrack.bulk.duckdb import open_cursor
from nbtrack.bulk.models import FAILED_ROW_SCHEMA, FailedRow
from nbtrack.bulk.sources.frames import RelationSource
from nbtrack.common.home import make_private

_BUFFERED = 5_000
"""Rows in memory before they are written."""


class DeadLetters:
    """Writes failed rows to a Parquet file, which is created for the first one.

    Parameters
    ----------
    path
        Path of the file, which only its user can read; an existing file is replaced and keeps its mode.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._buffer: list[FailedRow] = []
        self._writer: Any = None

    def add(self, rows: Iterable[FailedRow]) -> None:
        """Store rows; only one thread at a time may call it."""
        self._buffer += rows
        if len(self._buffer) >= _BUFFERED:
            self._write()

    def close(self) -> Path | None:
        """Finish the file and return its path; None if no row failed."""
        if self._buffer:
            self._write()
        if self._writer is None:
            return None
        self._writer.close()
        return self.path

    def _write(self) -> None:
        if self._writer is None:
            make_private(self.path)
            self._writer = pq.ParquetWriter(self.path, FAILED_ROW_SCHEMA, compression="zstd")
        columns = zip(*map(astuple, self._buffer), strict=True)
        self._writer.write_table(pa.table([list(values) for values in columns], schema=FAILED_ROW_SCHEMA))
        self._buffer = []


def open_dead_letters(path: Path, *, invalid: bool) -> RelationSource:
    """Return the events in a file: those that a collector refused, and the invalid ones if asked."""
    condition = "true" if invalid else "refused"
    connection = open_cursor()
    rows = connection.read_parquet(str(path)).filter(f"payload is not null and {condition}")
    source = RelationSource(rows, connection)
    source.rows = rows.count("*").fetchall()[0][0]
    return source
