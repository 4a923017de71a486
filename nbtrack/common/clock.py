"""Clocks for waits, leases and ages; those of libraries that freeze the time do not reach them.

Timestamps of events are taken with `time.time` at the call instead, so that a test that freezes the time freezes them.
"""

import time
from collections.abc import Callable


def _bind(clock: Callable[[], float]) -> Callable[[], float]:
    # inside a function: freezegun replaces the clocks that modules hold by name
    def read() -> float:
        return clock()

    return read


monotonic = _bind(time.monotonic)
"""Seconds since some start, which no change of the clock moves."""
wall = _bind(time.time)
"""Unix timestamp in seconds."""
