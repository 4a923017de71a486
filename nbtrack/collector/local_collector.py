"""A private collector, for tests and for trying things out."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from nbtrack.collector.arguments import find_database, find_place
from nbtrack.collector.client import CollectorClient
from nbtrack.collector.launch import Launched, launch
from nbtrack.common.arguments import check_counts, check_list

_LIVE: weakref.WeakSet[LocalCollector] = weakref.WeakSet()
ENDING = 5.0
MAX_PORT = 65_535


class LocalCollector(CollectorClient):
    """A collector in a process of its own, which ends with this one.

    Parameters
    ----------
    port : int
        0, the default, takes any that is free.
    db : path or "memory", optional
        Where events are kept; by default a temporary file that goes with the collector.
    iglu : iterable of path or address
        Folders of schemas and Iglu servers, besides the built-in registry.
    strict_lengths : bool
        Whether a value longer than its column fails the event. False by default: it is a note then.
    open : bool
        Whether everybody on this machine may read without the token.
    host : str
        Address to listen on; by default this machine alone can reach it.
    allowed_hosts : iterable of str
        Host names by which it may be asked besides this machine's own, such as that of a proxy.
    idle_timeout : float, optional
        Seconds without a request after which it ends by itself.

    Examples
    --------
    >>> with LocalCollector() as collector:
    ...     collector.counts()
    {'total': 0, 'good': 0, 'bad': 0}
    """

    def __init__(
        self,
        *,
        port: int = 0,
        db: str | Path | None = None,
        iglu: Iterable[str | Path] = (),
        strict_lengths: bool = False,
        open: bool = False,  # noqa: A002 - the public option's name
        host: str = "127.0.0.1",
        allowed_hosts: Iterable[str] = (),
        idle_timeout: float | None = None,
    ) -> None:
        super().__init__("")
        check_counts(port=port)
        if port > MAX_PORT:
            raise ValueError(f"port must be between 0 and {MAX_PORT}, not {port}")
        check_list("['schemas', 'https://iglu.acme.com']", iglu=iglu)
        check_list("['proxy.acme.com']", allowed_hosts=allowed_hosts)
        if idle_timeout is not None and not isinstance(idle_timeout, int | float):
            raise TypeError(f"idle_timeout must be a number of seconds, not {idle_timeout!r}")
        self._port, self._host = port, host
        self._db = None if db is None else find_database(db)
        self._iglu = [find_place(place) for place in iglu]
        self._strict_lengths, self._open = strict_lengths, open
        self._hosts, self._idle_timeout = list(allowed_hosts), idle_timeout
        self._launched: Launched | None = None
        self._folder: str | None = None

    @property
    def pid(self) -> int | None:
        """Number of the collector's process; None before the start and after the end."""
        return None if self._launched is None else self._launched.process.pid

    def start(self) -> Self:
        """Start the process; its address is known when this returns, and it answers soon after.

        Raises
        ------
        OSError
            When the port is taken.
        """
        if self._launched is not None:
            return self
        db = self._db
        if db is None:
            self._folder = tempfile.mkdtemp(prefix="nbtrack-")
            db = str(Path(self._folder, "collector.sqlite"))
        self._launched = launch(
            host=self._host,
            port=self._port,
            db=db,
            iglu=self._iglu,
            hosts=self._hosts,
            idle_timeout=self._idle_timeout,
            folder=self._folder,
            strict_lengths=self._strict_lengths,
            open=self._open,
        )
        self._url, self._token = self._launched.url, self._launched.token
        _LIVE.add(self)
        return self

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the process ends by itself; False when it did not in time (seconds)."""
        if self._launched is None:
            return True
        try:
            self._launched.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """End the process and delete its temporary database; a second call does nothing."""
        launched, self._launched = self._launched, None
        _LIVE.discard(self)
        if launched is not None:
            process = launched.process
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(ENDING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.close()


def _let_go() -> None:
    """Close a forked child's end of the pipes: it must not keep collectors alive after its parent's end."""
    for collector in list(_LIVE):
        launched = collector._launched  # noqa: SLF001 - the same module's own
        if launched is not None and launched.process.stdin is not None:
            launched.process.stdin.close()
            # neither may it delete the folder or wait for a process that is not its own
            collector._launched = collector._folder = None  # noqa: SLF001


def _close_all() -> None:
    for collector in list(_LIVE):
        collector.close()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
