"""A broken outbox: it is set aside, and what can still be read of it is brought over to the new one."""

import contextlib
import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SECONDS = 1.0
"""Time to read a broken file: a user's cell may wait for it. What is left stays in the file."""


def set_aside(path: Path) -> Path:
    """Rename an outbox with its journal; give its new place."""
    aside = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(2)}")
    for suffix in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside


def salvage(aside: Path, fresh: sqlite3.Connection) -> int:
    """Bring the readable rows of a broken outbox to a new one; give how many events that were.

    Parameters
    ----------
    aside
        The broken file; it is kept.
    fresh
        The new outbox, empty.
    """
    saved = 0
    deadline = time.monotonic() + SECONDS
    fresh.execute("BEGIN IMMEDIATE")
    for table in ("events", "dead"):
        names = [name for _, name, *_ in fresh.execute(f"PRAGMA table_info({table})")]
        wanted = [name for name in names if name not in {"token", "lease_until"}]
        marks = ", ".join("?" * len(wanted))
        insert = f"INSERT OR IGNORE INTO {table} ({', '.join(wanted)}) VALUES ({marks})"  # noqa: S608 - our own names
        for row in _rows(aside, table, wanted):
            if _is_whole(dict(zip(wanted, row, strict=True))):
                saved += fresh.execute(insert, row).rowcount
            if time.monotonic() > deadline:
                break
    fresh.execute("COMMIT")
    return saved


def _rows(aside: Path, table: str, names: list[str]) -> Iterator[tuple[Any, ...]]:
    # from both ends: a broken page in the middle hides neither what stands before it nor what stands behind
    for order in ("ASC", "DESC"):
        with (
            # as far as it can be read; nonsense where a value was
            contextlib.suppress(sqlite3.Error, OverflowError, UnicodeError),
            # not read-only: that could not use a journal that holds the latest events
            contextlib.closing(sqlite3.connect(aside)) as connection,
        ):
            # so that SQLite reads a file that is shorter than it should be
            connection.execute("PRAGMA writable_schema = ON")
            yield from connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY id {order}")  # noqa: S608 - our own names


def _is_whole(row: dict[str, Any]) -> bool:
    """Tell an event from what a broken page makes of one."""
    try:
        payload = json.loads(row["body"])
    except (TypeError, ValueError):
        return False
    return isinstance(payload, dict) and row["size"] == len(row["body"])
