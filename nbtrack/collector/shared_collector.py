"""The collector that all kernels of a user share.

A file in nbtrack's folder says where it is. Kernels tell it that they are there; it looks after them by their process
number and ends ten minutes after the last one is gone. Its events stay in a database beside that file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbtrack.collector.asking import CollectorError
from nbtrack.collector.client import CollectorClient
from nbtrack.collector.launch import launch
from nbtrack.common.processes import process_started

PORT = 9090
IDLE = 600.0
READY = 10.0


def connect(
    home: Path,
    *,
    start: bool = True,
    port: int = PORT,
    iglu: Iterable[str | Path] = (),
    idle_timeout: float = IDLE,
) -> CollectorClient:
    """Join the user's collector, or start it.

    Parameters
    ----------
    home : Path
        nbtrack's folder.
    start : bool
        Whether to start one when none answers.
    port : int
        The port to take if it is free; any other otherwise.
    iglu : iterable of path or address
        Registries for a collector that is started here.
    idle_timeout : float
        Seconds it stays after the last kernel left; 600 by default.

    Raises
    ------
    RuntimeError
        When none answers and none may be started.
    OSError
        When none can be started.
    """
    client = find(home)
    if client is None:
        if not start:
            raise RuntimeError(f"no collector answers in {home}")
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _locked(home / "collector.lock"):
                # another kernel may have started one while this one waited
                client = find(home) or _start(home, port, iglu, idle_timeout)
        except OSError as error:
            if not str(error.filename or "").startswith(str(home)):  # of a port, or of the interpreter
                raise
            raise OSError(
                f"the local collector cannot be started, as {home} cannot be written ({error.strerror}): set NBTRACK_HOME to "
                "a folder of yours"
            ) from None
    client._ask("POST", "presence", body={"pid": os.getpid(), "started": process_started(os.getpid())})  # noqa: SLF001
    return client


def find(home: Path) -> CollectorClient | None:
    """Give the user's collector if it runs; never starts one."""
    said = _read(home)
    if said is None or process_started(said["pid"]) != said.get("started"):
        return None
    client = CollectorClient(said["url"], said["token"])
    try:
        client.summary()
    except (OSError, CollectorError, ValueError):
        return None
    return client


def leave(home: Path) -> None:
    """Tell the collector that this kernel is done with it; it would find out by itself."""
    client = find(home)
    if client is not None:
        client._ask("POST", "presence", body={"pid": os.getpid(), "action": "leave"})  # noqa: SLF001


def stop(home: Path, timeout: float = 5.0) -> bool:
    """End the user's collector; False when none ran."""
    said = _read(home)
    client = find(home)
    if said is None or client is None:
        return False
    client._ask("POST", "stop", body={})  # noqa: SLF001
    deadline = time.monotonic() + timeout
    while process_started(said["pid"]) == said.get("started") and time.monotonic() < deadline:
        time.sleep(0.02)
    (home / "collector.json").unlink(missing_ok=True)
    return True


def _read(home: Path) -> dict[str, Any] | None:
    try:
        said = json.loads((home / "collector.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) and {"url", "token", "pid"} <= said.keys() else None


def _start(home: Path, port: int, iglu: Iterable[str | Path], idle_timeout: float) -> CollectorClient:
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "db": str((home / "collector.sqlite").resolve()),
        "iglu": [
            str(place) if str(place).startswith("http") else str(Path(place).resolve()) for place in iglu
        ],
        "idle_timeout": idle_timeout,
        "detached": True,
        "cache": str((home / "schemas").resolve()),
        "log": str(home / "collector.log"),
    }
    try:
        launched = launch(port=port, **options)
    except OSError:
        launched = launch(port=0, **options)
    client = CollectorClient(launched.url, launched.token, timeout=READY)
    pid = launched.process.pid
    # Popen would call the process a leak when it is forgotten; it is meant to outlive us
    launched.process.returncode = 0
    client.summary()
    said = {"url": launched.url, "token": launched.token, "pid": pid, "started": process_started(pid)}
    draft = home / f"collector.json.{os.getpid()}"
    with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(said, file)
    draft.replace(home / "collector.json")
    return client


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the system gives back when this process dies."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
