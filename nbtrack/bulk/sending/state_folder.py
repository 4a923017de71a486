"""Ledgers and dead letters in one folder of the user, removed after a while."""

import time
import uuid
from contextlib import suppress
from pathlib import Path

from nbtrack.common.home import find_home

MAX_AGE = 30 * 86_400.0
MAX_BYTES = 2**30
_IN_USE = 86_400.0
"""Seconds within which a file may belong to a running backfill."""


def ledger_path(namespace: uuid.UUID) -> Path:
    """Return the path of the ledger of a namespace."""
    return _find_folder() / f"{namespace.hex}.sqlite"


def dead_letters_path(namespace: uuid.UUID) -> Path:
    """Return a path for the dead letters of a run: each run has its own."""
    now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    return _find_folder() / f"{namespace.hex}-{now}-{uuid.uuid4().hex[:4]}.parquet"


def remove_old_files() -> None:
    """Remove files older than 30 days, and the oldest ones beyond 1 GiB: dead letters hold personal data."""
    with suppress(OSError):  # no folder yet, or another process removes the same files
        now, total = time.time(), 0
        files = ((path, path.stat()) for path in _find_folder().iterdir())
        for path, status in sorted(files, key=lambda file: file[1].st_mtime, reverse=True):
            total += status.st_size
            age = now - status.st_mtime
            if age > MAX_AGE or (total > MAX_BYTES and age > _IN_USE):
                path.unlink()


def _find_folder() -> Path:
    return find_home() / "backfills"
