"""The collector that all kernels of a user share.

A file in the home folder says where it is. Kernels register with it; it watches them by their process ids and ends ten
minutes after the last one is gone. Its events stay in a database beside that file.
"""

import json
import logging
import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nbtrack.collector.client import CollectorClient, CollectorError
from nbtrack.collector.launch import ServerConfig, launch
from nbtrack.common.collector_address import ADDRESS_FILE, DATABASE_VERSION, is_running, read_address
from nbtrack.common.home import make_home, open_private
from nbtrack.common.processes import process_started
from nbtrack.schemas.servers import absolute_place

LOG = logging.getLogger("nbtrack.collector")
PORT = 9090
IDLE_TIMEOUT = 600.0
"""Seconds that the collector stays after the last kernel left."""
START_TIMEOUT = 10.0
"""Seconds that a new collector may take to respond."""
KEEP_DAYS = 30
"""Days that events are kept."""
PROTOCOL_VERSION = 2
"""Version of the protocol between the collector and its clients; without one it is the first."""
DATABASE_FILE = "collector.sqlite"
"""Name of the file in the home folder with the collector's events."""
_told: set[Path] = set()
"""Homes whose collector is of a later version, which is said once."""


class SharedCollectorClient(CollectorClient):
    """A client of the shared collector: it also registers the process that uses it."""

    def join(self) -> None:
        """Register this process, so that the collector stays as long as it runs."""
        pid = os.getpid()
        self._request_json("POST", "presence", body={"pid": pid, "started": process_started(pid)})

    def leave(self) -> None:
        """Unregister this process; otherwise the collector finds out by itself."""
        self._request_json("POST", "presence", body={"pid": os.getpid(), "action": "leave"})

    def count_kernels(self) -> int:
        """Return how many processes are registered."""
        return int(self._request_json("POST", "presence", body={})["kernels"])

    def shut_down(self) -> None:
        """End the collector's process."""
        self._request_json("POST", "stop", body={})


def connect(
    home: Path,
    *,
    start: bool = True,
    port: int = PORT,
    iglu: Iterable[str | Path] = (),
    idle_timeout: float = IDLE_TIMEOUT,
) -> SharedCollectorClient:
    """Join the user's collector, or start it.

    Parameters
    ----------
    home : Path
        The home folder.
    start : bool
        Whether to start one if none runs.
    port : int
        The port to use if it is free; any other otherwise.
    iglu : iterable of path or str
        Folders of schemas and URLs of Iglu servers, for a collector that is started here.
    idle_timeout : float
        Seconds it stays after the last kernel left; 600 by default.

    Raises
    ------
    RuntimeError
        If none runs and none may be started.
    OSError
        If none can be started, also because a later version of nbtrack wrote the database.
    """
    client = find(home)
    if client is None or _version_of(home) < PROTOCOL_VERSION:
        if not start:
            raise RuntimeError(f"no collector is running in {home}")
        try:
            make_home(home)
            with _locked(home / "collector.lock"):
                # another kernel may have started one while this one waited
                client = find(home)
                if client is None or _version_of(home) < PROTOCOL_VERSION:
                    _check_database(home)
                    client = _start(home, port, iglu, idle_timeout, replaced=_stop_old(home, client))
        except OSError as error:
            if not str(error.filename or "").startswith(str(home)):  # about a port, or the interpreter
                raise
            raise OSError(
                f"cannot start the local collector: {home} is not writable ({error.strerror}); set NBTRACK_HOME to a "
                "folder of yours"
            ) from None
    if _version_of(home) > PROTOCOL_VERSION and home not in _told:
        _told.add(home)
        LOG.warning(
            "The local collector at %s is of a later version of nbtrack; it is used and left running. "
            "Update nbtrack here if something is missing",
            client.url,
        )
    client.join()
    return client


def find(home: Path) -> SharedCollectorClient | None:
    """Return a client of the user's collector if it runs; never starts one."""
    address = read_address(home)
    if address is None or not is_running(address):
        return None
    client = SharedCollectorClient(address["url"], address["token"])
    try:
        client.summary()
    except (OSError, CollectorError, ValueError):
        return None
    return client


def leave(home: Path) -> None:
    """Unregister this kernel from the user's collector."""
    client = find(home)
    if client is not None:
        client.leave()


def stop(home: Path, timeout: float = 5.0) -> bool:
    """End the user's collector, and return whether one ran."""
    address = read_address(home)
    client = find(home)
    if address is None or client is None:
        return False
    client.shut_down()
    deadline = time.monotonic() + timeout
    while is_running(address) and time.monotonic() < deadline:
        time.sleep(0.02)
    (home / ADDRESS_FILE).unlink(missing_ok=True)
    return True


def _version_of(home: Path) -> int:
    """Return the version of the running collector: an earlier one than ours is replaced, a later one is joined."""
    version = (read_address(home) or {}).get("version", 1)
    return version if isinstance(version, int) else 1


def _check_database(home: Path) -> None:
    """Raise if a later version of nbtrack wrote the database: a collector of this version would only end at once."""
    path = home / DATABASE_FILE
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error:
        return  # the collector sets a damaged file aside
    if version > DATABASE_VERSION:
        versions = f"file version {version}, supported: {DATABASE_VERSION}"
        raise OSError(
            f"cannot start the local collector: {path} was written by a later version of nbtrack ({versions}); events "
            "wait in the outbox; set NBTRACK_HOME to another folder, or update nbtrack"
        )


def _stop_old(home: Path, client: SharedCollectorClient | None) -> dict[str, Any] | None:
    """End a running collector of an earlier version, and return its address, which the next one keeps."""
    address = read_address(home)
    if client is None or address is None:
        return None
    stop(home)
    return address


def _start(
    home: Path,
    port: int,
    iglu: Iterable[str | Path],
    idle_timeout: float,
    *,
    replaced: dict[str, Any] | None,
) -> SharedCollectorClient:
    config = ServerConfig(
        host="127.0.0.1",
        port=port,
        db=str((home / DATABASE_FILE).resolve()),
        iglu=[absolute_place(place) for place in iglu],
        idle_timeout=idle_timeout,
        detached=True,
        cache=str((home / "schemas").resolve()),
        keep_days=KEEP_DAYS,
    )
    if replaced is not None:
        # clients of the collector that this one replaces go on with its port and its token
        config.port, config.token = urlsplit(replaced["url"]).port or port, replaced["token"]
    log = str(home / "collector.log")
    try:
        launched = launch(config, log=log)
    except OSError:
        config.port = 0
        launched = launch(config, log=log)
    client = SharedCollectorClient(launched.url, launched.token, timeout=START_TIMEOUT)
    pid = launched.process.pid
    # Popen would warn about a running process when it is garbage collected; this one is meant to outlive us
    launched.process.returncode = 0
    client.summary()
    address = {
        "url": launched.url,
        "token": launched.token,
        "pid": pid,
        "started": process_started(pid),
        "version": PROTOCOL_VERSION,
    }
    draft = home / f"{ADDRESS_FILE}.{os.getpid()}"
    with open_private(draft) as file:
        json.dump(address, file)
    draft.replace(home / ADDRESS_FILE)
    return client


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the system releases when this process dies."""
    with open_private(path, "r+b") as file:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
