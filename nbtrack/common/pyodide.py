"""Pyodide, which runs Python in a browser: no thread, no process, no socket; what takes their place is its event loop."""

import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")

IN_PYODIDE = sys.platform == "emscripten"
LIMITS = (
    "Pyodide has no threads, processes or lasting files: events leave between cells, wait in memory, and are lost when "
    "the page closes; the local collector, backfills and the setting validate do not work"
)
NO_LOCAL_COLLECTOR = (
    "the local collector does not run in Pyodide; give the URL of a collector that allows this page (CORS): "
    "nbtrack.start('https://…')"
)


def start_task(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on the event loop once the current code lets it; return its task."""
    return _find_loop().create_task(coroutine)


def call_later(seconds: float, function: Callable[[], object]) -> None:
    """Call a function on the event loop after some seconds."""
    _find_loop().call_later(seconds, function)


def can_wait() -> bool:
    """Check whether code that is not async may wait for a coroutine here, by JavaScript Promise Integration."""
    if not IN_PYODIDE:
        return False
    try:
        from pyodide.ffi import can_run_sync  # noqa: PLC0415 - only there
    except ImportError:  # Pyodide before 0.27
        return False
    return bool(can_run_sync())


def wait_for(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Wait for a coroutine where `can_wait` returns True; the event loop goes on meanwhile."""
    from pyodide.ffi import run_sync  # noqa: PLC0415 - only there

    result: _Result = run_sync(coroutine)
    return result


def run_without_waiting(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine that never waits to its end, without an event loop.

    So one function serves code that may wait and code that must not.

    Raises
    ------
    RuntimeError
        If it waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: _Result = end.value
        return result
    coroutine.close()
    raise RuntimeError("a coroutine that must not wait did")


def _find_loop() -> Any:
    import asyncio  # noqa: PLC0415 - slow to load, and needed only there

    return asyncio.get_event_loop()
