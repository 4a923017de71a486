"""The outbox's file: how it is opened, checked, set aside when broken, and who owns a lease in it."""

import contextlib
import functools
import logging
import os
import re
import secrets
import socket
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbtrack.common.errors import NbtrackError
from nbtrack.common.home import make_private
from nbtrack.common.processes import is_same_process, process_started
from nbtrack.delivery.stores.salvaging import salvage, set_aside

LOG = logging.getLogger("nbtrack.delivery")
VERSION = 1
BUSY_SECONDS = 2.0
WAL_BYTES = 4 * 2**20
CHECKED_PAGES = 2_048
"""A file up to 8 MiB is checked when it is opened (10 ms); damage in a bigger one shows at its use."""
AT_ONCE = 500
"""Ids a statement takes; SQLite allows 999 in its older versions."""
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
# No index: rows are claimed in the order of their ids, and each index would slow every insert.
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


def open_database(path: Path, *, synchronous: str = "NORMAL") -> sqlite3.Connection:
    """Open the outbox's file; one that is broken is set aside first.

    Parameters
    ----------
    path
        The file; its folder is made (0700), and the file is readable by its owner only.
    synchronous
        "NORMAL": safe against the death of the process; "FULL": against a power cut too, five times slower.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode.

    Raises
    ------
    sqlite3.Error, OSError
        When the place cannot be written.
    """
    make_private(path)
    try:
        return _connect(path, synchronous)
    except sqlite3.DatabaseError as fault:
        if not is_corrupt(fault):
            raise
        return renew(path, str(fault), synchronous=synchronous)


def renew(path: Path, reason: str, *, synchronous: str = "NORMAL") -> sqlite3.Connection:
    """Set a broken outbox aside and begin a new one with the events that can still be read."""
    aside = set_aside(path)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    fresh = _connect(path, synchronous)
    saved = salvage(aside, fresh)
    LOG.warning(
        "The store of unsent events %s is unreadable (%s); it was set aside as %s, and %d events were read from it",
        path, reason, aside.name, saved,
    )  # fmt: skip
    return fresh


class NewerFileError(NbtrackError, sqlite3.DatabaseError):
    """The file was written by a later version of this package."""


class UnusableFileError(NbtrackError, sqlite3.DatabaseError):
    """The file is damaged."""


def is_outbox(path: Path) -> bool:
    """Tell, without touching it, whether a file is a store of events."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            connection.execute("SELECT id, route, token, lease_until, size FROM events LIMIT 1").fetchone()
    except sqlite3.Error:
        return False
    return True


def is_corrupt(fault: BaseException) -> bool:
    """Tell a file that is no outbox from one that is merely busy, full or forbidden."""
    if isinstance(fault, UnusableFileError):
        return True
    # an old table of the same name shows as a missing column
    wrong_schema = (
        isinstance(fault, sqlite3.OperationalError) and re.search("no (such )?column", str(fault)) is not None
    )
    code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
    return wrong_schema or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=32
        )
    except sqlite3.OperationalError as fault:
        raise sqlite3.OperationalError(
            f"{path} cannot be used as a store ({fault}): give a file in a folder that can be written"
        ) from fault
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            # it works for a later version of this package, perhaps in the next kernel: leave it alone
            message = (
                f"{path} was written by a later nbtrack (its version is {version}, this one knows {VERSION}): "
                "update nbtrack, or give another file"
            )
            raise NewerFileError(message)  # noqa: TRY301 - the except clause below only closes
        journal = "TRUNCATE" if is_network_path(path) else "WAL"
        if version == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        connection.execute("PRAGMA mmap_size = 0")
        if version < VERSION:
            connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if pages <= CHECKED_PAGES:
            (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            _expect(state == "ok", state)
        connection.execute("SELECT id, route, token, lease_until, size FROM events LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise UnusableFileError(otherwise)


def inode_of(path: Path) -> int | None:
    """Tell which file is at a path, or None where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def is_network_path(path: Path) -> bool:
    """Tell whether a path is on a network file system, where SQLite's WAL does not work."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    place = str(path.parent.resolve())
    best, kind = "", ""
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point = fields.split(" ")[4].replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        # a later line at the same point lies over the earlier one
        if inside and len(point) >= len(best):
            best, kind = point, rest.split(" ")[0]
    return kind.startswith(NETWORK_FILE_SYSTEMS)


# Owners of leases


@functools.cache
def machine() -> str:
    """Name this machine and its process numbers: two containers may share a name but not their processes."""
    parts = [socket.gethostname()]
    for source in ("/proc/sys/kernel/random/boot_id",):
        with contextlib.suppress(OSError):
            parts.append(Path(source).read_text(encoding="ascii").strip()[:8])
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return "/".join(part.replace("|", "-") for part in parts)


def new_owner() -> str:
    """Name this process as the owner of leases."""
    pid = os.getpid()
    return f"{machine()}|{pid}|{process_started(pid) or ''}|{secrets.token_hex(4)}"


def is_alive(token: str) -> bool:
    """Tell whether a lease's owner may still be at work; one of another machine counts as alive until its lease ends."""
    try:
        host, pid, begun, _ = token.split("|", 3)
        if host != machine():
            return True
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError, OverflowError):
        # PermissionError: somebody's process has the number; a token we cannot read: its lease will end
        return True
    return is_same_process(int(pid), begun)


# Statements over many ids


def fetch_each(connection: sqlite3.Connection, statement: str, ids: Sequence[Any]) -> list[Any]:
    """Run a query with ``IN ({})`` for any number of ids."""
    found: list[Any] = []
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        found += connection.execute(statement.format(",".join("?" * len(part))), part).fetchall()
    return found


def run_each(connection: sqlite3.Connection, statement: str, ids: Sequence[Any]) -> int:
    """Run a change with ``IN ({})`` for any number of ids; give how many rows it changed."""
    done = 0
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        done += connection.execute(statement.format(",".join("?" * len(part))), part).rowcount
    return done
