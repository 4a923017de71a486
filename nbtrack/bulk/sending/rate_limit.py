"""How fast bodies may leave: a rate that was asked for, and as many at once as the collector stands."""

import threading
import time

_POLL = 0.1  # seconds between looks at the stop sign


class Bucket:
    """Lets an amount pass a second, on average; the first second's worth at once.

    Parameters
    ----------
    rate
        Amount a second; None for any.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._free_at = time.monotonic()

    def take(self, amount: float) -> float:
        """Take an amount; give the seconds to wait before it is used."""
        if self._rate is None:
            return 0.0
        now = time.monotonic()
        wait = max(0.0, self._free_at - now)
        self._free_at = max(self._free_at, now) + amount / self._rate
        return wait


class Pace:
    """Decides when the next body may leave; shared by all senders.

    The number of requests under way grows by one with each window of answers, and halves when the collector says that
    it has too much to do (429, 503): additive increase, multiplicative decrease.

    Parameters
    ----------
    connections
        Most requests under way.
    rate, byte_rate
        Events and bytes a second; None for any.
    stopping
        Set when nothing more may leave.
    """

    def __init__(
        self, connections: int, rate: float | None, byte_rate: float | None, stopping: threading.Event
    ) -> None:
        self._most, self.window = connections, float(connections)
        self._events, self._bytes = Bucket(rate), Bucket(byte_rate)
        self._stopping = stopping
        self._under_way = 0
        self._changed = threading.Condition()

    def enter(self, events: int, size: int) -> bool:
        """Wait for a turn; False once stopped."""
        with self._changed:
            while self._under_way >= max(1, int(self.window)):
                if self._stopping.is_set():
                    return False
                self._changed.wait(_POLL)
            self._under_way += 1
            wait = max(self._events.take(events), self._bytes.take(size))
        if self._stopping.wait(wait) if wait else self._stopping.is_set():
            self._leave(self.window)
            return False
        return True

    def succeeded(self) -> None:
        """Note a body that was taken."""
        self._leave(min(self._most, self.window + 1 / self.window))

    def failed(self, *, overloaded: bool) -> None:
        """Note a body that was not taken, and whether the collector had too much to do."""
        self._leave(max(1.0, self.window / 2) if overloaded else self.window)

    def _leave(self, window: float) -> None:
        with self._changed:
            self.window = window
            self._under_way -= 1
            self._changed.notify()
