"""Rows that were not delivered: kept in a Parquet file, with the reason and the event."""

import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nbtrack.common.home import make_private

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("event_id", pa.string()),
        ("reason", pa.string()),
        ("payload", pa.string()),
        ("refused", pa.bool_()),
    ]
)
_HELD = 5_000  # letters in memory before they are written
_EVENT_ID = re.compile(rb'"eid":"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Letter:
    """A row that was not delivered.

    Parameters
    ----------
    row
        Its position in the source, from 0.
    event_id
        Of its event; None where it became none.
    reason
        Why.
    payload
        The event's JSON; None where the row became none.
    refused
        Whether a collector refused it; else it was not sent.
    """

    row: int
    event_id: str | None
    reason: str
    payload: str | None
    refused: bool = False


class DeadLetters:
    """Writes letters to a Parquet file, which is made with the first one.

    Parameters
    ----------
    path
        Of the file, which only its user can read; one that is there is replaced, and keeps its mode.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: list[Letter] = []
        self._writer: Any = None

    def add(self, letters: Iterable[Letter]) -> None:
        """Keep letters; to be called by one thread at a time."""
        self._held += letters
        if len(self._held) >= _HELD:
            self._write()

    def close(self) -> Path | None:
        """Finish the file; give its path, None where there is no letter."""
        if self._held:
            self._write()
        if self._writer is None:
            return None
        self._writer.close()
        return self.path

    def _write(self) -> None:
        if self._writer is None:
            make_private(self.path)
            self._writer = pq.ParquetWriter(self.path, SCHEMA, compression="zstd")
        arrays = zip(*map(astuple, self._held), strict=True)
        self._writer.write_table(pa.table([list(values) for values in arrays], schema=SCHEMA))
        self._held = []


def read_errors(path: Path | None) -> "pd.DataFrame":
    """Give the rows of a file of letters, without the events: columns row, event_id, reason."""
    columns = ["row", "event_id", "reason"]
    table = SCHEMA.empty_table().select(columns) if path is None else pq.read_table(path, columns=columns)
    frame: pd.DataFrame = table.to_pandas().sort_values("row", ignore_index=True)
    return frame


def event_id(payload: bytes) -> str | None:
    """Find the id in an event's JSON."""
    found = _EVENT_ID.search(payload)
    return found[1].decode() if found else None
