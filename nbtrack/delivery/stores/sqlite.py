"""The durable store: one SQLite file that several processes share through leases."""

import contextlib
import logging
import os
import secrets
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from nbtrack.common import lifecycle
from nbtrack.common.arguments import check_at_least, check_positive
from nbtrack.common.clock import monotonic, wall
from nbtrack.common.wording import plural
from nbtrack.delivery.models import DeadEvent, DropReason, Row, RowId
from nbtrack.delivery.stores import sqlite_file
from nbtrack.delivery.stores.base import SnowplowStoreMethods

LOG = logging.getLogger("nbtrack.delivery")
LEASE_SECONDS = 120.0
"""Longer than the worst request; a claim of a dead process on this machine is undone at once."""
MAINTENANCE_SECONDS = 5.0
"""How often limits, ages and other processes' leases are looked after, and how often a full file is counted."""
EXACT_COUNT_EVENTS = 20_000
"""With more rows than this, counts are estimates."""
LOOK_SECONDS = 0.02
"""How often the store looks whether its file was deleted; to look for each event would cost a fifth of `add`."""
FORK_SECONDS = 2.0
"""How long a fork waits for another thread's use of the file."""
SLICE = 100
"""Most events that one transaction claims or settles: a thread that tracks waits for it, half a millisecond."""
PAUSE_SECONDS = 0.0005
"""Time between two slices: another process that tracks looks now and then whether it may write."""
FREED_PAGES = 100
"""Pages that are returned to the disk at a time, for the same reason."""
MAX_FREED_PAGES = 2_000
"""Pages that are returned in one round of maintenance."""
ROW_BYTES = 150
"""What an event takes in the file beside its body, about: its id, the route, what is free in its page."""
PAGE_BYTES = 4096
"""What an event adds to SQLite's journal, at least."""
GIVE_WAY_SECONDS = 0.0005
"""How long the other methods wait while `add` does: Python's locks are not fair."""
MAX_TIMES_GIVEN_WAY = 20
INSERT = "INSERT INTO events (id, route, anonymous, added, size, event_id, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
COUNT = (
    "SELECT count(*), coalesce(sum(size), 0), min(added)"
    " FROM (SELECT size, added FROM events UNION ALL SELECT size, added FROM dead)"
)
SYNCHRONOUS = ("NORMAL", "FULL")
ID_SALTS = 1024
"""Ids are microseconds times this, plus a number of the process: in order, and never used twice, so that a late
acknowledgement cannot meet another event. SQLite's own AUTOINCREMENT does that too, for a third more time an insert."""


@dataclass(slots=True)
class Quota:
    """Limits of a file of events, and how much of them is used.

    Parameters
    ----------
    max_bytes : int
        Of waiting events and dead letters together.
    max_events : int
        Of waiting events and dead letters together.
    max_age : float
        Seconds after which an event is deleted, dead letters too: they are personal data.
    events : int
        Current number, as far as this process knows; other processes add and delete too.
    bytes : int
        Current size, as far as this process knows.
    drops : Counter
        Events deleted since `SQLiteEventStore.take_drops`, by reason.
    counted_at : float
        When the file was counted last, by the monotonic clock.
    """

    max_bytes: int
    max_events: int
    max_age: float
    events: int = 0
    bytes: int = 0
    drops: Counter[str] = field(default_factory=Counter)
    counted_at: float = float("-inf")

    def fits(self, size: int) -> bool:
        """Check whether an event of `size` bytes fits."""
        return self.events < self.max_events and self.bytes + size <= self.max_bytes

    def recount(self, connection: sqlite3.Connection) -> None:
        """Count what is in the file."""
        self.events, self.bytes, _ = connection.execute(COUNT).fetchone()
        self.counted_at = monotonic()

    def recount_or_estimate(self, connection: sqlite3.Connection) -> None:
        """Count what is in a small file, and estimate what is in a large one: to read it may take seconds."""
        pages, free, page_size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        if pages <= sqlite_file.CHECKED_PAGES:
            self.recount(connection)
            return
        (average,) = connection.execute(
            "SELECT avg(size) FROM (SELECT size FROM events ORDER BY id LIMIT 100)"
        ).fetchone()
        self.bytes = (pages - free) * page_size
        self.events = 0 if average is None else int(self.bytes / (average + ROW_BYTES))
        self.counted_at = float("-inf")

    def evict_until_fits(self, connection: sqlite3.Connection, size: int) -> bool:
        """Delete the oldest dead letters until an event fits; return False if it still does not."""
        # to count a large file takes a tenth of a second, which each event would pay for
        if abs(monotonic() - self.counted_at) >= MAINTENANCE_SECONDS:
            self.recount(connection)
        while not self.fits(size):
            oldest = connection.execute("SELECT id, size FROM dead ORDER BY id LIMIT 1").fetchone()
            if oldest is None:
                return False
            connection.execute("DELETE FROM dead WHERE id = ?", oldest[:1])
            self.drops["dead_letters_full"] += 1
            self.events -= 1
            self.bytes -= oldest[1]
        return True

    def expire(self, connection: sqlite3.Connection, now: float) -> None:
        """Delete events that are too old, and count what is left."""
        for table in ("events", "dead"):
            deleted = connection.execute(
                f"DELETE FROM {table} WHERE added < ?",  # noqa: S608 - our own names
                (now - self.max_age,),
            ).rowcount
            if deleted:
                self.drops["expired"] += deleted
        self.recount(connection)


class SQLiteEventStore(SnowplowStoreMethods):
    """Events in a file: written before `track` returns, deleted by id after a 2xx.

    Parameters
    ----------
    path : str or Path
        The file; created with mode 0600 if it is missing. Several processes may share it.
    max_bytes : int
        Limit for waiting events and dead letters together. At a limit, the oldest dead letters are deleted first, then
        new events are refused.
    max_events : int
        Limit for waiting events and dead letters together.
    max_age : float
        Seconds after which an event is deleted, dead letters too: they are personal data.
    synchronous : str
        "NORMAL" (survives the death of the process) or "FULL" (a power cut too).
    clock : callable
        Returns a Unix timestamp in seconds.

    Raises
    ------
    OSError, sqlite3.Error
        If the file cannot be created, or a later version of nbtrack wrote it; a damaged file is set aside.

    Examples
    --------
    >>> from pathlib import Path
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
        clock: Callable[[], float] = wall,
    ) -> None:
        check_at_least(1, max_bytes=max_bytes, max_events=max_events)
        check_positive(max_age=max_age)
        if synchronous not in SYNCHRONOUS:
            raise ValueError(f"synchronous must be 'NORMAL' or 'FULL', got {synchronous!r}")
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be a str or Path, got {path!r}")
        self.path = Path(path)
        self._path_text = os.fspath(path)
        self.max_events = max_events
        self._synchronous = synchronous
        self._clock = clock
        self._quota = Quota(max_bytes, max_events, max_age)
        self._reset()
        with self._using():
            pass
        lifecycle.watch(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._is_add_waiting = False
        self._beside = threading.Lock()
        self._journal_bytes = 0
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._owner = sqlite_file.new_owner()
        self._maintained_at = float("-inf")
        self._inode: int | None = None
        self._look_at = 0.0
        self._last_id = 0
        self._salt = secrets.randbelow(ID_SALTS)

    # A connection does not survive a fork, so none is open while one happens.

    def before_fork(self) -> bool:
        """Close the file, and keep other threads from opening it, until the fork is over; return False in vain."""
        if not self._beside.acquire(timeout=FORK_SECONDS):
            return False
        taken = self._lock.acquire(timeout=FORK_SECONDS)
        if taken:
            self.close()
        else:
            self._beside.release()
        return taken

    def after_fork_in_parent(self) -> None:
        """Release the locks; the file is opened at its next use."""
        self._lock.release()
        self._beside.release()

    def after_fork_in_child(self) -> None:
        """Start over as an owner of its own; an inherited connection is neither used nor closed."""
        if self._connection is not None:
            lifecycle.leak(self._connection)
        self._reset()

    @contextlib.contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        lifecycle.ensure_process()
        self._give_way()
        with self._lock:
            connection = self._open()
            try:
                yield connection
            except BaseException as error:
                self._recover(connection, error)
                raise

    def _give_way(self) -> None:
        """Let a thread that waits in `add` go first, such as one that runs a user's cell."""
        for _ in range(MAX_TIMES_GIVEN_WAY):
            if not self._is_add_waiting:
                return
            time.sleep(GIVE_WAY_SECONDS)

    def _open(self) -> sqlite3.Connection:
        """Return the connection; the caller holds the lock."""
        if self._connection is not None and self._is_deleted():
            self._leave_deleted_file(self._connection)
        if self._connection is None:
            self._connection = sqlite_file.open_database(self.path, synchronous=self._synchronous)
            self._inserting = self._connection.cursor()
            known, self._inode = self._inode, sqlite_file.inode_of(self.path)
            if known is None or known != self._inode:
                self._quota.recount_or_estimate(self._connection)
        return self._connection

    def _is_deleted(self) -> bool:
        now = monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_SECONDS
        try:
            return os.stat(self._path_text).st_ino != self._inode  # noqa: PTH116 - each event pays for this
        except OSError:
            return True

    def _leave_deleted_file(self, connection: sqlite3.Connection) -> None:
        """Count the events of a file that the user deleted or replaced, and forget it; a new one is opened next."""
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
        self._quota.drops["file_deleted"] += events
        self.close()
        if not self.path.exists():
            # they belong to the deleted file, which other processes may still have open
            for suffix in ("-wal", "-shm", "-journal"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        LOG.warning(
            "The event store %s was deleted while in use; %s in it are gone, and a new file is used",
            self.path,
            plural(events, "event"),
        )

    def _recover(self, connection: sqlite3.Connection, error: BaseException) -> None:
        """Leave a consistent state behind after any exception."""
        if connection.in_transaction:
            connection.rollback()
        if sqlite_file.is_damage(error):
            self.close()
            if self._inode == sqlite_file.inode_of(self.path):  # else another process has replaced it
                sqlite_file.replace_damaged(self.path, str(error)).close()

    @contextlib.contextmanager
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

    def persist_fallback(self) -> None:
        """Do nothing: everything is in the file."""

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

    # The methods of `Store`

    def add(
        self, *, route: str, body: bytes, event_id: str, anonymous: bool, added: float
    ) -> DropReason | None:
        """Store an event; return why it was not accepted, or None."""
        size = len(body)
        quota = self._quota
        # like `_using`, without the cost of a context manager: each event pays for this
        if not self._lock.acquire(blocking=False):
            self._is_add_waiting = True
            self._lock.acquire()
            self._is_add_waiting = False
        try:
            connection = self._open()
            try:
                if not quota.fits(size) and not quota.evict_until_fits(connection, size):
                    return DropReason.QUEUE_FULL
                row_id = int(wall() * 1e6) * ID_SALTS + self._salt
                self._last_id = row_id if row_id > self._last_id else self._last_id + 1
                self._inserting.execute(
                    INSERT, (self._last_id, route, anonymous, added, size, event_id, body)
                )
            except BaseException as error:
                self._recover(connection, error)
                raise
            quota.events += 1
            quota.bytes += size
            self._journal_bytes += PAGE_BYTES
        finally:
            self._lock.release()
        return None

    def claim(
        self, route: str, token: str, *, max_events: int, max_bytes: int, bytes_per_event: int
    ) -> list[Row]:
        """Claim the oldest waiting events of a route under a lease."""
        self._copy_journal()
        self._maintain()
        now = self._clock()
        rows: list[Row] = []
        with self._using() as connection:
            # most calls find nothing: they need no write lock
            if not self._select(connection, route, now, rows, 1, max_bytes, bytes_per_event):
                return rows
        claimed: list[Row] = []
        may_be_more = True
        while may_be_more and len(claimed) < max_events:
            most = min(SLICE, max_events - len(claimed))
            if claimed:
                time.sleep(PAUSE_SECONDS)
            try:
                with self._writing() as connection:
                    rows = self._select(connection, route, now, claimed, most, max_bytes, bytes_per_event)
                    connection.executemany(
                        "UPDATE events SET token = ?, lease_until = ? WHERE id = ?",
                        [(f"{self._owner}|{token}", now + LEASE_SECONDS, row.id) for row in rows],
                    )
            except sqlite3.Error:
                if not claimed:
                    raise
                break  # what is claimed already is sent, and not held until its lease ends
            claimed += rows
            may_be_more = len(rows) == most
        for row in claimed:
            row.token = token
            # once for the claim, once for its end
            self._journal_bytes += 2 * len(row.body)
        return claimed

    def _select(
        self,
        connection: sqlite3.Connection,
        route: str,
        now: float,
        before: Sequence[Row],
        max_events: int,
        max_bytes: int,
        bytes_per_event: int,
    ) -> list[Row]:
        """Return the next waiting events behind those `before` that fit a request together with them."""
        max_bytes -= sum(len(row.body) + bytes_per_event for row in before)
        first = before[0] if before else None
        rows: list[Row] = []
        # 0 while an event waits; a lease that ends later than any given here comes from a clock that jumped
        cursor = connection.execute(
            "SELECT id, event_id, body, anonymous, added, attempts FROM events"
            " WHERE id > ? AND route = ? AND (lease_until <= ? OR lease_until > ?) ORDER BY id LIMIT ?",
            (before[-1].id if before else 0, route, now, now + 2 * LEASE_SECONDS, max_events),
        )
        for row_id, event_id, body, anonymous, added, attempts in cursor:
            max_bytes -= len(body) + bytes_per_event
            if first is not None and (max_bytes < 0 or bool(anonymous) != first.anonymous):
                break
            row = Row(row_id, event_id, body, bool(anonymous), added, attempts)
            first = first or row
            rows.append(row)
        cursor.close()
        return rows

    def ack(self, ids: Sequence[RowId]) -> None:
        """Remove delivered events."""
        for part in _slices(ids):
            with self._writing() as connection:
                sizes = sqlite_file.fetch_for_ids(
                    connection, "SELECT size FROM events WHERE id IN ({})", part
                )
                sqlite_file.change_for_ids(connection, "DELETE FROM events WHERE id IN ({})", part)
                self._quota.events -= len(sizes)
                self._quota.bytes -= sum(size for (size,) in sizes)

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""
        for part in _slices(ids):
            with self._writing() as connection:
                sqlite_file.change_for_ids(
                    connection,
                    "UPDATE events SET token = '', lease_until = 0, attempts = attempts + 1 WHERE id IN ({})",
                    part,
                )

    def defer(self, ids: Sequence[RowId], seconds: float) -> None:
        """Let events wait again after a failed attempt, but not be claimed for some seconds."""
        with self._writing() as connection:
            connection.executemany(
                "UPDATE events SET token = '', lease_until = ?, attempts = attempts + 1 WHERE id = ?",
                [(self._clock() + seconds, row_id) for row_id in ids],
            )

    def due_in(self, route: str) -> float | None:
        """Return the seconds until the first of a route's deferred events may be claimed; None if none is deferred."""
        now = self._clock()
        with self._using() as connection:
            (due,) = connection.execute(
                "SELECT min(lease_until) FROM events"
                " WHERE route = ? AND token = '' AND lease_until > ? AND lease_until <= ?",
                (route, now, now + 2 * LEASE_SECONDS),
            ).fetchone()
        return None if due is None else float(due - now)

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""
        for part in _slices(ids):
            with self._writing() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO dead"
                    " SELECT id, route, anonymous, ?, ?, added, size, event_id, body FROM events WHERE id = ?",
                    [(reason, status, row_id) for row_id in part],
                )
                sqlite_file.change_for_ids(connection, "DELETE FROM events WHERE id IN ({})", part)

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""
        with self._using() as connection:
            connection.execute(
                "UPDATE events SET token = '', lease_until = 0 WHERE token = ?", (f"{self._owner}|{token}",)
            )

    def count(self, route: str) -> int:
        """Return the number of a route's events, waiting and claimed; beyond 20,000 rows an estimate for all routes."""
        with self._using() as connection:
            if self._quota.events > EXACT_COUNT_EVENTS:
                return self._quota.events
            (count,) = connection.execute("SELECT count(*) FROM events WHERE route = ?", (route,)).fetchone()
            return int(count)

    def peek(self, route: str, limit: int) -> list[Row]:
        """Return the oldest events of a route."""
        with self._using() as connection:
            rows = connection.execute(
                "SELECT id, event_id, body, anonymous, added, attempts, token FROM events"
                " WHERE route = ? ORDER BY id LIMIT ?",
                (route, limit),
            ).fetchall()
        return [Row(*row) for row in rows]

    def find(self, route: str, event_id: str) -> bytes | None:
        """Return the payload of a pending event, or None."""
        with self._using() as connection:
            row = connection.execute(
                "SELECT body FROM events WHERE route = ? AND event_id = ? LIMIT 1", (route, event_id)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def take_drops(self) -> dict[str, int]:
        """Return how many events were lost to age or limits since the last call, by reason."""
        with self._lock:
            drops, self._quota.drops = dict(self._quota.drops), Counter()
            return drops

    def dead(self, limit: int) -> list[DeadEvent]:
        """Return dead letters, oldest first."""
        with self._using() as connection:
            rows = connection.execute(
                "SELECT id, event_id, route, reason, status, added, anonymous, body FROM dead ORDER BY id LIMIT ?",
                (limit,),
            ).fetchall()
        return [DeadEvent(*row) for row in rows]

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Delete dead letters; return how many."""
        with self._writing() as connection:
            deleted = sqlite_file.change_for_ids(connection, "DELETE FROM dead WHERE id IN ({})", ids)
            self._quota.recount(connection)
        return deleted

    def routes(self) -> list[str]:
        """Return the routes with events."""
        with self._using() as connection:
            return [route for (route,) in connection.execute("SELECT DISTINCT route FROM events")]

    def size(self) -> int:
        """Return the number of waiting events of all routes."""
        with self._using() as connection:
            (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
        return int(count)

    @contextlib.contextmanager
    def _alone_beside(self) -> Iterator[bool]:
        """Enter what one thread does at a time by a connection of its own, and no fork interrupts; False if another does."""
        taken = self._beside.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                self._beside.release()

    def _copy_journal(self) -> None:
        """Copy SQLite's journal into the file once it is large, so that no caller's commit has to."""
        if self._journal_bytes < sqlite_file.WAL_BYTES:
            return
        with self._alone_beside() as is_alone:
            if is_alone:
                self._journal_bytes = 0
                # a file that was deleted, or is locked, is noticed where events are stored and claimed
                with contextlib.suppress(sqlite3.Error):
                    sqlite_file.copy_journal(self.path)

    def _maintain(self) -> None:
        """Now and then: delete what is too old, free the leases of dead processes, return pages to the disk."""
        if abs(monotonic() - self._maintained_at) < MAINTENANCE_SECONDS:
            return
        with self._alone_beside() as is_alone:
            if not is_alone:
                return
            self._maintained_at = monotonic()
            self._survey()
        for _ in range(MAX_FREED_PAGES // FREED_PAGES):
            with self._using() as connection:
                if connection.execute("PRAGMA freelist_count").fetchone()[0] == 0:
                    break
                # a script: `execute` takes one step, and each step returns one page
                connection.executescript(f"PRAGMA incremental_vacuum({FREED_PAGES})")

    def _survey(self) -> None:
        """Read the whole file, by a connection of its own so that nobody waits, and look after what is found."""
        quota, now = self._quota, self._clock()
        with self._using() as connection:
            reader = sqlite_file.open_snapshot(self.path)
            before = quota.events, quota.bytes
        with contextlib.closing(reader):
            try:
                events, size, oldest = reader.execute(COUNT).fetchone()
                tokens = [token for (token,) in reader.execute("SELECT DISTINCT token FROM events")]
            except sqlite3.DatabaseError:
                with self._using():
                    raise  # there a damaged file is set aside
        gone = [
            token
            for token in tokens
            if token and not token.startswith(self._owner) and not sqlite_file.is_alive(token)
        ]
        with self._using() as current:
            if current is not connection:
                return  # the file was opened again, and counted then
            # what this process added and deleted meanwhile is known
            quota.events += events - before[0]
            quota.bytes += size - before[1]
            quota.counted_at = monotonic()
            for token in gone:
                current.execute("UPDATE events SET token = '', lease_until = 0 WHERE token = ?", (token,))
            if oldest is not None and oldest < now - quota.max_age:
                quota.expire(current, now)


def _slices(ids: Sequence[RowId]) -> Iterator[Sequence[RowId]]:
    for start in range(0, len(ids), SLICE):
        if start:
            time.sleep(PAUSE_SECONDS)
        yield ids[start : start + SLICE]
