"""The events that a backfill would send, to look at."""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from nbtrack.bulk.default_event import EventOptions
from nbtrack.bulk.encoding.encoder import Encoded
from nbtrack.bulk.plan import BackfillPlan, plan_source
from nbtrack.bulk.sources.chunks import CHUNK_ROWS, Source
from nbtrack.bulk.sources.csv_files import CsvOptions
from nbtrack.bulk.sources.frames import open_source
from nbtrack.common.arguments import check_at_least, check_integers
from nbtrack.common.payload_json import decode_fields
from nbtrack.tracker import Event

if TYPE_CHECKING:
    import pandas as pd


def preview(data: Any, event: Event | str, n: int = 5, **options: Any) -> "pd.DataFrame":
    """Return the events of the first rows, decoded; nothing is sent.

    Parameters
    ----------
    data : DataFrame, table, path or iterable of DataFrames
        As for `backfill`.
    event : Event or str
        As for `backfill`.
    n : int, default 5
        How many rows.
    **options
        As for `backfill`, such as ``key`` and ``subject``.

    Returns
    -------
    pandas.DataFrame
        One row for each event and one column for each key of the payload, with the JSON inside decoded. A row that
        cannot be sent is left out: ``backfill(…, dry_run=True)`` reports why.

    Raises
    ------
    TemplateError
        If the event uses a column that the data does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> from nbtrack import col
    >>> from nbtrack.tracker import PageView
    >>> frame = pd.DataFrame({"address": ["https://acme.com/a", "https://acme.com/b"], "id": [1, 2]})
    >>> preview(frame, PageView(col("address")), key="id")["url"].to_list()
    ['https://acme.com/a', 'https://acme.com/b']
    """
    import pandas as pd  # noqa: PLC0415 - only where somebody looks

    check_integers(n=n)
    check_at_least(0, n=n)
    source = open_source(data, CsvOptions.read(options.pop("csv", None)))
    names = [field.name for field in fields(EventOptions)]
    builder = EventOptions(**{name: options.pop(name) for name in names if name in options})
    plan = plan_source(builder.build(event, source), source, send=False, **options)
    events: list[dict[str, Any]] = []
    for encoded in encode_source(plan, source, size=max(1, min(n, CHUNK_ROWS))):
        events += decode_events(encoded)
        if len(events) >= n:
            break
    return pd.DataFrame(events[:n])


def encode_source(plan: BackfillPlan, source: Source, size: int = CHUNK_ROWS) -> Iterator[Encoded]:
    """Encode the rows of a source, one chunk after the other."""
    encoder = plan.encoder(plan.compiler())
    try:
        yield from encoder.encode(source.chunks(plan.columns, size))
    finally:
        encoder.close()


def decode_events(encoded: Encoded) -> Iterator[dict[str, Any]]:
    """Yield the payloads of encoded events, with the JSON inside decoded."""
    return (decode_fields(json.loads(event)) for event in encoded.payloads())
