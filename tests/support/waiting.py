"""Waiting for a condition, with a deadline, in place of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")


def poll(
    condition: Callable[[], _Found], seconds: float = 20, *, wait: Callable[[float], object] = time.sleep
) -> _Found:
    """Wait until a condition holds; give what it gave last, true or not."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found or time.monotonic() > deadline:
            return found
        wait(0.01)
