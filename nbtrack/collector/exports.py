"""Stored events as files."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbtrack.collector.events.enrichment import COLUMNS, TIMESTAMPS, Received, atomic

Row = list[Any]


def enriched_line(row: Row) -> str:
    """Give an event as a pipeline's enriched events are: 131 fields with tabs between them.

    Tabs and line ends inside a value become spaces, as they do in a pipeline.
    """
    event = atomic(row[5], Received(*row[6]), row[0])
    return "\t".join(_field(name, event.get(name)) for name in COLUMNS)


def _field(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in TIMESTAMPS:
        return (
            datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{value % 1000:03d}"
        )
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value).translate(NO_BREAKS)


NO_BREAKS = {ord("\t"): " ", ord("\n"): " ", ord("\r"): " "}


def export(rows: Iterable[Row], path: Path) -> int:
    """Write events to a file whose ending says how; give their number.

    Raises
    ------
    ValueError
        For an ending that is not known.
    """
    writer = {".parquet": _parquet, ".tsv": _tsv, ".ndjson": _ndjson, ".json": _ndjson, ".csv": _csv}.get(
        path.suffix
    )
    if writer is None:
        raise ValueError(f"{path.name}: the ending must be .parquet, .tsv, .ndjson, .json or .csv")
    with contextlib.suppress(FileExistsError):  # events are personal: a new file is its user's alone
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return writer(rows, path)


def _tsv(rows: Iterable[Row], path: Path) -> int:
    return _write_lines((enriched_line(row) for row in rows), path)


def _ndjson(rows: Iterable[Row], path: Path) -> int:
    from nbtrack.collector.dataframes import flat_event  # noqa: PLC0415 - heavy
    from nbtrack.common.wording import iso_time  # noqa: PLC0415

    def line(row: Row) -> str:
        event = flat_event(row)
        named = {name: iso_time(value) if name in TIMESTAMPS else value for name, value in event.items()}
        return json.dumps(named, separators=(",", ":"), ensure_ascii=False)

    return _write_lines(map(line, rows), path)


def _write_lines(lines: Iterator[str], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    return count


def _csv(rows: Iterable[Row], path: Path) -> int:
    from nbtrack.collector.dataframes import events_frame  # noqa: PLC0415 - heavy

    frame = _texts(events_frame(rows))
    frame.to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL)
    return len(frame)


def _parquet(rows: Iterable[Row], path: Path) -> int:
    from nbtrack.collector.dataframes import events_frame  # noqa: PLC0415 - heavy

    frame = _texts(events_frame(rows))
    frame.to_parquet(path, index=False)
    return len(frame)


def _texts(frame: Any) -> Any:
    """Write data of entities and own schemas as JSON: its shape may differ from event to event."""
    for name in frame.columns:
        if name not in COLUMNS:
            values = [
                None if value is None else json.dumps(value, ensure_ascii=False) for value in frame[name]
            ]
            frame[name] = frame[name].__class__(values, index=frame.index, dtype="object")
    return frame
