"""The user's outbox: opened where possible, listed, emptied and drained."""

import contextlib
import itertools
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from nbtrack.common.clock import monotonic
from nbtrack.common.home import make_shared_folder_private, open_private, outbox_path
from nbtrack.common.processes import is_same_process, process_started
from nbtrack.delivery.emitter import FLUSH_SECONDS, Emitter
from nbtrack.delivery.encoding import decode
from nbtrack.delivery.http.transport import Headers
from nbtrack.delivery.models import DeadEvent, FlushReport, PendingEvent, Route, Row, RowId
from nbtrack.delivery.stores import sqlite_file
from nbtrack.delivery.stores.base import UNLIMITED, Store
from nbtrack.delivery.stores.memory import InMemoryEventStore
from nbtrack.delivery.stores.sqlite import SQLiteEventStore

LOG = logging.getLogger("nbtrack.delivery")
ALL = 10**9
PURGE_EVENTS = 5_000
"""Events deleted in one transaction."""
PROCESS_FILES = "outbox-*-*.sqlite"
"""Names of the outboxes of processes that could not use the shared one."""
ADOPT_SECONDS = 1.0
"""Time to move events from such files; what is left is moved the next time."""


def open_outbox(home: Path, **limits: Any) -> SQLiteEventStore | InMemoryEventStore:
    """Open the best store available: the shared file, else a file of this process, else memory.

    Parameters
    ----------
    home : Path
        Folder of the shared file, ``outbox.sqlite``.
    **limits
        Of `SQLiteEventStore`.

    Returns
    -------
    SQLiteEventStore or InMemoryEventStore
        Anything but the shared file is logged once.
    """
    shared = outbox_path(home)
    reason = "it is on a network file system"
    if not sqlite_file.is_network_path(shared):
        try:
            store = SQLiteEventStore(shared, **limits)
        except Exception as error:  # noqa: BLE001 - no home, no permission, no space, no SQLite
            reason = f"{type(error).__name__}: {error}"
        else:
            _adopt(home, store)
            return store
    for is_home in (True, False):
        try:
            folder = home if is_home else _runtime_folder()
            path = folder / f"outbox-{process_started(os.getpid())}-{os.getpid()}.sqlite"
            store = SQLiteEventStore(path, **limits)
        except Exception:  # noqa: BLE001, S112 - the next folder may do
            continue
        LOG.warning(
            "Cannot use the outbox %s (%s); unsent events are kept in %s, for this process only",
            shared,
            reason,
            path,
        )
        return store
    LOG.warning(
        "Cannot use the outbox %s (%s); unsent events are kept in memory and lost when the process ends",
        shared,
        reason,
    )
    return InMemoryEventStore()


def _adopt(home: Path, store: SQLiteEventStore) -> None:
    """Move events from the files of processes that could not use the shared one and have ended."""
    deadline = monotonic() + ADOPT_SECONDS
    with contextlib.suppress(
        Exception
    ):  # a fault of such a file is no fault of the shared one: it stays as it is
        for path in home.glob(PROCESS_FILES):
            started, _, pid = path.stem.removeprefix("outbox-").rpartition("-")
            if not pid.isdigit() or is_same_process(int(pid), started) or not sqlite_file.is_outbox(path):
                continue
            with SQLiteEventStore(path) as other:
                moved = _move(other, store, deadline)
                emptied = not other.size() and not other.dead(1)
            if emptied:
                for suffix in ("", "-wal", "-shm", "-journal"):
                    Path(f"{path}{suffix}").unlink(missing_ok=True)
            LOG.info("Moved %d events from %s, whose process has ended, to the outbox", moved, path)


def _move(source: Store, target: Store, deadline: float) -> int:
    moved = 0
    for route in source.routes():
        while monotonic() < deadline and (
            rows := source.claim(
                route, "adopt", max_events=PURGE_EVENTS, max_bytes=UNLIMITED, bytes_per_event=0
            )
        ):
            accepted = list(itertools.takewhile(partial(_add_row, target, route), rows))
            source.ack([row.id for row in accepted])
            moved += len(accepted)
            if len(accepted) < len(rows):
                source.abandon("adopt")
                return moved
    return moved


def _add_row(target: Store, route: str, row: Row) -> bool:
    return (
        target.add(
            route=route, body=row.body, event_id=row.event_id, anonymous=row.anonymous, added=row.added
        )
        is None
    )


def _runtime_folder() -> Path:
    shared = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return make_shared_folder_private(shared / f"nbtrack-{user}")


def list_events(store: Store, *, limit: int = 100) -> list[PendingEvent]:
    """Return waiting events of all routes, the oldest of each first."""
    rows = [row for route in store.routes() for row in store.peek(route, limit)]
    return [PendingEvent.from_row(row) for row in rows[:limit]]


def list_dead(store: Store, *, limit: int = 100) -> list[DeadEvent]:
    """Return dead letters, oldest first."""
    return store.dead(limit)


def retry_dead(store: Store, *, ids: Iterable[RowId] | None = None) -> int:
    """Let dead letters wait to be sent again.

    Parameters
    ----------
    store : Store
        Where they are.
    ids : iterable of int or str, optional
        Which; all by default.

    Returns
    -------
    int
        How many.
    """
    wanted = None if ids is None else set(ids)
    revived = 0
    for event in store.dead(ALL):
        if wanted is None or event.id in wanted:
            # removed after its copy is in: at worst it is sent twice, with one event id
            reason = store.add(
                route=event.route,
                body=event.body,
                event_id=event.event_id,
                anonymous=event.anonymous,
                added=event.time,
            )
            if reason is not None:
                break
            store.remove_dead([event.id])
            revived += 1
    return revived


def export_dead(store: Store, path: Path) -> int:
    """Write dead letters as JSON lines {event_id, reason, status, time, destination, payload}; return how many.

    Parameters
    ----------
    store : Store
        Where they are.
    path : Path
        The file; readable by its owner only.
    """
    events = store.dead(ALL)
    with open_private(path) as file:
        for event in events:
            line = {
                "event_id": event.event_id,
                "reason": event.reason,
                "status": event.status,
                "time": event.time,
                "destination": Route.from_key(event.route).destination,
                "payload": decode(event.body),
            }
            file.write(json.dumps(line, ensure_ascii=True) + "\n")
    return len(events)


def purge(store: Store, *, waiting: bool = False) -> int:
    """Delete dead letters, and with `waiting` the waiting events too; return how many."""
    deleted = store.remove_dead([event.id for event in store.dead(ALL)])
    for route in store.routes() if waiting else ():
        while rows := store.claim(
            route, "purge", max_events=PURGE_EVENTS, max_bytes=UNLIMITED, bytes_per_event=0
        ):
            store.ack([row.id for row in rows])
            deleted += len(rows)
        # what cannot be claimed: events that were set aside, which Redis keeps until they are due, and those that are being sent
        while gone := _delete_listed(store, route):
            deleted += gone
    return deleted


def _delete_listed(store: Store, route: str) -> int:
    before = store.count(route)
    store.ack([row.id for row in store.peek(route, PURGE_EVENTS)])
    return before - store.count(route)


def drain(
    store: Store,
    *,
    timeout: float | None = FLUSH_SECONDS,
    headers: Headers = None,
    headers_of: Callable[[str], Mapping[str, str]] | None = None,
    resolve: Mapping[str, Callable[[], str]] | None = None,
) -> dict[str, FlushReport]:
    """Send waiting events, each to its own destination.

    Parameters
    ----------
    store : Store
        Where they wait.
    timeout : float or None
        Seconds for each destination, whatever the number of its paths and methods.
    headers : mapping or callable, optional
        Extra headers; they are not stored with the events.
    headers_of : callable, optional
        Returns the extra headers of a destination, in place of `headers`.
    resolve : mapping of str to callable, optional
        Logical destinations: name to a function that returns the base URL. A route whose destination is neither a URL
        nor one of these is left alone.

    Returns
    -------
    dict of str to FlushReport
        By destination, over all its paths and methods.
    """
    reports: dict[str, FlushReport] = {}
    deadlines: dict[str, float] = {}
    for key in sorted(store.routes()):
        route = Route.from_key(key)
        resolver = (resolve or {}).get(route.destination)
        if resolver is None and "://" not in route.destination:
            continue
        emitter = Emitter(
            route.destination,
            method="get" if route.method == "get" else "post",
            event_store=store,
            path=route.path,
            headers=headers if headers_of is None else dict(headers_of(route.destination)),
            resolve=resolver,
            destination=route.destination,
        )
        left = timeout
        if timeout is not None:
            left = deadlines.setdefault(route.destination, monotonic() + timeout) - monotonic()
        # a flush, unlike the end of an emitter, waits for events that another process set aside
        report = emitter.flush(left if left is None else max(0.0, left))
        emitter.close(timeout=0.0)
        # one destination may have several routes, as POST and GET
        earlier = reports.get(route.destination)
        reports[route.destination] = report if earlier is None else earlier + report
    return reports
