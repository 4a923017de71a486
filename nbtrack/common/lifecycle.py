"""Hooks for forks and for the end of the process, for objects that hold threads, sockets or files."""

import atexit
import contextlib
import os
import sys
import threading
import weakref
from typing import Any

from nbtrack.common.clock import monotonic
from nbtrack.common.wording import plural

# Objects by id. A dict, as its values can be copied while another thread adds one; a WeakSet cannot.
_watched: dict[int, "weakref.ref[Any]"] = {}
_leaked: list[Any] = []


def watch(holder: Any) -> None:
    """Call the fork hooks of an object, as long as it lives.

    Parameters
    ----------
    holder : object
        May have `before_fork`, `after_fork_in_parent` and `after_fork_in_child`. The second is called only where the
        first returned True.
    """
    key = id(holder)
    _watched[key] = weakref.ref(holder, lambda _: _watched.pop(key, None))


def leak(thing: Any) -> None:
    """Keep an inherited object from ever being closed, which would disturb the parent's end of it."""
    _leaked.append(thing)
    # the list itself dies with the interpreter, a counted reference does not
    with contextlib.suppress(ImportError):
        import ctypes  # noqa: PLC0415 - only in a forked child

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _holders_with(hook: str) -> list[Any]:
    holders = [reference() for reference in list(_watched.values())]
    return [holder for holder in holders if hasattr(holder, hook)]


# Forks

_forking = threading.local()
_pid = os.getpid()
_forked = False
_locks: dict[int, threading.Lock] = {}


def ensure_process() -> None:
    """Start over in a child whose fork ran no hooks, as forks of C extensions and of uWSGI; else do nothing.

    Called wherever events enter or are sent, before any lock is taken: the parent's threads may have held it.
    """
    pid = os.getpid()
    if pid != _pid:
        # a lock of this process: the parent's may be held for ever
        with _locks.setdefault(pid, threading.Lock()):
            if pid != _pid:
                _begin_child()


def is_forked() -> bool:
    """Check whether this process was forked after nbtrack was imported, so that objects may be inherited."""
    return _forked


def _before_fork() -> None:
    _forking.holders = []
    for holder in _holders_with("before_fork"):
        # a fork must succeed whatever state we are in
        with contextlib.suppress(Exception):
            if holder.before_fork():
                _forking.holders.append(holder)


def _after_fork_in_parent() -> None:
    # exactly those that were stopped: others may have been created meanwhile
    for holder in _forking.__dict__.pop("holders", ()):
        with contextlib.suppress(Exception):
            holder.after_fork_in_parent()


def _begin_child() -> None:
    global _pid, _forked, _finalizer_registered  # noqa: PLW0603 - they describe the process
    _kept_alive.clear()
    _finalizer_registered = False
    for holder in _holders_with("after_fork_in_child"):
        with contextlib.suppress(Exception):
            holder.after_fork_in_child()
    _forked = True
    _pid = os.getpid()


# End of the process

EXIT_SECONDS = 1.0
"""Time that all emitters together may take at exit; a durable store keeps what is left."""
_kept_alive: set[Any] = set()
_finalizer_registered = False


def keep_alive(emitter: Any) -> None:
    """Keep an emitter with pending events alive, and finish it at exit."""
    _kept_alive.add(emitter)
    if not _finalizer_registered:
        _register_finalizer()


def release(emitter: Any) -> None:
    """Stop keeping an emitter alive: it has no pending events."""
    _kept_alive.discard(emitter)


def finish_all(**_: object) -> None:
    """Send what can be sent within the exit budget, and report the rest once on stderr."""
    deadline = monotonic() + EXIT_SECONDS
    for emitter in list(_kept_alive):
        with contextlib.suppress(Exception):
            pending = emitter.finish(deadline - monotonic())
            fate = "stored, will be sent later" if emitter.durable else "lost with this process"
            report_unsent(emitter, pending, fate)
    _kept_alive.clear()


def report_unsent(emitter: Any, pending: int, fate: str) -> None:
    """Report on stderr what becomes of an emitter's unsent events, unless its user switched that off."""
    # without a stderr, `print` would write to stdout
    if pending and emitter.report_at_exit and sys.stderr is not None:
        events = plural(pending, "unsent event")
        print(f"nbtrack: {events} for {emitter.destination}: {fate}", file=sys.stderr)  # noqa: T201


def _register_finalizer() -> None:
    """Have `finish_all` called in children that end by `os._exit`, where no exit hook of Python runs."""
    global _finalizer_registered  # noqa: PLW0603 - it describes the process
    _finalizer_registered = True
    for package in ("multiprocessing", "billiard"):
        process, util = sys.modules.get(f"{package}.process"), sys.modules.get(f"{package}.util")
        if process and util and type(process.current_process()).__name__ != "_MainProcess":
            util.Finalize(None, finish_all, exitpriority=10)
    # the workers of celery end without billiard's finalizers
    if (signals := sys.modules.get("celery.signals")) is not None:
        signals.worker_process_shutdown.connect(finish_all, weak=False)


atexit.register(finish_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_begin_child
    )
