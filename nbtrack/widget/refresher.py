"""The thread that refreshes the monitor when the session changed, rarely enough to cost nothing."""

import logging
import threading
import time
import weakref
from collections.abc import Callable
from types import MethodType

from nbtrack.common import pyodide

LOG = logging.getLogger(__name__)

INTERVAL = 0.25
"""Seconds from a tick's end to the next one's start, so that no second holds more than four messages, however long a
tick takes: as live as eyes need, and far below Jupyter's limits."""
SHARE = 30
"""A tick is followed by a rest of so many times its length, so that it costs at most a thirtieth of a core."""
STOP_SECONDS = 1.0


class Refresher:
    """Calls a method on a thread of its own whenever `poke` was called since, at most four times a second.

    In Pyodide, which has no threads, the event loop calls it.

    It holds the method's object weakly and ends with it; it never prints and never displays.

    Parameters
    ----------
    tick
        A bound method. It returns the seconds after which it must be called in any case, or None. What it
        raises ends the thread: an error in a view costs only the view.
    on_fault
        Called with what it raised.
    """

    def __init__(self, tick: Callable[[], float | None], on_fault: Callable[[Exception], None]) -> None:
        if not isinstance(tick, MethodType):
            raise TypeError("the refresher takes a bound method")
        self._on_fault = on_fault
        self._dirty = dirty = threading.Event()
        # a monitor that was dropped without being closed wakes its thread, which then ends
        self._tick = weakref.WeakMethod(tick, lambda _: dirty.set())
        self._stopped = threading.Event()
        self._is_scheduled = False
        self._thread = threading.Thread(target=self._run, name="nbtrack-monitor", daemon=True)

    def start(self) -> None:
        """Begin; where no thread can be had, the view stays as it was first shown."""
        if pyodide.IN_PYODIDE:
            return
        try:
            self._thread.start()
        except RuntimeError:
            LOG.debug("no thread for the monitor", exc_info=True)

    def poke(self) -> None:
        """Note that something changed; cheap, from any thread."""
        self._dirty.set()
        if pyodide.IN_PYODIDE:
            self._schedule(INTERVAL)

    def stop(self) -> None:
        """End the thread, within a bound."""
        self._stopped.set()
        self._dirty.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(STOP_SECONDS)

    def _schedule(self, seconds: float) -> None:
        if not self._is_scheduled and not self._stopped.is_set():
            self._is_scheduled = True
            pyodide.call_later(max(INTERVAL, seconds), self._run_once)

    def _run_once(self) -> None:
        self._is_scheduled = False
        tick = self._tick()
        if self._stopped.is_set() or tick is None:
            return
        try:
            again = tick()
        except Exception as fault:  # noqa: BLE001 - an error in the view must not reach the user
            self._stopped.set()
            self._on_fault(fault)
            return
        if again is not None:
            self._schedule(again)

    def _run(self) -> None:
        again: float | None = None
        while True:
            self._dirty.wait(again)
            self._dirty.clear()
            tick = self._tick()
            if self._stopped.is_set() or tick is None:
                return
            cpu = time.thread_time()
            try:
                again = tick()
            except Exception as fault:  # noqa: BLE001 - an error in the view must not reach the user
                self._on_fault(fault)
                return
            del tick
            rest = max(INTERVAL, SHARE * (time.thread_time() - cpu))
            if self._stopped.wait(rest):
                return
