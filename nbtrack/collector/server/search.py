"""Searches in stored events: by columns of the analytics SDK's form, sorted and in pages."""

import heapq
import math
import re
import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from nbtrack.collector.events.database import Database, EventFilter, StoredEvent
from nbtrack.collector.events.enrichment import COLUMNS, JSON_COLUMNS, TIMESTAMPS, enrich_all, flatten
from nbtrack.common.wording import iso_time

MAX_SORTED = 1_000_000
"""Events that one search finds at most."""
MAX_SCANS = 4
NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
SCANNED_AT_ONCE = 5_000
ValuesOf = Callable[[Sequence[StoredEvent], Sequence[str]], Iterable[list[Any]]]


class Condition(NamedTuple):
    """What a column must be.

    Attributes
    ----------
    column : str
        A column of the analytics SDK's form; a dot leads into its data.
    values : frozenset of str
        In lower case: the column must equal one of them, or contain one.
    contains : bool
        Whether a part of the column is enough.
    """

    column: str
    values: frozenset[str]
    contains: bool = False

    def matches(self, value: Any) -> bool:
        """Check a column's value."""
        text = as_text(value).lower()
        return any(part in text for part in self.values) if self.contains else text in self.values


class Page(NamedTuple):
    """Events of one page, and how many match in all."""

    events: list[StoredEvent]
    total: int


def search(
    database: Database,
    chosen: EventFilter,
    conditions: Sequence[Condition] = (),
    *,
    words: Sequence[str] = (),
    sort: tuple[str, bool] | None = None,
    first: int = 0,
    size: int = 50,
) -> Page:
    """Return a page of the events that match, newest first unless they are sorted.

    Parameters
    ----------
    database : Database
    chosen : EventFilter
    conditions : sequence of Condition
        All must hold.
    words : sequence of str
        In lower case: each must occur somewhere in an event.
    sort : (str, bool), optional
        Column, and whether in descending order; events without it come last.
    first : int
        How many matching events come before the page.
    size : int
        How many events it has at most.
    """
    if not conditions and not words and sort is None:
        events = database.read(chosen, limit=size, newest=True, offset=first)
        return Page(events, database.count_matching(chosen))
    scan = Scan(database, chosen, conditions, words, sort, column_values)
    scan.advance()
    return Page(database.read_ids(scan.page(first, size)), scan.found)


class Scan:
    """A search that reads events from the newest on, some at a time.

    Parameters
    ----------
    database, chosen, conditions, words, sort
        As for `search`.
    values_of : callable
        Returns the values of columns, for each event.

    Attributes
    ----------
    found : int
        Events that match, so far.
    searched : int
        Events that were read.
    is_done : bool
        Whether all were.
    """

    def __init__(
        self,
        database: Database,
        chosen: EventFilter,
        conditions: Sequence[Condition],
        words: Sequence[str],
        sort: tuple[str, bool] | None,
        values_of: ValuesOf,
    ) -> None:
        self.searched = 0
        self.is_done = False
        # no tuples: the search for cycles would look at a million of them
        self._ids = array("q")
        self._keys: list[Any] = []
        self._pages = database.pages(chosen, newest=True, size=SCANNED_AT_ONCE)
        self._conditions, self._words, self._sort, self._values_of = conditions, words, sort, values_of
        self._columns = [condition.column for condition in conditions] + ([sort[0]] if sort else [])
        self._lock = threading.Lock()

    @property
    def found(self) -> int:
        return len(self._ids)

    def advance(self, seconds: float = math.inf) -> None:
        """Go on for about so many seconds."""
        deadline = time.monotonic() + seconds
        with self._lock:
            while not self.is_done:
                events = next(self._pages, None)
                if events is None:
                    self.is_done = True
                    return
                self._look_at(events)
                if time.monotonic() > deadline:
                    return

    def _look_at(self, events: Sequence[StoredEvent]) -> None:
        self.searched += len(events)
        found = [
            (event, columns)
            for event, columns in zip(events, self._values_of(events, self._columns), strict=True)
            if all(
                condition.matches(value) for condition, value in zip(self._conditions, columns, strict=False)
            )
        ]
        if self._words:
            texts = searchable_texts([event for event, _ in found])
            found = [
                pair
                for pair, text in zip(found, texts, strict=True)
                if all(word in text for word in self._words)
            ]
        del found[MAX_SORTED - len(self._ids) :]
        self._ids.extend(event.id for event, _ in found)
        if self._sort is not None:
            self._keys += [columns[-1] for _, columns in found]

    def page(self, first: int, size: int) -> list[int]:
        """Return the numbers of events of a page of what was found so far."""
        if self._sort is None:
            return list(self._ids[first : first + size])
        filled = [place for place, key in enumerate(self._keys) if key is not None]
        # only as many as the page needs: sorting a million at once would let no other thread run
        choose = heapq.nlargest if self._sort[1] else heapq.nsmallest
        filled = choose(first + size, filled, key=lambda place: _sort_key(self._keys[place]))
        empty = [place for place, key in enumerate(self._keys) if key is None]
        return [self._ids[place] for place in (filled + empty)[first : first + size]]


class Scans:
    """The latest searches, so that their next pages need no search."""

    def __init__(self) -> None:
        self._scans: OrderedDict[Hashable, Scan] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Scan]) -> Scan:
        """Return the search of a key, a new one if it is not there."""
        with self._lock:
            scan = self._scans.pop(key, None) or make()
            self._scans[key] = scan
            if len(self._scans) > MAX_SCANS:
                self._scans.popitem(last=False)
            return scan


def column_values(events: Sequence[StoredEvent], names: Sequence[str]) -> Iterator[list[Any]]:
    """Yield the values of columns of the analytics SDK's form, for each event."""
    roots = [name.partition(".")[0] for name in names]
    if all(
        root in COLUMNS and root not in JSON_COLUMNS and "." not in name
        for root, name in zip(roots, names, strict=True)
    ):
        columns = enrich_all(events, frozenset(roots))
        empty = [None] * len(events)
        lists = [columns.get(root, empty) for root in roots]
        for values in zip(*lists, strict=True) if lists else ([] for _ in events):
            yield [
                iso_time(value) if name in TIMESTAMPS and value is not None else value
                for name, value in zip(roots, values, strict=True)
            ]
        return
    for columns_of_event in sdk_columns(events):
        yield [_lead(columns_of_event, name) for name in names]


def _lead(columns: dict[str, Any], name: str) -> Any:
    """Return the value of a column, or of what a dotted name leads to inside it."""
    if name in columns or "." not in name:
        return columns.get(name)
    root, *path = name.split(".")
    value = columns.get(root)
    for part in path:
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(part) if isinstance(value, dict) else None
    return value


def columns_of(events: Sequence[StoredEvent]) -> list[dict[str, Any]]:
    """Return the columns that events fill, with timestamps in ISO 8601."""
    result: list[dict[str, Any]] = [{} for _ in events]
    for name, values in enrich_all(events).items():
        is_time = name in TIMESTAMPS
        for columns, value in zip(result, values, strict=True):
            if value is not None:
                columns[name] = iso_time(value) if is_time else value
    return result


def sdk_columns(events: Sequence[StoredEvent]) -> Iterable[dict[str, Any]]:
    """Yield events in the analytics SDK's form, whether they are good or not."""
    for columns in columns_of(events):
        yield flatten(columns, schema_version=True)


def searchable_texts(events: Sequence[StoredEvent]) -> list[str]:
    """Return all content of each event, in lower case."""
    texts = []
    for event, columns in zip(events, columns_of(events), strict=True):
        reasons = [f"{reason['field']} {reason['path']} {reason['message']}" for reason in event.reasons]
        texts.append(
            f"{as_text(columns)} {event.schema} {' '.join(event.entities)} {' '.join(reasons)}".lower()
        )
    return texts


def as_text(value: Any) -> str:
    """Return a column's value as text: JSON for anything but a string."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _sort_key(value: Any) -> tuple[int, Any]:
    """Return what a column is sorted by: numbers first, those in text too, then other text."""
    if isinstance(value, int | float):
        return 0, value
    text = as_text(value)
    return (0, float(text)) if NUMBER.fullmatch(text) else (1, text)
