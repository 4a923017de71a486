"""Statistics over all events of a run: repeated keys, and events by hour."""

import dataclasses
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from nbtrack.bulk.encoding.encoder import Ids, Positions
from nbtrack.bulk.models import EXAMPLES, HOUR, Accounts
from nbtrack.bulk.sources.chunks import Chunk

_BUCKETS = 8
_BUCKET_BITS = np.uint64(_BUCKETS - 1)
_MAX_ROWS = 1_000
"""Rows with a repeated key that are named one by one."""
_MAX_HOURS = 1 << 20
"""Hours in one array."""
_NO_ROWS = pa.table({})


@dataclass(slots=True)
class KeyCounter:
    """Finds repeated keys at the end of a run."""

    chunks: list[tuple[Chunk, Ids]] = field(default_factory=list)

    def add(self, chunk: Chunk, ids: Ids) -> None:
        """Add the ids of a chunk."""
        # only its positions are kept: not the rows
        self.chunks.append(
            (dataclasses.replace(chunk, table=_NO_ROWS, objects={}, reasons={}, marks=None), ids)
        )

    def count(self, accounts: Accounts) -> list[int]:
        """Count the rows whose key an earlier row has, and return the positions of some of them."""
        repeated = [ids for bucket in range(_BUCKETS) for ids in self._find_repeated(bucket)]
        accounts.repeated_keys = sum(map(len, repeated))
        if not accounts.repeated_keys:
            return []
        examples = np.unique(np.concatenate(repeated)[:_MAX_ROWS])
        seen: set[int] = set()
        rows: list[int] = []
        for chunk, ids in sorted(self.chunks, key=lambda pair: pair[0].first_row):
            for index in map(int, np.flatnonzero(np.isin(ids, examples))):
                if int(ids[index]) in seen:
                    rows.append(chunk.position(index))
                seen.add(int(ids[index]))
        accounts.repeated_rows = rows[:EXAMPLES]
        return rows[:_MAX_ROWS]

    def _find_repeated(self, bucket: int) -> list[Ids]:
        """Return the repeated ids of a bucket: sorting ten million at once would take 80 MB more."""
        selected = [ids[(ids & _BUCKET_BITS == bucket) & (ids != 0)] for _, ids in self.chunks]
        if not selected:
            return []
        ids = np.concatenate(selected)
        ids.sort()
        return [ids[1:][ids[1:] == ids[:-1]]]


@dataclass(slots=True)
class HourCounter:
    """Counts events by hour, in an array of neighbouring hours: a dict of thousands for each chunk would cost more."""

    first: int = 0
    window: Positions = field(default_factory=lambda: np.zeros(0, np.int64))
    others: Counter[int] = field(default_factory=Counter)

    def add(self, times: Positions) -> None:
        """Count times, in milliseconds since 1970."""
        if not len(times):
            return
        hours = times // HOUR
        first, last = int(hours.min()), int(hours.max())
        if last - first >= _MAX_HOURS:
            unique, counts = np.unique(hours, return_counts=True)
            self.others.update(dict(zip(map(int, unique), map(int, counts), strict=True)))
            return
        if len(self.window):
            first, last = min(first, self.first), max(last, self.first + len(self.window) - 1)
        if last - first >= _MAX_HOURS:
            self._close_window()
            first, last = int(hours.min()), int(hours.max())
        counts = np.bincount(hours - first, minlength=last - first + 1)
        if len(self.window):
            counts[self.first - first :][: len(self.window)] += self.window
        self.first, self.window = first, counts

    def count(self) -> Counter[int]:
        """Return the number of events of each hour since 1970 that has some."""
        self._close_window()
        return self.others

    def _close_window(self) -> None:
        self.others.update(
            {self.first + int(index): int(self.window[index]) for index in np.flatnonzero(self.window)}
        )
        self.window = self.window[:0]
