"""When bodies may be sent: the rates that were asked for, and as many requests at once as the collector can take."""

import threading
import time

_POLL = 0.1
"""Seconds between looks at the stop signal."""


class RateLimit:
    """Limits an amount per second, on average; the first second's amount may be used at once.

    Parameters
    ----------
    rate
        Amount per second; None for no limit.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._free_at = time.monotonic()

    def reserve(self, amount: float) -> float:
        """Reserve an amount, and return the seconds to wait before using it."""
        if self._rate is None:
            return 0.0
        now = time.monotonic()
        wait = max(0.0, self._free_at - now)
        self._free_at = max(self._free_at, now) + amount / self._rate
        return wait


class Pace:
    """Decides when the next body may be sent; shared by all sending threads.

    The number of requests in flight grows by one with each window of successes, and is halved when the collector is
    overloaded (429, 503): additive increase, multiplicative decrease.

    Parameters
    ----------
    connections
        Most requests in flight.
    rate, byte_rate
        Events and bytes per second; None for no limit.
    stopping
        Set when nothing more may be sent.
    """

    def __init__(
        self, connections: int, rate: float | None, byte_rate: float | None, stopping: threading.Event
    ) -> None:
        self._max_window, self.window = connections, float(connections)
        self._events, self._bytes = RateLimit(rate), RateLimit(byte_rate)
        self._stopping = stopping
        self._in_flight = 0
        self._changed = threading.Condition()

    def enter(self, events: int, size: int) -> bool:
        """Wait until a body may be sent; return False once stopped."""
        with self._changed:
            while self._in_flight >= max(1, int(self.window)):
                if self._stopping.is_set():
                    return False
                self._changed.wait(_POLL)
            self._in_flight += 1
            wait = max(self._events.reserve(events), self._bytes.reserve(size))
        if self._stopping.wait(wait) if wait else self._stopping.is_set():
            self._leave(self.window)
            return False
        return True

    def succeeded(self) -> None:
        """Count a request that succeeded."""
        self._leave(min(self._max_window, self.window + 1 / self.window))

    def failed(self, *, overloaded: bool) -> None:
        """Count a request that failed, and whether because the collector was overloaded."""
        self._leave(max(1.0, self.window / 2) if overloaded else self.window)

    def _leave(self, window: float) -> None:
        with self._changed:
            self.window = window
            self._in_flight -= 1
            self._changed.notify()
