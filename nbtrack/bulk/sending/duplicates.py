"""Rows that share an event id: which of them are sent."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from nbtrack.bulk.encoding.encoder import Encoded, Ids, Positions

DUPLICATE = "same event id as an earlier row"


class FirstRows:
    """Finds the rows whose event id an earlier row has; it is asked in the order of the chunks."""

    def __init__(self) -> None:
        self._seen: list[Ids] = []  # each sorted, and less than half as long as the one before

    def find(self, encoded: Encoded) -> Positions:
        """Return the positions of the rows of a chunk to leave out."""
        ids = encoded.ids
        known = np.zeros(len(ids), dtype=bool)
        for seen in self._seen:
            index = np.minimum(np.searchsorted(seen, ids), len(seen) - 1)
            known |= seen[index] == ids
        unique, first = np.unique(ids, return_index=True)
        repeated = np.ones(len(ids), dtype=bool)
        repeated[first] = False
        duplicate = (known | repeated) & (ids != 0)
        self._add(unique[unique != 0])
        return np.flatnonzero(duplicate) + encoded.chunk.first_row

    def _add(self, ids: Ids) -> None:
        if not len(ids):
            return
        while self._seen and len(self._seen[-1]) < 2 * len(ids):
            ids = np.union1d(self._seen.pop(), ids)
        self._seen.append(ids)


class GivenRows:
    """Leaves out rows at positions that are known from reading the data before.

    Parameters
    ----------
    chunks
        The position of the first row, and the ids, of each chunk.
    keep_last
        Whether the last one of the rows with the same event id is kept; otherwise none is.
    """

    def __init__(self, chunks: Iterable[tuple[int, Ids]], *, keep_last: bool) -> None:
        ordered = sorted(chunks, key=lambda chunk: chunk[0])
        ids: Any = np.concatenate([ids for _, ids in ordered]) if ordered else np.zeros(0, np.uint64)
        order = np.argsort(ids, kind="stable")
        same = ids[order][1:] == ids[order][:-1]
        excluded = np.zeros(len(ids), dtype=bool)
        excluded[order[:-1][same]] = True  # all but the last of each id
        self.repeated = np.zeros(len(ids), dtype=bool)
        self.repeated[order[1:][same]] = True  # all but the first
        if not keep_last:
            excluded |= self.repeated
        self._excluded = excluded & (ids != 0)
        self.repeated &= ids != 0

    def find(self, encoded: Encoded) -> Positions:
        """Return the positions of the rows of a chunk to leave out."""
        first = encoded.chunk.first_row
        return np.flatnonzero(self._excluded[first : first + len(encoded.ids)]) + first
