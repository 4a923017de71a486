"""The running session, for code below it: its collector and its schemas, registered by the session itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


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


_registered: list[_Session] = []


def register_session(
    find_target: Callable[[], CollectorTarget],
    find_registry: Callable[[], Any],
    note_backfill: Callable[[int], None],
    activities: Any,
    register_schema: Callable[[Mapping[str, Any]], object],
) -> None:
    """Register the running session, in place of an earlier one: its collector, its registry, what it counts and logs."""
    _registered[:] = [_Session(find_target, find_registry, note_backfill, activities, register_schema)]


def find_activities() -> Any:
    """Return the running session's `ActivityLog`, or None without a session."""
    return _registered[0].activities if _registered else None


def note_backfill(sent: int) -> None:
    """Count the events that a backfill has sent for the running session, if one runs."""
    if _registered:
        _registered[0].note_backfill(sent)


def unregister_session() -> None:
    """Forget the session: none runs."""
    _registered.clear()


def find_registry() -> Any:
    """Return the running session's schema registry, or None without a session; starts nothing."""
    return _registered[0].find_registry() if _registered else None


def register_schema(schema: Mapping[str, Any]) -> None:
    """Register a schema for the running session, and with its local collector, which is started if need be.

    Raises
    ------
    OSError
        If a local collector can neither be found nor started.
    """
    if _registered:
        _registered[0].register_schema(schema)


def find_target() -> CollectorTarget | None:
    """Return the running session's collector, started if need be, or None without a session.

    Raises
    ------
    OSError
        If a local collector can neither be found nor started.
    """
    return _registered[0].find_target() if _registered else None
