"""Whether a process is still the one it was."""

from __future__ import annotations

import os


def process_started(pid: int) -> str | None:
    """Tell when a process began, in the system's own unit; None when there is no such process.

    A number alone could be a later process's. Where the system does not tell, the number must do.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - asked often
            fields = file.read().rpartition(b")")[2].split()
        # a process that ended but whose parent did not look yet is gone for us
        return None if fields[0] == b"Z" else fields[19].decode()
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):  # noqa: PTH112 - the same
            return None
    except OSError:
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return ""
    return ""
