"""Stored events as DataFrames."""

import contextlib
import gc
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from nbtrack.collector.events.database import StoredEvent
from nbtrack.collector.events.enrichment import (
    COLUMNS,
    JSON_COLUMNS,
    TIMESTAMPS,
    Columns,
    column_of,
    enrich_all,
    specification_of,
)
from nbtrack.common.arguments import check_list
from nbtrack.common.wording import near_matches
from nbtrack.protocol import ENRICHED_COLUMNS

try:  # several times faster, but not needed
    import pyarrow as pa
except ImportError:
    pa = None

EMPTY_COLUMNS = {"event_id", "collector_tstamp", "event_name"}
"""Columns of a DataFrame without rows."""
SCHEMA_PREFIXES = ("unstruct_event_", "contexts_")
DTYPES = {"integer": "Int64", "number": "Float64", "decimal": "Float64", "flag": "boolean"}
"""By the type of a column."""
COLUMN_DTYPES = {column: DTYPES[type_] for column, type_ in ENRICHED_COLUMNS.items() if type_ in DTYPES}
"""By column; any other column holds strings."""
ARROW_TYPES = (
    {}
    if pa is None
    else {"Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_(), "string": pa.string()}
)
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
FINDING_COLUMNS = ["time", "event_id", "specification", "specification_id", "schema", "path", "message"]


def flat_columns(events: Sequence[StoredEvent], wanted: Iterable[str] | None = None) -> Columns:
    """Return events' columns in the analytics SDK's form; timestamps are Unix timestamps in milliseconds."""
    roots = None if wanted is None else frozenset(map(_root, wanted))
    if roots is not None and "contexts" in roots:
        roots |= {"derived_contexts"}  # whose columns have the same prefix
    columns = enrich_all(events, roots)
    count = len(events)
    by_uri: dict[str, list[Any]] = {}
    for row, envelope in enumerate(columns.pop("unstruct_event", ())):
        if envelope is not None:
            document = envelope["data"]
            values = by_uri.get(document["schema"])
            if values is None:
                name = column_of(document["schema"], "unstruct_event")
                values = by_uri[document["schema"]] = columns.setdefault(name, [None] * count)
            values[row] = document["data"]
    by_uri = {}
    envelopes = [*enumerate(columns.pop("contexts", ())), *enumerate(columns.pop("derived_contexts", ()))]
    for row, envelope in envelopes:
        for entity in envelope["data"] if envelope is not None else ():
            uri = entity["schema"]
            values = by_uri.get(uri)
            if values is None:
                values = by_uri[uri] = columns.setdefault(column_of(uri, "contexts"), [None] * count)
            if values[row] is None:
                values[row] = [entity["data"]]
            else:
                values[row].append(entity["data"])
    return columns


def _root(name: str) -> str:
    """Return the column of `atomic.events` that a column is made of."""
    for prefix, column in zip(SCHEMA_PREFIXES, JSON_COLUMNS, strict=False):
        if str(name).startswith(prefix):
            return column
    return str(name)


def events_frame(
    pages: Iterable[Sequence[StoredEvent]], columns: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return good events as a DataFrame: atomic columns in their order, then the others by name."""
    if columns is not None:
        check_list("['event_id', 'page_url']", columns=columns)
        columns = list(columns)
    with _without_garbage_collection():
        filled, count = _fill(pages, columns)
    if columns is None:
        known = filled.keys() or EMPTY_COLUMNS
        names = [name for name in COLUMNS if name in known] + sorted(set(known).difference(COLUMNS))
    else:
        names = columns
        _check_column_names(names, set(filled))
    return pd.DataFrame({name: _typed(name, filled.get(name, [None] * count)) for name in names})


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause the search for cycles: it would take as long as the reading, since events are many objects without cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _fill(pages: Iterable[Sequence[StoredEvent]], wanted: Sequence[str] | None) -> tuple[Columns, int]:
    """Return the columns that events fill, and the number of events."""
    filled: Columns = {}
    count = 0
    for events in pages:
        for name, values in flat_columns(events, wanted).items():
            column = filled.setdefault(name, [])
            column.extend([None] * (count - len(column)))
            column.extend(values)
        count += len(events)
    for values in filled.values():
        values.extend([None] * (count - len(values)))
    return filled, count


def _typed(name: str, values: list[Any]) -> Any:
    if name in TIMESTAMPS:
        return to_timestamps(values)
    if name not in COLUMNS:
        return pd.Series(values, dtype="object")
    dtype = COLUMN_DTYPES.get(name, "string")
    if pa is None:
        return pd.Series(values, dtype=dtype)
    extension: Any = pd.api.types.pandas_dtype(dtype)
    return pd.Series(extension.__from_arrow__(_to_arrow(values, ARROW_TYPES[dtype])))


def _to_arrow(values: list[Any], arrow_type: Any) -> Any:
    """Return an Arrow array; a column with one value, as many have, needs no look at each."""
    if values and values.count(values[0]) == len(values):
        return pa.repeat(pa.scalar(values[0], arrow_type), len(values))
    return pa.array(values, arrow_type)


def _check_column_names(names: list[str], filled: set[str]) -> None:
    """Raise for a column that no event can have; those of schemas that no event has yet are allowed."""
    for name in names:
        if name in COLUMNS or name in filled or str(name).startswith(SCHEMA_PREFIXES):
            continue
        near = near_matches(str(name), [*COLUMNS, *filled])
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"no such column: {name!r}{hint or '; columns of schemas begin with contexts_ or unstruct_event_'}"
        )


def to_timestamps(milliseconds: list[Any]) -> "pd.Series[Any]":
    """Convert Unix timestamps in milliseconds to timestamps in UTC; None where pandas cannot hold one."""
    if pa is not None:
        times = _to_arrow(milliseconds, pa.int64()).cast(pa.timestamp("ms", "UTC"))
        return pd.Series(times.cast(pa.timestamp("us", "UTC")).to_pandas())
    return pd.to_datetime(
        pd.Series(pd.array(milliseconds, dtype="Int64")), unit="ms", utc=True, errors="coerce"
    )


def findings_frame(pages: Iterable[Sequence[StoredEvent]]) -> pd.DataFrame:
    """Return events that do not match their specification as a DataFrame, a row for each finding."""
    records = []
    for event in itertools.chain.from_iterable(pages):
        named = specification_of(event.payload or {})
        records += [
            {
                "time": event.request.time,
                "event_id": (event.payload or {}).get("eid"),
                "specification": named.get("name"),
                "specification_id": named.get("id"),
                "schema": finding.get("schema"),
                "path": finding.get("path"),
                "message": finding["message"],
            }
            for finding in event.findings
        ]
    frame = pd.DataFrame(records, columns=FINDING_COLUMNS, dtype="object")
    frame["time"] = to_timestamps(list(frame["time"]))
    return frame


def bad_frame(pages: Iterable[Sequence[StoredEvent]]) -> pd.DataFrame:
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
        for events in pages
        for event in events
        for reason in event.reasons
    ]
    frame = pd.DataFrame(records, columns=BAD_COLUMNS, dtype="object")
    frame["time"] = to_timestamps(list(frame["time"]))
    return frame
