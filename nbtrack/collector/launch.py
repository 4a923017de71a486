"""Starting a collector's process."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from nbtrack.common.processes import process_started

BACKLOG = 512
ANYWHERE = "0.0.0.0"  # noqa: S104 - shown as an address that can be opened


@dataclass(slots=True)
class Launched:
    """A process that was started.

    Attributes
    ----------
    process : subprocess.Popen
        Its standard input is the pipe by which it learns of the parent's end.
    url, token : str
    """

    process: subprocess.Popen[bytes]
    url: str
    token: str


def launch(
    *,
    host: str,
    port: int,
    db: str,
    iglu: list[str],
    strict_lengths: bool = False,
    open: bool = False,  # noqa: A002 - the public option's name
    hosts: list[str] | None = None,
    idle_timeout: float | None = None,
    detached: bool = False,
    folder: str | None = None,
    log: str | None = None,
    cache: str | None = None,
) -> Launched:
    """Start a collector.

    The listening socket is made here and handed over, so that the address is known at once and requests made before
    the process is ready wait in the socket's queue. It is closed here afterwards: when the process dies, its address
    refuses.

    Parameters
    ----------
    detached : bool
        Whether the process outlives this one.
    cache : str or None
        Folder for the schemas that Iglu servers gave.
    folder : str or None
        Deleted when the process ends, so that nothing is left behind when this one is killed.
    log : str or None
        File for what it has to say; None keeps this process's standard error.

    Raises
    ------
    OSError
        When the address is taken.
    """
    token = secrets.token_urlsafe(18)
    config: dict[str, Any] = {
        "host": host, "port": port, "db": db, "iglu": iglu, "strict_lengths": strict_lengths, "open": open,
        "hosts": [host, *(hosts or [])], "cache": cache, "folder": folder, "idle_timeout": idle_timeout, "token": token, "fd": None,
        "starter": {"pid": os.getpid(), "started": process_started(os.getpid())}, "detached": detached,
    }  # fmt: skip
    listener = None
    options: dict[str, Any] = {"start_new_session": True}
    if os.name == "posix":
        try:
            listener = socket.create_server((host, port), backlog=BACKLOG, family=family_of(host))
        except OSError as error:
            # Python adds the address to the system's words
            reason = str(error.strerror or error).partition(" (while")[0]
            raise OSError(
                error.errno,
                f"no collector can listen on port {port} of {host} ({reason}): give another port or host; port 0 takes any "
                "that is free",
            ) from None
        config["fd"] = listener.fileno()
        options["pass_fds"] = (listener.fileno(),)
        port = listener.getsockname()[1]
    else:
        options = {
            "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            "stdout": subprocess.PIPE,
        }
    errors = None
    try:
        if log:
            errors = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            options["stderr"] = errors
            options.setdefault("stdout", errors)
        else:
            options.setdefault("stdout", subprocess.DEVNULL)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "nbtrack.collector.server.main"], stdin=subprocess.PIPE, **options
        )
    finally:
        if listener is not None:
            listener.close()
        if errors is not None:
            os.close(errors)
    assert process.stdin is not None  # noqa: S101 - for the type checker
    process.stdin.write(json.dumps(config).encode() + b"\n")
    process.stdin.flush()
    if listener is None:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        port = int(process.stdout.readline())
    if detached:
        process.stdin.close()
    shown = {"": "127.0.0.1", ANYWHERE: "127.0.0.1", "::": "[::1]"}.get(
        host, f"[{host}]" if ":" in host else host
    )
    return Launched(process, f"http://{shown}:{port}", token)


def family_of(host: str) -> socket.AddressFamily:
    """Tell the address family that a host's text means."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET
