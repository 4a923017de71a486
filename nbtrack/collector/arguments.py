"""What a collector and its client may be given: refused at the call, where the reason is plain."""

import os
from pathlib import Path


def find_place(place: str | Path) -> str:
    """Give an Iglu server's address, or a folder's whole path.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    """
    if str(place).startswith(("http://", "https://")):
        return str(place)
    folder = Path(place).resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"iglu names {str(place)!r}, and no folder is at {folder}")
    return str(folder)


def find_database(db: str | Path) -> str:
    """Give the whole path of a database's file, or "memory".

    Raises
    ------
    TypeError, ValueError
        When it is no path, or one that no file can have.
    """
    if db == "memory":
        return "memory"
    if not isinstance(db, str | os.PathLike):
        raise TypeError(f"db must be the path of a file, or 'memory', not {db!r}")
    path = Path(db).resolve()
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"db must be the path of a file in a folder that is there, not {str(path)!r}")
    return str(path)
