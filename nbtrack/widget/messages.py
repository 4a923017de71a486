"""Messages to the browser: what changed since the last one, bounded in bytes, with a sequence number."""

import json
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from nbtrack.activities import Entry
from nbtrack.activities.log import in_tree_order
from nbtrack.activities.rendering import name_delivery
from nbtrack.delivery import Attempt, PendingEvent
from nbtrack.widget.snapshot import (
    MOST_ACTIVITY,
    Snapshot,
    describe_elsewhere,
    describe_validation,
    name_schema,
    shorten,
)

MESSAGE_BYTES = 40_000
"""Maximum bytes of rows in a message; with four messages a second, below 200 kB/s."""
SMALL_WINDOW, BIG_WINDOW = 200, 5_000
"""Pending events compared: few while they change quickly, many while they only wait."""
POINTS = 180
SAVED_ROWS = 50
MOST_SCHEMAS = 50
_COUNTS = ("good", "bad", "repeats")

Row = list[Any]


class Feed:
    """Compares snapshots with what the browser knows.

    An event is a number in messages: its id is content, and a message may be saved with the notebook.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.window = SMALL_WINDOW
        self._next = 1
        self._numbers: dict[tuple[str, float], int] = {}
        self._sent: dict[int, int] = {}
        self._logged = 0
        self._collector: dict[str, Any] | None = None
        self._results: dict[int, dict[str, Any]] = {}
        self._result_numbers: dict[tuple[Any, ...], int] = {}
        self._activity: dict[int, Row] = {}
        self._activity_order: list[int] = []
        self._activity_ids: dict[int, str | None] = {}
        self._activity_numbers: dict[str, int] = {}
        self._points: deque[tuple[int, int, int]] = deque(maxlen=POINTS)
        self._fresh = True
        self._last: Snapshot | None = None

    def restart(self) -> None:
        """Send everything again: a browser asked, or events go elsewhere."""
        self._sent, self._logged, self._collector, self._fresh = {}, 0, None, True
        self._activity, self._activity_order = {}, []

    def find_event(self, number: int) -> str | None:
        """Return the id of the event that a row shows."""
        return next((key[0] for key, known in self._numbers.items() if known == number), None)

    def find_activity(self, number: int) -> str | None:
        """Return the id of the event of an entry; None while it runs."""
        return self._activity_ids.get(number)

    def find_result(self, number: int) -> dict[str, Any] | None:
        """Return the validation result that a row shows, with its event's id and all reasons."""
        return self._results.get(number)

    def next_message(self, snapshot: Snapshot) -> tuple[dict[str, Any], bool]:
        """Return the next message.

        Returns
        -------
        tuple
            The message, and whether more is to be sent.
        """
        self._note_point(snapshot)
        self.seq += 1
        message = self._head(snapshot)
        message["fresh"] = self._fresh
        if self._fresh:
            message["points"] = list(self._points)
        space = MESSAGE_BYTES
        new = [_log_row(attempt) for attempt in snapshot.attempts if attempt.number > self._logged]
        logged, space, _ = _fit(new, space)
        self._logged = max([self._logged, *(attempt.number for attempt in snapshot.attempts)])
        message["log"] = logged
        waiting, gone, changed = self._compare(snapshot.buffer, snapshot.titles)
        added, space, left = _fit(waiting, space)
        self._sent.update((row[0], row[5]) for row in added)
        message["buffer"] = {"add": added, "gone": _ranges(gone)}
        activity, space, unsent = self._compare_activity(snapshot.activity, space)
        if activity is not None:
            message["activity"] = activity
        if snapshot.results is not None and (self._fresh or snapshot.results != self._collector):
            self._collector = snapshot.results
            message["collector"] = self._collect(snapshot.results, snapshot.titles)
        self._fresh = False
        # show more rows while they stay, fewer while they change quickly
        self.window = SMALL_WINDOW if changed * 4 > self.window + 4 else min(BIG_WINDOW, self.window * 2)
        more = left or unsent or len(snapshot.buffer) < min(self.window, snapshot.counters["waiting"])
        return message, bool(more)

    def summarise(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the first message of a view, which may be saved: small, and without reasons."""
        message = self._head(snapshot)
        rows, _, _ = self._compare(snapshot.buffer[:SAVED_ROWS], snapshot.titles, all_rows=True)
        message |= {
            "fresh": True,
            "partial": True,
            "points": list(self._points),
            "log": [_log_row(attempt) for attempt in snapshot.attempts[:SAVED_ROWS]],
            "buffer": {"add": rows, "gone": []},
        }
        rows = [[*row[:-1], []] for row in self._activity_rows(snapshot.activity)]
        message["activity"] = {"rows": rows, "order": [row[0] for row in rows]}
        if snapshot.results is not None:
            message["collector"] = _collector_counts(snapshot.results) | {"last": []}
        return message

    def _head(self, snapshot: Snapshot) -> dict[str, Any]:
        return {
            "kind": "tick",
            "seq": self.seq,
            "time": snapshot.time,
            "destination": shorten(snapshot.destination),
            "state": snapshot.state,
            "reason": snapshot.reason,
            "retry_at": snapshot.retry_at,
            "local": snapshot.local,
            "counters": snapshot.counters,
            "warnings": snapshot.warnings,
            "elsewhere": describe_elsewhere(snapshot.elsewhere),
            "validation": describe_validation(snapshot),
        }

    def _collect(self, summary: dict[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
        """Join the last validation results with the last failed ones, which would otherwise be lost among good ones."""
        found = {_identify(one): one for one in [*summary["last"], *summary.get("last_bad", ())]}
        numbers: dict[tuple[Any, ...], int] = {}
        for key in sorted(found, key=lambda key: key[0]):
            if (number := self._result_numbers.get(key)) is None:
                number, self._next = self._next, self._next + 1
            numbers[key] = number
        self._result_numbers = numbers
        self._results = {number: found[key] for key, number in numbers.items()}
        newest_first = sorted(self._results.items(), key=lambda item: -item[1]["time"])
        return _collector_counts(summary) | {
            "last": [
                _result_row(number, result, titles.get(result["event_id"])) for number, result in newest_first
            ]
        }

    def _activity_rows(self, entries: list[Entry]) -> list[Row]:
        """Return a row for each entry, each followed by those inside it."""
        rows = []
        for entry, depth in in_tree_order(entries):
            key = f"{entry.kind} {entry.id}"
            number = self._activity_numbers.get(key)
            if number is None:
                number, self._next = self._next, self._next + 1
                self._activity_numbers[key] = number
            self._activity_ids[number] = entry.event_id
            rows.append(_activity_row(number, entry, depth))
        if len(self._activity_numbers) > 10 * MOST_ACTIVITY:
            shown = {row[0] for row in rows}
            self._activity_numbers = {
                key: number for key, number in self._activity_numbers.items() if number in shown
            }
            self._activity_ids = {number: self._activity_ids[number] for number in shown}
        return rows

    def _compare_activity(self, entries: list[Entry], space: int) -> tuple[dict[str, Any] | None, int, bool]:
        """Return the rows that changed and the order of all, None without a change; the bytes left, and whether rows are."""
        rows = self._activity_rows(entries)
        order = [row[0] for row in rows]
        changed = [row for row in rows if self._activity.get(row[0]) != row]
        if not changed and order == self._activity_order:
            return None, space, False
        # the newest first: they are looked at
        fitting, space, unsent = _fit(changed[::-1], space)
        kept = {number: row for number, row in self._activity.items() if number in set(order)}
        self._activity = {**kept, **{row[0]: row for row in fitting}}
        self._activity_order = order
        return {"rows": fitting, "order": order}, space, unsent

    def _note_point(self, snapshot: Snapshot) -> None:
        point = (int(snapshot.time), snapshot.counters["waiting"], snapshot.counters["sent"])
        if self._points and self._points[-1][0] == point[0]:
            self._points.pop()
        self._points.append(point)

    def _compare(
        self, buffer: Iterable[PendingEvent], titles: Mapping[str, str], *, all_rows: bool = False
    ) -> tuple[list[Row], list[int], int]:
        """Return the rows to add or change, the numbers of removed rows, and how many did either."""
        numbers: dict[tuple[str, float], int] = {}
        rows: list[Row] = []
        for event in buffer:
            key = (event.event_id, event.time)
            number = self._numbers.get(key)
            if number is None:
                number, self._next = self._next, self._next + 1
            numbers[key] = number
            if all_rows or self._sent.get(number) != event.attempts:
                rows.append(_buffer_row(number, event, titles.get(event.event_id)))
        if all_rows:
            self._numbers |= numbers
            return rows, [], 0
        self._numbers = numbers
        here = set(numbers.values())
        gone = [number for number in self._sent if number not in here]
        for number in gone:
            del self._sent[number]
        return rows, gone, len(gone)


def _activity_row(number: int, entry: Entry, depth: int) -> Row:
    return [
        number,
        round(entry.started, 3),
        entry.kind,
        shorten(entry.title),
        depth,
        entry.status,
        shorten(entry.cause or ""),
        entry.seconds,
        entry.rows_in,
        entry.rows_out,
        name_delivery(entry),
        entry.validation,
        entry.count,
        # last: the user's values are not saved with the notebook
        [f"{shorten(name)[:40]}: {str(value)[:40]}" for name, value in [*entry.properties.items()][:6]],
    ]


def _buffer_row(number: int, event: PendingEvent, title: str | None) -> Row:
    name = shorten(event.name if title in (None, event.name) else f"{title} · {event.name}")
    return [number, round(event.time, 3), event.kind, name, event.bytes, event.attempts]


def _log_row(attempt: Attempt) -> Row:
    return [
        attempt.number,
        round(attempt.time, 3),
        attempt.events,
        attempt.bytes,
        attempt.status,
        round(attempt.elapsed_ms, 1),
        None if attempt.retry_in is None else round(attempt.retry_in, 1),
        None if attempt.error is None else shorten(attempt.error),
    ]


def _collector_counts(summary: dict[str, Any]) -> dict[str, Any]:
    schemas = [
        [name_schema(row["schema"]), row["good"], row["bad"]]
        for row in summary.get("by_schema", ())[:MOST_SCHEMAS]
    ]
    return {name: summary[name] for name in _COUNTS} | {"schemas": schemas}


def _identify(result: dict[str, Any]) -> tuple[Any, ...]:
    # a request that holds no event has no id
    return result["time"], result["event_id"], result["schema"], *result["reasons"]


def _result_row(number: int, found: dict[str, Any], title: str | None) -> dict[str, Any]:
    return {
        "title": shorten(title or ""),
        "number": number,
        "time": found["time"] / 1000,
        "schema": shorten(found["schema"] or "-"),
        "good": found["good"],
        "reasons": [shorten(reason) for reason in found["reasons"][:5]],
    }


def _fit(rows: list[Row], space: int) -> tuple[list[Row], int, bool]:
    """Return the rows that fit into a number of bytes, the bytes left, and whether rows are left over."""
    for index, row in enumerate(rows):
        size = len(json.dumps(row, ensure_ascii=False).encode()) + 1
        if size > space:
            return rows[:index], space, True
        space -= size
    return rows, space, False


def _ranges(numbers: Iterable[int]) -> list[list[int]]:
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges
