"""`ActivityLog`: the last entries of a session, kept from what it tracked."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from nbtrack.activities.entries import Delivery, Entry, Kind, make_entry

MOST_ENTRIES = 1_000
MOST_REASONS = 3


class Request(Protocol):
    """What the log needs of an attempt to send."""

    @property
    def event_ids(self) -> tuple[str, ...]:
        """Ids of its events."""

    @property
    def status(self) -> int | None:
        """HTTP status, or None without a reply."""

    @property
    def error(self) -> str | None:
        """Why no collector replied."""

    @property
    def retry_in(self) -> float | None:
        """Seconds until the events are sent again; None if they are not."""


class ActivityLog:
    """What a session tracked: the last entries, and those that run now.

    Parameters
    ----------
    session : str
        Id of the session.
    most : int
        Entries that are kept; older ones are forgotten, and counted.

    Attributes
    ----------
    forgotten : int
        Entries that are no longer kept.
    version : int
        Changes with each change of the log.

    Examples
    --------
    >>> log = ActivityLog()
    >>> log.begin("1", "step", "load")
    >>> [(entry.name, entry.status) for entry in log.entries()]
    [('load', 'running')]
    """

    def __init__(self, session: str = "", most: int = MOST_ENTRIES) -> None:
        self._session, self._most = session, most
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._running: dict[str, Entry] = {}
        self._subscribers: tuple[Callable[[], None], ...] = ()
        self.forgotten = 0
        self.version = 0

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call a function, which must be quick and not raise, whenever something begins to run; return what ends that."""
        self._subscribers = (*self._subscribers, callback)

        def unsubscribe() -> None:
            self._subscribers = tuple(other for other in self._subscribers if other != callback)

        return unsubscribe

    def begin(self, entry_id: str, kind: Kind, name: str, parent: str | None = None, **known: Any) -> None:
        """Note that a cell or a step runs."""
        entry = Entry(
            id=entry_id, kind=kind, name=name, started=time.time(), status="running", delivery="running",
            parent=parent, session=self._session, **known,
        )  # fmt: skip
        with self._lock:
            self._running[entry_id] = entry
            self.version += 1
        for callback in self._subscribers:
            callback()

    def end(self, entry_id: str) -> None:
        """Note that a cell or a step no longer runs; `add` notes how it ended."""
        with self._lock:
            self._running.pop(entry_id, None)
            self.version += 1

    def note_rows(self, entry_id: str, rows: int) -> None:
        """Note how many rows of what runs are done."""
        with self._lock:
            if (entry := self._running.get(entry_id)) is not None:
                entry.rows_out = rows
                self.version += 1
        for callback in self._subscribers:
            callback()

    def finish(self, entry_id: str, status: str, error: str | None = None) -> None:
        """Note how something ended that is no event, as a backfill."""
        with self._lock:
            entry = self._running.pop(entry_id, None)
            if entry is None:
                return
            entry.status, entry.error, entry.seconds = status, error, max(0.0, time.time() - entry.started)
            self._keep(entry_id, entry)
        for callback in self._subscribers:
            callback()

    def _keep(self, key: str, entry: Entry) -> None:
        self._entries[key] = entry
        if len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]
            self.forgotten += 1
        self.version += 1

    def add(
        self,
        data: Mapping[str, Any] | None,
        schema: str,
        *,
        event_id: str,
        destination: str,
        ended: float | None = None,
    ) -> None:
        """Note an event that was tracked.

        Parameters
        ----------
        data, schema : mapping and str
            As for `make_entry`.
        event_id : str
            The event's id.
        destination : str
            Where it goes.
        ended : float, optional
            Unix timestamp in seconds of its end; by default now.
        """
        known = {"destination": destination, "session": self._session, "delivery": "pending"}
        entry = make_entry(
            data, schema, event_id=event_id, ended=time.time() if ended is None else ended, **known
        )
        with self._lock:
            running = self._running.pop(entry.id, None)
            if entry.parent is None and entry.kind == "event":
                # an event of the user's: it belongs to the cell that runs, if it is the only one
                cells = [one.id for one in self._running.values() if one.kind == "cell"]
                entry.parent = cells[0] if len(cells) == 1 else None
            if running is not None and entry.kind == "step":
                entry.started = running.started
            self._keep(event_id, entry)

    def note_request(self, request: Request) -> None:
        """Note what became of the events of a request; called on the sending thread."""
        sent = request.status is not None and 200 <= request.status < 300 and request.error is None  # noqa: PLR2004
        delivery: Delivery = (
            "delivered" if sent else "retrying" if request.retry_in is not None else "refused"
        )
        with self._lock:
            for event_id in request.event_ids:
                if (entry := self._entries.get(event_id)) is not None:
                    entry.delivery = delivery
                    self.version += 1

    def note_end_of_emitter(self, *, durable: bool) -> None:
        """Note that nothing tries to send what waits: it waits for its collector in a durable store, or is lost."""
        with self._lock:
            for entry in self._entries.values():
                if entry.delivery in {"pending", "retrying"}:
                    entry.delivery = "pending" if durable else "lost"
            self.version += 1

    def note_results(self, results: Mapping[str, Sequence[str]]) -> list[str]:
        """Note validation results of a local collector: the reasons by event id, none for a valid event.

        Returns
        -------
        list of str
            The reasons of entries whose results were not known before.
        """
        found: list[str] = []
        with self._lock:
            for event_id, reasons in results.items():
                entry = self._entries.get(event_id)
                if entry is None or entry.validation != "not checked":
                    continue
                entry.reasons = tuple(reasons[:MOST_REASONS])
                entry.validation = "invalid" if reasons else "valid"
                found += reasons
                self.version += 1
        return found

    def has_unchecked(self) -> bool:
        """Check whether delivered events have no validation result yet."""
        with self._lock:
            return any(_is_unchecked(entry) for entry in self._entries.values())

    def note_failures(self, failures: Mapping[str, Sequence[str]], *, complete: bool) -> list[str]:
        """Note the validation results of delivered events from the failed ones; return the reasons, as `note_results`.

        Parameters
        ----------
        failures : mapping
            The reasons by event id.
        complete : bool
            Whether all failed events are in it, so that the others are valid.
        """
        with self._lock:
            unchecked = [key for key, entry in self._entries.items() if _is_unchecked(entry)]
        return self.note_results(
            {key: failures.get(key, ()) for key in unchecked if complete or key in failures}
        )

    def entries(self, last: int | None = None) -> list[Entry]:
        """Return copies of the entries, the earliest start first; those that run are among them."""
        with self._lock:
            kept = [*self._entries.values(), *self._running.values()]
            copies = [replace(entry) for entry in kept]
        copies.sort(key=lambda entry: entry.started)
        return copies if last is None else copies[-last:]

    def titles(self, event_ids: Iterable[str]) -> dict[str, str]:
        """Return what the events of these ids are called, with how it ended where that was not well."""
        with self._lock:
            found = [entry for event_id in event_ids if (entry := self._entries.get(event_id)) is not None]
        return {
            str(entry.event_id): f"{entry.title}: {entry.cause or (entry.status or '').replace('_', ' ')}"
            if entry.failed
            else entry.title
            for entry in found
        }

    def __len__(self) -> int:
        return len(self._entries) + len(self._running)


def _is_unchecked(entry: Entry) -> bool:
    return entry.delivery == "delivered" and entry.validation == "not checked" and entry.event_id is not None


def by_parent(entries: Iterable[Entry]) -> dict[str | None, list[Entry]]:
    """Return the entries by the id of their parent, None for those without one among the entries."""
    listed = list(entries)
    ids = {entry.id for entry in listed}
    children: dict[str | None, list[Entry]] = {}
    for entry in listed:
        parent = entry.parent if entry.parent in ids and entry.parent != entry.id else None
        children.setdefault(parent, []).append(entry)
    return children


def in_tree_order(entries: Iterable[Entry]) -> list[tuple[Entry, int]]:
    """Return the entries with their depths, each followed by those inside it."""
    listed = list(entries)
    children = by_parent(listed)
    ordered: list[tuple[Entry, int]] = []
    seen: set[int] = set()
    stack = [(entry, 0) for entry in reversed(children.get(None, []))]
    while stack:
        entry, depth = stack.pop()
        if id(entry) in seen:
            continue
        seen.add(id(entry))
        ordered.append((entry, depth))
        stack += [(child, depth + 1) for child in reversed(children.get(entry.id, []))]
    # parents that name each other, which no session writes: shown flat
    return [*ordered, *((entry, 0) for entry in itertools.filterfalse(lambda one: id(one) in seen, listed))]
