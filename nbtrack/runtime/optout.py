"""Opt-out by environment variables."""

import os

_VARIABLES = ("NBTRACK_DISABLED", "DO_NOT_TRACK")


def find_optout() -> str | None:
    """Return the environment variable that disables tracking, or None.

    A variable forbids when it is set to anything but nothing or ``0``.
    """
    return next((name for name in _VARIABLES if os.environ.get(name, "").strip() not in {"", "0"}), None)
