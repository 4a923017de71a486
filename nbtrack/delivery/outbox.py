"""The user's outbox: opened wherever it can be, looked at, cleared and drained."""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from nbtrack.common.home import outbox_path
from nbtrack.common.processes import process_started
from nbtrack.delivery.emitter import Emitter
from nbtrack.delivery.encoding import decode
from nbtrack.delivery.flushing import FLUSH_SECONDS
from nbtrack.delivery.http.transport import Headers
from nbtrack.delivery.models import DeadEvent, FlushReport, PendingEvent, Route, RowId
from nbtrack.delivery.stores import sqlite_file as database
from nbtrack.delivery.stores.base import Store
from nbtrack.delivery.stores.memory import InMemoryEventStore
from nbtrack.delivery.stores.sqlite import SQLiteEventStore
from nbtrack.delivery.summary import summarise

LOG = logging.getLogger("nbtrack.delivery")
EVERYTHING = 10**9


def open_outbox(home: Path, **limits: Any) -> SQLiteEventStore | InMemoryEventStore:
    """Open the best store there is: shared file, else one of this process, else memory.

    Parameters
    ----------
    home
        Folder of the shared file, ``outbox.sqlite``.
    **limits
        Of `SQLiteEventStore`.

    Returns
    -------
    SQLiteEventStore or InMemoryEventStore
        Anything but the shared file is told once in the log.
    """
    shared = outbox_path(home)
    reason = "it is on a network file system"
    if not database.is_network_path(shared):
        try:
            return SQLiteEventStore(shared, **limits)
        except Exception as fault:  # noqa: BLE001 - no home, no permission, no room, no SQLite
            reason = f"{type(fault).__name__}: {fault}"
    for folder in (
        home,
        Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"nbtrack-{_user()}",
    ):
        try:
            store = SQLiteEventStore(
                folder / f"outbox-{process_started(os.getpid())}-{os.getpid()}.sqlite", **limits
            )
        except Exception:  # noqa: BLE001, S112 - the next place may do
            continue
        LOG.warning("Unsent events are kept in %s, of this process only: %s (%s)", store.path, shared, reason)
        return store
    LOG.warning("Unsent events are kept in memory and end with this process: no %s (%s)", shared, reason)
    return InMemoryEventStore()


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def list_events(store: Store, *, limit: int = 100) -> list[PendingEvent]:
    """List waiting events of all routes, the oldest of each first."""
    return [summarise(row) for route in store.routes() for row in store.peek(route, limit)][:limit]


def list_dead(store: Store, *, limit: int = 100) -> list[DeadEvent]:
    """List dead letters, the oldest first."""
    return store.dead(limit)


def retry_dead(store: Store, *, ids: Iterable[RowId] | None = None) -> int:
    """Let dead letters wait again.

    Parameters
    ----------
    ids
        Which; all by default.

    Returns
    -------
    int
        How many.
    """
    wanted = None if ids is None else set(ids)
    revived = 0
    for letter in store.dead(EVERYTHING):
        if wanted is None or letter.id in wanted:
            # the letter goes after its copy is in: at worst it is sent twice, under one id
            if (
                store.add(letter.route, letter.body, letter.event_id, letter.anonymous, letter.time)
                is not None
            ):
                break
            store.remove_dead([letter.id])
            revived += 1
    return revived


def export_dead(store: Store, path: Path) -> int:
    """Write dead letters as JSON lines {event_id, reason, status, time, destination, payload}; give how many.

    Parameters
    ----------
    path
        The file; readable by its owner only.
    """
    letters = store.dead(EVERYTHING)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        for letter in letters:
            line = {
                "event_id": letter.event_id,
                "reason": letter.reason,
                "status": letter.status,
                "time": letter.time,
                "destination": Route.from_key(letter.route).destination,
                "payload": decode(letter.body),
            }
            out.write(json.dumps(line, ensure_ascii=True) + "\n")
    return len(letters)


def purge(store: Store, *, waiting: bool = False) -> int:
    """Delete dead letters, and with `waiting` the events that wait too; give how many."""
    gone = store.remove_dead([letter.id for letter in store.dead(EVERYTHING)])
    for route in store.routes() if waiting else ():
        while rows := store.claim(route, "purge", events=5_000, size=2**60, cost=0):
            store.ack([row.id for row in rows])
            gone += len(rows)
    return gone


def drain(
    store: Store,
    *,
    timeout: float | None = FLUSH_SECONDS,
    headers: Headers = None,
    headers_of: Callable[[str], Mapping[str, str]] | None = None,
    resolve: Mapping[str, Callable[[], str]] | None = None,
) -> dict[str, FlushReport]:
    """Send what waits, each event to its own destination.

    Parameters
    ----------
    timeout
        Seconds for each destination.
    headers
        Extra headers; they are not stored with the events.
    headers_of
        Gives the extra headers of a destination, in place of `headers`.
    resolve
        Where logical destinations are: name to a function that gives the base URL. A route whose destination is
        neither a URL nor named here is left alone.

    Returns
    -------
    dict of str to FlushReport
        By destination.
    """
    reports: dict[str, FlushReport] = {}
    for key in store.routes():
        route = Route.from_key(key)
        finder = (resolve or {}).get(route.destination)
        if finder is None and "://" not in route.destination:
            continue
        emitter = Emitter(
            route.destination,
            method="get" if route.method == "get" else "post",
            event_store=store,
            path=route.path,
            headers=headers if headers_of is None else dict(headers_of(route.destination)),
            resolve=finder,
            destination=route.destination,
        )
        reports[route.destination] = emitter.close(timeout)
    return reports
