"""The user's no: from the environment, or said in the notebook."""

import os

_VARIABLES = ("NBTRACK_DISABLED", "DO_NOT_TRACK")


def find_optout() -> str | None:
    """Name the environment variable that forbids tracking, or None.

    A variable forbids when it is set to anything but nothing or ``0``.
    """
    return next((name for name in _VARIABLES if os.environ.get(name, "").strip() not in {"", "0"}), None)
