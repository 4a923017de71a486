"""What is known of a run's events as a whole: which keys repeat, and when the events happened."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbtrack.bulk.encoder import Ids
from nbtrack.bulk.report import HOUR, Accounts

EXAMPLES = 5
_MOST_HOURS = 1 << 20  # of one chunk, counted at once


@dataclass(slots=True)
class Keys:
    """Finds repeated keys at the end of a run."""

    parts: list[tuple[int, Ids]] = field(default_factory=list)

    def count(self, accounts: Accounts) -> None:
        """Count the rows whose key an earlier row has, and name the first few."""
        if not self.parts:
            return
        whole = np.concatenate([ids for _, ids in self.parts])
        whole = whole[whole != 0]
        whole.sort()
        doubled = whole[1:][whole[1:] == whole[:-1]]
        accounts.repeated_keys = len(doubled)
        if not len(doubled):
            return
        wanted = np.unique(doubled[: 20 * EXAMPLES])
        seen: set[int] = set()
        found: list[int] = []
        for first_row, ids in sorted(self.parts, key=lambda part: part[0]):
            for place in map(int, np.flatnonzero(np.isin(ids, wanted))):
                if int(ids[place]) in seen:
                    found.append(first_row + place)
                seen.add(int(ids[place]))
        accounts.repeated_rows = found[:EXAMPLES]


def count_hours(moments: Any) -> dict[int, int]:
    """Give the number of events of each hour since 1970."""
    if not len(moments):
        return {}
    hours = moments // HOUR
    first = int(hours.min())
    if int(hours.max()) - first < _MOST_HOURS:
        counts = np.bincount(hours - first)
        return {first + int(place): int(counts[place]) for place in np.flatnonzero(counts)}
    places, counts = np.unique(hours, return_counts=True)
    return dict(zip(map(int, places), map(int, counts), strict=True))
