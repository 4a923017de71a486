"""Which chunks of a backfill are delivered: kept in a file, so that an interrupted run goes on where it was."""

import sqlite3
import threading
from pathlib import Path

from nbtrack.common.errors import NbtrackError
from nbtrack.common.home import make_private

_VERSION = 1
_TABLES = """
create table if not exists run (
  version integer not null, template text not null, columns text not null, rows integer, chunk_rows integer not null,
  destination text not null
) strict;
create table if not exists chunk (
  number integer primary key, fingerprint integer not null, events integer not null
) strict;
"""


BEGIN_ANEW = (
    "without resume=True it begins anew, and what was delivered goes out again: with the same ids where namespace= and "
    "key= (or event_id=) are as before, else as other events"
)


class LedgerError(NbtrackError, RuntimeError):
    """The ledger is of another backfill, or in use: the text says what differs.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from nbtrack import backfill, col
    >>> from nbtrack.collector import LocalCollector
    >>> from nbtrack.tracker import PageView
    >>> frame = pd.DataFrame({"address": ["https://acme.com/a"]})
    >>> with LocalCollector() as collector, tempfile.TemporaryDirectory() as folder:
    ...     where = {"collector": collector.url, "ledger": Path(folder) / "ledger.sqlite"}
    ...     report = backfill(frame, PageView(col("address")), **where)
    ...     try:
    ...         backfill(frame, PageView(col("address"), page_title="Home"), **where, resume=True)
    ...     except LedgerError as error:
    ...         print(error)
    the backfill in ...ledger.sqlite cannot be resumed: the event or its options changed since; ...
    """


class Ledger:
    """A file with a line for each chunk whose every event was taken by the collector.

    Parameters
    ----------
    path
        Of the SQLite file; its folder is made.
    template
        Tells the event and its options from others.
    columns
        Of the data that the event asks for.
    rows
        How many the data has, None where that is not known.
    chunk_rows
        Rows of a chunk.
    destination
        URL of the collector.
    resume
        Whether to go on with what is in the file; else it begins anew.

    Raises
    ------
    LedgerError
        When the file belongs to another event or other data, or another process uses it.
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
        try:
            make_private(path)
            self._connection = sqlite3.connect(
                path, timeout=1.0, check_same_thread=False, isolation_level=None
            )
        except (sqlite3.OperationalError, OSError) as error:
            raise LedgerError(
                f"{path} cannot be used ({error}): give ledger= a file in a folder that can be written"
            ) from None
        try:
            self._open((_VERSION, template, columns, rows, chunk_rows, destination), resume=resume)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise LedgerError(
                f"{path} cannot be used ({error}): another backfill may hold it; give another ledger="
            ) from None
        except LedgerError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def fingerprint(self, number: int) -> int | None:
        """Give the fingerprint of a chunk that is delivered; None for another one."""
        with self._lock:
            found = self._connection.execute(
                "select fingerprint from chunk where number = ?", [number]
            ).fetchone()
        return None if found is None else int(found[0])

    def finish(self, number: int, fingerprint: int, events: int) -> None:
        """Note that all events of a chunk were taken."""
        with self._lock:
            self._connection.execute(
                "insert or replace into chunk values (?, ?, ?)", [number, fingerprint, events]
            )

    def _open(self, run: tuple[int, str, str, int | None, int, str], *, resume: bool) -> None:
        # exclusive: of two runs over the same history one is a mistake
        self._connection.execute("pragma locking_mode = exclusive")
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute("begin immediate")
        for statement in _TABLES.split(";"):
            self._connection.execute(statement)
        found = self._connection.execute("select * from run").fetchone()
        if resume and found is not None:
            self._compare(found, run)
        else:
            self._connection.execute("delete from run")
            self._connection.execute("delete from chunk")
            self._connection.execute("insert into run values (?, ?, ?, ?, ?, ?)", run)
        self._connection.execute("commit")

    def _compare(self, found: tuple[object, ...], run: tuple[object, ...]) -> None:
        names = (
            "the version of nbtrack",
            "the event or its options",
            "the columns",
            "the number of rows",
            "the chunks",
            "the collector",
        )
        differ = [name for name, old, new in zip(names, found, run, strict=True) if old != new]
        if differ:
            self._connection.execute("rollback")
            raise LedgerError(
                f"the backfill in {self.path} cannot be resumed: {' and '.join(differ)} changed since; "
                f"{BEGIN_ANEW}"
            )
