"""Processes: when one started, and whether it is still the same one that runs."""

import os
import sys

ASK_SECONDS = 2.0
"""Seconds that `ps` may take, which no system needs."""


def process_started(pid: int) -> str | None:
    """Return when a process started, in clock ticks since boot; None if there is no such process.

    A process id alone may have been reused. Where the system does not tell the start, the result is ``""``, and the id
    has to do.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - called often
            fields = file.read().rpartition(b")")[2].split()
        # a process that ended but was not waited for by its parent counts as gone
        return None if fields[0] == b"Z" else fields[19].decode()
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):  # noqa: PTH112 - called often
            return None
    except OSError:  # such as no file descriptor left: the id has to do
        pass
    if sys.platform == "win32":
        return _windows_start(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return ""
    return ""


if sys.platform == "win32":
    import ctypes

    _QUERY, _STILL_ACTIVE, _ACCESS_DENIED = 0x1000, 259, 5

    def _windows_start(pid: int) -> str | None:
        """Return when a process started, in units of 100 ns: on Windows a signal would end the process."""
        kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel32.OpenProcess.restype = ctypes.c_void_p
        handle = ctypes.c_void_p(kernel32.OpenProcess(_QUERY, False, pid))
        if not handle:
            return "" if ctypes.get_last_error() == _ACCESS_DENIED else None
        try:
            code, times = ctypes.c_ulong(), [ctypes.c_ulonglong() for _ in range(4)]
            kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
            kernel32.GetProcessTimes(handle, *map(ctypes.byref, times))
        finally:
            kernel32.CloseHandle(handle)
        return str(times[0].value) if code.value == _STILL_ACTIVE else None


def is_same_process(pid: int, started: str) -> bool:
    """Check whether process `pid` runs and is the one that started at `started` (``""``: unknown, the id decides)."""
    now = process_started(pid)
    return now is not None and (started == now or "" in {started, now})


def process_arguments(pid: int) -> list[str]:
    """Return a process's command line; empty if the system does not provide it.

    Examples
    --------
    >>> import os
    >>> process_arguments(-1)
    []
    """
    if sys.platform == "darwin":
        import subprocess  # noqa: PLC0415 - only where no file has it

        command = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
        try:
            told = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)  # noqa: S603 - our own words
        except (OSError, subprocess.SubprocessError):
            return []
        return told.stdout.split()
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - as above
            words = file.read().split(b"\0")
    except OSError:
        return []
    return [word.decode("utf-8", "surrogateescape") for word in words if word]
