"""nbtrack's own folder and private files: where they are, and that only their user can read them."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import IO, Any

OUTBOX_FILE = "outbox.sqlite"
"""Name of the durable store's file in the home folder."""


NO_HOME = Path(os.devnull) / "nbtrack"
"""A folder that nobody can create, for users who have none."""


def find_home() -> Path:
    """Return the folder of nbtrack's own files: ``NBTRACK_HOME``, or the platform's user state directory.

    Where neither can be told (no ``HOME``, and no entry of the user in the password database), a folder that cannot be
    created.
    """
    try:
        if named := os.environ.get("NBTRACK_HOME"):
            return Path(named).expanduser()
        import platformdirs  # noqa: PLC0415 - only where the variable is not set

        home = Path(platformdirs.user_state_dir("nbtrack", appauthor=False))
    except RuntimeError:
        return NO_HOME
    # what earlier versions of platformdirs return
    return NO_HOME if str(home).startswith("~") else home


def make_shared_folder_private(folder: Path) -> Path:
    """Return a folder below one that all users share, such as ``/tmp``, that only this user can read.

    Another user may have prepared a folder of that name: it is used only if it is ours, no link, and closed to others;
    else a fresh one is created beside it.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    state = folder.lstat()
    ours = not hasattr(os, "getuid") or (state.st_uid == os.getuid() and not state.st_mode & 0o077)
    if stat.S_ISDIR(state.st_mode) and ours:
        return folder
    return Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))


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
    # without it Windows would write every line feed of a binary file as two bytes
    flags |= getattr(os, "O_BINARY", 0)
    encoding = None if "b" in mode else "utf-8"
    return os.fdopen(os.open(path, flags, 0o600), "w" if mode == "x" else mode, encoding=encoding)
