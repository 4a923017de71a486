"""Clocks for waits, leases and ages; those of libraries that freeze the time do not reach them.

Timestamps of events are taken with `time.time` at the call instead, so that a test that freezes the time freezes them.
"""

import time
from functools import partial

# inside an object: freezegun replaces the clocks that modules hold by name
monotonic = partial(time.monotonic)
"""Seconds since some start, which no change of the clock moves."""
wall = partial(time.time)
"""Unix timestamp in seconds."""
