"""Stored events as files."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbtrack.collector.events.database import StoredEvent
from nbtrack.collector.events.enrichment import COLUMNS, TIMESTAMPS, enrich
from nbtrack.common.extras import require
from nbtrack.common.home import open_private
from nbtrack.common.wording import iso_time

NO_BREAKS = {ord("\t"): " ", ord("\n"): " ", ord("\r"): " "}


def export(events: Iterable[StoredEvent], path: Path) -> int:
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
    return writer(events, path)


def enriched_line(event: StoredEvent) -> str:
    """Return an event as a pipeline's enriched events are: 131 fields separated by tabs.

    Tabs and line breaks inside a value become spaces, as in a pipeline.
    """
    columns = enrich(event.payload or {}, event.request, event.id)
    return "\t".join(_tsv_field(name, columns.get(name)) for name in COLUMNS)


def _tsv_field(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in TIMESTAMPS:
        seconds = datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.")
        return f"{seconds}{value % 1000:03d}"
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value).translate(NO_BREAKS)


def _write_tsv(events: Iterable[StoredEvent], path: Path) -> int:
    return _write_lines((enriched_line(event) for event in events), path)


def _write_ndjson(events: Iterable[StoredEvent], path: Path) -> int:
    from nbtrack.collector.dataframes import flat_columns  # noqa: PLC0415 - heavy

    def line(event: StoredEvent) -> str:
        columns = {
            name: iso_time(value) if name in TIMESTAMPS else value
            for name, value in flat_columns(event).items()
        }
        return json.dumps(columns, separators=(",", ":"), ensure_ascii=False)

    return _write_lines(map(line, events), path)


def _write_lines(lines: Iterator[str], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    return count


def _write_csv(events: Iterable[StoredEvent], path: Path) -> int:
    frame = _frame_of_text(events)
    frame.to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL)
    return len(frame)


def _write_parquet(events: Iterable[StoredEvent], path: Path) -> int:
    require("backfill", "an export to Parquet")
    frame = _frame_of_text(events)
    frame.to_parquet(path, index=False)
    return len(frame)


def _frame_of_text(events: Iterable[StoredEvent]) -> Any:
    """Return events with entities and self-describing data as JSON: their shape may differ from event to event."""
    from nbtrack.collector.dataframes import events_frame  # noqa: PLC0415 - heavy

    frame = events_frame(events)
    for name in frame.columns:
        if name not in COLUMNS:
            values = [
                None if value is None else json.dumps(value, ensure_ascii=False) for value in frame[name]
            ]
            frame[name] = frame[name].__class__(values, index=frame.index, dtype="object")
    return frame
