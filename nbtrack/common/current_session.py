"""The running session, for code below it: its collector and its schemas, registered by the session itself.

A process has one session, but `marimo run` has one process for all viewers of a notebook: each of them has a thread,
and a session of its own.
"""

import sys
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

_Value = TypeVar("_Value")


def find_marimo_kernel() -> Any:
    """Return marimo's kernel of the current thread: of one notebook or, in `marimo run`, of one viewer; else None."""
    types = sys.modules.get("marimo._runtime.context.types")
    if types is None:
        return None
    try:
        context = types.safe_get_context()
    except AttributeError:  # not public, and another version of marimo may have it elsewhere
        return None
    # a kernel runs embedded notebooks, too, which have contexts of their own
    return getattr(context, "_kernel", None)


def find_marimo_path() -> str | None:
    """Return the path of marimo's notebook that runs on the current thread; None elsewhere."""
    kernel = find_marimo_kernel()
    path = getattr(getattr(kernel, "app_metadata", None), "filename", None)
    return path if isinstance(path, str) else None


class PerViewer(Generic[_Value]):
    """One value for the process, and in marimo one for each kernel."""

    def __init__(self) -> None:
        self._values: dict[int, _Value] = {}

    def set(self, value: _Value, on_end: Callable[[_Value], object] | None = None) -> None:
        """Set the value here.

        Parameters
        ----------
        value
            Takes the place of an earlier one.
        on_end : callable, optional
            Called with the value once a viewer has left.
        """
        kernel = find_marimo_kernel()
        key = 0 if kernel is None else id(kernel)
        if kernel is not None and key not in self._values:
            weakref.finalize(kernel, self._end, key, on_end).atexit = False
        # the last one is the newest
        self._values.pop(key, None)
        self._values[key] = value

    def get(self) -> _Value | None:
        """Return the value here; on a thread of no viewer the newest."""
        kernel = find_marimo_kernel()
        if kernel is None and 0 not in self._values:
            return next(reversed(self._values.values()), None)
        return self._values.get(0 if kernel is None else id(kernel))

    def pop(self) -> _Value | None:
        """Remove the value here, and return it."""
        kernel = find_marimo_kernel()
        return self._values.pop(0 if kernel is None else id(kernel), None)

    def _end(self, key: int, on_end: Callable[[_Value], object] | None) -> None:
        value = self._values.pop(key, None)
        if value is not None and on_end is not None:
            on_end(value)


@dataclass(frozen=True, slots=True)
class CollectorTarget:
    """A collector that requests can be sent to.

    Parameters
    ----------
    url : str
        Its base URL.
    headers : mapping of str to str
        Extra headers of each request; never shown.
    local : bool
        Whether it runs on this machine.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    local: bool = False


@dataclass(frozen=True, slots=True)
class _Session:
    find_target: Callable[[], CollectorTarget]
    find_registry: Callable[[], Any]
    note_backfill: Callable[[int], None]
    activities: Any
    register_schema: Callable[[Mapping[str, Any]], object]


_registered: PerViewer[_Session] = PerViewer()


def register_session(
    find_target: Callable[[], CollectorTarget],
    find_registry: Callable[[], Any],
    note_backfill: Callable[[int], None],
    activities: Any,
    register_schema: Callable[[Mapping[str, Any]], object],
) -> None:
    """Register the running session, in place of an earlier one: its collector, its registry, what it counts and logs."""
    _registered.set(_Session(find_target, find_registry, note_backfill, activities, register_schema))


def find_activities() -> Any:
    """Return the running session's `ActivityLog`, or None without a session."""
    registered = _registered.get()
    return None if registered is None else registered.activities


def note_backfill(sent: int) -> None:
    """Count the events that a backfill has sent for the running session, if one runs."""
    if (registered := _registered.get()) is not None:
        registered.note_backfill(sent)


def unregister_session() -> None:
    """Forget the session: none runs."""
    _registered.pop()


def find_registry() -> Any:
    """Return the running session's schema registry, or None without a session; starts nothing."""
    registered = _registered.get()
    return None if registered is None else registered.find_registry()


def register_schema(schema: Mapping[str, Any]) -> None:
    """Register a schema for the running session, and with its local collector, which is started if need be.

    Raises
    ------
    OSError
        If a local collector can neither be found nor started.
    """
    registered = _registered.get()
    if registered is not None:
        registered.register_schema(schema)


def find_target() -> CollectorTarget | None:
    """Return the running session's collector, started if need be, or None without a session.

    Raises
    ------
    OSError
        If a local collector can neither be found nor started.
    """
    registered = _registered.get()
    return None if registered is None else registered.find_target()
