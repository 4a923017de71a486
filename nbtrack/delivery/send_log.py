"""The send log: an emitter's last requests."""

import itertools
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from nbtrack.delivery.models import Attempt

MAX_ATTEMPTS = 200
MAX_IDS = 1_000
"""Event ids kept of one request."""
MAX_BODIES = 20
BODY_BYTES = 500


class SendLog:
    """The last 200 attempts, oldest first; iterating yields a snapshot.

    Examples
    --------
    >>> list(SendLog())
    []
    """

    def __init__(self, max_attempts: int = MAX_ATTEMPTS) -> None:
        self._attempts: deque[Attempt] = deque(maxlen=max_attempts)
        self._bodies: deque[tuple[int, bytes]] = deque(maxlen=MAX_BODIES)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, *, event_ids: tuple[str, ...], body: bytes, **values: Any) -> Attempt:
        """Append an attempt; of a large request, the first 1,000 event ids are kept."""
        attempt = Attempt(number=next(self._numbers), event_ids=event_ids[:MAX_IDS], **values)
        with self._lock:
            self._attempts.append(attempt)
            self._bodies.append((attempt.number, body[:BODY_BYTES]))
        return attempt

    def body(self, number: int) -> str | None:
        """Return the first 500 bytes of an attempt's body; only of the last 20 attempts, since it is personal data."""
        with self._lock:
            body = next((body for key, body in self._bodies if key == number), None)
        return None if body is None else body.decode("utf-8", "replace")

    def clear(self) -> None:
        """Remove all attempts, in a forked child."""
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
