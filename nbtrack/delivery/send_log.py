"""The send log: the last requests, bounded."""

import itertools
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from nbtrack.delivery.models import Attempt

KEPT = 200
IDS_KEPT = 1_000
BODIES_KEPT = 20
BODY_BYTES = 500


class SendLog:
    """The last 200 attempts, the oldest first; iterating it gives a snapshot.

    Examples
    --------
    >>> list(SendLog())
    []
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._attempts: deque[Attempt] = deque(maxlen=kept)
        self._bodies: deque[tuple[int, bytes]] = deque(maxlen=BODIES_KEPT)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, *, event_ids: tuple[str, ...], body: bytes, **values: Any) -> Attempt:
        """Write one attempt down; of a big request's event ids the first 1,000 are kept."""
        attempt = Attempt(number=next(self._numbers), event_ids=event_ids[:IDS_KEPT], **values)
        with self._lock:
            self._attempts.append(attempt)
            self._bodies.append((attempt.number, body[:BODY_BYTES]))
        return attempt

    def body(self, number: int) -> str | None:
        """Give the first 500 bytes of what an attempt sent; of the last 20 attempts only, for it is personal data."""
        with self._lock:
            found = next((body for one, body in self._bodies if one == number), None)
        return None if found is None else found.decode("utf-8", "replace")

    def clear(self) -> None:
        """Forget all attempts, in a forked child."""
        self._lock = threading.Lock()
        self._attempts.clear()
        self._bodies.clear()

    def __iter__(self) -> Iterator[Attempt]:
        with self._lock:
            return iter(list(self._attempts))

    def __len__(self) -> int:
        return len(self._attempts)

    def __getitem__(self, index: int) -> Attempt:
        return self._attempts[index]
