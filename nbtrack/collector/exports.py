"""Stored events as files."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nbtrack.collector.events.database import StoredEvent
from nbtrack.collector.events.enrichment import COLUMNS, TIMESTAMPS, enrich
from nbtrack.collector.events.text import enriched_line
from nbtrack.common.extras import require
from nbtrack.common.home import open_private
from nbtrack.common.wording import iso_time

Pages = Iterable[Sequence[StoredEvent]]


def export(pages: Pages, path: Path) -> int:
    """Write events to a file in the format that its ending names, and return their number.

    Raises
    ------
    ValueError
        For an unknown ending.
    """
    writer = {
        ".parquet": _write_parquet,
        ".tsv": _write_tsv,
        ".ndjson": _write_ndjson,
        ".json": _write_ndjson,
        ".csv": _write_csv,
    }.get(path.suffix)
    if writer is None:
        raise ValueError(f"{path.name}: the file must end in .parquet, .tsv, .ndjson, .json or .csv")
    # events are personal: a new file is readable by its user only, an existing one keeps its mode
    open_private(path, "a").close()
    return writer(pages, path)


def _write_tsv(pages: Pages, path: Path) -> int:
    return _write_lines((enriched_line(enrich(event)) for events in pages for event in events), path)


def _write_ndjson(pages: Pages, path: Path) -> int:
    return _write_lines(_json_lines(pages), path)


def _json_lines(pages: Pages) -> Iterator[str]:
    from nbtrack.collector.dataframes import flat_columns  # noqa: PLC0415 - heavy

    for events in pages:
        columns = flat_columns(events)
        for row in range(len(events)):
            document = {
                name: iso_time(values[row]) if name in TIMESTAMPS else values[row]
                for name, values in columns.items()
                if values[row] is not None
            }
            yield json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _write_lines(lines: Iterator[str], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    return count


def _write_csv(pages: Pages, path: Path) -> int:
    frame = _frame_of_text(pages)
    frame.to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL)
    return len(frame)


def _write_parquet(pages: Pages, path: Path) -> int:
    require("backfill", "an export to Parquet")
    frame = _frame_of_text(pages)
    frame.to_parquet(path, index=False)
    return len(frame)


def _frame_of_text(pages: Pages) -> Any:
    """Return events with entities and self-describing data as JSON: their shape may differ from event to event."""
    from nbtrack.collector.dataframes import events_frame  # noqa: PLC0415 - heavy

    frame = events_frame(pages)
    for name in frame.columns:
        if name not in COLUMNS:
            values = [
                None if value is None else json.dumps(value, ensure_ascii=False) for value in frame[name]
            ]
            frame[name] = frame[name].__class__(values, index=frame.index, dtype="object")
    return frame
