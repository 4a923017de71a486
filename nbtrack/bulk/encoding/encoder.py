"""From a chunk of rows to the bytes of its events, and to bodies under the byte limit."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from nbtrack.bulk.duckdb import open_cursor
from nbtrack.bulk.encoding import arrow as tables
from nbtrack.bulk.encoding import expressions as columns
from nbtrack.bulk.encoding import validation as checks
from nbtrack.bulk.encoding.compiler import POSITION, Compiler, Statement
from nbtrack.bulk.encoding.query import query
from nbtrack.bulk.encoding.validation import Judge
from nbtrack.bulk.sending.dead_letters import Letter, event_id
from nbtrack.bulk.sources.chunks import Chunk

Ids = np.ndarray[Any, np.dtype[np.uint64]]
Positions = np.ndarray[Any, np.dtype[np.int64]]
ANY_NUMBER = 1 << 62


@dataclass(frozen=True, slots=True)
class Limits:
    """How large bodies and events may be.

    Parameters
    ----------
    body_bytes, event_bytes
        Of the events of one body with their commas, and of one event.
    body_events
        Events of one body.
    """

    body_bytes: int
    event_bytes: int
    body_events: int = ANY_NUMBER


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
    starts: Positions
    rows: Positions

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
        The rows they come from.
    bodies
        Its events, in bodies under the limits.
    ids
        64 bits of each row's id that tell it from others; 0 for a row without a key, and for one that is no event.
    null_keys
        Positions of the rows without a key.
    moments
        Of each event, milliseconds since 1970; events without a time are not among them.
    letters
        The rows that became no event, or may not be sent.
    invalid
        How many rows break a contract or a schema, sent or not.
    fingerprint
        Tells whether these are the rows of another time.
    """

    chunk: Chunk
    bodies: list[Body]
    ids: Ids
    null_keys: Positions
    moments: Positions
    letters: list[Letter]
    invalid: int
    fingerprint: int

    @property
    def events(self) -> int:
        """How many events it has."""
        return sum(body.events for body in self.bodies)


class Encoder:
    """Encodes chunks; one for each thread.

    Parameters
    ----------
    compiler
        Of the run's event.
    limits
        Of bodies and events.
    send_invalid
        Whether rows that break a contract or a schema are sent all the same.
    """

    def __init__(self, compiler: Compiler, limits: Limits, *, send_invalid: bool = False) -> None:
        self._compiler, self._limits, self._send_invalid = compiler, limits, send_invalid
        self._judge: Judge | None = None
        self._connection = open_cursor()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def encode(self, chunks: Iterable[Chunk]) -> Iterator[Encoded]:
        """Encode the rows of chunks; the next chunk is asked for before the last events of one are given."""
        prepared = map(self._prepare, chunks)
        for statement, alike in itertools.groupby(prepared, key=lambda one: one.statement):
            waiting: deque[_Prepared] = deque()
            for encoded in query(self._connection, statement.sql, _keep(alike, waiting)):
                yield self._finish(waiting.popleft(), encoded)

    def _finish(self, prepared: "_Prepared", encoded: pa.Table) -> Encoded:
        """Make bodies of a chunk's events; put aside the rows that may not be sent."""
        chunk, faults = prepared.chunk, prepared.faults
        events = _join(encoded.column("event"))
        starts, data = _buffers(events)
        invalid = self._judge_rows(encoded.column("sure"), starts, data, faults)
        letters = self._write_letters(chunk, faults, starts, data)
        refused = set(faults) if not self._send_invalid else {row for row in faults if row not in invalid}
        keep = np.ones(len(events), dtype=bool)
        keep[list(refused)] = False
        positions = np.arange(chunk.first_row, chunk.first_row + len(events), dtype=np.int64)
        ids = encoded.column("id")
        without = np.asarray(ids.is_null()) & keep
        known = np.asarray(ids.fill_null(0)).astype(np.uint64, copy=False) * keep
        times = encoded.column("moment")
        if refused:
            events, times = events.filter(pa.array(keep)), times.filter(pa.array(keep))
            starts, data = _buffers(events)
        bodies = list(self._slice(chunk.number, starts, data, positions[keep]))
        moments = np.asarray(times.drop_null()).astype(np.int64, copy=False)
        letters = [letter for letter in letters if letter.row - chunk.first_row in refused]
        # signed, as SQLite holds no other
        fingerprint = int(np.bitwise_xor.reduce(np.asarray(encoded.column("print")))) - (1 << 63)
        return Encoded(chunk, bodies, known, positions[without], moments, letters, len(invalid), fingerprint)

    def _prepare(self, chunk: Chunk) -> "_Prepared":
        """Name the columns by their places; add those that Python evaluates, and the rows' positions."""
        read, faults = tables.drop_far(chunk.table)
        table = tables.normalise(read)
        statement = self._compiler.compile(table.schema.remove_metadata(), frozenset(chunk.objects))
        table = table.rename_columns([tables.number(place) for place in range(table.num_columns)])
        for extra in statement.precomputed:
            values = chunk.objects.get(extra.col.name)
            if values is None:
                values = tables.to_python(read.column(extra.col.name))
            check = checks.check_value(extra.key) if extra.key is not None else None
            texts, found = columns.compute(extra.col, values, extra.role, check)
            table = table.append_column(extra.name, texts)
            faults |= found
        positions = np.arange(chunk.first_row, chunk.first_row + len(table))
        return _Prepared(chunk, table.append_column(POSITION, pa.array(positions)), statement, faults)

    def _judge_rows(
        self, sure: pa.ChunkedArray, starts: Any, data: memoryview, faults: dict[int, str]
    ) -> set[int]:
        """Add the rows that break limits, contracts and schemas to the faults; give those of the last two."""
        sizes = np.diff(starts)
        for row in map(int, np.flatnonzero(sizes > self._limits.event_bytes)):
            faults[row] = f"the event has {sizes[row] - 1:,} bytes, more than {self._limits.event_bytes:,}"
        invalid: set[int] = set()
        for row in map(int, np.flatnonzero(~np.asarray(sure))):
            if row in faults:
                continue
            if self._judge is None:
                self._judge = Judge(self._compiler.schemas, self._compiler.required)
            if reason := self._judge.judge(bytes(data[starts[row] : starts[row + 1] - 1])):
                faults[row] = reason
                invalid.add(row)
        return invalid

    def _write_letters(
        self, chunk: Chunk, faults: dict[int, str], starts: Any, data: memoryview
    ) -> list[Letter]:
        letters = []
        for row, reason in sorted(faults.items()):
            payload = bytes(data[starts[row] : starts[row + 1] - 1])
            letters.append(Letter(chunk.first_row + row, event_id(payload), reason, payload.decode() or None))
        return letters

    def _slice(self, number: int, starts: Any, data: memoryview, rows: Any) -> Iterator[Body]:
        first = 0
        while first < len(rows):
            last = int(np.searchsorted(starts, starts[first] + self._limits.body_bytes, side="right")) - 1
            last = max(first + 1, min(last, first + self._limits.body_events))
            begin, end = int(starts[first]), int(starts[last])
            yield Body(number, data[begin : end - 1], starts[first : last + 1] - begin, rows[first:last])
            first = last


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A chunk as its statement reads it, and the reasons of the rows that are known to be no event."""

    chunk: Chunk
    table: pa.Table
    statement: Statement
    faults: dict[int, str]


def _keep(chunks: Iterable[_Prepared], waiting: deque[_Prepared]) -> Iterator[pa.Table]:
    """Give the tables of chunks, which wait for what becomes of them."""
    for chunk in chunks:
        waiting.append(chunk)
        yield chunk.table


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
