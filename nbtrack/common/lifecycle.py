"""Hooks for forks and for the end of the process, for objects that hold threads, sockets or files."""

import atexit
import contextlib
import os
import sys
import time
import weakref
from typing import Any

from nbtrack.common.wording import plural

_watched: "weakref.WeakSet[Any]" = weakref.WeakSet()
_leaked: list[Any] = []


def watch(holder: Any) -> None:
    """Call the fork hooks of an object, as long as it lives.

    Parameters
    ----------
    holder : object
        May have `before_fork`, `after_fork_in_parent` and `after_fork_in_child`.
    """
    _watched.add(holder)


def leak(thing: Any) -> None:
    """Keep an inherited object from ever being closed, which would disturb the parent's end of it."""
    _leaked.append(thing)
    # the list itself dies with the interpreter, a counted reference does not
    with contextlib.suppress(ImportError):
        import ctypes  # noqa: PLC0415 - only in a forked child

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _call_hooks(name: str) -> None:
    for holder in list(_watched):
        method = getattr(holder, name, None)
        if method is not None:
            # a fork must succeed whatever state we are in
            with contextlib.suppress(Exception):
                method()


# End of the process

EXIT_SECONDS = 1.0
"""Time that all emitters together may take at exit; a durable store keeps what is left."""
_kept_alive: set[Any] = set()


def keep_alive(emitter: Any) -> None:
    """Keep an emitter with pending events alive, and finish it at exit."""
    _kept_alive.add(emitter)


def release(emitter: Any) -> None:
    """Stop keeping an emitter alive: it has no pending events."""
    _kept_alive.discard(emitter)


def finish_all() -> None:
    """Send what can be sent within the exit budget, and report the rest once on stderr."""
    deadline = time.monotonic() + EXIT_SECONDS
    for emitter in list(_kept_alive):
        with contextlib.suppress(Exception):
            pending = emitter.finish(deadline - time.monotonic())
            if pending:
                fate = "stored, will be sent later" if emitter.durable else "lost with this process"
                events = plural(pending, "unsent event")
                print(f"nbtrack: {events} for {emitter.destination}: {fate}", file=sys.stderr)  # noqa: T201
    _kept_alive.clear()


def _begin_child() -> None:
    _kept_alive.clear()
    _call_hooks("after_fork_in_child")
    # a worker of multiprocessing ends by os._exit after its own finalizers: be one of them
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_worker, lambda _: util.Finalize(None, finish_all, exitpriority=10))


class _Worker:
    """Key for multiprocessing's list of hooks, which holds weak references."""


_worker = _Worker()
atexit.register(finish_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _call_hooks("before_fork"),
        after_in_parent=lambda: _call_hooks("after_fork_in_parent"),
        after_in_child=_begin_child,
    )
