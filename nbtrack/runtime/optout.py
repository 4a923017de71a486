"""Opt-out: by environment variables, and for good by ``nbtrack off``."""

import os
from pathlib import Path

from nbtrack.common.clock import monotonic
from nbtrack.common.home import make_home, open_private

_VARIABLES = ("NBTRACK_DISABLED", "DO_NOT_TRACK")
_FILE = "off"
COMMAND = "nbtrack off"
"""What stands for the lasting opt-out where a variable's name would stand."""
_LOOK_AGAIN = 1.0  # seconds


class OptOut:
    """What disables tracking for this user and process: the environment as it was, and the home's file as it is.

    Parameters
    ----------
    home
        nbtrack's home folder, which holds the file.
    """

    def __init__(self, home: Path) -> None:
        self._variable = find_variable()
        self._path = home / _FILE
        self._found: str | None = None
        self._look_at = 0.0

    def find(self, *, now: bool = False) -> str | None:
        """Return the variable's name or ``nbtrack off``; None if nothing disables tracking.

        The file is looked for at most once a second, as this is asked for each cell and step; with `now` at once.
        """
        time = monotonic()
        if now or time >= self._look_at:
            self._look_at = time + _LOOK_AGAIN
            self._found = self._variable or find_lasting(self._path.parent)
        return self._found


def find_variable() -> str | None:
    """Return the environment variable that disables tracking, or None.

    A variable disables it when it is set to anything but nothing or ``0``.
    """
    return next((name for name in _VARIABLES if os.environ.get(name, "").strip() not in {"", "0"}), None)


def find_lasting(home: Path) -> str | None:
    """Return ``nbtrack off`` if this user ran it, or None."""
    # a home that cannot be looked into is one that holds no opt-out
    return COMMAND if os.path.exists(home / _FILE) else None  # noqa: PTH110 - Path.exists raises where this is False


def opt_out(home: Path) -> None:
    """Disable tracking for this user until `opt_in`.

    Raises
    ------
    OSError
        If the home cannot be written.
    """
    make_home(home)
    with open_private(home / _FILE, "w") as file:
        file.write("Tracking is off for this user; `nbtrack on` ends it.\n")


def opt_in(home: Path) -> None:
    """End the lasting opt-out.

    Raises
    ------
    OSError
        If the file cannot be removed.
    """
    (home / _FILE).unlink(missing_ok=True)


def explain(optout: str) -> str:
    """Return who disabled tracking, as messages say it.

    Examples
    --------
    >>> explain("DO_NOT_TRACK"), explain(COMMAND)
    ('DO_NOT_TRACK is set', 'this user ran nbtrack off; nbtrack on ends it')
    """
    return "this user ran nbtrack off; nbtrack on ends it" if optout == COMMAND else f"{optout} is set"
