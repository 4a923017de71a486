"""Incremental backfills: which rows of growing data the next run of a job sends.

A run reads the rows from the watermark on, less the lag. Of those it leaves out what was delivered; rows that failed are
read again whatever their time. A row is known again by its event id and its number in the column `since`.
"""

import hashlib
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nbtrack.bulk.encoding.arrow import join_chunks, prepare_columns
from nbtrack.bulk.encoding.encoder import Encoded, Ids, Positions
from nbtrack.bulk.encoding.event_ids import RECIPE
from nbtrack.bulk.encoding.expressions import evaluate_column
from nbtrack.bulk.models import Reason
from nbtrack.bulk.sending.ledger import LedgerError, open_exclusive, recording
from nbtrack.bulk.sources.chunks import Chunk, Source, SourceError, select_columns
from nbtrack.common.arguments import check_at_least
from nbtrack.common.home import find_home
from nbtrack.common.wording import plural
from nbtrack.template import Col, is_missing

Kind = Literal["time", "number"]
_MIX = np.uint64(0x9E3779B97F4A7C15)
_NO_MARK = np.iinfo(np.int64).min
_PER_MILLISECOND = {"us": 1_000, "ns": 1_000_000}
_DAY = 86_400_000
_TABLES = """
create table if not exists job (
  version integer not null, column text not null, key text not null, kind text, watermark integer
) strict;
create table if not exists delivered (ids blob not null, marks blob not null) strict;
create table if not exists pending (marks blob not null) strict;
"""


@dataclass(frozen=True, slots=True)
class Since:
    """The column that shows which rows are new, and how late a row may come.

    Parameters
    ----------
    column
        Column of times or of growing numbers.
    lag
        Seconds, or a timedelta; for a column of numbers, a number.
    """

    column: str
    lag: float | timedelta = 0

    def __post_init__(self) -> None:
        """Check the options."""
        if not isinstance(self.column, str):
            raise TypeError(f"since must be the name of a column, such as 'updated_at', got {self.column!r}")
        if not isinstance(self.lag, timedelta):
            check_at_least(0, lag=self.lag)
        elif self.lag < timedelta(0):
            raise ValueError(f"lag must be at least 0, got {self.lag!r}")

    def find_lag(self, kind: Kind) -> int:
        """Return the lag in the unit of the marks: milliseconds for times."""
        if kind == "time":
            seconds = self.lag.total_seconds() if isinstance(self.lag, timedelta) else self.lag
            return int(seconds * 1_000)
        if isinstance(self.lag, timedelta):
            raise ValueError(  # noqa: TRY004 - it depends on the data
                f"lag must be a number, since the column {self.column!r} holds numbers, got {self.lag!r}"
            )
        return int(self.lag)


def watermark_path(namespace: uuid.UUID, destination: str, column: str) -> Path:
    """Return the path of a job's file: one for each namespace, collector and column."""
    job = f"{namespace.hex}\n{destination}\n{column}"
    return find_home() / "watermarks" / f"{hashlib.sha256(job.encode()).hexdigest()[:32]}.sqlite"


@dataclass(frozen=True, slots=True)
class Marked:
    """The rows of a chunk, for the record of those that are delivered: three arrays of one length."""

    positions: Positions
    ids: Ids
    marks: Positions

    @classmethod
    def read(cls, encoded: Encoded) -> "Marked":
        """Return the rows of an encoded chunk."""
        return cls(encoded.chunk.positions(), encoded.ids, encoded.chunk.marks)

    def find(self, rows: Any) -> Any:
        """Return the indexes of rows, which are given by their positions in the source."""
        return np.searchsorted(self.positions, np.asarray(rows, np.int64))


class Watermark:
    """A job's file: how far its runs have come, and which rows near that point are delivered or failed.

    Parameters
    ----------
    path
        Path of the SQLite file; its folder is created.
    since
        The column and the lag.
    key
        Columns that the event ids are made from.
    zone
        Time zone of times without one.
    read_only
        Whether nothing is recorded, as in a dry run.
    forget
        Whether what earlier runs delivered is sent again.

    Raises
    ------
    LedgerError
        If the file belongs to a job with other keys, or another process uses it.
    """

    def __init__(
        self,
        path: Path,
        since: Since,
        key: Sequence[str],
        zone: tzinfo = UTC,
        *,
        read_only: bool = False,
        forget: bool = False,
    ) -> None:
        self.path, self._since, self._zone = path, since, zone
        self._kind: Kind | None = None
        self._newest = _NO_MARK
        self._failed: list[Any] = []
        self._connection: sqlite3.Connection | None = None
        self.watermark: int | None = None
        stored: list[tuple[bytes, bytes]] = []
        pending: list[tuple[bytes]] = []
        if not read_only or path.exists():
            connection = self._connection = open_exclusive(path)
            try:
                stored, pending = self._load(connection, key)
            except sqlite3.DatabaseError as error:
                self.close()
                raise LedgerError(
                    f"cannot use {path} as the record of since={since.column!r} ({error})"
                ) from None
            except LedgerError:
                self.close()
                raise
        stored_ids = _join((ids for ids, _ in stored), np.uint64)
        stored_marks = _join((marks for _, marks in stored), np.int64)
        self._pending = _join((marks for (marks,) in pending), np.int64)
        known = _identify(stored_ids, stored_marks)
        self._known = known[:0] if forget else np.unique(known)
        self.first_mark = self._find_start(self.watermark)
        if read_only:
            self.close()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def chunks(self, source: Source, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows that no earlier run has passed, of some columns."""
        names = list(dict.fromkeys([*columns, self._since.column]))
        for chunk in source.chunks(names, size):
            marks, reasons = self._read_marks(chunk)
            known = marks != _NO_MARK
            if known.any():
                self._newest = max(self._newest, int(marks[known].max()))
            wanted = ~known
            if self.first_mark is None:
                wanted |= True
            else:
                wanted |= (marks >= self.first_mark) | np.isin(marks, self._pending)
            indexes = np.flatnonzero(wanted)
            table = select_columns(chunk.table, columns)
            objects = {name: values for name, values in chunk.objects.items() if name in columns}
            reasons = {**reasons, **chunk.reasons}
            if len(indexes) < len(wanted):
                table = table.filter(pa.array(wanted))
                objects = {name: [values[index] for index in indexes] for name, values in objects.items()}
                reasons = {
                    place: reasons[index] for place, index in enumerate(map(int, indexes)) if index in reasons
                }
            yield Chunk(
                chunk.number,
                chunk.first_row,
                table,
                objects,
                reasons,
                rows=chunk.positions()[indexes],
                marks=marks[indexes],
                passed=len(wanted) - len(indexes),
            )

    def find_delivered(self, encoded: Encoded) -> Positions:
        """Return the positions of the rows of a chunk that an earlier run delivered."""
        marked = Marked.read(encoded)
        delivered = np.isin(_identify(marked.ids, marked.marks), self._known) & (marked.ids != 0)
        rows: Positions = marked.positions[delivered]
        return rows

    def deliver(self, marked: Marked, rows: Positions) -> None:
        """Record rows that the collector accepted."""
        if self._connection is not None:
            indexes = marked.find(rows)
            values = (marked.ids[indexes].tobytes(), marked.marks[indexes].tobytes())
            with recording(self.path):
                self._connection.execute("insert into delivered values (?, ?)", values)

    def fail(self, marked: Marked, rows: Any) -> None:
        """Note rows that were not delivered: a later run reads them again."""
        marks = marked.marks[marked.find(rows)]
        self._failed.append(marks[marks != _NO_MARK])

    def finish(self) -> list[str]:
        """Move the watermark after a run that read all rows; return what to report about it."""
        if self._kind is None:
            return []
        newest = self._newest
        if self._kind == "time":  # a time in the future must not hide the rows that come before it
            newest = min(newest, int(time.time() * 1_000))
        following = newest if self.watermark is None else max(newest, self.watermark)
        failed = np.unique(np.concatenate([*self._failed, np.zeros(0, np.int64)]).astype(np.int64))
        if self._connection is not None:
            with recording(self.path):
                self._store(self._connection, following, failed)
        notes = []
        if self.first_mark is not None:
            notes.append(
                f"new rows are those with {self._since.column} from {self._show(self.first_mark)} on"
            )
        if self._connection is not None:
            notes.append(f"the next run begins at {self._show(self._find_start(following))}")
            if count := sum(map(len, self._failed)):
                notes[-1] += f", and tries the {plural(count, 'row')} again that failed"
        return notes

    def _store(self, connection: sqlite3.Connection, watermark: int, failed: Any) -> None:
        stored = connection.execute("select ids, marks from delivered").fetchall()
        ids = _join((ids for ids, _ in stored), np.uint64)
        marks = _join((marks for _, marks in stored), np.int64)
        start = self._find_start(watermark)
        keep = (marks >= (_NO_MARK if start is None else start)) | np.isin(marks, failed)
        connection.execute("begin immediate")
        connection.execute("delete from delivered")
        connection.execute(
            "insert into delivered values (?, ?)", (ids[keep].tobytes(), marks[keep].tobytes())
        )
        connection.execute("delete from pending")
        connection.execute("insert into pending values (?)", (failed.tobytes(),))
        connection.execute("update job set kind = ?, watermark = ?", (self._kind, watermark))
        connection.execute("commit")

    def _load(self, connection: sqlite3.Connection, key: Sequence[str]) -> tuple[list[Any], list[Any]]:
        job = (RECIPE, self._since.column, "\n".join(key))
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        row = connection.execute("select version, column, key, kind, watermark from job").fetchone()
        if row is None:
            connection.execute("insert into job values (?, ?, ?, null, null)", job)
        elif row[:3] != job:
            names = ("the recipe of the event ids", "since", "the key")
            changed = [name for name, old, new in zip(names, row, job, strict=False) if old != new]
            raise LedgerError(
                f"cannot continue after the earlier runs: {' and '.join(changed)} changed; remove {self.path} to send all "
                "rows again, or pass another file as ledger="
            )
        else:
            self._kind, self.watermark = row[3:]
        stored = connection.execute("select ids, marks from delivered").fetchall()
        return stored, connection.execute("select marks from pending").fetchall()

    def _find_start(self, watermark: int | None) -> int | None:
        """Return the first mark that a run from a watermark on reads; None if it reads all."""
        if watermark is None or self._kind is None:
            return None
        return watermark - self._since.find_lag(self._kind)

    def _show(self, mark: int | None) -> str:
        if mark is None or self._kind == "number":
            return f"{mark:,}"
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=mark):%Y-%m-%d %H:%M:%S} UTC"

    def _read_marks(self, chunk: Chunk) -> tuple[Positions, dict[int, str]]:
        """Return the numbers of the rows, and the reasons of the rows that have none."""
        name = self._since.column
        objects = {name: chunk.objects[name]} if name in chunk.objects else {}
        columns = prepare_columns(select_columns(chunk.table, [name]), objects, self._zone)
        column = columns.table.column(name)
        reasons = dict(columns.reasons)
        values = columns.objects.get(name)
        numbers = None if values is not None else _read_numbers(column)
        if numbers is not None:
            kind, array = numbers
            if array.null_count < len(array):
                self._set_kind(kind)
        else:
            values = column.to_pylist() if values is None else values
            found = next((_find_kind(value) for value in values if not is_missing(value)), None)
            if found is not None:
                self._set_kind(found)
            array, wrong = evaluate_column(Col(name), values, "time", None, self._zone)
            reasons |= wrong
            other = {
                row: Reason(f"{name}: not a {self._kind}", repr(value))
                for row, value in enumerate(values)
                if not is_missing(value) and _find_kind(value) != self._kind and row not in reasons
            }
            reasons |= other
        marks = np.array(array.fill_null(_NO_MARK), dtype=np.int64)
        for row in np.flatnonzero(marks == _NO_MARK):
            reasons.setdefault(
                int(row), f"{name} is missing, so it is not known whether an earlier run sent the row"
            )
        marks[list(reasons)] = _NO_MARK
        return marks, reasons

    def _set_kind(self, kind: Kind) -> None:
        if self._kind is None:
            self._kind = kind
            self._since.find_lag(kind)
        elif kind != self._kind:
            raise SourceError(
                f"the column {self._since.column!r} of since= holds {kind}s, and {self._kind}s before"
            )


def _read_numbers(column: pa.ChunkedArray) -> tuple[Kind, Any] | None:
    """Return the numbers of a column as an array of int64, with their kind; None if only Python reads them."""
    type_ = column.type
    is_ = pa.types
    if is_.is_integer(type_) or is_.is_floating(type_):
        floats = is_.is_floating(type_)
        try:
            numbers = pc.floor(column).cast(pa.int64()) if floats else column.cast(pa.int64())
        except pa.ArrowInvalid:  # NaN, or beyond int64
            return None
        return "number", join_chunks(numbers)
    nulls = np.asarray(column.is_null())
    if is_.is_null(type_):
        values = np.zeros(len(column), np.int64)
    elif is_.is_timestamp(type_):
        values = np.asarray(column.cast(pa.int64()).fill_null(0)) // _PER_MILLISECOND[type_.unit]
    elif is_.is_date(type_):
        values = np.asarray(column.cast(pa.int32()).fill_null(0)).astype(np.int64) * _DAY
    else:
        return None
    return "time", pa.array(values, pa.int64(), mask=nulls)


def _find_kind(value: Any) -> Kind:
    is_number = isinstance(value, int | float | Decimal | np.number) and not isinstance(value, bool)
    return "number" if is_number or (isinstance(value, str) and value.lstrip("-").isdecimal()) else "time"


def _identify(ids: Ids, marks: Any) -> Ids:
    """Return one number for each row; ids are random bits already."""
    mixed: Ids = ids ^ (np.ascontiguousarray(marks).view(np.uint64) * _MIX)
    return mixed


def _join(blobs: Iterable[bytes], type_: Any) -> Any:
    return np.frombuffer(b"".join(blobs), dtype=type_)
