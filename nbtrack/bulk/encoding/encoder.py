"""From a chunk of rows to the bytes of its events, and to bodies below the size limit."""

import dataclasses
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

import numpy as np
import pyarrow as pa

from nbtrack.bulk.duckdb import open_cursor
from nbtrack.bulk.encoding.arrow import (
    Columns,
    column_name,
    join_chunks,
    prepare_columns,
    string_buffers,
)
from nbtrack.bulk.encoding.compiler import POSITION, AnyCompiler, Statement
from nbtrack.bulk.encoding.expressions import are_plain_numbers, evaluate_column, evaluate_tree
from nbtrack.bulk.encoding.query import run_query
from nbtrack.bulk.encoding.validation import RowValidator, contract_check
from nbtrack.bulk.models import FailedRow, Reason
from nbtrack.bulk.sources.chunks import Chunk

Ids = np.ndarray[Any, np.dtype[np.uint64]]
Positions = np.ndarray[Any, np.dtype[np.int64]]
UNLIMITED = 1 << 62
MISSING_TIME = "true_timestamp is missing"
MISSING_KEY = "the key is missing, so a later run could not tell whether the row was sent"
_EVENT_ID = re.compile(rb'"eid":"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Limits:
    """How large bodies and events may be.

    Parameters
    ----------
    body_bytes, event_bytes
        Bytes of the events of one body with their commas, and of one event.
    body_events
        Number of events of one body.
    """

    body_bytes: int
    event_bytes: int
    body_events: int = UNLIMITED


@dataclass(frozen=True, slots=True)
class Body:
    """Neighbouring events that are sent in one request.

    Parameters
    ----------
    chunk
        Number of the chunk that they come from.
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
        """Number of events."""
        return len(self.rows)

    def split(self) -> tuple["Body", "Body"]:
        """Return its two halves."""
        middle = self.events // 2
        return self._part(0, middle), self._part(middle, self.events)

    def payload(self, index: int = 0) -> bytes:
        """Return one event's bytes."""
        return bytes(self.data[self.starts[index] : self.starts[index + 1] - 1])

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
    """The events of a chunk.

    Parameters
    ----------
    chunk
        The rows that they come from.
    bodies
        Its events, in bodies below the limits.
    ids
        64 bits of each row's id that distinguish it from others; 0 for a row without a key or without an event.
    null_keys
        Positions of the rows without a key.
    times
        Unix timestamps of the events in milliseconds; events without a time are left out.
    failed
        The rows that became no event, or may not be sent.
    invalid
        Number of rows that break a contract or a schema, sent or not.
    missing_times
        Number of rows without a time, though it comes from a column.
    repaired
        Number of rows with strings that were not valid UTF-8.
    naive
        Whether the time of a row had no time zone.
    fingerprint
        Differs if the rows are not those of an earlier run.
    """

    chunk: Chunk
    bodies: list[Body]
    ids: Ids
    null_keys: Positions
    times: Positions
    failed: list[FailedRow]
    invalid: int
    missing_times: int
    repaired: int
    naive: bool
    fingerprint: int

    @property
    def events(self) -> int:
        """Number of events."""
        return sum(body.events for body in self.bodies)

    def without(self, rows: Positions) -> tuple["Encoded", list[FailedRow]]:
        """Return the chunk without the events of some rows, and these rows.

        Parameters
        ----------
        rows
            Their positions in the source.
        """
        excluded: list[FailedRow] = []
        bodies: list[Body] = []
        for body in self.bodies:
            keep = ~np.isin(body.rows, rows)
            if keep.all():
                bodies.append(body)
                continue
            events = [body.payload(index) for index in range(body.events)]
            excluded += [
                _failed_row(int(body.rows[index]), "", events[index]) for index in np.flatnonzero(~keep)
            ]
            if not keep.any():
                continue
            kept = [events[index] for index in np.flatnonzero(keep)]
            starts = np.cumsum([0, *(len(event) + 1 for event in kept)])
            bodies.append(
                Body(body.chunk, memoryview(b",".join(kept)), starts.astype(np.int64), body.rows[keep])
            )
        return dataclasses.replace(self, bodies=bodies), excluded

    def payloads(self) -> Iterator[bytes]:
        """Yield each event as JSON."""
        for body in self.bodies:
            yield from map(body.payload, range(body.events))


class Encoder:
    """Encodes chunks; one for each thread.

    Parameters
    ----------
    compiler
        Compiler of the run's event.
    limits
        Limits of bodies and events.
    send_invalid
        Whether rows that break a contract or a schema are sent nevertheless.
    send_without_time
        Whether rows without a time are sent nevertheless.
    zone
        Time zone of times without one.
    """

    def __init__(
        self,
        compiler: AnyCompiler,
        limits: Limits,
        *,
        send_invalid: bool = False,
        send_without_time: bool = True,
        zone: tzinfo = UTC,
    ) -> None:
        self._compiler, self._limits, self._send_invalid = compiler, limits, send_invalid
        self._send_without_time, self._zone = send_without_time, zone
        self._validator: RowValidator | None = None
        self._connection = open_cursor()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def encode(self, chunks: Iterable[Chunk]) -> Iterator[Encoded]:
        """Encode the rows of chunks; the next chunk is read before the last events of one are yielded."""
        prepared = map(self._prepare, chunks)
        for statement, alike in itertools.groupby(prepared, key=lambda chunk: chunk.statement):
            pending: deque[_Prepared] = deque()
            for encoded in run_query(self._connection, statement.sql, _keep(alike, pending)):
                yield self._finish(pending.popleft(), encoded)

    def _finish(self, prepared: "_Prepared", encoded: pa.Table) -> Encoded:
        """Make bodies of a chunk's events, and set aside the rows that may not be sent."""
        chunk, reasons = prepared.chunk, prepared.reasons
        events = join_chunks(encoded.column("event"))
        starts, data = string_buffers(events)
        id_bits = encoded.column("id")
        if chunk.marks is not None and id_bits.null_count:
            for row in map(int, np.flatnonzero(np.asarray(id_bits.is_null()))):
                reasons.setdefault(row, MISSING_KEY)
        missing_times = self._find_missing_times(encoded.column("time"), reasons)
        invalid = self._validate(encoded.column("valid"), starts, data, reasons)
        excluded = {row for row in reasons if not (self._send_invalid and row in invalid)}
        failed = [
            FailedRow(chunk.position(row), None, reasons[row], None)
            if row in chunk.reasons
            else _failed_row(
                chunk.position(row), reasons[row], bytes(data[starts[row] : starts[row + 1] - 1])
            )
            for row in sorted(excluded)
        ]
        keep = np.ones(len(events), dtype=bool)
        keep[list(excluded)] = False
        positions, times = chunk.positions(), encoded.column("time")
        null_keys = np.asarray(id_bits.is_null()) & keep
        ids = np.asarray(id_bits.fill_null(0)).astype(np.uint64, copy=False) * keep
        if excluded:
            events, times = events.filter(pa.array(keep)), times.filter(pa.array(keep))
            starts, data = string_buffers(events)
        # signed, since SQLite has no other integers
        fingerprint = int(np.bitwise_xor.reduce(np.asarray(encoded.column("row_hash")))) - (1 << 63)
        return Encoded(
            chunk=chunk,
            bodies=list(self._slice(chunk.number, starts, data, positions[keep])),
            ids=ids,
            null_keys=positions[null_keys],
            times=np.asarray(times.drop_null()).astype(np.int64, copy=False),
            failed=failed,
            invalid=len(invalid),
            missing_times=missing_times,
            repaired=len(prepared.columns.repaired - excluded),
            naive=self._has_naive_times(prepared),
            fingerprint=fingerprint,
        )

    def _prepare(self, chunk: Chunk) -> "_Prepared":
        """Rename the columns by position; add those that Python evaluates, and the rows' positions."""
        columns = prepare_columns(chunk.table, chunk.objects, self._zone)
        table, reasons = columns.table, dict(chunk.reasons)
        reasons |= {row: reason for row, reason in columns.reasons.items() if row not in reasons}
        plain = frozenset(
            name
            for name, decimal in self._compiler.number_columns.items()
            if name not in columns.objects
            and pa.types.is_string(table.column(name).type)
            and are_plain_numbers(table.column(name), decimal)
        )
        statement = self._compiler.compile(table.schema.remove_metadata(), frozenset(columns.objects), plain)
        indexes = range(table.num_columns) if statement.columns is None else statement.columns
        arrays = [table.column(index) for index in indexes]
        names = [column_name(index) for index in indexes]
        for column in statement.precomputed:
            values = columns.objects.get(column.col.name)
            if values is None:
                values = table.column(column.col.name)
            check = contract_check(column.key) if column.key is not None else None
            results, new_reasons = evaluate_column(column.col, values, column.role, check, self._zone)
            arrays.append(results)
            names.append(column.name)
            reasons |= {row: reason for row, reason in new_reasons.items() if row not in reasons}
        for json_column in statement.precomputed_json:
            objects = {
                name: columns.objects.get(name) or table.column(name).to_pylist()
                for name in json_column.columns
            }
            results, new_reasons = evaluate_tree(
                json_column.node.tree, objects, json_column.write, self._zone
            )
            arrays.append(results)
            names.append(json_column.name)
            reasons |= {row: reason for row, reason in new_reasons.items() if row not in reasons}
        arrays.append(pa.array(chunk.positions()))
        return _Prepared(chunk, columns, pa.table(arrays, names=[*names, POSITION]), statement, reasons)

    def _find_missing_times(self, times: pa.ChunkedArray, reasons: dict[int, str]) -> int:
        """Count the rows without a time; unless they are sent, add the reason."""
        if not self._compiler.has_time or not times.null_count:
            return 0
        rows = [row for row in map(int, np.flatnonzero(np.asarray(times.is_null()))) if row not in reasons]
        if not self._send_without_time:
            reasons |= dict.fromkeys(rows, MISSING_TIME)
        return len(rows)

    def _has_naive_times(self, prepared: "_Prepared") -> bool:
        return bool(prepared.columns.naive & self._compiler.time_columns)

    def _validate(
        self, valid: pa.ChunkedArray, starts: Any, data: memoryview, reasons: dict[int, str]
    ) -> set[int]:
        """Add the reasons of rows that break limits, contracts and schemas; return the rows of the last two."""
        sizes = np.diff(starts)
        for row in map(int, np.flatnonzero(sizes > self._limits.event_bytes)):
            size, limit = f"{sizes[row] - 1:,} bytes", f"{self._limits.event_bytes:,}"
            reasons[row] = Reason(
                f"the event has more than {limit} bytes", size, f"the event has {size}, more than {limit}"
            )
        invalid: set[int] = set()
        for row in map(int, np.flatnonzero(~np.asarray(valid))):
            if row in reasons:
                continue
            if self._validator is None:
                self._validator = RowValidator(self._compiler.schemas, self._compiler.required)
            if reason := self._validator.find_error(bytes(data[starts[row] : starts[row + 1] - 1])):
                reasons[row] = reason
                invalid.add(row)
        return invalid

    def _slice(self, number: int, starts: Any, data: memoryview, rows: Any) -> Iterator[Body]:
        first = 0
        while first < len(rows):
            last = int(np.searchsorted(starts, starts[first] + self._limits.body_bytes, side="right")) - 1
            last = max(first + 1, min(last, first + self._limits.body_events))
            begin, end = int(starts[first]), int(starts[last])
            yield Body(number, data[begin : end - 1], starts[first : last + 1] - begin, rows[first:last])
            first = last


def refused_rows(body: Body, reason: str) -> list[FailedRow]:
    """Return the rows of a body that the collector refused."""
    return [
        _failed_row(int(row), reason, body.payload(index), refused=True)
        for index, row in enumerate(body.rows)
    ]


def _failed_row(row: int, reason: str, payload: bytes, *, refused: bool = False) -> FailedRow:
    match = _EVENT_ID.search(payload)
    event_id = match[1].decode() if match else None
    return FailedRow(row, event_id, reason, payload.decode() or None, refused=refused)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A chunk as its statement reads it, and the reasons of the rows that cannot become an event."""

    chunk: Chunk
    columns: Columns
    table: pa.Table
    statement: Statement
    reasons: dict[int, str]


def _keep(chunks: Iterable[_Prepared], pending: deque[_Prepared]) -> Iterator[pa.Table]:
    """Yield the tables of chunks, and keep the chunks for the results."""
    for chunk in chunks:
        pending.append(chunk)
        yield chunk.table
