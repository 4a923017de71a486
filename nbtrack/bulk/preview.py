"""The events that a backfill would send, to look at."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nbtrack.bulk.encoding.encoder import Encoded
from nbtrack.bulk.plan import BackfillPlan, make_plan
from nbtrack.bulk.sources.chunks import CHUNK_ROWS, Chunk, Source
from nbtrack.bulk.sources.frames import open_source
from nbtrack.common.arguments import check_at_least, check_integers
from nbtrack.common.payload_json import decode_fields
from nbtrack.tracker import Event

if TYPE_CHECKING:
    import pandas as pd


def preview(data: Any, event: Event, n: int = 5, **options: Any) -> "pd.DataFrame":
    """Show the events of the first rows, decoded; nothing is sent.

    Parameters
    ----------
    data : frame, table, path or iterable of frames
        As that of `backfill`.
    event : Event
        As that of `backfill`.
    n : int, default 5
        How many rows.
    **options
        As those of `backfill`, such as ``key`` and ``subject``.

    Returns
    -------
    pandas.DataFrame
        One row an event, one column a key of the payload; JSON inside it is decoded. A row that could not be sent is
        missing: ``backfill(…, dry_run=True)`` says why.

    Raises
    ------
    TemplateError
        When the event asks for a column that is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> from nbtrack import col
    >>> from nbtrack.tracker import PageView
    >>> frame = pd.DataFrame({"address": ["https://acme.com/a", "https://acme.com/b"], "id": [1, 2]})
    >>> preview(frame, PageView(col("address")), key="id")["url"].to_list()
    ['https://acme.com/a', 'https://acme.com/b']
    """
    import pandas as pd  # noqa: PLC0415 - only where a person looks

    check_integers(n=n)
    check_at_least(0, n=n)
    source = open_source(data)
    plan = make_plan(event, source.names, send=False, **options)
    events: list[dict[str, Any]] = []
    for encoded in encode_all(plan, source, size=max(1, min(n, CHUNK_ROWS))):
        events += (decode_fields(json.loads(event)) for event in payloads(encoded))
        if len(events) >= n:
            break
    return pd.DataFrame(events[:n])


def sample(
    plan: BackfillPlan, chunks: Iterator[Chunk], shown: list[dict[str, Any]], n: int = 3
) -> Iterator[Chunk]:
    """Pass chunks on, and put the first few events of the first one, decoded, into a list."""
    for chunk in chunks:
        if not shown:
            encoder = plan.encoder(plan.compiler())
            objects = {name: values[:n] for name, values in chunk.objects.items()}
            [encoded] = encoder.encode([Chunk(0, chunk.first_row, chunk.table.slice(0, n), objects)])
            encoder.close()
            shown += (decode_fields(json.loads(event)) for event in payloads(encoded))
        yield chunk


def encode_all(plan: BackfillPlan, source: Source, size: int = CHUNK_ROWS) -> Iterator[Encoded]:
    """Encode the rows of a source, one chunk after the other."""
    compiler = plan.compiler()
    encoder = plan.encoder(compiler)
    try:
        yield from encoder.encode(source.chunks(compiler.wanted, size))
    finally:
        encoder.close()


def payloads(encoded: Encoded) -> Iterator[bytes]:
    """Give the events of a chunk as JSON."""
    for body in encoded.bodies:
        yield from map(body.payload, range(body.events))
