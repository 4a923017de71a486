"""Where the running session sends: told by the session, asked by whoever sends beside its emitter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """A collector, ready to be sent to.

    Parameters
    ----------
    url
        Its base URL.
    headers
        Extra headers of each request; never shown.
    local
        Whether it is of this machine.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    local: bool = False


_find: list[Callable[[], Target]] = []
_find_registry: list[Callable[[], Any]] = []


def set_target(find: Callable[[], Target] | None, find_registry: Callable[[], Any] | None = None) -> None:
    """Say how the session's collector and its schemas are found; None when no session runs."""
    _find[:] = [] if find is None else [find]
    _find_registry[:] = [] if find_registry is None else [find_registry]


def find_registry() -> Any:
    """Give the running session's registry of schemas; None when no session runs. Starts nothing."""
    return _find_registry[0]() if _find_registry else None


def find_target() -> Target | None:
    """Give the running session's collector, started if need be; None when no session runs.

    Raises
    ------
    OSError
        When a local collector can be neither found nor started.
    """
    return _find[0]() if _find else None
