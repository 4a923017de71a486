"""Launching a collector's process, and what the process and its clients agree on."""

import json
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from nbtrack.collector.page_address import find_page_address
from nbtrack.common.processes import process_started

BACKLOG = 512
SHOWN_HOSTS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - nothing is bound here
"""A host that a URL can name, for those that mean every interface."""


@dataclass(slots=True)
class ServerConfig:
    """What a collector's process reads as its first line of standard input.

    Attributes
    ----------
    host, port, db, iglu, lenient_lengths, open, idle_timeout, campaigns, paths, tracking_plan
        As `LocalCollector` has them.
    hosts : list of str
        Host names by which it may be addressed.
    detached : bool
        Whether the process outlives the one that starts it.
    cache : str or None
        Folder for the schemas that Iglu servers returned.
    folder : str or None
        Deleted when the process ends, so that nothing is left behind when its parent is killed.
    token : str
        What a client must send to read.
    starter : dict
        Process id and start time of the process that starts it.
    fd : int or None
        The listening socket; None where the process binds its own.
    output : str
        What the process writes to standard output: good events as ``tsv`` or ``json``, or ``none``.
    log_events : bool
        Whether standard error has a line for each event.
    keep_days : float
        Days that events are kept; 0 keeps them for ever.
    keep_events : int
        Events of one application and one schema that are kept.
    """

    host: str
    port: int
    db: str
    iglu: list[str]
    lenient_lengths: bool = False
    campaigns: bool = False
    tracking_plan: str | None = None
    paths: dict[str, str] = field(default_factory=dict)
    open: bool = False
    hosts: list[str] = field(default_factory=list)
    idle_timeout: float | None = None
    detached: bool = False
    cache: str | None = None
    folder: str | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    starter: dict[str, Any] = field(
        default_factory=lambda: {"pid": os.getpid(), "started": process_started(os.getpid())}
    )
    fd: int | None = None
    output: str = "none"
    log_events: bool = False
    keep_days: float = 0
    keep_events: int = 500_000


@dataclass(slots=True)
class Launched:
    """A process that was started.

    Attributes
    ----------
    process : subprocess.Popen
        Its standard input is the pipe by which it learns that its parent has ended.
    url, token : str
    """

    process: subprocess.Popen[bytes]
    url: str
    token: str


def launch(config: ServerConfig, *, log: str | None = None) -> Launched:
    """Start a collector.

    The listening socket is created here and handed over, so that the address is known at once and requests made before
    the process is ready wait in the socket's queue. It is closed here afterwards: when the process dies, connections
    are refused.

    Parameters
    ----------
    config : ServerConfig
    log : str or None
        File for the process's log; None keeps this process's standard error.

    Raises
    ------
    OSError
        If the address is taken.
    """
    # the names by which the Jupyter server's browsers know this machine
    proxied = find_page_address(f"http://127.0.0.1:{config.port}").hosts
    config.hosts = [config.host, *config.hosts, *proxied]
    listener = None
    options: dict[str, Any] = {"start_new_session": True}
    if os.name == "posix":
        listener = _listen(config.host, config.port)
        config.fd = listener.fileno()
        options["pass_fds"] = (listener.fileno(),)
        port = listener.getsockname()[1]
    else:
        # Windows hands over no socket: the process binds the port, and writes its number to standard output
        if config.output != "none":
            raise OSError(
                "the collector cannot write events to standard output on Windows; use output='none'"
            )
        flags = ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW")  # neither Ctrl-C nor a closed window ends it
        options = {
            "creationflags": sum(getattr(subprocess, flag, 0) for flag in flags),
            "stdout": subprocess.PIPE,
        }
    errors = None
    try:
        if log:
            errors = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            options["stderr"] = errors
            options.setdefault("stdout", errors)
        elif config.output == "none":
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
    process.stdin.write(json.dumps(asdict(config)).encode() + b"\n")
    process.stdin.flush()
    if listener is None:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        with process.stdout:
            port = int(process.stdout.readline())
    if config.detached:
        process.stdin.close()
    host = f"[{config.host}]" if ":" in config.host else config.host
    return Launched(process, f"http://{SHOWN_HOSTS.get(config.host, host)}:{port}", config.token)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), backlog=BACKLOG, family=family)
    except OSError as error:
        # Python adds the address to the system's message
        reason = str(error.strerror or error).partition(" (while")[0]
        raise OSError(
            error.errno,
            f"cannot listen on {host}:{port} ({reason}): choose another port or host; port 0 takes any free one",
        ) from None
