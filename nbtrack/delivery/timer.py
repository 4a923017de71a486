"""A timer on a daemon thread that never runs its function twice at the same time."""

import threading
from collections.abc import Callable


class Timer(threading.Thread):
    """Call a function after a wait, once or again and again; each wait begins when the previous call has ended.

    Parameters
    ----------
    seconds : float
        Wait before each call.
    function : callable
        Called on this thread; must not raise.
    repeating : bool
        Whether to go on until `cancel`.
    """

    def __init__(self, seconds: float, function: Callable[[], object], *, repeating: bool = False) -> None:
        super().__init__(name="nbtrack-timer", daemon=True)
        self._seconds = seconds
        self._function = function
        self._repeating = repeating
        self._cancelled = threading.Event()

    def run(self) -> None:
        """Wait and call, on the timer's thread."""
        while not self._cancelled.wait(self._seconds):
            self._function()
            if not self._repeating:
                return

    def cancel(self) -> None:
        """End without further calls."""
        self._cancelled.set()
