"""Stored events as DataFrames."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from nbtrack.collector.events.database import StoredEvent
from nbtrack.collector.events.enrichment import COLUMNS, TIMESTAMPS, enrich, flatten
from nbtrack.common.arguments import check_list
from nbtrack.common.wording import near_matches

EMPTY_COLUMNS = {"event_id", "collector_tstamp", "event_name"}
"""Columns of a DataFrame without rows."""
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


def flat_columns(event: StoredEvent) -> dict[str, Any]:
    """Return an event's columns in the analytics SDK's form; timestamps are Unix timestamps in milliseconds."""
    return flatten(enrich(event.payload or {}, event.request, event.id))


def events_frame(events: Iterable[StoredEvent], columns: Iterable[str] | None = None) -> pd.DataFrame:
    """Return good events as a DataFrame: atomic columns in their order, then the others by name."""
    records = [flat_columns(event) for event in events]
    if columns is None:
        filled: set[str] = set().union(*records) if records else EMPTY_COLUMNS
        names = [name for name in COLUMNS if name in filled] + sorted(filled.difference(COLUMNS))
    else:
        check_list("['event_id', 'page_url']", columns=columns)
        names = list(columns)
        _check_column_names(names, set().union(*records))
    frame = pd.DataFrame(
        {name: pd.Series([record.get(name) for record in records], dtype="object") for name in names}
    )
    for name in names:
        if name in TIMESTAMPS:
            frame[name] = to_timestamps(frame[name])
        elif name in COLUMNS:
            frame[name] = frame[name].infer_objects().convert_dtypes()
    return frame


def _check_column_names(names: list[str], filled: set[str]) -> None:
    """Raise for a column that no event can have; those of schemas that no event has yet are allowed."""
    for name in names:
        if name in COLUMNS or name in filled or str(name).startswith(("unstruct_event_", "contexts_")):
            continue
        near = near_matches(str(name), [*COLUMNS, *filled])
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"no such column: {name!r}{hint or '; columns of schemas begin with contexts_ or unstruct_event_'}"
        )


def to_timestamps(milliseconds: "pd.Series[Any]") -> "pd.Series[Any]":
    """Convert Unix timestamps in milliseconds to timestamps in UTC."""
    return pd.to_datetime(milliseconds.astype("Int64"), unit="ms", utc=True)


def bad_frame(events: Iterable[StoredEvent]) -> pd.DataFrame:
    """Return failed events as a DataFrame, a row for each reason."""
    records = [
        {
            "time": event.request.time,
            "event_id": (event.payload or {}).get("eid"),
            "schema": reason["schema"] or event.schema,
            "kind": (event.failure or {}).get("kind"),
            "field": reason["field"],
            "path": reason["path"],
            "reason": reason["message"],
            "keyword": reason["keyword"],
            "nearest": reason["nearest"],
            "payload": event.payload,
        }
        for event in events
        for reason in event.reasons
    ]
    frame = pd.DataFrame(records, columns=BAD_COLUMNS, dtype="object")
    frame["time"] = to_timestamps(frame["time"])
    return frame
