"""nbtrack's own folder and private files: where they are, and that only their user can read them."""

import contextlib
import os
from pathlib import Path
from typing import IO, Any

OUTBOX_FILE = "outbox.sqlite"
"""Name of the durable store's file in the home folder."""


def find_home() -> Path:
    """Return the folder of nbtrack's own files: ``NBTRACK_HOME``, or the platform's user state directory."""
    if named := os.environ.get("NBTRACK_HOME"):
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 - only where the variable is not set

    return Path(platformdirs.user_state_dir("nbtrack", appauthor=False))


def outbox_path(home: Path | None = None) -> Path:
    """Return the path of the durable store's file in `home`, by default the user's."""
    return (home or find_home()) / OUTBOX_FILE


def make_home(home: Path) -> Path:
    """Create the folder, readable by its user only, and return it.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def is_writable(home: Path) -> bool:
    """Check whether the folder could be written or created, without writing anything."""
    nearest = next((folder for folder in (home, *home.parents) if folder.exists()), None)
    return nearest is not None and nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def make_private(path: Path) -> None:
    """Create a file, and its folder, that only its user can read; an existing file is left as it is.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    make_home(path.parent)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def open_private(path: Path, mode: str = "w") -> IO[Any]:
    """Open a file that only its user can read: created with mode 0600, text in UTF-8.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    mode : {"w", "x", "a", "r+b"}
        As for `open`; ``"r+b"`` creates a missing file.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    flags = {
        "w": os.O_CREAT | os.O_WRONLY | os.O_TRUNC,
        "x": os.O_CREAT | os.O_WRONLY | os.O_EXCL,
        "a": os.O_CREAT | os.O_WRONLY | os.O_APPEND,
        "r+b": os.O_CREAT | os.O_RDWR,
    }[mode]
    encoding = None if "b" in mode else "utf-8"
    return os.fdopen(os.open(path, flags, 0o600), "w" if mode == "x" else mode, encoding=encoding)
