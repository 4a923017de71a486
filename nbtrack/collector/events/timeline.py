"""How many events came when."""

from __future__ import annotations

from collections.abc import Sequence

from nbtrack.collector.events.database import Database


def timeline(database: Database, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Count good and failed events in spans of time.

    Parameters
    ----------
    database : Database
    spans : sequence of (int, int)
        From and to (not included), milliseconds since 1970.
    """
    if not spans:
        return []
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    # rows come in the order of time, so the newest ones are looked at from the end of the table
    seconds: dict[int, list[int]] = {}
    rows = database.read(
        "SELECT time / 1000, sum(good), sum(NOT good) FROM events"
        " WHERE id > (SELECT coalesce(max(id), 0) FROM events WHERE time < ?) AND time < ? GROUP BY 1",
        (first, last),
    )
    for second, good, bad in rows:
        seconds[second] = [good, bad]
    counts = []
    for start, end in spans:
        inside = [value for second, value in seconds.items() if start <= second * 1000 < end]
        counts.append((sum(good for good, _ in inside), sum(bad for _, bad in inside)))
    return counts
