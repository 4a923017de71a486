"""What backfills leave on disk: ledgers and dead letters, in one folder of the user's own, and not for ever."""

import time
import uuid
from contextlib import suppress
from pathlib import Path

from nbtrack.common.home import find_home

MAX_AGE = 30 * 86_400.0
MAX_BYTES = 2**30
_RECENT = 86_400.0  # seconds within which a file may be one of a run under way


def ledger_path(namespace: uuid.UUID) -> Path:
    """Tell where the ledger of a namespace is."""
    return _find_folder() / f"{namespace.hex}.sqlite"


def letters_path(namespace: uuid.UUID) -> Path:
    """Tell where a run's dead letters go: a file of its own for each run."""
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    return _find_folder() / f"{namespace.hex}-{moment}-{uuid.uuid4().hex[:4]}.parquet"


def tidy() -> None:
    """Remove what is older than 30 days, and the oldest of what is more than 1 GiB: dead letters hold personal data."""
    with suppress(OSError):  # no folder yet, or one that another process tidies too
        now, held = time.time(), 0
        dated = ((path, path.stat()) for path in _find_folder().iterdir())
        for path, status in sorted(dated, key=lambda one: one[1].st_mtime, reverse=True):
            held += status.st_size
            age = now - status.st_mtime
            if age > MAX_AGE or (held > MAX_BYTES and age > _RECENT):
                path.unlink()


def _find_folder() -> Path:
    return find_home() / "backfills"
