"""Forks and the end of the process: whoever holds threads, sockets or files is told."""

import atexit
import contextlib
import os
import sys
import time
import weakref
from typing import Any

_watched: "weakref.WeakSet[Any]" = weakref.WeakSet()
_leaked: list[Any] = []


def watch(holder: Any) -> None:
    """Tell `holder` of forks from now on, as long as it lives.

    Parameters
    ----------
    holder
        May have `before_fork`, `after_fork_in_parent` and `after_fork_in_child`.
    """
    _watched.add(holder)


def leak(thing: Any) -> None:
    """Keep an inherited object from ever being closed: closing would disturb the parent's end of it."""
    _leaked.append(thing)
    # the list itself dies at the end of the interpreter, a counted reference does not
    with contextlib.suppress(ImportError):
        import ctypes  # noqa: PLC0415

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _tell(name: str) -> None:
    for holder in list(_watched):
        method = getattr(holder, name, None)
        if method is not None:
            # a fork must succeed whatever state we are in
            with contextlib.suppress(Exception):
                method()


# The end of the process

EXIT_SECONDS = 1.0
"""Time all emitters together may take at exit: a courtesy, the store is the guarantee."""
_held: set[Any] = set()


def hold(emitter: Any) -> None:
    """Keep an emitter with unsent events alive, and finish it at exit."""
    _held.add(emitter)


def let_go(emitter: Any) -> None:
    """Nothing of this emitter waits any more."""
    _held.discard(emitter)


def finish_all() -> None:
    """Send what can be sent in a second, and name what is left once on stderr."""
    deadline = time.monotonic() + EXIT_SECONDS
    for emitter in list(_held):
        with contextlib.suppress(Exception):
            left = emitter.finish(deadline - time.monotonic())
            if left:
                fate = "stay stored and leave next time" if emitter.durable else "end with this process"
                print(f"nbtrack: {left} unsent events for {emitter.destination} {fate}", file=sys.stderr)  # noqa: T201
    _held.clear()


def _begin_child() -> None:
    _held.clear()
    _tell("after_fork_in_child")
    # a worker of multiprocessing ends by os._exit after its own hooks: be one of them
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_worker, lambda _: util.Finalize(None, finish_all, exitpriority=10))


class _Worker:
    """A name for multiprocessing's list of hooks, which holds weak references."""


_worker = _Worker()
atexit.register(finish_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _tell("before_fork"),
        after_in_parent=lambda: _tell("after_fork_in_parent"),
        after_in_child=_begin_child,
    )
