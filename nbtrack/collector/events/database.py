"""The collector's database: its events in one SQLite file, all its SQL, and the row it reads and writes."""

import hashlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson

from nbtrack.collector.events.adapters import Parameters, Request
from nbtrack.collector.events.bad_rows import BadRow, sentence
from nbtrack.collector.events.validation import ValidationResult

VERSION = 1
"""Version of the tables, kept in the file's ``user_version``; a file with tables and version 0 has the same ones."""
TABLES = """
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, method TEXT NOT NULL, vendor TEXT NOT NULL, version TEXT NOT NULL,
  query TEXT NOT NULL, content_type TEXT, headers TEXT NOT NULL, ip TEXT, useragent TEXT, referer TEXT, nuid TEXT,
  hostname TEXT, body BLOB
);
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY, request INTEGER NOT NULL, time INTEGER NOT NULL, good INTEGER NOT NULL, event_id TEXT,
  digest BLOB, schema TEXT, contexts TEXT, payload TEXT, failure TEXT, notes TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS identity ON events (digest) WHERE digest IS NOT NULL;
CREATE INDEX IF NOT EXISTS failed ON events (id) WHERE good = 0;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counters VALUES ('repeats', 0), ('epoch', 0);
"""
INSERT_EVENT = """
INSERT OR IGNORE INTO events (request, time, good, event_id, digest, schema, contexts, payload, failure, notes)
VALUES (?,?,?,?,?,?,?,?,?,?)
"""
INSERT_REQUEST = "INSERT INTO requests VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
RESET = """
BEGIN IMMEDIATE;
DELETE FROM events;
DELETE FROM requests;
UPDATE counters SET value = 0 WHERE name = 'repeats';
UPDATE counters SET value = value + 1 WHERE name = 'epoch';
COMMIT;
"""
TOTALS = "SELECT coalesce(sum(good), 0), coalesce(sum(NOT good), 0), coalesce(max(id), 0) FROM events"
LAST_REQUEST = "SELECT coalesce(max(id), 0) FROM requests"
BY_MINUTE = "SELECT time / 60000, sum(good), sum(NOT good) FROM events GROUP BY 1 ORDER BY 1 DESC LIMIT 60"
COMMITTED = "SELECT time, good, count(*) FROM events WHERE id > ? GROUP BY 1, 2"
BY_SCHEMA = (
    "SELECT schema, sum(good), sum(NOT good) FROM events GROUP BY schema ORDER BY count(*) DESC, schema"
)
LATEST = "SELECT time, event_id, schema, good, failure FROM events {} ORDER BY id DESC LIMIT 20"
# rows come in the order of time, so the latest ones are looked at from the end of the table
BY_SECOND = """
SELECT time / 1000, sum(good), sum(NOT good) FROM events
WHERE id > (SELECT coalesce(max(id), 0) FROM events WHERE time < ?) AND time < ? GROUP BY 1
"""
SELECT_EVENTS = """
SELECT e.id, e.good, e.schema, e.contexts, e.payload, e.failure, e.notes, r.time, r.method, r.vendor, r.version, r.query,
  r.content_type, r.headers, r.ip, r.useragent, r.referer, r.nuid, r.hostname, r.body
FROM events e JOIN requests r ON r.id = e.request
"""
# what is JSON already is passed on as it is
SELECT_LINES = """
SELECT '[' || e.id || ',' || e.good || ',' || coalesce(json_quote(e.schema), 'null') || ',' ||
  coalesce(e.failure, 'null') || ',' || coalesce(e.notes, 'null') || ',' || coalesce(e.payload, 'null') || ',' ||
  json_array(r.time, r.vendor, r.version, r.method, r.ip, r.useragent, r.referer, r.nuid, r.hostname) || ']'
FROM events e JOIN requests r ON r.id = e.request
"""
MINUTES = 60
PAGE = 500
"""Rows that are read at a time where a caller may stop early."""


class EventRow(NamedTuple):
    """A row of the table of events, as it is inserted."""

    request: int
    time: int
    good: bool
    event_id: str | None
    digest: bytes | None
    schema: str | None
    contexts: str | None
    payload: str | None
    failure: str | None
    notes: str | None


TIME_AND_GOOD = itemgetter(EventRow._fields.index("time"), EventRow._fields.index("good"))
"""Faster than attributes, for each event of a commit."""


class StoredEvent(NamedTuple):
    """An event, or a request without any, as it is read.

    Attributes
    ----------
    id : int
        Its number in the database.
    good : bool
    schema : str or None
    entities : list of str
        The schemas of its entities; empty where only lines are read.
    payload : dict of str to str or None
        None for a request that no event could be read from.
    failure : dict or None
        From `BadRow.as_dict`.
    notes : list of str
    request : Request
    """

    id: int
    good: bool
    schema: str | None
    entities: list[str]
    payload: Parameters | None
    failure: dict[str, Any] | None
    notes: list[str]
    request: Request

    @classmethod
    def from_line(cls, line: bytes | str) -> Self:
        """Return the event of a line that `Database.read_lines` gave."""
        row, good, schema, failure, notes, payload, request = orjson.loads(line)
        time, vendor, version, method, ip, useragent, referer, nuid, hostname = request
        origin = Request(
            time, method, vendor, version, ip=ip, useragent=useragent, referer=referer, nuid=nuid, hostname=hostname
        )  # fmt: skip
        return cls(row, bool(good), schema, [], payload, failure, notes or [], origin)

    @property
    def reasons(self) -> list[dict[str, Any]]:
        """Why it failed."""
        return list((self.failure or {}).get("reasons", ()))


class EventFilter(NamedTuple):
    """Which events to read.

    Attributes
    ----------
    good : bool or None
        Only good ones, only failed ones, or all.
    schema : str
        Only those of this schema; ``*`` stands for any text, and the empty string for any schema.
    event_id : str
        Only this event, or any.
    """

    good: bool | None = None
    schema: str = ""
    event_id: str = ""

    def condition(self) -> tuple[str, list[Any]]:
        """Return the condition of a WHERE clause and its values."""
        parts: list[str] = ["1"]
        values: list[Any] = []
        if self.good is not None:
            parts.append("e.good = ?")
            values.append(int(self.good))
        if self.schema:
            pattern = self.schema if self.schema.startswith("iglu:") else f"iglu:{self.schema}"
            parts.append("e.schema GLOB ?" if "*" in pattern else "e.schema = ?")
            values.append(pattern)
        if self.event_id:
            parts.append("e.event_id = ?")
            values.append(self.event_id)
        return " AND ".join(parts), values


def digest_of(event: Parameters) -> bytes:
    """Return what two deliveries of one event have in common: everything but the times it was created and sent at.

    The event's id is part of it, so that the digest alone identifies the event.
    """
    content = event.copy()
    content.pop("stm", None)
    content.pop("dtm", None)
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def event_row(request: Request, request_id: int, event: Parameters, result: ValidationResult) -> EventRow:
    """Return the row of an event."""
    event_id = event.get("eid")
    failure = result.failure
    return EventRow(
        request_id,
        request.time,
        failure is None,
        event_id,
        digest_of(event) if event_id else None,
        result.schema,
        " ".join(result.entities) or None,
        orjson.dumps(event).decode(),
        None if failure is None else orjson.dumps(failure.as_dict()).decode(),
        orjson.dumps(result.notes).decode() if result.notes else None,
    )


def failed_request_row(request: Request, request_id: int, failure: BadRow) -> EventRow:
    """Return the row that stands for all events of a request that no event could be read from."""
    text = orjson.dumps(failure.as_dict()).decode()
    return EventRow(request_id, request.time, False, None, None, None, None, None, text, None)


def request_row(request: Request, request_id: int, *, keep_body: bool) -> tuple[Any, ...]:
    """Return the row of a request; its body is only needed where no events could be read from it."""
    return (
        request_id, request.time, request.method, request.vendor, request.version, request.query,
        request.content_type, orjson.dumps(request.headers).decode(), request.ip, request.useragent,
        request.referer, request.nuid, request.hostname, request.body if keep_body else None,
    )  # fmt: skip


class Database:
    """The events of a collector: one writer, and any number of readers that take turns.

    Parameters
    ----------
    path : path or None
        None keeps everything in memory.
    lasting : bool
        Whether the file outlives the process; one that does not never needs to wait for the disk.

    Attributes
    ----------
    good, bad, repeats : int
        Counts of what was committed.
    epoch : int
        How many times everything was deleted.
    last : int
        The highest row number.
    minutes : dict of int to [int, int]
        Good and failed events of the latest minutes (since 1970) in which any came.

    Raises
    ------
    sqlite3.DatabaseError
        If the file is not a database, or one of a later version.
    """

    def __init__(self, path: Path | str | None, *, lasting: bool = True) -> None:
        self._lock = threading.Lock()
        self._connection = self._open(path)
        # a commit survives the end of the process either way, which is what the reply to a tracker promises
        self._connection.execute(f"PRAGMA synchronous={'NORMAL' if lasting else 'OFF'}")
        self._create_tables()
        self._reader = self._connection if path is None else self._open(path)
        self._read_lock = self._lock if path is None else threading.Lock()
        self.good = self.bad = self.repeats = self.epoch = self.last = 0
        self.minutes: dict[int, list[int]] = {}
        self._requests = 0
        self._count()

    @staticmethod
    def _open(path: Path | str | None) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None, timeout=10
        )
        # identities are spread over their whole index, so a batch writes most pages of a small one: with larger pages
        # there are fewer, but still larger ones would write too much of a large index; an existing file keeps its own
        connection.execute("PRAGMA page_size=8192")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        return connection

    def _create_tables(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError(f"the database was written by a later version of nbtrack ({version})")
        self._connection.executescript(f"{TABLES} PRAGMA user_version={VERSION};")

    def _count(self) -> None:
        run = self._connection.execute
        self.good, self.bad, self.last = run(TOTALS).fetchone()
        (self._requests,) = run(LAST_REQUEST).fetchone()
        counters = dict(run("SELECT name, value FROM counters"))
        self.repeats, self.epoch = counters["repeats"], counters["epoch"]
        self.minutes = {minute: [good, bad] for minute, good, bad in run(BY_MINUTE)}

    def next_request(self) -> int:
        """Return the number of the next request; only the writer calls this."""
        self._requests += 1
        return self._requests

    def write(self, requests: Iterable[tuple[Any, ...]], events: Sequence[EventRow]) -> None:
        """Commit rows; an event that is stored already is counted as a repeat."""
        with self._lock:
            run = self._connection
            run.execute("BEGIN IMMEDIATE")
            try:
                run.executemany(INSERT_REQUEST, requests)
                before = run.total_changes
                run.executemany(INSERT_EVENT, events)
                stored = run.total_changes - before
                repeats = len(events) - stored
                if repeats:
                    run.execute("UPDATE counters SET value = value + ? WHERE name = 'repeats'", (repeats,))
                run.execute("COMMIT")
            except BaseException:
                run.execute("ROLLBACK")
                raise
            self.repeats += repeats
            self._add_counts(None if repeats else Counter(map(TIME_AND_GOOD, events)))
            self.last += stored

    def _add_counts(self, committed: Mapping[tuple[int, bool], int] | None) -> None:
        """Add how many events of each time and result were just committed; None asks the database."""
        if committed is None:
            rows = self._connection.execute(COMMITTED, (self.last,))
            committed = {(time, good): count for time, good, count in rows}
        for (time, good), count in committed.items():
            self.minutes.setdefault(time // 60_000, [0, 0])[0 if good else 1] += count
            if good:
                self.good += count
            else:
                self.bad += count
        while len(self.minutes) > MINUTES:
            del self.minutes[min(self.minutes)]

    def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with self._read_lock:
            return self._reader.execute(sql, parameters).fetchall()

    def counts(self) -> dict[str, int]:
        """Return how many events were received; a repeat is not counted again."""
        return {"total": self.good + self.bad, "good": self.good, "bad": self.bad}

    def count_matching(self, chosen: EventFilter) -> int:
        """Return how many events match."""
        if not chosen.schema and not chosen.event_id:
            return {True: self.good, False: self.bad, None: self.good + self.bad}[chosen.good]
        condition, values = chosen.condition()
        ((count,),) = self._read(f"SELECT count(*) FROM events e WHERE {condition}", values)  # noqa: S608 - built above
        return int(count)

    def count_by_schema(self) -> list[dict[str, Any]]:
        """Return counts by the event's schema, the most frequent first."""
        return [{"schema": schema, "good": good, "bad": bad} for schema, good, bad in self._read(BY_SCHEMA)]

    def count_in_spans(self, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the counts of good and failed events in spans of time.

        Parameters
        ----------
        spans : sequence of (int, int)
            Start and end (exclusive), Unix timestamps in milliseconds.
        """
        if not spans:
            return []
        start, end = min(first for first, _ in spans), max(last for _, last in spans)
        seconds = self._read(BY_SECOND, (start, end))
        counts = []
        for first, last in spans:
            inside = [(good, bad) for second, good, bad in seconds if first <= second * 1000 < last]
            counts.append((sum(good for good, _ in inside), sum(bad for _, bad in inside)))
        return counts

    def summary(self) -> dict[str, Any]:
        """Return the counts, the latest events and the latest failed ones, newest first."""
        return {
            **self.counts(),
            "repeats": self.repeats,
            "epoch": self.epoch,
            "last": self._latest(),
            "last_bad": self._latest("WHERE good = 0") if self.bad else [],
        }

    def _latest(self, condition: str = "") -> list[dict[str, Any]]:
        events = []
        for time, event_id, schema, good, failure in self._read(LATEST.format(condition)):
            reasons = orjson.loads(failure)["reasons"] if failure else []
            lines = [sentence(reason["field"], reason["path"], reason["message"]) for reason in reasons]
            events.append(
                {"time": time, "event_id": event_id, "schema": schema, "good": bool(good), "reasons": lines}
            )
        return events

    def read_lines(self, chosen: EventFilter, *, after: int, limit: int, newest: bool = False) -> list[str]:
        """Return events as lines of JSON, which `StoredEvent.from_line` reads.

        Parameters
        ----------
        chosen : EventFilter
        after : int
            Only rows with higher numbers.
        limit : int
            At most so many.
        newest : bool
            Whether the newest come first; the oldest otherwise.
        """
        condition, values = chosen.condition()
        order = "DESC" if newest else "ASC"
        rows = self._read(
            f"{SELECT_LINES} WHERE {condition} AND e.id > ? ORDER BY e.id {order} LIMIT ?",
            [*values, after, limit],
        )
        return [line for (line,) in rows]

    def newest(self, chosen: EventFilter) -> Iterator[StoredEvent]:
        """Yield events, newest first, reading a page at a time."""
        condition, values = chosen.condition()
        before = 1 << 62
        while True:
            rows = self._read(
                f"{SELECT_EVENTS} WHERE {condition} AND e.id < ? ORDER BY e.id DESC LIMIT ?",
                [*values, before, PAGE],
            )
            for row in rows:
                event = _stored_event(*row)
                before = event.id
                yield event
            if len(rows) < PAGE:
                return

    def reset(self) -> None:
        """Delete everything."""
        with self._lock:
            self._connection.executescript(RESET)
            self._count()

    def close(self) -> None:
        """Close the connections."""
        if self._reader is not self._connection:
            self._reader.close()
        self._connection.close()


def _stored_event(
    row: int,
    good: int,
    schema: str | None,
    contexts: str | None,
    payload: str | None,
    failure: str | None,
    notes: str | None,
    *request: Any,
) -> StoredEvent:
    (
        time,
        method,
        vendor,
        version,
        query,
        content_type,
        headers,
        ip,
        useragent,
        referer,
        nuid,
        hostname,
        body,
    ) = request
    return StoredEvent(
        row,
        bool(good),
        schema,
        contexts.split() if contexts else [],
        orjson.loads(payload) if payload else None,
        orjson.loads(failure) if failure else None,
        orjson.loads(notes) if notes else [],
        Request(
            time, method, vendor, version, query, content_type, orjson.loads(headers), ip, useragent, referer,
            nuid, hostname, body or b"",
        ),
    )  # fmt: skip
