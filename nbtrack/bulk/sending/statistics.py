"""What is known of a run's events as a whole: which keys repeat, and when the events happened."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from nbtrack.bulk.encoding.encoder import Ids, Positions
from nbtrack.bulk.report import HOUR, Accounts

EXAMPLES = 5
_SHARES = 8
_SHARE_BITS = np.uint64(_SHARES - 1)
_MOST_HOURS = 1 << 20  # in an array


@dataclass(slots=True)
class Keys:
    """Finds repeated keys at the end of a run."""

    parts: list[tuple[int, Ids]] = field(default_factory=list)

    def count(self, accounts: Accounts) -> None:
        """Count the rows whose key an earlier row has, and name a few of them."""
        doubled = [part for share in range(_SHARES) for part in self._find_doubled(share)]
        accounts.repeated_keys = sum(map(len, doubled))
        if not accounts.repeated_keys:
            return
        wanted = np.unique(np.concatenate(doubled)[: 20 * EXAMPLES])
        seen: set[int] = set()
        found: list[int] = []
        for first_row, ids in sorted(self.parts, key=lambda part: part[0]):
            for place in map(int, np.flatnonzero(np.isin(ids, wanted))):
                if int(ids[place]) in seen:
                    found.append(first_row + place)
                seen.add(int(ids[place]))
        accounts.repeated_rows = found[:EXAMPLES]

    def _find_doubled(self, share: int) -> list[Ids]:
        """Give the repeated ones of a share of all ids: sorted at once, ten million would take 80 MB more."""
        some = [ids[(ids & _SHARE_BITS == share) & (ids != 0)] for _, ids in self.parts]
        if not some:
            return []
        whole = np.concatenate(some)
        whole.sort()
        return [whole[1:][whole[1:] == whole[:-1]]]


@dataclass(slots=True)
class Hours:
    """Counts events by the hour: an array of neighbouring hours, as a dict of thousands a chunk would cost more."""

    first: int = 0
    window: Positions = field(default_factory=lambda: np.zeros(0, np.int64))
    others: Counter[int] = field(default_factory=Counter)

    def add(self, moments: Positions) -> None:
        """Count moments, in milliseconds since 1970."""
        if not len(moments):
            return
        hours = moments // HOUR
        first, last = int(hours.min()), int(hours.max())
        if last - first >= _MOST_HOURS:
            places, counts = np.unique(hours, return_counts=True)
            self.others.update(dict(zip(map(int, places), map(int, counts), strict=True)))
            return
        if len(self.window):
            first, last = min(first, self.first), max(last, self.first + len(self.window) - 1)
        if last - first >= _MOST_HOURS:
            self._close_window()
            first, last = int(hours.min()), int(hours.max())
        counts = np.bincount(hours - first, minlength=last - first + 1)
        if len(self.window):
            counts[self.first - first :][: len(self.window)] += self.window
        self.first, self.window = first, counts

    def count(self) -> Counter[int]:
        """Give the number of events of each hour since 1970 that has some."""
        self._close_window()
        return self.others

    def _close_window(self) -> None:
        self.others.update(
            {self.first + int(place): int(self.window[place]) for place in np.flatnonzero(self.window)}
        )
        self.window = self.window[:0]
