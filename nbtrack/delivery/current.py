"""Where the running session sends: told by the session, asked by whoever sends beside its emitter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """A collector, ready to be sent to.

    Parameters
    ----------
    url
        Its base URL.
    headers
        Extra headers of each request; never shown.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


_find: list[Callable[[], Target]] = []


def set_target(find: Callable[[], Target] | None) -> None:
    """Say how the session's collector is found; None when no session runs."""
    _find[:] = [] if find is None else [find]


def find_target() -> Target | None:
    """Give the running session's collector, started if need be; None when no session runs.

    Raises
    ------
    OSError
        When a local collector can be neither found nor started.
    """
    return _find[0]() if _find else None
