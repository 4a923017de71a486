"""SQL over the events of a local collector: a copy in DuckDB, with a view for each kind of event."""

import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import duckdb
import pandas as pd
import pyarrow as pa

from nbtrack.collector.events.database import StoredEvent
from nbtrack.collector.events.enrichment import column_of
from nbtrack.collector.exports import export
from nbtrack.common.current_session import find_registry
from nbtrack.protocol import ENRICHED_COLUMNS
from nbtrack.schemas import Registry, parse_uri
from nbtrack.warehouse.enriched import read_enriched
from nbtrack.warehouse.schema_columns import types_of

_COMMON = "coalesce(derived_tstamp, collector_tstamp) as time, event_id, app_id, domain_sessionid as session, user_id"
MAX_KEPT_BYTES = 256_000_000
"""A larger copy is not kept: each query makes its own."""
_MAX_CHUNKS = 100


def query_collector(collector: Any, query: str, registry: Registry | None = None) -> pd.DataFrame:
    """Return the result of a query over a collector's events; see `CollectorClient.sql`."""
    if not isinstance(query, str) or not query.strip():
        raise TypeError(f"query must be a str of SQL, such as 'from events', got {query!r}")
    events = _copy_events(collector, registry or find_registry() or Registry())
    # a database in memory: the query can change nothing, and reach no file
    connection = duckdb.connect(config={"enable_external_access": "false"})
    try:
        connection.register("events", events)
        # the table is there for every query; one that does not name it reads none of it
        connection.register("failed", collector.bad(None if "failed" in query.casefold() else 1))
        for view in _views(collector.by_schema()["schema"], events.schema):
            connection.execute(view)
        connection.execute("set lock_configuration = true")
        try:
            found = connection.sql(query)  # None for a statement without a result
            result: pd.DataFrame = pd.DataFrame() if found is None else found.df()
        except duckdb.Error as error:
            tables = connection.execute(
                "select table_name from information_schema.tables order by table_name"
            ).fetchall()
            raise ValueError(f"{error}\ntables: {', '.join(name for (name,) in tables)}") from None
        return result
    finally:
        connection.close()


@dataclass(frozen=True)
class _Copy:
    """The good events that a collector had.

    Attributes
    ----------
    url : str
        Where it listened.
    deletions : tuple of (int, int)
        How many times everything was deleted, and how many events were deleted since.
    last : StoredEvent
        The newest event.
    count : int
        How many events were read.
    events : pyarrow.Table
    """

    url: str
    deletions: tuple[int, int]
    last: StoredEvent
    count: int
    events: pa.Table


_copies: WeakKeyDictionary[Any, _Copy] = WeakKeyDictionary()
_lock = threading.Lock()


def _copy_events(collector: Any, registry: Registry) -> pa.Table:
    """Return a collector's good events: those of the last copy, and what arrived since."""
    # before the events: the next query finds what is deleted meanwhile
    summary = collector.summary()
    deletions = summary["epoch"], summary["removed"]
    with _lock:
        copy = _copies.pop(collector, None)
    if copy is not None:
        is_same = (copy.url, copy.deletions) == (collector.url, deletions)
        copy = _extend(copy, collector, registry) if is_same else None
    # while a file of an earlier version is converted, its events get lower numbers than those that arrive
    if copy is None or copy.count < summary["good"]:
        events, last, count = _read(collector.good_events(), registry)
        if last is None:
            return events
        copy = _Copy(collector.url, deletions, last, count, events)
    if copy.events.nbytes <= MAX_KEPT_BYTES:
        with _lock:
            _copies[collector] = copy
    return copy.events


def _extend(copy: _Copy, collector: Any, registry: Registry) -> _Copy | None:
    """Add what arrived since; None if it is another collector's copy by now, or a column has another type."""
    known = [name for name in copy.events.schema.names if name not in ENRICHED_COLUMNS]
    types = types_of(known, registry)
    if any(copy.events.schema.field(name).type != types[name] for name in known):
        return None
    events = collector.good_events(after=copy.last.id - 1)
    first = next(events, None)
    if first is None or (first.id, first.payload) != (copy.last.id, copy.last.payload):
        return None
    arrived, last, count = _read(events, registry)
    if last is None:
        return copy
    whole = pa.concat_tables([copy.events, arrived], promote_options="default")
    if whole.column(0).num_chunks > _MAX_CHUNKS:
        whole = whole.combine_chunks()
    schemas = sorted(set(whole.schema.names) - set(ENRICHED_COLUMNS))
    whole = whole.select([name for name in whole.schema.names if name in ENRICHED_COLUMNS] + schemas)
    return replace(copy, last=last, count=copy.count + count, events=whole)


def _read(events: Iterable[StoredEvent], registry: Registry) -> tuple[pa.Table, StoredEvent | None, int]:
    """Return events with typed columns, the last one, and how many there are."""
    last, count = None, 0

    def pages() -> Iterator[list[StoredEvent]]:
        nonlocal last, count
        for event in events:
            last, count = event, count + 1
            yield [event]

    with tempfile.TemporaryDirectory(prefix="nbtrack-") as folder:
        path = Path(folder, "events.tsv")
        export(pages(), path)
        table = read_enriched(path, schemas=True, registry=registry).to_arrow()
    return table, last, count


def _views(uris: Any, columns: pa.Schema) -> Iterator[str]:
    """Yield a view for each self-describing event, named as its schema is, with the properties as columns.

    Where the registry does not have the schema, they are one column of JSON, ``data``.
    """
    names = {column_of(uri, "unstruct_event"): parse_uri(uri).name for uri in uris if uri}
    counts = Counter(names.values())
    for column, name in names.items():
        if column not in columns.names:
            continue
        # two vendors may have a name: their views have the whole one
        own = (
            name
            if counts[name] == 1 and name not in {"events", "failed"}
            else column.removeprefix("unstruct_event_")
        )
        is_struct = pa.types.is_struct(columns.field(column).type)
        properties = f'unnest("{column}")' if is_struct else f'"{column}" as data'
        yield f"""create view "{own}" as select {_COMMON}, {properties} from events where "{column}" is not null"""  # noqa: S608 - names of schemas, quoted
