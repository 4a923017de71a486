"""The outbox file: opened, migrated, and set aside if damaged; and who holds a lease in it."""

import contextlib
import functools
import json
import logging
import os
import re
import secrets
import socket
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nbtrack.common.clock import monotonic
from nbtrack.common.errors import NbtrackError
from nbtrack.common.home import make_private
from nbtrack.common.processes import is_same_process, process_started

LOG = logging.getLogger("nbtrack.delivery")
VERSION = 1
"""Version of the schema, kept in the file as ``PRAGMA user_version``."""
BUSY_SECONDS = 2.0
WAL_BYTES = 4 * 2**20
"""Size of the journal from which it is worth copying into the file."""
WAL_PAGES = 4_000
"""Pages of the journal after which any commit copies it. A sender does so earlier, and keeps callers from waiting for it."""
CHECKED_PAGES = 2_048
"""A file of up to 8 MiB is checked when it is opened (10 ms); damage in a larger one shows when it is used."""
SALVAGE_SECONDS = 1.0
"""Time to read a damaged file: a cell may wait for it. What was not read stays in the file."""
CHECKPOINT_MILLISECONDS = 50
"""How long the end of the journal may wait for readers, while writers wait for it."""
IDS_PER_STATEMENT = 500
"""SQLite allows 999 parameters in its older versions."""
NETWORK_FILE_SYSTEMS = (
    "nfs",
    "cifs",
    "smb",
    "fuse",
    "9p",
    "afs",
    "lustre",
    "gpfs",
    "ceph",
    "glusterfs",
    "beegfs",
)

# Small columns stand before the body: a scan then never reads a body's overflow pages.
# No index: rows are claimed in the order of their ids, and each index would slow down every insert.
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY,
  route TEXT NOT NULL,
  anonymous INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  token TEXT NOT NULL DEFAULT '',
  lease_until REAL NOT NULL DEFAULT 0,
  added REAL NOT NULL,
  size INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS dead (
  id INTEGER PRIMARY KEY,
  route TEXT NOT NULL,
  anonymous INTEGER NOT NULL,
  reason TEXT NOT NULL,
  status INTEGER,
  added REAL NOT NULL,
  size INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  body BLOB NOT NULL
);
PRAGMA user_version = {VERSION};
"""


class NewerFileError(NbtrackError, sqlite3.DatabaseError):
    """The file was written by a later version of nbtrack."""


class DamagedFileError(NbtrackError, sqlite3.DatabaseError):
    """The file is damaged."""


def open_database(path: Path, *, synchronous: str = "NORMAL") -> sqlite3.Connection:
    """Open the outbox file; a damaged one is set aside first.

    Parameters
    ----------
    path : Path
        The file; its folder is created with mode 0700, and the file with mode 0600.
    synchronous : str
        "NORMAL" survives the death of the process; "FULL" a power cut too, five times slower.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode.

    Raises
    ------
    sqlite3.Error, OSError
        If the file cannot be written.
    """
    make_private(path)
    try:
        return _connect(path, synchronous)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return replace_damaged(path, str(error), synchronous=synchronous)


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=32
        )
    except sqlite3.OperationalError as error:
        raise sqlite3.OperationalError(
            f"cannot open {path} as an event store ({error}): give a file in a folder that can be written"
        ) from error
    try:
        _prepare(connection, path, synchronous)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, synchronous: str) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        # it works for a later version of nbtrack, perhaps in another kernel
        raise NewerFileError(
            f"{path} was written by a later version of nbtrack (file version {version}, supported: {VERSION}); "
            "update nbtrack or use another file"
        )
    journal = "TRUNCATE" if is_network_path(path) else "WAL"
    if version == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    connection.execute("PRAGMA mmap_size = 0")
    if version < VERSION:
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if pages <= CHECKED_PAGES:
        (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise DamagedFileError(result)
    connection.execute("SELECT id, route, token, lease_until, size FROM events LIMIT 1").fetchone()


def _connect_again(path: Path) -> sqlite3.Connection:
    # a file that was deleted meanwhile is not created
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def copy_journal(path: Path) -> None:
    """Copy the journal into the file, by a connection of its own so that writing goes on meanwhile."""
    with contextlib.closing(_connect_again(path)) as connection:
        _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if copied != pages:
            # the few that were written during the copy: writers wait for them, or the journal would only grow
            connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MILLISECONDS}")
            connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()


def open_snapshot(path: Path) -> sqlite3.Connection:
    """Open the file for reading, as it is now: with SQLite's WAL, reading and writing do not wait for each other."""
    connection = _connect_again(path)
    try:
        connection.execute("BEGIN")
        # a transaction begins with its first read
        connection.execute("SELECT id FROM events LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def is_outbox(path: Path) -> bool:
    """Check, without changing it, whether a file is an event store."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            connection.execute("SELECT id, route, token, lease_until, size FROM events LIMIT 1").fetchone()
    except sqlite3.Error:
        return False
    return True


def inode_of(path: Path) -> int | None:
    """Return the inode of a file, or None if there is no file."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def is_network_path(path: Path) -> bool:
    """Check whether a path is on a network file system, where SQLite's WAL does not work."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    folder = str(path.parent.resolve())
    best, kind = "", ""
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        mount_point = fields.split(" ")[4].replace("\\040", " ")
        inside = folder == mount_point or folder.startswith(mount_point.rstrip("/") + "/")
        # a later line with the same mount point lies over the earlier one
        if inside and len(mount_point) >= len(best):
            best, kind = mount_point, rest.split(" ")[0]
    return kind.startswith(NETWORK_FILE_SYSTEMS)


# Damaged files


def is_damage(error: BaseException) -> bool:
    """Check whether an error means a damaged file, not one that is busy, full or forbidden."""
    if isinstance(error, DamagedFileError):
        return True
    # another table of the same name shows as a missing column
    wrong_schema = (
        isinstance(error, sqlite3.OperationalError) and re.search("no (such )?column", str(error)) is not None
    )
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return wrong_schema or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def replace_damaged(path: Path, reason: str, *, synchronous: str = "NORMAL") -> sqlite3.Connection:
    """Set a damaged outbox aside and start a new one with the events that can still be read."""
    aside = _set_aside(path)
    make_private(path)
    fresh = _connect(path, synchronous)
    events = _salvage(aside, fresh)
    LOG.warning(
        "The event store %s is damaged (%s); it was renamed to %s, and %d events were recovered from it",
        path, reason, aside.name, events,
    )  # fmt: skip
    return fresh


def _set_aside(path: Path) -> Path:
    """Rename an outbox and its journal; return the new path."""
    aside = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(2)}")
    for suffix in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside


def _salvage(aside: Path, fresh: sqlite3.Connection) -> int:
    """Copy the readable rows of a damaged outbox into a new one; return how many."""
    copied = 0
    deadline = monotonic() + SALVAGE_SECONDS
    fresh.execute("BEGIN IMMEDIATE")
    for table in ("events", "dead"):
        columns = [name for _, name, *_ in fresh.execute(f"PRAGMA table_info({table})")]
        columns = [name for name in columns if name not in {"token", "lease_until"}]
        marks = ", ".join("?" * len(columns))
        insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our own names
        for row in _readable_rows(aside, table, columns):
            if _is_intact(dict(zip(columns, row, strict=True))):
                copied += fresh.execute(insert, row).rowcount
            if monotonic() > deadline:
                break
    fresh.execute("COMMIT")
    return copied


def _readable_rows(aside: Path, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    # from both ends: a damaged page in the middle then hides neither what is before it nor what is behind
    for order in ("ASC", "DESC"):
        with (
            contextlib.suppress(sqlite3.Error, OverflowError, UnicodeError),
            # not read-only: that could not use a journal that holds the latest events
            contextlib.closing(sqlite3.connect(aside)) as connection,
        ):
            # lets SQLite read a file that is shorter than it should be
            connection.execute("PRAGMA writable_schema = ON")
            yield from connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id {order}")  # noqa: S608 - our own names


def _is_intact(row: dict[str, Any]) -> bool:
    """Check that a row is an event, not what a damaged page makes of one."""
    try:
        payload = json.loads(row["body"])
    except (TypeError, ValueError):
        return False
    return isinstance(payload, dict) and row["size"] == len(row["body"])


# Owners of leases


@functools.cache
def machine() -> str:
    """Return a name for this machine and its process ids: two containers may share a host name but not their processes."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8])
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return "/".join(part.replace("|", "-") for part in parts)


def new_owner() -> str:
    """Return a name for this process as the owner of leases."""
    pid = os.getpid()
    return f"{machine()}|{pid}|{process_started(pid) or ''}|{secrets.token_hex(4)}"


def is_alive(token: str) -> bool:
    """Check whether a lease's owner may still be at work; on another machine it counts as alive until the lease ends."""
    try:
        host, pid, started, _ = token.split("|", 3)
        if host != machine():
            return True
        return is_same_process(int(pid), started)
    except (ValueError, OverflowError):  # a token that cannot be parsed: its lease will end
        return True


# Statements over many ids


def fetch_for_ids(connection: sqlite3.Connection, statement: str, ids: Sequence[Any]) -> list[Any]:
    """Run a query with ``IN ({})`` for any number of ids."""
    rows: list[Any] = []
    for start in range(0, len(ids), IDS_PER_STATEMENT):
        part = ids[start : start + IDS_PER_STATEMENT]
        rows += connection.execute(statement.format(",".join("?" * len(part))), part).fetchall()
    return rows


def change_for_ids(connection: sqlite3.Connection, statement: str, ids: Sequence[Any]) -> int:
    """Run a change with ``IN ({})`` for any number of ids; return how many rows it changed."""
    changed = 0
    for start in range(0, len(ids), IDS_PER_STATEMENT):
        part = ids[start : start + IDS_PER_STATEMENT]
        changed += connection.execute(statement.format(",".join("?" * len(part))), part).rowcount
    return changed
