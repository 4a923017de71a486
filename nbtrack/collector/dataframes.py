"""Stored events as DataFrames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from nbtrack.collector.events.enrichment import COLUMNS, TIMESTAMPS, Received, atomic, flat
from nbtrack.common.arguments import check_list
from nbtrack.common.wording import near_matches

BAD_COLUMNS = [
    "time",
    "event_id",
    "schema",
    "kind",
    "field",
    "path",
    "reason",
    "keyword",
    "nearest",
    "payload",
]


def flat_event(row: list[Any]) -> dict[str, Any]:
    """Give the columns of a row as the collector sends it."""
    return flat(atomic(row[5], Received(*row[6]), row[0]))


def events_frame(rows: Iterable[list[Any]], columns: Iterable[str] | None = None) -> pd.DataFrame:
    """Make a frame of good events: atomic columns in their order, then the others by name."""
    records = [flat_event(row) for row in rows]
    if columns is None:
        seen: set[str] = set().union(*records) if records else {"event_id", "collector_tstamp", "event_name"}
        names = [name for name in COLUMNS if name in seen] + sorted(seen.difference(COLUMNS))
    else:
        check_list("['event_id', 'page_url']", columns=columns)
        names = list(columns)
        _check_names(names, set().union(*records))
    frame = pd.DataFrame(
        {name: pd.Series([record.get(name) for record in records], dtype="object") for name in names}
    )
    for name in names:
        if name in TIMESTAMPS:
            frame[name] = moments(frame[name])
        elif name in COLUMNS:
            frame[name] = frame[name].infer_objects().convert_dtypes()
    return frame


def _check_names(names: list[str], seen: set[str]) -> None:
    """Refuse the name of a column that no event can have; those of schemas that no event has yet are taken."""
    for name in names:
        if (
            name not in COLUMNS
            and name not in seen
            and not str(name).startswith(("unstruct_event_", "contexts_"))
        ):
            near = near_matches(str(name), [*COLUMNS, *seen], 1)
            hint = (
                f"; did you mean {near[0]!r}?"
                if near
                else ": those of schemas begin with contexts_ or unstruct_event_"
            )
            raise ValueError(f"no event has a column {name!r}{hint}")


def moments(milliseconds: pd.Series[Any]) -> pd.Series[Any]:
    """Make timestamps in UTC of milliseconds since 1970."""
    return pd.to_datetime(milliseconds.astype("Int64"), unit="ms", utc=True)


def bad_frame(rows: Iterable[list[Any]]) -> pd.DataFrame:
    """Make a frame of failed events, a row for each reason."""
    records = [
        {
            "time": row[6][0],
            "event_id": (row[5] or {}).get("eid"),
            "schema": reason["schema"] or row[2],
            "kind": row[3]["kind"],
            "field": reason["field"],
            "path": reason["path"],
            "reason": reason["message"],
            "keyword": reason["keyword"],
            "nearest": reason["nearest"],
            "payload": row[5],
        }
        for row in rows
        for reason in row[3]["reasons"]
    ]
    frame = pd.DataFrame(records, columns=BAD_COLUMNS, dtype="object")
    frame["time"] = moments(frame["time"])
    return frame
