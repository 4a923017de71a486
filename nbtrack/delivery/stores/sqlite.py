"""The durable store: one SQLite file that several processes share through leases."""

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from nbtrack.common import lifecycle
from nbtrack.common.arguments import check_at_least, check_positive
from nbtrack.delivery.models import DeadEvent, Row, RowId
from nbtrack.delivery.stores import sqlite_file as database
from nbtrack.delivery.stores.quota import Room
from nbtrack.delivery.stores.reference import ReferenceMethods

LEASE_SECONDS = 120.0
"""Longer than the worst request; a claim of a dead process on this machine is undone at once."""
CARE_SECONDS = 5.0
"""How often caps, ages and foreign leases are looked after."""
COUNTED_UP_TO = 20_000
"""Beyond this many rows a count is kept, not made."""
INSERT = "INSERT INTO events (id, route, anonymous, added, size, event_id, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
SYNCHRONOUS = ("NORMAL", "FULL")
ID_SALTS = 1024
"""Ids are microseconds times this, plus a number of the process: in order, and never used twice, so that a late
settlement cannot meet a stranger. SQLite's own AUTOINCREMENT does that too, for a third more time an insert."""


class SQLiteEventStore(ReferenceMethods):
    """Events in a file: written before `track` returns, deleted by id after a 2xx.

    Parameters
    ----------
    path
        The file; made with mode 0600 when it is missing. Kernels may share it.
    max_bytes, max_events
        Room for waiting events and dead letters together. When it is full dead letters go first (the oldest),
        then new events are refused.
    max_age
        Seconds after which an event is given up, dead letters too: they are personal data.
    synchronous
        "NORMAL" (safe against the death of the process) or "FULL" (against a power cut too).
    clock
        Gives epoch seconds; another one for tests.

    Raises
    ------
    OSError, sqlite3.Error
        When the file cannot be made, or a later version of nbtrack wrote it; a damaged one is set aside.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, SQLiteEventStore(Path(folder) / "outbox.sqlite") as store:
    ...     store.add_event({"e": "pv"}), store.size()
    (True, 1)
    """

    durable = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = 256 * 2**20,
        max_events: int = 1_000_000,
        max_age: float = 30 * 86_400.0,
        synchronous: str = "NORMAL",
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_at_least(1, max_bytes=max_bytes, max_events=max_events)
        check_positive(max_age=max_age)
        if synchronous not in SYNCHRONOUS:
            raise ValueError(f"synchronous is one of {', '.join(SYNCHRONOUS)}, not {synchronous!r}")
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"SQLiteEventStore wants the path of a file, not {path!r}")
        self.path = Path(path)
        self.max_events = max_events
        self._synchronous = synchronous
        self._clock = clock
        self._room = Room(max_bytes, max_events, max_age)
        self._start()
        with self._using():
            pass
        lifecycle.watch(self)

    def _start(self) -> None:
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._owner = database.new_owner()
        self._cared_at = float("-inf")
        self._inode: int | None = None
        self._last_id = 0
        self._salt = secrets.randbelow(ID_SALTS)

    # A connection does not survive a fork, so none is open while one happens.

    def before_fork(self) -> None:
        """Close the file, and keep others from opening it, until the fork is over."""
        if self._lock.acquire(timeout=2.0):
            self.close()
        elif self._connection is not None:
            lifecycle.leak(self._connection)

    def after_fork_in_parent(self) -> None:
        """Go on; the file is opened at its next use."""
        # not ours when before_fork waited in vain
        if self._lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Begin anew, as an owner of our own; an inherited connection is neither used nor closed."""
        self._start()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = self._open()
            try:
                yield connection
            except BaseException as fault:
                self._recover(connection, fault)
                raise

    def _open(self) -> sqlite3.Connection:
        """Give the connection, under our lock."""
        if self._pid != os.getpid():
            # a fork that ran no hooks
            if self._connection is not None:
                lifecycle.leak(self._connection)
            self._start()
        if self._connection is None:
            self._connection = database.open_database(self.path, synchronous=self._synchronous)
            self._inode = database.inode_of(self.path)
            self._room.recount(self._connection)
        return self._connection

    def _recover(self, connection: sqlite3.Connection, fault: BaseException) -> None:
        """Leave a consistent state behind, whatever struck."""
        if connection.in_transaction:
            connection.rollback()
        if database.is_corrupt(fault):
            self.close()
            if self._inode == database.inode_of(self.path):  # else another kernel has begun a new one
                database.renew(self.path, str(fault)).close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # IMMEDIATE: a read that turns into a write may fail at once, whatever the busy timeout
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def settle(self) -> None:
        """Everything is where it belongs."""

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def __del__(self) -> None:
        connection = getattr(self, "_connection", None)
        if connection is not None and self._pid == os.getpid():
            connection.close()

    # What the engine works with

    def add(self, route: str, body: bytes, event_id: str, anonymous: bool, added: float) -> str | None:
        """Keep an event; give the reason when it was not taken."""
        size = len(body)
        room = self._room
        with self._lock:  # as `_using`, without what a context manager costs: each event pays for this
            connection = self._open()
            try:
                if not room.fits(size) and not room.make(connection, size):
                    return "queue_full"
                self._last_id = max(self._last_id + 1, time.time_ns() // 1_000 * ID_SALTS + self._salt)
                connection.execute(INSERT, (self._last_id, route, anonymous, added, size, event_id, body))
            except BaseException as fault:
                self._recover(connection, fault)
                raise
            room.events += 1
            room.bytes += size
        return None

    def claim(self, route: str, token: str, *, events: int, size: int, cost: int) -> list[Row]:
        """Take the oldest waiting events of a route under a lease."""
        self._care()
        now = self._clock()
        rows: list[Row] = []
        with self._using() as connection:
            # most looks find nothing: they need no write lock
            if not self._select(connection, route, now, 1, size, cost):
                return rows
        with self._writing() as connection:
            rows = self._select(connection, route, now, events, size, cost)
            for row in rows:
                row.token = token
            held = f"{self._owner}|{token}"
            connection.executemany(
                "UPDATE events SET token = ?, lease_until = ? WHERE id = ?",
                [(held, now + LEASE_SECONDS, row.id) for row in rows],
            )
        return rows

    def _select(
        self, connection: sqlite3.Connection, route: str, now: float, events: int, size: int, cost: int
    ) -> list[Row]:
        rows: list[Row] = []
        # a lease beyond any we give comes from a clock that jumped
        cursor = connection.execute(
            "SELECT id, event_id, body, anonymous, added, attempts FROM events"
            " WHERE route = ? AND (token = '' OR lease_until < ? OR lease_until > ?) ORDER BY id LIMIT ?",
            (route, now, now + 2 * LEASE_SECONDS, events),
        )
        for number, event_id, body, anonymous, added, attempts in cursor:
            size -= len(body) + cost
            if rows and (size < 0 or bool(anonymous) != rows[0].anonymous):
                break
            rows.append(Row(number, event_id, body, bool(anonymous), added, attempts))
        cursor.close()
        return rows

    def ack(self, ids: Sequence[RowId]) -> None:
        """Forget delivered events."""
        with self._writing() as connection:
            sizes = database.fetch_each(connection, "SELECT size FROM events WHERE id IN ({})", ids)
            database.run_each(connection, "DELETE FROM events WHERE id IN ({})", ids)
        self._room.events -= len(sizes)
        self._room.bytes -= sum(size for (size,) in sizes)

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""
        with self._writing() as connection:
            database.run_each(
                connection,
                "UPDATE events SET token = '', lease_until = 0, attempts = attempts + 1 WHERE id IN ({})",
                ids,
            )

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO dead"
                " SELECT id, route, anonymous, ?, ?, added, size, event_id, body FROM events WHERE id = ?",
                [(reason, status, number) for number in ids],
            )
            database.run_each(connection, "DELETE FROM events WHERE id IN ({})", ids)

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""
        with self._using() as connection:
            connection.execute(
                "UPDATE events SET token = '', lease_until = 0 WHERE token = ?", (f"{self._owner}|{token}",)
            )

    def count(self, route: str) -> int:
        """Count a route's events, waiting and claimed; a guess from the last look beyond 20,000."""
        with self._using() as connection:
            if self._room.events > COUNTED_UP_TO:
                return self._room.events
            (number,) = connection.execute("SELECT count(*) FROM events WHERE route = ?", (route,)).fetchone()
            return int(number)

    def peek(self, route: str, limit: int) -> list[Row]:
        """Show the oldest events of a route."""
        with self._using() as connection:
            rows = connection.execute(
                "SELECT id, event_id, body, anonymous, added, attempts, token FROM events"
                " WHERE route = ? ORDER BY id LIMIT ?",
                (route, limit),
            ).fetchall()
        return [Row(*row) for row in rows]

    def find(self, route: str, event_id: str) -> bytes | None:
        """Give the payload of one event that has not left."""
        with self._using() as connection:
            row = connection.execute(
                "SELECT body FROM events WHERE route = ? AND event_id = ? LIMIT 1", (route, event_id)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def take_drops(self) -> dict[str, int]:
        """Tell, once, how many events were given up for age or room."""
        with self._lock:
            return self._room.take_drops()

    def dead(self, limit: int) -> list[DeadEvent]:
        """Show dead letters, the oldest first."""
        with self._using() as connection:
            return [
                DeadEvent(*row)
                for row in connection.execute(
                    "SELECT id, event_id, route, reason, status, added, anonymous, body FROM dead ORDER BY id LIMIT ?",
                    (limit,),
                )
            ]

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Forget dead letters; give how many there were."""
        with self._writing() as connection:
            gone = database.run_each(connection, "DELETE FROM dead WHERE id IN ({})", ids)
            self._room.recount(connection)
        return gone

    def routes(self) -> list[str]:
        """Name the routes with events."""
        with self._using() as connection:
            return [route for (route,) in connection.execute("SELECT DISTINCT route FROM events")]

    def size(self) -> int:
        """Count all the events that wait."""
        with self._using() as connection:
            (number,) = connection.execute("SELECT count(*) FROM events").fetchone()
        return int(number)

    def _care(self) -> None:
        """Now and then: give up the too old, free the leases of dead processes, give pages back."""
        if abs(time.monotonic() - self._cared_at) < CARE_SECONDS:
            return
        self._cared_at = time.monotonic()
        with self._using() as connection:
            owners = [
                token
                for (token,) in connection.execute("SELECT DISTINCT token FROM events WHERE token != ''")
            ]
            for token in owners:
                if not token.startswith(self._owner) and not database.is_alive(token):
                    connection.execute(
                        "UPDATE events SET token = '', lease_until = 0 WHERE token = ?", (token,)
                    )
            self._room.expire(connection, self._clock())
            # a script, for `execute` takes one step, and each step gives one page back
            connection.executescript("PRAGMA incremental_vacuum(2000)")
            self._room.recount(connection)
