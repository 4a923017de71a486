"""A private collector, for tests and for trying things out."""

import atexit
import os
import re
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

from nbtrack.collector.client import CollectorClient
from nbtrack.collector.launch import Launched, ServerConfig, launch
from nbtrack.common.arguments import check_counts, check_list, check_numbers, is_http_url
from nbtrack.common.collector_address import forget_token, remember_token
from nbtrack.common.errors import show_under
from nbtrack.schemas.servers import absolute_place

STOP_TIMEOUT = 5.0
"""Seconds that the process may take to end before it is killed."""
MAX_PORT = 65_535
OUTPUTS = ("none", "tsv", "json")
PATH = re.compile(r"/[^/]+/[^/]+")


class LocalCollector(CollectorClient):
    """A collector in a process of its own, which ends with this one.

    Parameters
    ----------
    port : int
        0, the default, takes any free one.
    db : path or "memory", optional
        Where events are stored; by default a temporary file that is deleted with the collector.
    iglu : iterable of path or str
        Folders of schemas and URLs of Iglu servers, besides the built-in registry.
    strict_lengths : bool, optional
        False is the same as `lenient_lengths`.
    open : bool
        Whether everybody on this machine may read without the token.
    host : str
        Address to listen on; by default only this machine can reach it.
    allowed_hosts : iterable of str
        Host names by which it may be addressed besides this machine's own, such as that of a proxy.
    idle_timeout : float, optional
        Seconds without a request after which it ends by itself.
    lenient_lengths : bool
        Whether a value longer than its column is a note; by default it fails the event, as in a pipeline.
    campaigns : bool
        Whether the campaign in a page's URL fills the columns ``mkt_*``; False by default.
    paths : mapping of str to str
        Other paths that trackers may send to, each with the one that it stands for, such as
        ``{"/com.acme/track": "/com.snowplowanalytics.snowplow/tp2"}``.
    tracking_plan : path, optional
        Folder of a tracking plan: events are checked against their specifications, too. They stay good, and what does not
        match is in `findings`.
    output : {"none", "tsv", "json"}
        What the collector's process writes to this one's standard output: good events, enriched, or nothing.
    log_events : bool
        Whether it writes a line for each event to standard error.

    Examples
    --------
    >>> from nbtrack.collector import LocalCollector
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
        strict_lengths: bool | None = None,
        open: bool = False,  # noqa: A002 - the public option's name
        host: str = "127.0.0.1",
        allowed_hosts: Iterable[str] = (),
        idle_timeout: float | None = None,
        lenient_lengths: bool = False,
        campaigns: bool = False,
        paths: Mapping[str, str] = MappingProxyType({}),
        tracking_plan: str | Path | None = None,
        output: str = "none",
        log_events: bool = False,
    ) -> None:
        super().__init__("")
        check_counts(port=port)
        if port > MAX_PORT:
            raise ValueError(f"port must be between 0 and {MAX_PORT}, got {port}")
        check_list("['schemas', 'https://iglu.acme.com']", iglu=iglu)
        check_list("['proxy.acme.com']", allowed_hosts=allowed_hosts)
        check_numbers(idle_timeout=idle_timeout)
        self._config = ServerConfig(
            host=host,
            port=port,
            db="" if db is None else _database_path(db),
            iglu=[_check_place(place) for place in iglu],
            lenient_lengths=lenient_lengths or strict_lengths is False,
            campaigns=campaigns,
            tracking_plan=_check_plan(tracking_plan),
            paths=_check_paths(paths),
            output=_check_output(output),
            log_events=log_events,
            open=open,
            hosts=list(allowed_hosts),
            idle_timeout=idle_timeout,
        )
        self._launched: Launched | None = None
        self._folder: str | None = None

    @property
    def pid(self) -> int | None:
        """The id of the collector's process; None before the start and after the end."""
        return None if self._launched is None else self._launched.process.pid

    def start(self) -> Self:
        """Start the process; its address is known when this returns, and it responds soon after.

        Raises
        ------
        OSError
            If the port is taken.
        """
        if self._launched is not None:
            return self
        config = replace(self._config)
        if not config.db:
            self._folder = config.folder = tempfile.mkdtemp(prefix="nbtrack-")
            config.db = str(Path(config.folder, "collector.sqlite"))
        self._launched = launch(config)
        self._url, self._token = self._launched.url, self._launched.token
        remember_token(self._url, self._token)
        _running.add(self)
        return self

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the process ends by itself, and return whether it did within `timeout` seconds."""
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
        _running.discard(self)
        if launched is not None:
            forget_token(launched.url)
            process = launched.process
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _detach(self) -> None:
        if self._launched is not None and self._launched.process.stdin is not None:
            self._launched.process.stdin.close()
        if self._launched is not None:
            forget_token(self._launched.url)
        # nor may it delete the folder, or wait for a process that is not its own
        self._launched = self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.close()


def _check_output(output: str) -> str:
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
    return output


def _check_paths(paths: Mapping[str, str]) -> dict[str, str]:
    for path in (*paths, *paths.values()):
        if not isinstance(path, str) or not PATH.fullmatch(path):
            raise ValueError(f"paths must have two segments, such as /com.acme/track, got {path!r}")
    return dict(paths)


def _check_place(place: str | Path) -> str:
    """Return an Iglu server's URL as it is, and a folder's absolute path."""
    absolute = absolute_place(place)
    if not is_http_url(absolute) and not Path(absolute).is_dir():
        raise FileNotFoundError(f"iglu: no such folder: {str(place)!r} ({absolute})")
    return absolute


def _database_path(db: str | Path) -> str:
    """Return the absolute path of a database's file, or "memory"."""
    if db == "memory":
        return "memory"
    if not isinstance(db, str | os.PathLike):
        raise TypeError(f"db must be the path of a file, or 'memory', got {db!r}")
    path = Path(db).resolve()
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"db must be the path of a file in an existing folder, got {str(path)!r}")
    return str(path)


_running: "weakref.WeakSet[LocalCollector]" = weakref.WeakSet()


def _close_all() -> None:
    for collector in list(_running):
        collector.close()


def _detach_all() -> None:
    """Close a forked child's end of the pipes: it must not keep collectors alive after its parent's end."""
    for collector in list(_running):
        collector._detach()  # noqa: SLF001 - a hook of this module
        _running.discard(collector)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_detach_all)


def _check_plan(folder: str | Path | None) -> str | None:
    """Return the folder of a tracking plan after reading it here, where its mistakes can be raised."""
    if folder is None:
        return None
    from nbtrack.plans import read_tracking_plan  # noqa: PLC0415 - only where there is a plan

    read_tracking_plan(folder)
    return str(Path(folder).absolute())


show_under("nbtrack.collector", [LocalCollector])
