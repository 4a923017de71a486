"""From a chunk of rows to the bytes of its events, and to bodies under the byte limit."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from nbtrack.bulk import columns
from nbtrack.bulk.compiler import POSITION, Compiler
from nbtrack.bulk.source import Chunk


@dataclass(frozen=True, slots=True)
class Body:
    """Neighbouring events that go in one request.

    Parameters
    ----------
    chunk
        Number of the chunk they come from.
    data
        Their bytes, with commas between; a view into the encoded chunk.
    starts
        Where each event begins in ``data``, and one past its end: ``events + 1`` numbers.
    rows
        Each event's position in the source.
    """

    chunk: int
    data: memoryview
    starts: "np.ndarray[Any, np.dtype[np.int64]]"
    rows: "np.ndarray[Any, np.dtype[np.int64]]"

    @property
    def events(self) -> int:
        """How many events it holds."""
        return len(self.rows)

    def split(self) -> tuple["Body", "Body"]:
        """Cut it in the middle."""
        middle = self.events // 2
        return self._part(0, middle), self._part(middle, self.events)

    def payload(self, place: int = 0) -> bytes:
        """Give one event's bytes."""
        return bytes(self.data[self.starts[place] : self.starts[place + 1] - 1])

    def _part(self, first: int, last: int) -> "Body":
        begin, end = int(self.starts[first]), int(self.starts[last])
        return Body(
            self.chunk,
            self.data[begin : end - 1],
            self.starts[first : last + 1] - begin,
            self.rows[first:last],
        )


@dataclass(frozen=True, slots=True)
class Encoded:
    """A chunk's events.

    Parameters
    ----------
    chunk
        Its number.
    rows
        How many rows it has.
    bodies
        Its events, in bodies under the limit.
    ids
        The low 64 bits of each sent row's id, for finding repeated keys; empty where events bring their own.
    faults
        Reason by row's position, of the rows that became no event.
    """

    chunk: int
    rows: int
    bodies: list[Body]
    ids: "np.ndarray[Any, np.dtype[np.uint64]]"
    faults: dict[int, str] = field(default_factory=dict)


class Encoder:
    """Encodes chunks; one for each thread, as a DuckDB connection is not shared.

    Parameters
    ----------
    compiler
        Of the run's event.
    max_body_bytes, max_event_bytes
        Limits of a body's events and of one event, in bytes.
    """

    def __init__(self, compiler: Compiler, max_body_bytes: int, max_event_bytes: int) -> None:
        self._compiler = compiler
        self._max_body, self._max_event = max_body_bytes, max_event_bytes
        self._connection = duckdb.connect(config={"threads": 1})

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def encode(self, chunk: Chunk) -> Encoded:
        """Encode a chunk's rows."""
        table, faults = self._prepare(chunk)
        statement = self._compiler.compile(table.schema.remove_metadata(), frozenset(chunk.objects))
        for extra in statement.precomputed:
            values = chunk.objects.get(extra.col.name)
            if values is None:
                values = columns.to_python(table.column(extra.col.name))
            texts, found = columns.compute(extra.col, values, extra.role)
            table = table.append_column(extra.name, texts)
            faults |= found
        table = table.append_column(
            POSITION, pa.array(np.arange(chunk.first_row, chunk.first_row + len(table)))
        )
        self._connection.register("chunk", table)
        try:
            encoded = self._connection.sql(statement.sql).to_arrow_table()
        finally:
            self._connection.unregister("chunk")
        return self._cut(chunk, encoded, faults)

    def _prepare(self, chunk: Chunk) -> tuple[pa.Table, dict[int, str]]:
        return columns.normalise(chunk.table), {}

    def _cut(self, chunk: Chunk, encoded: pa.Table, faults: dict[int, str]) -> Encoded:
        events = _join(encoded.column("event"))
        ids = encoded.column("id").to_numpy()
        positions = np.arange(chunk.first_row, chunk.first_row + len(events), dtype=np.int64)
        starts, data = _buffers(events)
        sizes = np.diff(starts)
        for row in np.flatnonzero(sizes > self._max_event):
            faults[int(row)] = f"the event has {sizes[row] - 1:,} bytes, more than {self._max_event:,}"
        if events.null_count:
            for row in np.flatnonzero(np.asarray(events.is_null())):
                faults.setdefault(int(row), "a value has no form in this event")
        if faults:
            keep = np.ones(len(events), dtype=bool)
            keep[list(faults)] = False
            events, positions, ids = events.filter(pa.array(keep)), positions[keep], ids[keep]
            starts, data = _buffers(events)
        bodies = list(self._slice(chunk.number, starts, data, positions))
        reasons = {chunk.first_row + row: reason for row, reason in faults.items()}
        known = ids[~np.isnan(ids)].astype(np.uint64) if ids.dtype.kind == "f" else ids
        return Encoded(chunk.number, chunk.table.num_rows, bodies, known, reasons)

    def _slice(self, number: int, starts: Any, data: memoryview, rows: Any) -> Iterator[Body]:
        first = 0
        while first < len(rows):
            last = max(
                first + 1, int(np.searchsorted(starts, starts[first] + self._max_body, side="right")) - 1
            )
            begin, end = int(starts[first]), int(starts[last])
            yield Body(number, data[begin : end - 1], starts[first : last + 1] - begin, rows[first:last])
            first = last


def _join(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _buffers(events: pa.Array) -> tuple[Any, memoryview]:
    """Give where each text begins, and all their bytes, without copying them."""
    if isinstance(events, pa.ChunkedArray):
        events = _join(events)
    if not len(events):
        return np.zeros(1, np.int64), memoryview(b"")
    if pa.types.is_string_view(events.type):
        events = events.cast(pa.large_string())
    width = np.int64 if pa.types.is_large_string(events.type) else np.int32
    _, offsets, data = events.buffers()
    starts = np.frombuffer(offsets, dtype=width)[events.offset : events.offset + len(events) + 1].astype(
        np.int64
    )
    return starts, memoryview(data) if data is not None else memoryview(b"")
