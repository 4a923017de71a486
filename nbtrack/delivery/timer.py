"""Timers of all emitters on a few threads: one that waits, and up to four that call what is due."""

import contextlib
import heapq
import itertools
import os
import queue
import threading
from collections.abc import Callable

from nbtrack.common import pyodide
from nbtrack.common.clock import monotonic

MAX_WORKERS = 4
"""A function that is due may send, and wait for a collector; the others should not wait for it."""
IDLE_SECONDS = 2.0
"""A thread without work ends after this time."""


class Timer:
    """Call a function after a wait, once or again and again; each wait begins when the previous call has ended.

    In Pyodide the event loop calls it.

    Parameters
    ----------
    seconds : float
        Wait before each call.
    function : callable
        Called on a thread of the timers; must not raise.
    repeating : bool
        Whether to go on until `cancel`.

    Attributes
    ----------
    cancelled : bool
        Whether `cancel` was called.
    """

    def __init__(self, seconds: float, function: Callable[[], object], *, repeating: bool = False) -> None:
        self._seconds = seconds
        self._function = function
        self._repeating = repeating
        self.cancelled = False

    def start(self) -> None:
        """Begin to wait.

        Raises
        ------
        RuntimeError
            If no thread can be started.
        """
        if pyodide.IN_PYODIDE:
            pyodide.call_later(self._seconds, self.call)
        else:
            _clock_of_this_process().add(monotonic() + self._seconds, self)

    def cancel(self) -> None:
        """End without further calls, and hold neither the function nor a thread until the wait would have ended."""
        self.cancelled = True
        self._function = _nothing
        _clock_of_this_process().look()

    def call(self) -> None:
        """Call the function, and wait again if the timer repeats."""
        if self.cancelled:
            return
        self._function()
        if self._repeating and not self.cancelled:
            with contextlib.suppress(RuntimeError):
                self.start()


class _Clock:
    """The threads of a process' timers."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._waiting = False
        self._due: queue.SimpleQueue[Timer] = queue.SimpleQueue()
        self._workers = 0

    def add(self, due: float, timer: Timer) -> None:
        with self._changed:
            heapq.heappush(self._timers, (due, next(self._numbers), timer))
            if not self._waiting:
                threading.Thread(target=self._wait, name="nbtrack-timer", daemon=True).start()
                self._waiting = True
            self._changed.notify()

    def look(self) -> None:
        """Have the waiting thread look at the timers again: one was cancelled."""
        with self._changed:
            self._changed.notify()

    def _wait(self) -> None:
        with self._changed:
            while True:
                while self._timers and self._timers[0][2].cancelled:
                    heapq.heappop(self._timers)
                left = self._timers[0][0] - monotonic() if self._timers else IDLE_SECONDS
                if self._timers and left <= 0:
                    self._hand_over(heapq.heappop(self._timers)[2])
                elif not self._changed.wait(left) and not self._timers:
                    self._waiting = False
                    return

    def _hand_over(self, timer: Timer) -> None:
        self._due.put(timer)
        if self._workers < MAX_WORKERS and not self._due.empty():
            try:
                threading.Thread(target=self._work, name="nbtrack-timer-worker", daemon=True).start()
            except RuntimeError:
                return  # a worker that there is takes it; else the next event or flush sends
            self._workers += 1

    def _work(self) -> None:
        while True:
            try:
                timer = self._due.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._changed:
                    if self._due.empty():
                        self._workers -= 1
                        return
                continue
            with contextlib.suppress(Exception):
                timer.call()
            del timer


def _nothing() -> None:
    """Stand in for the function of a cancelled timer."""


_clock = _Clock()


def _clock_of_this_process() -> _Clock:
    global _clock  # noqa: PLW0603 - a forked child has threads of its own
    if _clock.pid != os.getpid():
        _clock = _Clock()
    return _clock
