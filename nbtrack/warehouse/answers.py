"""SQL over the events of a local collector: a copy in DuckDB, with a view for each kind of event."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from nbtrack.collector.events.enrichment import column_of
from nbtrack.schemas import Registry, parse_uri
from nbtrack.warehouse.enriched import read_enriched

_COMMON = "coalesce(derived_tstamp, collector_tstamp) as time, event_id, app_id, domain_sessionid as session, user_id"


def query_collector(collector: Any, query: str, registry: Registry | None = None) -> pd.DataFrame:
    """Return the result of a query over a collector's events; see `CollectorClient.sql`."""
    if not isinstance(query, str) or not query.strip():
        raise TypeError(f"query must be a str of SQL, such as 'from events', got {query!r}")
    with tempfile.TemporaryDirectory(prefix="nbtrack-") as folder:
        path = Path(folder, "events.tsv")
        collector.export(path)
        events = read_enriched(path, schemas=True, registry=registry).to_arrow()
    # a database in memory: the query can change nothing, and reach no file
    connection = duckdb.connect(config={"enable_external_access": "false"})
    try:
        connection.register("events", events)
        connection.register("failed", collector.bad())
        for view in _views(collector.by_schema()["schema"], set(events.schema.names)):
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


def _views(uris: Any, columns: set[str]) -> Iterator[str]:
    """Yield a view for each self-describing event, named as its schema is, with the properties as columns."""
    names = {column_of(uri, "unstruct_event"): parse_uri(uri).name for uri in uris if uri}
    counts = Counter(names.values())
    for column, name in names.items():
        if column not in columns:
            continue
        # two vendors may have a name: their views have the whole one
        own = (
            name
            if counts[name] == 1 and name not in {"events", "failed"}
            else column.removeprefix("unstruct_event_")
        )
        yield f"""create view "{own}" as select {_COMMON}, unnest("{column}") from events where "{column}" is not null"""  # noqa: S608 - names of schemas, quoted
