"""A daemon timer that never runs its work twice at the same time."""

import threading
from collections.abc import Callable


class Timer(threading.Thread):
    """Calls `work` after `seconds`, once or again and again; the wait begins when the work has ended.

    Parameters
    ----------
    seconds
        Wait before each call.
    work
        Called on this thread; must not raise.
    repeating
        Whether to go on until `cancel`.
    """

    def __init__(self, seconds: float, work: Callable[[], object], *, repeating: bool = False) -> None:
        super().__init__(name="nbtrack-timer", daemon=True)
        self._seconds = seconds
        self._work = work
        self._repeating = repeating
        self._cancelled = threading.Event()

    def run(self) -> None:
        """Wait and work."""
        while not self._cancelled.wait(self._seconds):
            self._work()
            if not self._repeating:
                return

    def cancel(self) -> None:
        """End without further calls."""
        self._cancelled.set()
