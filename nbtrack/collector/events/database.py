"""The collector's database: its events in one SQLite file, and all its SQL.

A request's body is kept once, as it came; an event is a small row that says where it is in the body. Schemas and other
repeated text are numbers. An event's identity is an integer made of its id.
"""

import contextlib
import hashlib
import logging
import queue
import sqlite3
import struct
import threading
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice, repeat
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from nbtrack.collector.events.adapters import Parameters, PayloadForm, Request, events_of
from nbtrack.collector.events.bad_rows import BadRow
from nbtrack.collector.events.validation import ValidationResult
from nbtrack.common.collector_address import DATABASE_VERSION

LOG = logging.getLogger("nbtrack.collector")
TABLES = """
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, good INTEGER NOT NULL, bad INTEGER NOT NULL, method TEXT NOT NULL,
  vendor TEXT NOT NULL, version TEXT NOT NULL, query TEXT NOT NULL, content_type TEXT, headers TEXT NOT NULL, ip TEXT,
  useragent TEXT, referer TEXT, nuid TEXT, hostname TEXT, campaigns INTEGER NOT NULL, form INTEGER NOT NULL, payload BLOB
);
CREATE INDEX IF NOT EXISTS requests_by_time ON requests (time);
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY, request INTEGER NOT NULL, position INTEGER NOT NULL, kind INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS kinds (
  id INTEGER PRIMARY KEY, good INTEGER NOT NULL, schema INTEGER NOT NULL, entities INTEGER NOT NULL,
  app INTEGER NOT NULL, session INTEGER NOT NULL, UNIQUE (good, schema, entities, app, session)
);
CREATE TABLE IF NOT EXISTS results (event INTEGER PRIMARY KEY, failure TEXT, notes TEXT);
CREATE TABLE IF NOT EXISTS identities (key INTEGER PRIMARY KEY, event INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS recent_identities (first INTEGER PRIMARY KEY, keys BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS passed_identities (key INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counters VALUES ('repeats', 0), ('epoch', 0), ('removed', 0);
"""
RENAME_OLD_TABLES = """
BEGIN IMMEDIATE;
DROP INDEX IF EXISTS identity;
DROP INDEX IF EXISTS failed;
ALTER TABLE events RENAME TO old_events;
ALTER TABLE requests RENAME TO old_requests;
"""
OLD_EVENTS = """
SELECT e.id, e.request, e.good, e.schema, e.contexts, e.payload, e.failure, e.notes, r.time, r.method, r.vendor,
  r.version, r.query, r.content_type, r.headers, r.ip, r.useragent, r.referer, r.nuid, r.hostname, r.body
FROM old_events e JOIN old_requests r ON r.id = e.request
WHERE e.request IN (SELECT id FROM old_requests ORDER BY id LIMIT ?) ORDER BY e.id
"""
INSERT_REQUEST = "INSERT INTO requests VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
INSERT_EVENT = "INSERT INTO events VALUES (?,?,?,?)"
INSERT_RUN = """
WITH RECURSIVE place(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM place WHERE n + 1 < ?)
INSERT INTO events SELECT ? + n, ?, n, ? FROM place
"""
"""Inserts the events of a request whose events are all of one kind, in a third of the time of one by one."""
HAS_IDENTITIES = """
SELECT EXISTS (SELECT 1 FROM json_each(?) AS new CROSS JOIN identities ON identities.key = new.value)
"""
INSERT_RESULT = "INSERT INTO results VALUES (?,?,?)"
INSERT_IDENTITY = "INSERT OR IGNORE INTO identities VALUES (?,?)"
DELETE_IDENTITIES = """
DELETE FROM identities WHERE key BETWEEN ? AND ? AND event NOT IN (SELECT id FROM events)
AND key NOT IN (SELECT key FROM passed_identities)
"""
INSERT_PASSED = "INSERT OR IGNORE INTO passed_identities VALUES (?)"
REQUEST_OF = """
SELECT good + bad, form, payload FROM events JOIN requests ON requests.id = request
WHERE events.id = ? AND position = 0
"""
"""The request that begins with an event."""
SELECT_REQUESTS = """
SELECT id, campaigns, form, payload, headers, time, method, vendor, version, query, content_type, NULL, ip, useragent,
  referer, nuid, hostname FROM requests WHERE id IN ({})
"""
"""The last columns are fields of `Request`, in their order."""
SELECT_EVENTS = """
SELECT events.id, request, position, good, schema, entities, failure, notes
FROM events JOIN kinds ON kinds.id = kind LEFT JOIN results ON event = events.id
"""
SELECT_RESULTS = """
SELECT event, schema, failure, notes FROM results JOIN events ON events.id = event JOIN kinds ON kinds.id = kind
WHERE event BETWEEN ? AND ?
"""
RESET = """
BEGIN IMMEDIATE;
DELETE FROM events;
DELETE FROM results;
DELETE FROM requests;
DELETE FROM identities;
DELETE FROM recent_identities;
DELETE FROM passed_identities;
UPDATE counters SET value = 0 WHERE name IN ('repeats', 'removed');
UPDATE counters SET value = value + 1 WHERE name = 'epoch';
COMMIT;
"""
TOTALS = "SELECT coalesce(sum(good), 0), coalesce(sum(bad), 0) FROM requests"
BY_MINUTE = "SELECT time / 60000, sum(good), sum(bad) FROM requests GROUP BY 1 ORDER BY 1 DESC LIMIT 60"
BY_SECOND = "SELECT time / 1000, sum(good), sum(bad) FROM requests WHERE time >= ? AND time < ? GROUP BY 1"
BY_SCHEMA = """
SELECT schema, good, sum(n) FROM (SELECT kind, count(*) AS n FROM events GROUP BY kind) JOIN kinds ON kinds.id = kind
GROUP BY 1, 2
"""
LARGE_SOURCES = """
SELECT app, schema, sum(n) FROM (SELECT kind, count(*) AS n FROM events GROUP BY kind) JOIN kinds ON kinds.id = kind
GROUP BY 1, 2 HAVING sum(n) > ?
"""
MINUTES = 60
LATEST = 20
"""Events that a summary shows."""
CHUNK = 500
"""Values of one condition."""
PAGE = 1000
"""Events that are read at a time where a caller may stop early."""
REMOVED_AT_ONCE = 2_000
COMPACTING_STEPS = 64
VACUUMED_PAGES = 1_000
BUSY_MILLISECONDS = 10_000
OLD_REQUESTS = 200
"""Requests of an earlier version that are converted at a time."""
MAX_IDENTITY = (1 << 63) - 1
UUID_LENGTH = 36
DELIVERY_KEYS = ("stm", "dtm")
"""What differs between two deliveries of one event: when it was sent, and when a backfill that ran again made it."""
MAX_CACHED = 20_000
"""Names and kinds whose numbers are kept in memory."""
MAX_RECENT = 30_000
"""Identities that are not yet in their table."""
NO_IDENTITY = -1
"""Stands for an event without an id."""
SAME_ID = 15
"""Events of one id with different content that are found by it, besides the first."""


class StoredEvent(NamedTuple):
    """An event, or a request without any.

    Attributes
    ----------
    id : int
        Its number in the database.
    good : bool
    schema : str or None
    entities : list of str
        The schemas of its entities.
    payload : dict of str to str or None
        None for a request that no event could be read from.
    failure : dict or None
        From `BadRow.as_dict`.
    notes : list of str or dict
        What a pipeline might do differently; a dict is a finding about the event's specification in a tracking plan.
    request : Request
    """

    id: int
    good: bool
    schema: str | None
    entities: list[str]
    payload: Parameters | None
    failure: dict[str, Any] | None
    notes: list[str | dict[str, str]]
    request: Request

    @property
    def findings(self) -> list[dict[str, str]]:
        """What does not match the event's specification in a tracking plan."""
        return [note for note in self.notes if isinstance(note, dict)]

    @property
    def reasons(self) -> list[dict[str, Any]]:
        """Why it failed."""
        return list((self.failure or {}).get("reasons", ()))


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to read.

    Attributes
    ----------
    good : bool or None
        Only good ones, only failed ones, or all.
    schema : str
        Only those of this schema; ``*`` stands for any text, and the empty string for any schema.
    name : str
        Only those whose schema has this name.
    event_id, app_id, session : str
        Only this event, or those of this application or session.
    since, until : int or None
        Only those that arrived at or after the first, and before the second, Unix timestamps in milliseconds.
    after, before : int
        Only those with a higher number than the first, and a lower one than the second; 0 for no limit.
    only_events : bool
        Whether requests that no event could be read from are left out.
    only_findings : bool
        Whether only events that do not match their specification in a tracking plan are read.
    """

    good: bool | None = None
    schema: str = ""
    name: str = ""
    event_id: str = ""
    app_id: str = ""
    session: str = ""
    since: int | None = None
    until: int | None = None
    after: int = 0
    before: int = 0
    only_events: bool = False
    only_findings: bool = False


@dataclass(slots=True)
class ValidatedRequest:
    """A request whose events are ready to be stored.

    Attributes
    ----------
    request : Request
    events : list of dict of str to str
    results : list of ValidationResult
        One for each event.
    form : PayloadForm
    payload : bytes
        The events, in this form.
    failure : BadRow or None
        Why no event could be read from the request.
    """

    request: Request
    events: list[Parameters] = field(default_factory=list)
    results: list[ValidationResult] = field(default_factory=list)
    form: PayloadForm = PayloadForm.UNREADABLE
    payload: bytes = b""
    failure: BadRow | None = None


def identity_of(event_id: str) -> int:
    """Return the integer by which an event id is found."""
    if len(event_id) == UUID_LENGTH:
        try:
            # the digits of half of it, which are in the first three of its groups
            return int(event_id[:18].replace("-", ""), 16) >> 1 & MAX_IDENTITY
        except ValueError:
            pass
    return _digest(event_id.encode("utf-8", "surrogatepass"))


def identities_of(event_ids: Sequence[str]) -> list[int]:
    """Return `identity_of` each event id, which is faster than one by one."""
    joined = "".join(event_ids)
    count = len(event_ids)
    dashes = "-" * count
    if (
        len(joined) == UUID_LENGTH * count
        and joined.count("-") == 4 * count
        and all(joined[place::UUID_LENGTH] == dashes for place in (8, 13, 18, 23))
        and set(map(len, event_ids)) == {UUID_LENGTH}
    ):
        digits = joined.replace("-", "")
        with contextlib.suppress(ValueError):
            halves = struct.unpack(f">{2 * count}Q", bytes.fromhex(digits))
            return [half >> 1 for half in halves[::2]]
    return [identity_of(event_id) for event_id in event_ids]


def is_same_event(event: Parameters, stored: Parameters) -> bool:
    """Check whether two deliveries are of one event: all is equal but the times it was created and sent at."""
    if event == stored:
        return True
    times = {key: event[key] for key in DELIVERY_KEYS if key in event}
    content = {key: text for key, text in stored.items() if key not in DELIVERY_KEYS}
    return event == content | times


class Database:
    """The events of a collector: one writer, and readers beside it on connections of their own.

    Parameters
    ----------
    path : path or None
        None keeps everything in memory.
    lasting : bool
        Whether the file outlives the process; one that does not never needs to wait for the disk.

    Attributes
    ----------
    good, bad, repeats, removed : int
        Counts of what was committed; removed are the events that retention or a user deleted.
    epoch : int
        How many times everything was deleted.
    last : int
        The highest event number.
    minutes : dict of int to [int, int]
        Good and failed events of the latest minutes (since 1970) in which any came.
    latest, latest_bad, latest_repeats : deque of dict
        What a summary shows of the newest events, newest last.

    Raises
    ------
    sqlite3.DatabaseError
        If the file is not a database, or one of a later version.
    """

    def __init__(self, path: Path | str | None, *, lasting: bool = True) -> None:
        self._lock = threading.RLock()
        self._path = path
        self._lasting = lasting
        self._connection = self._open(path)
        # a commit survives the end of the process either way, which is what the reply to a tracker promises
        self._connection.execute(f"PRAGMA synchronous={'NORMAL' if lasting else 'OFF'}")
        self._create_tables()
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._all_readers: list[sqlite3.Connection] = []
        self._ids: dict[str, int] = {}
        self._kinds: dict[tuple[bool, str | None, str | None, str | None, str | None], int] = {}
        self._texts: dict[int, str] = {}
        self.good = self.bad = self.repeats = self.epoch = self.removed = self.last = 0
        self.minutes: dict[int, list[int]] = {}
        self.latest: deque[dict[str, Any]] = deque(maxlen=LATEST)
        self.latest_bad: deque[dict[str, Any]] = deque(maxlen=LATEST)
        self.latest_repeats: deque[dict[str, Any]] = deque(maxlen=LATEST)
        self._last_request = 0
        self._identities = _Identities(self._connection, self._events_at)
        # by the number of a schema, and whether they are good; all events are read for it, once it is asked for
        self._by_schema: Counter[tuple[int, bool]] | None = None
        self._count()
        self._identities.load()
        self._read_latest()

    @staticmethod
    def _open(path: Path | str | None) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path or ":memory:",
            check_same_thread=False,
            isolation_level=None,
            timeout=BUSY_MILLISECONDS / 1000,
        )
        # an existing file keeps its own page size, and a database with tables its own way of vacuuming
        connection.execute("PRAGMA page_size=8192")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA cache_size=-32768")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        return connection

    def _create_tables(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > DATABASE_VERSION:
            raise sqlite3.DatabaseError(f"the database was written by a later version of nbtrack ({version})")
        is_old = version < DATABASE_VERSION and self._has_table("events")
        rename = RENAME_OLD_TABLES if is_old else "BEGIN IMMEDIATE;"
        self._connection.executescript(f"{rename} {TABLES} PRAGMA user_version={DATABASE_VERSION}; COMMIT;")

    def _has_table(self, name: str) -> bool:
        rows = self._connection.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)
        )
        return rows.fetchone() is not None

    def _count(self) -> None:
        run = self._connection.execute
        self.good, self.bad = run(TOTALS).fetchone()
        (self.last,) = run("SELECT coalesce(max(id), 0) FROM events").fetchone()
        (self._last_request,) = run("SELECT coalesce(max(id), 0) FROM requests").fetchone()
        if self._has_table("old_events"):
            # new rows come after those that will be converted
            (last,) = run("SELECT coalesce(max(id), 0) FROM old_events").fetchone()
            (last_request,) = run("SELECT coalesce(max(id), 0) FROM old_requests").fetchone()
            self.last, self._last_request = max(self.last, last), max(self._last_request, last_request)
        counters = dict(run("SELECT name, value FROM counters"))
        self.repeats, self.epoch, self.removed = (counters[name] for name in ("repeats", "epoch", "removed"))
        self.minutes = {minute: [good, bad] for minute, good, bad in run(BY_MINUTE)}

    def _read_latest(self) -> None:
        self.latest.clear()
        self.latest_bad.clear()
        self.latest_repeats.clear()
        for good, events in ((None, self.latest), (False, self.latest_bad)):
            for event in reversed(self.read(EventFilter(good), limit=LATEST, newest=True)):
                summary = _summary(
                    event.request,
                    event.payload,
                    event.schema,
                    good=event.good,
                    failure=None,
                    findings=event.findings,
                )
                events.append(summary | {"reasons": event.reasons})

    # Writing

    def write(self, requests: Sequence[ValidatedRequest]) -> None:
        """Commit requests and their events; an event that is stored already is counted as a repeat."""
        with self._lock:
            before = self.last, self._last_request
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                counts = self._insert(requests)
                self._connection.execute("COMMIT")
            except BaseException:
                self.last, self._last_request = before
                self._ids.clear()
                self._kinds.clear()
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                    self._identities.load()
                raise
            self._add_counts(counts)

    def _insert(self, requests: Sequence[ValidatedRequest]) -> "_Counts":
        batch = _Batch(self._kind_of, self.last)
        request_ids = range(self._last_request + 1, self._last_request + 1 + len(requests))
        for request_id, validated in zip(request_ids, requests, strict=True):
            batch.add(request_id, validated, is_repeat=self._is_stored(validated))
        runs, rows, results, counts = batch.runs, batch.rows, batch.results, batch.counts
        repeats: set[int] = set()
        if not self._identities.insert_all(self.last + 1, batch.keys):
            repeats = self._identities.insert(batch.identities(), batch.payloads())
        if repeats:
            rows = [row for row in batch.all_rows() if row[0] not in repeats]
            runs = []
            results = [row for row in results if row[0] not in repeats]
            failed = {row for row, failure, _ in results if failure is not None}
            counts = {request_id: [0, 0] for request_id in request_ids}
            for row, request_id, _, _ in rows:
                counts[request_id][row in failed] += 1
        repeats |= batch.repeats
        if repeats:
            self._connection.execute(
                "UPDATE counters SET value = value + ? WHERE name = 'repeats'", (len(repeats),)
            )
        stored = [
            _request_row(request_id, counts[request_id], validated)
            for request_id, validated in zip(request_ids, requests, strict=True)
            if any(counts[request_id])
        ]
        self._connection.executemany(INSERT_REQUEST, stored)
        self._connection.executemany(INSERT_EVENT, rows)
        for run in runs:
            self._connection.execute(INSERT_RUN, run)
        self._connection.executemany(INSERT_RESULT, results)
        self.last = batch.last
        self._last_request += len(requests)
        result = _Counts(repeats=len(repeats), by_schema=self._count_kinds(rows, runs))
        for request_id, validated in zip(request_ids, requests, strict=True):
            good, bad = counts[request_id]
            result.times.append((validated.request.time, good, bad))
        batch.add_latest(result, repeats)
        return result

    def _count_kinds(
        self, rows: Iterable[tuple[int, int, int, int]], runs: Iterable["_Run"]
    ) -> Counter[tuple[int, bool]]:
        """Return how many of new events are of each schema, good and failed."""
        kinds = Counter(kind for *_, kind in rows)
        for run in runs:
            kinds[run.kind] += run.events
        counts: Counter[tuple[int, bool]] = Counter()
        for chunk in _chunks(list(kinds)):
            query = f"SELECT id, schema, good FROM kinds WHERE id IN ({','.join('?' * len(chunk))})"
            for kind, schema, good in self._connection.execute(query, chunk):
                counts[schema, bool(good)] += kinds[kind]
        return counts

    def _is_stored(self, validated: ValidatedRequest) -> bool:
        """Check whether all events of a request came in one request before, as they do when it is sent again.

        This is quick, and may miss repeats: those are found one by one.
        """
        events = validated.events
        if not events or not all(event.get("eid") for event in events):
            return False
        first = self._identities.event_of(identity_of(events[0]["eid"]))
        row = self._connection.execute(REQUEST_OF, (first,)).fetchone()
        if row is None or row[0] != len(events):
            return False
        stored = events_of(PayloadForm(row[1]), row[2])
        # the payload still has a place for each event that was deleted since
        return len(stored) == len(events) and all(map(is_same_event, events, stored))

    def _add_counts(self, counts: "_Counts") -> None:
        self.repeats += counts.repeats
        if self._by_schema is not None:
            self._by_schema.update(counts.by_schema)
        for time, good, bad in counts.times:
            self.good += good
            self.bad += bad
            if good or bad:
                minute = self.minutes.setdefault(time // 60_000, [0, 0])
                minute[0] += good
                minute[1] += bad
        while len(self.minutes) > MINUTES:
            del self.minutes[min(self.minutes)]
        self.latest.extend(counts.latest)
        self.latest_bad.extend(counts.latest_bad)
        self.latest_repeats.extend(counts.latest_repeats)

    def _id_of(self, text: str | None) -> int | None:
        """Return the number of a text, a new one for a new text; only the writer calls this."""
        if text is None:
            return None
        number = self._ids.get(text)
        if number is None:
            run = self._connection.execute
            row = run("SELECT id FROM names WHERE text = ?", (text,)).fetchone()
            number = int(
                row[0] if row else run("INSERT INTO names (text) VALUES (?)", (text,)).lastrowid or 0
            )
            if len(self._ids) > MAX_CACHED:
                self._ids.clear()
            self._ids[text] = number
        return number

    def _kind_of(
        self, good: bool, schema: str | None, entities: str | None, app: str | None, session: str | None
    ) -> int:
        """Return the number of what events of one kind have in common; only the writer calls this."""
        key = (good, schema, entities, app, session)
        number = self._kinds.get(key)
        if number is None:
            run = self._connection.execute
            values = (int(good), *(self._id_of(text) or 0 for text in (schema, entities, app, session)))
            run(
                "INSERT OR IGNORE INTO kinds (good, schema, entities, app, session) VALUES (?,?,?,?,?)",
                values,
            )
            row = run(
                "SELECT id FROM kinds WHERE good = ? AND schema = ? AND entities = ? AND app = ? AND session = ?",
                values,
            ).fetchone()
            number = int(row[0])
            if len(self._kinds) > MAX_CACHED:
                self._kinds.clear()
            self._kinds[key] = number
        return number

    def convert_old_events(self) -> bool:
        """Convert some events of an earlier version's tables, and return whether there are more."""
        with self._lock:
            if not self._has_table("old_events"):
                return False
            run = self._connection.execute
            rows = run(OLD_EVENTS, (OLD_REQUESTS,)).fetchall()
            run("BEGIN IMMEDIATE")
            try:
                counts = self._convert(rows)
                run("DELETE FROM old_events WHERE id <= ?", (rows[-1][0] if rows else 0,))
                run(
                    "DELETE FROM old_requests WHERE id IN (SELECT id FROM old_requests ORDER BY id LIMIT ?)",
                    (OLD_REQUESTS,),
                )
                has_more = run("SELECT 1 FROM old_requests").fetchone() is not None
                if not has_more:
                    run("DROP TABLE old_events")
                    run("DROP TABLE old_requests")
                run("COMMIT")
            except BaseException:
                run("ROLLBACK")
                self._identities.load()
                self._ids.clear()
                self._kinds.clear()
                raise
            self._add_counts(counts)
            if not has_more:
                self._read_latest()
            return has_more

    def _convert(self, rows: Iterable[Sequence[Any]]) -> "_Counts":
        counts = _Counts()
        groups: dict[int, list[Sequence[Any]]] = {}
        for row in rows:
            groups.setdefault(row[1], []).append(row)
        identities, payloads, event_rows, results, requests = [], {}, [], [], []
        for request_id, events in groups.items():
            time, method, vendor, version, query, content_type, headers, *origin, hostname, body = events[0][
                8:
            ]
            ip, useragent, referer, nuid = origin
            request = Request(
                time, method, vendor, version, query, content_type, [], ip, useragent, referer, nuid, hostname
            )
            texts = [row[5] for row in events]
            unreadable = texts == [None]
            good = sum(bool(row[2]) for row in events)
            form = PayloadForm.UNREADABLE if unreadable else PayloadForm.EVENTS
            payload = (
                (body or b"") if unreadable else f"[{','.join(text or 'null' for text in texts)}]".encode()
            )
            requests.append(
                (request_id, time, good, len(events) - good, *_origin(request, headers), 0, form, payload)
            )
            counts.times.append((time, good, len(events) - good))
            for position, (row, _, is_good, schema, entities, text, failure, notes, *_rest) in enumerate(
                events
            ):
                event = orjson.loads(text) if text else {}
                if event.get("eid"):
                    identities.append((identity_of(event["eid"]), row))
                    payloads[row] = event
                kind = self._kind_of(bool(is_good), schema, entities, event.get("aid"), event.get("sid"))
                event_rows.append((row, request_id, -1 if unreadable else position, kind))
                if failure or notes:
                    results.append((row, failure, notes))
        counts.by_schema = self._count_kinds(event_rows, ())
        repeats = self._identities.insert(identities, payloads)
        self._connection.executemany(INSERT_REQUEST, requests)
        self._connection.executemany(INSERT_EVENT, event_rows)
        self._connection.executemany(INSERT_RESULT, results)
        if repeats:
            # what came while the conversion ran has the identity already; the earlier event is kept as well
            LOG.info("%d events were received again during the conversion", len(repeats))
        return counts

    def forget(self, chosen: EventFilter) -> int:
        """Delete the events that match, in the bodies of their requests too, and return their number."""
        with self._lock:
            condition, values = self._condition(self._connection, chosen)
            query = f"SELECT events.id FROM events WHERE {condition}"
            ids = [row for (row,) in self._connection.execute(query, values)]
            if chosen.event_id:
                # ids that are alike are found by the same number
                ids = [event.id for event in self.read(chosen, limit=len(ids))]
        return sum(self._remove(ids, erase=True))

    def _remove(self, ids: Sequence[int], *, erase: bool) -> Iterator[int]:
        """Delete events in short steps, so that requests are stored in between; yield how many each step deleted."""
        for start in range(0, len(ids), REMOVED_AT_ONCE):
            yield self._remove_events(ids[start : start + REMOVED_AT_ONCE], erase=erase)
        if ids:
            for _ in self._compact():
                yield 0

    def _remove_events(self, ids: Sequence[int], *, erase: bool) -> int:
        with self._lock:
            run = self._connection.execute
            removed = [0, 0]
            by_schema: Counter[tuple[int, bool]] = Counter()
            run("BEGIN IMMEDIATE")
            try:
                for chunk in _chunks(ids):
                    marks = ",".join("?" * len(chunk))
                    places = run(
                        f"SELECT request, position, good, schema FROM events JOIN kinds ON kinds.id = kind WHERE events.id IN ({marks})",
                        chunk,
                    ).fetchall()
                    run(f"DELETE FROM events WHERE id IN ({marks})", chunk)
                    run(f"DELETE FROM results WHERE event IN ({marks})", chunk)
                    self._remove_places([place[:3] for place in places], erase=erase)
                    for _, _, is_good, schema in places:
                        removed[is_good] += 1
                        by_schema[schema, bool(is_good)] += 1
                run("UPDATE counters SET value = value + ? WHERE name = 'removed'", (len(ids),))
                run("COMMIT")
            except BaseException:
                run("ROLLBACK")
                raise
            self.bad -= removed[0]
            self.good -= removed[1]
            self.removed += len(ids)
            if self._by_schema is not None:
                self._by_schema.subtract(by_schema)
        return len(ids)

    def _remove_places(self, places: Iterable[tuple[int, int, int]], *, erase: bool) -> None:
        run = self._connection.execute
        by_request: dict[int, list[tuple[int, int]]] = {}
        for request_id, position, good in places:
            by_request.setdefault(request_id, []).append((position, good))
        for request_id, removed in by_request.items():
            good = sum(is_good for _, is_good in removed)
            run(
                "UPDATE requests SET good = good - ?, bad = bad - ? WHERE id = ?",
                (good, len(removed) - good, request_id),
            )
            run("DELETE FROM requests WHERE id = ? AND good + bad = 0", (request_id,))
            row = run("SELECT form, payload FROM requests WHERE id = ?", (request_id,)).fetchone()
            if erase and row is not None and row[0] != PayloadForm.UNREADABLE:
                events: list[Any] = list(events_of(PayloadForm(row[0]), row[1]))
                for position, _ in removed:
                    events[position] = None
                run(
                    "UPDATE requests SET form = ?, payload = ? WHERE id = ?",
                    (PayloadForm.EVENTS, orjson.dumps(events), request_id),
                )

    def prune(self, before: int, max_per_source: int) -> Iterator[int]:
        """Delete events that are too old, and the oldest of a source that has too many.

        It does so in short steps, and yields how many events each deleted.

        Parameters
        ----------
        before : int
            Events that arrived earlier are deleted, a Unix timestamp in milliseconds.
        max_per_source : int
            Events that one application may have of one schema: a backfill of millions must not push out the others.
        """
        with self._lock:
            run = self._connection.execute
            ids = [row for (row,) in run(
                "SELECT id FROM events WHERE request IN (SELECT id FROM requests WHERE time < ?)", (before,)
            )]  # fmt: skip
            for app, schema, count in run(LARGE_SOURCES, (max_per_source,)).fetchall():
                ids += [row for (row,) in run(
                    "SELECT id FROM events WHERE kind IN (SELECT id FROM kinds WHERE app = ? AND schema = ?) ORDER BY id LIMIT ?",
                    (app, schema, count - max_per_source),
                )]  # fmt: skip
        yield from self._remove(sorted(set(ids)), erase=False)

    def _compact(self) -> Iterator[None]:
        """Return the space of deleted events to the file system, in short steps."""
        run = self._connection.execute
        with self._lock:
            self._identities.merge_alone()
        width = (MAX_IDENTITY + 1) // COMPACTING_STEPS
        for first in range(0, MAX_IDENTITY, width):
            with self._lock:
                run(DELETE_IDENTITIES, (first, first + width - 1))
            yield
        while True:
            with self._lock:
                run(f"PRAGMA incremental_vacuum({VACUUMED_PAGES})").fetchall()
                (free,) = run("PRAGMA freelist_count").fetchone()
            yield
            if not free:
                break
        with self._lock:
            # readers may hold the log; it is emptied another time then
            run("PRAGMA busy_timeout=100")
            run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            run(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
            self._count()
            self._read_latest()

    def reset(self) -> None:
        """Delete everything."""
        with self._lock:
            self._connection.executescript(RESET)
            for table in ("old_events", "old_requests"):
                self._connection.execute(f"DROP TABLE IF EXISTS {table}")
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()
            self._by_schema = None
            self._identities.load()
            self._count()
            self._read_latest()

    # Reading

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for reading; in memory there is only the writer's."""
        if self._path is None:
            with self._lock:
                yield self._connection
            return
        try:
            connection = self._readers.get_nowait()
        except queue.Empty:
            connection = self._open(self._path)
            connection.execute("PRAGMA query_only=1")
            self._all_readers.append(connection)
        try:
            yield connection
        finally:
            self._readers.put(connection)

    def counts(self) -> dict[str, int]:
        """Return how many events were received; a repeat is not counted again."""
        return {"total": self.good + self.bad, "good": self.good, "bad": self.bad}

    def summary(self) -> dict[str, Any]:
        """Return the counts, the latest events and the latest failed ones, newest first."""
        return {
            **self.counts(),
            "repeats": self.repeats,
            "epoch": self.epoch,
            "removed": self.removed,
            "last": list(reversed(self.latest)),
            "last_bad": list(reversed(self.latest_bad)),
            "last_repeats": list(reversed(self.latest_repeats)),
        }

    def count_matching(self, chosen: EventFilter) -> int:
        """Return how many events match."""
        if chosen == EventFilter(chosen.good):
            return {True: self.good, False: self.bad, None: self.good + self.bad}[chosen.good]
        if chosen.event_id:
            return len(self.read(chosen, limit=PAGE))
        with self._reader() as connection:
            condition, values = self._condition(connection, chosen)
            (count,) = connection.execute(f"SELECT count(*) FROM events WHERE {condition}", values).fetchone()
        return int(count)

    def count_by_schema(self) -> list[dict[str, Any]]:
        """Return counts by the event's schema, the most frequent first."""
        with self._lock:
            if self._by_schema is None:
                rows = self._connection.execute(BY_SCHEMA)
                self._by_schema = Counter({(schema, bool(good)): count for schema, good, count in rows})
            by_schema = self._by_schema.copy()
        with self._reader() as connection:
            counts = [
                {"schema": self._text_of(connection, schema), "good": good, "bad": bad}
                for schema in {schema for schema, _ in by_schema}
                for good, bad in [(by_schema[schema, True], by_schema[schema, False])]
                if good or bad
            ]
        return sorted(counts, key=lambda row: (-row["good"] - row["bad"], row["schema"] or ""))

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
        with self._reader() as connection:
            seconds = connection.execute(BY_SECOND, (start, end)).fetchall()
        counts = []
        for first, last in spans:
            inside = [(good, bad) for second, good, bad in seconds if first <= second * 1000 < last]
            counts.append((sum(good for good, _ in inside), sum(bad for _, bad in inside)))
        return counts

    def schemas(self) -> list[str]:
        """Return the schemas of stored events."""
        return sorted(row["schema"] for row in self.count_by_schema() if row["schema"])

    def read(
        self,
        chosen: EventFilter,
        *,
        limit: int,
        newest: bool = False,
        offset: int = 0,
    ) -> list[StoredEvent]:
        """Return events.

        Parameters
        ----------
        chosen : EventFilter
        limit : int
            At most so many.
        newest : bool
            Whether the newest come first; the oldest otherwise.
        offset : int
            How many to leave out.
        """
        with self._reader() as connection:
            condition, values = self._condition(connection, chosen)
            order = "DESC" if newest else "ASC"
            rows = connection.execute(
                f"{SELECT_EVENTS} WHERE {condition} ORDER BY events.id {order} LIMIT ? OFFSET ?",
                [*values, limit, offset],
            ).fetchall()
            events = self._stored_events(connection, rows)
        if chosen.event_id:
            wanted = chosen.event_id.lower()
            events = [event for event in events if (event.payload or {}).get("eid", "").lower() == wanted]
        return events

    def read_ids(self, ids: Sequence[int]) -> list[StoredEvent]:
        """Return the events with these numbers, in this order."""
        events: dict[int, StoredEvent] = {}
        with self._reader() as connection:
            for chunk in _chunks(ids):
                rows = connection.execute(
                    f"{SELECT_EVENTS} WHERE events.id IN ({','.join('?' * len(chunk))})", chunk
                )
                events |= {event.id: event for event in self._stored_events(connection, rows.fetchall())}
        return [events[row] for row in ids if row in events]

    def pages(
        self, chosen: EventFilter, *, newest: bool = False, size: int = PAGE
    ) -> Iterator[list[StoredEvent]]:
        """Yield events a page at a time, oldest or newest first."""
        page = chosen
        while True:
            events = self.read(page, limit=size, newest=newest)
            if events:
                yield events
            if len(events) < size and not (chosen.event_id and events):
                return
            last = events[-1].id
            page = replace(page, before=last) if newest else replace(page, after=last)

    def read_requests(
        self, chosen: EventFilter, *, limit: int, newest: bool = False
    ) -> list["StoredRequest"]:
        """Return events by the requests they came in, oldest first, with bodies as they are: the fastest way to read.

        Parameters
        ----------
        chosen : EventFilter
        limit : int
            At most so many events.
        newest : bool
            Whether these are the newest; the oldest otherwise.
        """
        with self._reader() as connection:
            condition, values = self._condition(connection, chosen)
            order = "DESC" if newest else "ASC"
            rows = connection.execute(
                f"SELECT id, request, position FROM events WHERE {condition} ORDER BY id {order} LIMIT ?",
                [*values, limit],
            ).fetchall()
            rows.sort()
            first, last = (rows[0][0], rows[-1][0]) if rows else (0, -1)
            results = {
                row: (self._text_of(connection, schema), failure, notes)
                for row, schema, failure, notes in connection.execute(SELECT_RESULTS, (first, last))
            }
            groups: dict[int, list[tuple[int, int]]] = {}
            for row, request_id, position in rows:
                groups.setdefault(request_id, []).append((row, position))
            return [
                StoredRequest(
                    request, form, payload, places, {row: results[row] for row, _ in places if row in results}
                )
                for request_id, request, form, payload in self._requests(connection, groups)
                for places in (groups[request_id],)
            ]

    def _condition(self, connection: sqlite3.Connection, chosen: EventFilter) -> tuple[str, list[Any]]:
        """Return the condition of a WHERE clause and its values."""
        choices = (
            (chosen.good is True, "events.id NOT IN (SELECT event FROM results WHERE failure IS NOT NULL)"),
            (chosen.good is False, "events.id IN (SELECT event FROM results WHERE failure IS NOT NULL)"),
            (chosen.only_events, "position >= 0"),
            (
                chosen.only_findings,
                """events.id IN (SELECT event FROM results WHERE notes LIKE '%{"message"%')""",
            ),
        )
        parts: list[str] = [
            "events.id > ? AND events.id < ?",
            *(text for is_chosen, text in choices if is_chosen),
        ]
        values: list[Any] = [chosen.after, chosen.before or 1 << 62]
        for pattern, is_name in ((chosen.schema, False), (chosen.name, True)):
            if pattern:
                full = f"iglu:*/{pattern}/*/*" if is_name else _complete_uri(pattern)
                operator = "GLOB" if "*" in full else "="
                parts.append(
                    f"kind IN (SELECT id FROM kinds WHERE schema IN (SELECT id FROM names WHERE text {operator} ?))"
                )
                values.append(full)
        for column, text in (("app", chosen.app_id), ("session", chosen.session)):
            if text:
                parts.append(
                    f"kind IN (SELECT id FROM kinds WHERE {column} = (SELECT id FROM names WHERE text = ?))"
                )
                values.append(text)
        if chosen.since is not None or chosen.until is not None:
            parts.append("request IN (SELECT id FROM requests WHERE time >= ? AND time < ?)")
            values += [chosen.since or 0, 1 << 62 if chosen.until is None else chosen.until]
        if chosen.event_id:
            ids = self._identities.candidates(connection, chosen.event_id)
            parts.append(f"events.id IN ({','.join(map(str, ids))})")
        return " AND ".join(parts), values

    def _stored_events(
        self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]
    ) -> list[StoredEvent]:
        requests: dict[int, tuple[Request, Sequence[Parameters]]] = {}
        for request_id, request, form, payload in self._requests(connection, {row[1] for row in rows}):
            if form is PayloadForm.UNREADABLE:
                request.body = payload
                requests[request_id] = request, ()
            else:
                requests[request_id] = request, events_of(form, payload)
        events = []
        for row, request_id, position, good, schema, entities, failure, notes in rows:
            # a request may have been deleted since the first query
            if request_id not in requests:
                continue
            request, payloads = requests[request_id]
            names = self._text_of(connection, entities)
            events.append(
                StoredEvent(
                    row,
                    bool(good),
                    self._text_of(connection, schema),
                    names.split() if names else [],
                    payloads[position] if position >= 0 else None,
                    orjson.loads(failure) if failure else None,
                    orjson.loads(notes) if notes else [],
                    request,
                )
            )
        return events

    def _requests(
        self, connection: sqlite3.Connection, ids: Iterable[int]
    ) -> Iterator[tuple[int, Request, PayloadForm, bytes]]:
        for chunk in _chunks(sorted(ids)):
            query = SELECT_REQUESTS.format(",".join("?" * len(chunk)))
            for request_id, campaigns, form, payload, headers, *origin in connection.execute(query, chunk):
                request = Request(*origin)
                request.headers = orjson.loads(headers)
                request.campaigns = bool(campaigns)
                yield request_id, request, PayloadForm(form), payload or b""

    def _events_at(self, ids: Sequence[int]) -> dict[int, Parameters]:
        """Return the payloads of stored events, by number."""
        with self._lock if self._path is None else contextlib.nullcontext():
            payloads: dict[int, Parameters] = {}
            connection = self._connection
            places: dict[int, list[tuple[int, int]]] = {}
            for chunk in _chunks(ids):
                marks = ",".join("?" * len(chunk))
                rows = connection.execute(
                    f"SELECT id, request, position FROM events WHERE id IN ({marks})", chunk
                )
                for row, request_id, position in rows:
                    places.setdefault(request_id, []).append((row, position))
            for request_id, _, form, payload in self._requests(connection, places):
                events = events_of(form, payload)
                payloads |= {row: events[position] for row, position in places[request_id] if position >= 0}
            return payloads

    def _text_of(self, connection: sqlite3.Connection, number: int | None) -> str | None:
        if not number:
            return None
        text = self._texts.get(number)
        if text is None:
            row = connection.execute("SELECT text FROM names WHERE id = ?", (number,)).fetchone()
            text = self._texts[number] = row[0] if row else ""
        return text

    def close(self) -> None:
        """Close the connections."""
        for reader in self._all_readers:
            reader.close()
        if self._lasting:
            with contextlib.suppress(sqlite3.Error):
                # earlier versions look for identities in their table alone
                self._identities.merge_alone()
        self._connection.close()


class StoredRequest(NamedTuple):
    """Events of one request, its body as it is.

    Attributes
    ----------
    request : Request
    form : PayloadForm
    payload : bytes
    places : list of (int, int)
        Number of each event, and its position in the payload.
    results : dict of int to (str or None, str or None, str or None)
        Schema, failure and notes, as JSON, of events that have one of the last two.
    """

    request: Request
    form: PayloadForm
    payload: bytes
    places: list[tuple[int, int]]
    results: dict[int, tuple[str | None, str | None, str | None]]


@dataclass(slots=True)
class _Counts:
    """What a commit adds to the counts."""

    repeats: int = 0
    by_schema: Counter[tuple[int, bool]] = field(default_factory=Counter)
    times: list[tuple[int, int, int]] = field(default_factory=list)
    latest: list[dict[str, Any]] = field(default_factory=list)
    latest_bad: list[dict[str, Any]] = field(default_factory=list)
    latest_repeats: list[dict[str, Any]] = field(default_factory=list)


class _Run(NamedTuple):
    """The rows of a request whose events are all of one kind."""

    events: int
    first: int
    request_id: int
    kind: int


class _Batch:
    """Rows of events that are about to be inserted."""

    def __init__(
        self, kind_of: Callable[[bool, str | None, str | None, str | None, str | None], int], last: int
    ) -> None:
        self._kind_of = kind_of
        self._first = self._next = last + 1
        # the first row of each request
        self._requests: list[tuple[int, ValidatedRequest]] = []
        self.runs: list[_Run] = []
        self.rows: list[tuple[int, int, int, int]] = []
        self.results: list[tuple[int, str | None, str | None]] = []
        # the identity of each row; None without an id
        self.keys: list[int | None] = []
        self.repeats: set[int] = set()
        self.counts: dict[int, list[int]] = {}

    @property
    def last(self) -> int:
        """The highest row."""
        return self._next - 1

    def add(self, request_id: int, validated: ValidatedRequest, *, is_repeat: bool) -> None:
        """Add the rows of a request's events, or the one of a request without any; none if all are stored already."""
        first, count = self._next, len(validated.events) or 1
        self._next += count
        self._requests.append((first, validated))
        if is_repeat:
            self.repeats.update(range(first, self._next))
            self.keys += [None] * count
            self.counts[request_id] = [0, 0]
            return
        if validated.failure is not None:
            failure = orjson.dumps(validated.failure.as_dict()).decode()
            self.rows.append((first, request_id, -1, self._kind_of(False, None, None, None, None)))
            self.results.append((first, failure, None))
            self.keys.append(None)
            self.counts[request_id] = [0, 1]
            return
        kinds = self._kinds_of(validated)
        if len(set(kinds)) == 1:
            self.runs.append(_Run(count, first, request_id, kinds[0]))
        else:
            self.rows += zip(range(first, self._next), repeat(request_id), range(count), kinds)
        event_ids = [event.get("eid") or "" for event in validated.events]
        if all(event_ids):
            self.keys += identities_of(event_ids)
        else:
            self.keys += [identity_of(event_id) if event_id else None for event_id in event_ids]
        bad = 0
        for row, result in enumerate(validated.results, first):
            if result.failure is not None or result.notes or result.findings:
                bad += result.failure is not None
                self.results.append((row, *_stored_result(result)))
        self.counts[request_id] = [count - bad, bad]

    def all_rows(self) -> list[tuple[int, int, int, int]]:
        """Return the rows of all events, those of runs too."""
        rows = list(self.rows)
        for events, first, request_id, kind in self.runs:
            rows += zip(range(first, first + events), repeat(request_id), range(events), repeat(kind))
        return rows

    def identities(self) -> list[tuple[int, int]]:
        """Return the identity and the number of each event that has an id."""
        return [(key, row) for row, key in enumerate(self.keys, self._first) if key is not None]

    def payloads(self) -> dict[int, Parameters]:
        """Return the payloads of all events, by number."""
        return {
            row: event
            for first, validated in self._requests
            for row, event in enumerate(validated.events, first)
            if row not in self.repeats
        }

    def _kinds_of(self, validated: ValidatedRequest) -> list[int]:
        """Return the number of each event's kind; events of a request have few kinds."""
        results = {id(result): result for result in validated.results}
        apps = [event.get("aid") for event in validated.events]
        sessions = [event.get("sid") for event in validated.events]
        if len(results) == len(set(apps)) == len(set(sessions)) == 1:
            return [self._number_of(validated.results[0], apps[0], sessions[0])] * len(apps)
        keys = list(zip(map(id, validated.results), apps, sessions, strict=True))
        numbers = {key: self._number_of(results[key[0]], *key[1:]) for key in dict.fromkeys(keys)}
        return [numbers[key] for key in keys]

    def _number_of(self, result: ValidationResult, app: str | None, session: str | None) -> int:
        return self._kind_of(
            result.failure is None, result.schema, " ".join(result.entities) or None, app, session
        )

    def add_latest(self, counts: _Counts, repeats: set[int]) -> None:
        """Add what a summary shows of the newest events."""
        for first, validated in self._requests:
            if validated.failure is not None:
                summary = _summary(validated.request, None, None, good=False, failure=validated.failure)
                counts.latest.append(summary)
                counts.latest_bad.append(summary)
                continue
            last = first + len(validated.events)
            shown = set(range(max(first, last - LATEST), last))
            failed = (row for row in range(last - 1, first - 1, -1) if validated.results[row - first].failure)
            shown.update(islice(failed, LATEST))
            shown.update(
                islice((row for row in sorted(repeats, reverse=True) if first <= row < last), LATEST)
            )
            for row in sorted(shown):
                event, result = validated.events[row - first], validated.results[row - first]
                good = result.failure is None
                summary = _summary(
                    validated.request,
                    event,
                    result.schema,
                    good=good,
                    failure=result.failure,
                    findings=result.findings,
                )
                if row in repeats:
                    counts.latest_repeats.append(summary)
                    continue
                if row >= last - LATEST:
                    counts.latest.append(summary)
                if not good:
                    counts.latest_bad.append(summary)


def _stored_result(result: ValidationResult) -> tuple[str | None, str | None]:
    """Return why an event failed, and the notes on it and findings, as JSON."""
    failure = orjson.dumps(result.failure.as_dict()).decode() if result.failure else None
    notes = [*result.notes, *result.findings]
    return failure, orjson.dumps(notes).decode() if notes else None


class _Identities:
    """Finds events by their ids, and repeats among new events.

    An event is found by `identity_of` its id. Where another event is already, by a digest of its whole id and the numbers
    that follow; and events of one id with ever more different contents by a digest of all they say. A place that was
    taken when another event was looked for stays taken, also when its event is deleted: the other one is found behind it.

    Ids are random, so that a request's identities belong to as many pages of their table. Recent ones are therefore
    kept in memory, and in the file as they come; many at a time are merged into the table, where neighbours share pages.
    """

    def __init__(
        self, connection: sqlite3.Connection, read: Callable[[Sequence[int]], dict[int, Parameters]]
    ) -> None:
        self._connection = connection
        self._read = read
        self._recent: dict[int, int] = {}
        # what the last merge moved, which readers do not see in the table before its commit
        self._merged: dict[int, int] = {}

    def load(self) -> None:
        """Read the recent identities from the file."""
        recent: dict[int, int] = {}
        for first, keys in self._connection.execute("SELECT first, keys FROM recent_identities"):
            recent |= zip(array("q", keys), count(first))
        recent.pop(NO_IDENTITY, None)
        self._recent = recent

    def event_of(self, key: int) -> int | None:
        """Return the number of the event that has an identity, or None."""
        if (event := self._recent.get(key)) is not None:
            return event
        row = self._connection.execute("SELECT event FROM identities WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def candidates(self, connection: sqlite3.Connection, event_id: str) -> list[int]:
        """Return the numbers of events that may have this id, by the connection of a reader."""
        keys = identity_of(event_id), _digest(event_id.encode("utf-8", "surrogatepass"))
        # first the recent ones, then those of the last merge: what moves between two look-ups is not missed
        found = {
            known.get(key + step)
            for known in (self._recent, self._merged)
            for key in keys
            for step in range(SAME_ID + 1)
        }
        query = "SELECT event FROM identities WHERE key BETWEEN ? AND ?"
        for key in keys:
            found.update(row for (row,) in connection.execute(query, (key, key + SAME_ID)))
        return [row for row in found if row is not None]

    def insert_all(self, first: int, keys: Sequence[int | None]) -> bool:
        """Insert the identities of new events with consecutive numbers, unless another event has any of them.

        Returns
        -------
        bool
            Whether they were inserted.
        """
        new = sorted(key for key in keys if key is not None)
        if len(set(new)) < len(new) or not self._recent.keys().isdisjoint(new):
            return False
        (has_any,) = self._connection.execute(HAS_IDENTITIES, (orjson.dumps(new).decode(),)).fetchone()
        if has_any:
            return False
        if new:
            packed = array("q", (NO_IDENTITY if key is None else key for key in keys))
            self._connection.execute("INSERT INTO recent_identities VALUES (?,?)", (first, packed.tobytes()))
            self._recent |= ((key, event) for event, key in enumerate(keys, first) if key is not None)
        if len(self._recent) >= MAX_RECENT:
            self._merge()
        return True

    def merge_alone(self) -> None:
        """Move the recent identities into their table, in a transaction of its own."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._merge()
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            self.load()
            raise

    def _merge(self) -> None:
        """Move the recent identities into their table."""
        self._connection.executemany(INSERT_IDENTITY, sorted(self._recent.items()))
        self._connection.execute("DELETE FROM recent_identities")
        self._merged = self._recent
        self._recent = {}

    def insert(self, identities: list[tuple[int, int]], payloads: dict[int, Parameters]) -> set[int]:
        """Insert identities of new events, and return the numbers of those that are repeats of stored ones.

        Parameters
        ----------
        identities : list of (int, int)
            Identity and number of each new event.
        payloads : dict of int to dict
            All new events, by number.
        """
        self._merge()
        repeats: set[int] = set()
        step = 0
        while identities:
            before = self._connection.total_changes
            identities.sort()
            self._connection.executemany(INSERT_IDENTITY, identities)
            if self._connection.total_changes - before == len(identities):
                break
            step += 1
            others = self._find_others(identities, payloads, repeats)
            self._connection.executemany(INSERT_PASSED, [(key,) for key, _ in others])
            identities = [(_next_key(payloads[row], step), row) for _, row in others]
        return repeats

    def _find_others(
        self, identities: Sequence[tuple[int, int]], payloads: dict[int, Parameters], repeats: set[int]
    ) -> list[tuple[int, int]]:
        """Add the repeats among new events, and return the identities of those in whose place is a different event."""
        owners = self._look_up("SELECT key, event FROM identities", [key for key, _ in identities])
        taken = [(row, owner, key) for key, row in identities if (owner := owners[key]) != row]
        known = self._read(sorted({owner for _, owner, _ in taken}.difference(payloads))) | payloads
        if [payloads[row] for row, _, _ in taken] == [known.get(owner) for _, owner, _ in taken]:
            repeats.update(row for row, _, _ in taken)
            return []
        passed = self._look_up("SELECT key, 0 FROM passed_identities", [key for _, _, key in taken])
        others = []
        for row, _, key in taken:
            other = known.get(owners[key])
            if other is None and key not in passed:
                # the event was deleted
                self._connection.execute("UPDATE identities SET event = ? WHERE key = ?", (row, key))
                owners[key] = row
            elif other is not None and is_same_event(payloads[row], other):
                repeats.add(row)
            else:
                others.append((key, row))
        return others

    def _look_up(self, query: str, keys: Sequence[int]) -> dict[int, int]:
        """Return what a query yields for some keys."""
        found: dict[int, int] = {}
        for chunk in _chunks(keys):
            marks = ",".join("?" * len(chunk))
            found |= dict(self._connection.execute(f"{query} WHERE key IN ({marks})", chunk))
        return found


def _digest(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest()) >> 1


def _next_key(event: Parameters, step: int) -> int:
    """Return where an event is looked for after other events were found in so many places."""
    if step <= SAME_ID:
        return _digest(event["eid"].encode("utf-8", "surrogatepass")) + step - 1
    content = sorted((key, text) for key, text in event.items() if key not in DELIVERY_KEYS)
    return _digest(repr(content).encode("utf-8", "surrogatepass")) + step - SAME_ID - 1


def _summary(
    request: Request,
    payload: Parameters | None,
    schema: str | None,
    *,
    good: bool,
    failure: BadRow | None,
    findings: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    return {
        "time": request.time,
        "event_id": (payload or {}).get("eid"),
        "schema": schema,
        "good": good,
        "reasons": failure.as_dict()["reasons"] if failure else [],
        "findings": [finding["message"] for finding in findings],
    }


def _request_row(request_id: int, counts: list[int], validated: ValidatedRequest) -> tuple[Any, ...]:
    request = validated.request
    headers = orjson.dumps(request.headers).decode()
    payload = request.body if validated.failure is not None else validated.payload
    origin = _origin(request, headers)
    return (request_id, request.time, *counts, *origin, int(request.campaigns), validated.form, payload)


def _origin(request: Request, headers: str) -> tuple[Any, ...]:
    return (
        request.method, request.vendor, request.version, request.query, request.content_type, headers, request.ip,
        request.useragent, request.referer, request.nuid, request.hostname,
    )  # fmt: skip


def _complete_uri(schema: str) -> str:
    return schema if schema.startswith("iglu:") else f"iglu:{schema}"


def _chunks(values: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
