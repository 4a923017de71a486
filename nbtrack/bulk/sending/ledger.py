"""Which chunks of a backfill were delivered: stored in a file, so that an interrupted run can be resumed."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbtrack.common.errors import NbtrackError
from nbtrack.common.home import make_private

VERSION = 2
"""Version of the file, which is the recipe of the event ids: a chunk of another one was sent with other ids."""
_TABLES = """
create table if not exists run (
  version integer not null, template text not null, columns text not null, rows integer, chunk_rows integer not null,
  destination text not null
) strict;
create table if not exists chunk (
  number integer primary key, fingerprint integer not null, events integer not null
) strict;
"""
BEGIN_AGAIN = (
    "without resume the backfill begins again and sends all rows again: with the same ids if namespace= and key= (or "
    "event_id=) are unchanged, otherwise as new events"
)


class LedgerError(NbtrackError, RuntimeError):
    """The ledger belongs to another backfill, is in use, or cannot be written; the message names which.

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> import pandas as pd
    >>> from nbtrack import backfill, col
    >>> from nbtrack.collector import LocalCollector
    >>> from nbtrack.tracker import PageView
    >>> frame = pd.DataFrame({"address": ["https://acme.com/a"]})
    >>> with LocalCollector() as collector, tempfile.TemporaryDirectory() as folder:
    ...     ledger = Path(folder) / "ledger.sqlite"
    ...     report = backfill(frame, PageView(col("address")), collector=collector.url, ledger=ledger)
    ...     try:
    ...         other = PageView(col("address"), page_title="Home")
    ...         backfill(frame, other, collector=collector.url, ledger=ledger, resume=True)
    ...     except LedgerError as error:
    ...         print(error)
    cannot resume the backfill in ...ledger.sqlite: the event or its options changed; ...
    """


def open_exclusive(path: Path) -> sqlite3.Connection:
    """Open a database that no other process may use meanwhile: two runs over the same history at once are a mistake.

    Parameters
    ----------
    path
        Path of the SQLite file, which only its user can read; its folder is created.

    Raises
    ------
    LedgerError
        If it cannot be opened.
    """
    try:
        make_private(path)
        connection = sqlite3.connect(path, timeout=1.0, check_same_thread=False, isolation_level=None)
    except (sqlite3.OperationalError, OSError) as error:
        raise LedgerError(
            f"cannot use {path} as ledger ({error}); pass ledger= with a file in a writable folder"
        ) from None
    try:
        for pragma in ("locking_mode = exclusive", "journal_mode = wal", "synchronous = normal"):
            connection.execute(f"pragma {pragma}")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise LedgerError(
            f"cannot use {path} as ledger ({error}); another backfill may use it: pass another ledger="
        ) from None
    return connection


@contextmanager
def recording(path: Path) -> Iterator[None]:
    """Raise a `LedgerError` if what was delivered cannot be written, since the disk is full."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise LedgerError(
            f"cannot record in {path} what was delivered ({error}), so the run stopped; free disk space, then resume it"
        ) from None


class Ledger:
    """A file with a row for each chunk whose events were all accepted by the collector.

    Parameters
    ----------
    path
        Path of the SQLite file; its folder is created.
    template
        A string that distinguishes the event and its options from others.
    columns
        Columns of the data that the event uses.
    rows
        Number of rows of the data; None if it is not known.
    chunk_rows
        Rows of a chunk.
    destination
        URL of the collector.
    resume
        Whether to continue with what is in the file; otherwise it is emptied.

    Raises
    ------
    LedgerError
        If the file belongs to another event or other data, or another process uses it.
    """

    def __init__(
        self,
        path: Path,
        *,
        template: str,
        columns: str,
        rows: int | None,
        chunk_rows: int,
        destination: str,
        resume: bool,
    ) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection = open_exclusive(path)
        try:
            self._open((VERSION, template, columns, rows, chunk_rows, destination), resume=resume)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise LedgerError(
                f"cannot use {path} as ledger ({error}); another backfill may use it: pass another ledger="
            ) from None
        except LedgerError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def fingerprint(self, number: int) -> int | None:
        """Return the fingerprint of a chunk; None if it was not delivered."""
        with self._lock:
            row = self._connection.execute(
                "select fingerprint from chunk where number = ?", [number]
            ).fetchone()
        return None if row is None else int(row[0])

    def finish(self, number: int, fingerprint: int, events: int) -> None:
        """Record that all events of a chunk were accepted."""
        with self._lock, recording(self.path):
            self._connection.execute(
                "insert or replace into chunk values (?, ?, ?)", [number, fingerprint, events]
            )

    def _open(self, run: tuple[int, str, str, int | None, int, str], *, resume: bool) -> None:
        self._check_version()
        self._connection.execute("begin immediate")
        for statement in _TABLES.split(";"):
            self._connection.execute(statement)
        earlier = self._connection.execute("select * from run").fetchone()
        if resume and earlier is not None:
            self._compare(earlier, run)
        else:
            self._connection.execute("delete from run")
            self._connection.execute("delete from chunk")
            self._connection.execute("insert into run values (?, ?, ?, ?, ?, ?)", run)
        self._connection.execute("commit")

    def _check_version(self) -> None:
        """Raise, before anything is changed, for a file of a later version, also where it would be emptied."""
        if not self._connection.execute("select 1 from sqlite_master where name = 'run'").fetchone():
            return
        row = self._connection.execute("select version from run").fetchone()
        if row is not None and row[0] > VERSION:
            raise LedgerError(
                f"{self.path} was written by a later version of nbtrack (file version {row[0]}, supported: {VERSION}); "
                "update nbtrack or pass another ledger="
            )

    def _compare(self, earlier: tuple[object, ...], run: tuple[object, ...]) -> None:
        names = (
            f"the recipe of the event ids ({earlier[0]} then, {VERSION} now)",
            "the event or its options",
            "the columns",
            "the number of rows",
            "the chunks",
            "the collector",
        )
        changed = [name for name, old, new in zip(names, earlier, run, strict=True) if old != new]
        if changed:
            self._connection.execute("rollback")
            raise LedgerError(
                f"cannot resume the backfill in {self.path}: {' and '.join(changed)} changed; {BEGIN_AGAIN}"
            )
