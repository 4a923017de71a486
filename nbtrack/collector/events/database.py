"""The events a collector has, in one SQLite file."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from nbtrack.collector.events.adapters import Parameters, Request
from nbtrack.collector.events.validation import Verdict

SCHEMA = """
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
EVENT_COLUMNS = "request, time, good, event_id, digest, schema, contexts, payload, failure, notes"
INSERT_EVENT = f"INSERT OR IGNORE INTO events ({EVENT_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constants
INSERT_REQUEST = "INSERT INTO requests VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
BY_MINUTE = """
SELECT time / 60000, sum(good), sum(NOT good) FROM events WHERE time >= ? GROUP BY 1 ORDER BY 1 DESC LIMIT 60
"""
COMMITTED = "SELECT time, good, count(*) FROM events WHERE id > ? GROUP BY 1, 2"
MINUTES = 60
TIME_AND_GOOD = itemgetter(1, 2)
Row = tuple[Any, ...]


def digest_of(event: Parameters) -> bytes:
    """Give what two deliveries of one event have in common: everything but the times at which it was made and sent.

    The event's id is part of it, so that the digest alone is the event's identity.
    """
    content = event.copy()
    content.pop("stm", None)
    content.pop("dtm", None)
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def event_row(request: Request, number: int, event: Parameters, verdict: Verdict) -> Row:
    """Give the row of an event."""
    event_id = event.get("eid")
    failure = verdict.failure
    return (
        number,
        request.time,
        failure is None,
        event_id,
        digest_of(event) if event_id else None,
        verdict.schema,
        " ".join(verdict.contexts) or None,
        orjson.dumps(event).decode(),
        None if failure is None else orjson.dumps(failure.as_dict()).decode(),
        orjson.dumps(verdict.notes).decode() if verdict.notes else None,
    )


def request_row(request: Request, number: int, *, keep_body: bool) -> Row:
    """Give the row of a request; its body is kept only where no events could be read from it."""
    return (
        number, request.time, request.method, request.vendor, request.version, request.query, request.content_type,
        orjson.dumps(request.headers).decode(), request.ip, request.useragent, request.referer, request.nuid,
        request.hostname, request.body if keep_body else None,
    )  # fmt: skip


class Database:
    """One writer and any number of readers, by turns.

    Parameters
    ----------
    path : path or None
        None keeps everything in memory.
    lasting : bool
        Whether the file outlives the process; one that does not need never wait for the disk.

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
    """

    def __init__(self, path: Path | str | None, *, lasting: bool = True) -> None:
        self._lock = threading.Lock()
        self._connection = self._open(path)
        # a commit survives the end of the process either way, which is what the reply to a tracker promises
        self._connection.execute(f"PRAGMA synchronous={'NORMAL' if lasting else 'OFF'}")
        self._connection.executescript(SCHEMA)
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
        # identities are spread over their whole index, so that a batch writes most pages of a small one: larger pages are
        # fewer, still larger ones would write too much of a large one; a file that is there already keeps its own
        connection.execute("PRAGMA page_size=8192")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        return connection

    def _count(self) -> None:
        self.good, self.bad, self.last = self._connection.execute(
            "SELECT coalesce(sum(good), 0), coalesce(sum(NOT good), 0), coalesce(max(id), 0) FROM events"
        ).fetchone()
        (self._requests,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM requests").fetchone()
        counters = dict(self._connection.execute("SELECT name, value FROM counters"))
        self.repeats, self.epoch = counters["repeats"], counters["epoch"]
        self.minutes = {
            minute: [good, bad] for minute, good, bad in self._connection.execute(BY_MINUTE, (0,))
        }

    def next_request(self) -> int:
        """Give the number of the next request; only the writer calls this."""
        self._requests += 1
        return self._requests

    def write(self, requests: Iterable[Row], events: Sequence[Row]) -> None:
        """Commit rows; an event that is here already is counted as a repeat."""
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
            self._note(None if repeats else Counter(map(TIME_AND_GOOD, events)))
            self.last += stored

    def _note(self, counted: Mapping[tuple[int, bool], int] | None) -> None:
        """Count what was just committed: how many of each time and verdict, or None to ask the database."""
        if counted is None:
            rows = self._connection.execute(COMMITTED, (self.last,))
            counted = {(time, good): number for time, good, number in rows}
        for (time, good), number in counted.items():
            self.minutes.setdefault(time // 60_000, [0, 0])[0 if good else 1] += number
            if good:
                self.good += number
            else:
                self.bad += number
        while len(self.minutes) > MINUTES:
            del self.minutes[min(self.minutes)]

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a query."""
        with self._read_lock:
            return self._reader.execute(sql, parameters).fetchall()

    def reset(self) -> None:
        """Delete everything."""
        with self._lock:
            self._connection.executescript(
                "BEGIN IMMEDIATE; DELETE FROM events; DELETE FROM requests;"
                "UPDATE counters SET value = 0 WHERE name = 'repeats';"
                "UPDATE counters SET value = value + 1 WHERE name = 'epoch'; COMMIT;"
            )
            self._count()

    def close(self) -> None:
        """Close the connections."""
        if self._reader is not self._connection:
            self._reader.close()
        self._connection.close()
