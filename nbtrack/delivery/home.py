"""The folder of nbtrack's own files: the one rule of where it is, and of who may read what is in it."""

import contextlib
import os
from pathlib import Path


def find_home() -> Path:
    """Tell the folder of nbtrack's own files: ``NBTRACK_HOME``, else the platform's user state directory."""
    if named := os.environ.get("NBTRACK_HOME"):
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 - only where the variable is not set

    return Path(platformdirs.user_state_dir("nbtrack", appauthor=False))


def make_private(path: Path) -> None:
    """Make a file, and its folder, that only its user can read: what is written to it is personal.

    Parameters
    ----------
    path
        Of the file; one that is there is left as it is.

    Raises
    ------
    OSError
        When it cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
