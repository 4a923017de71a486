"""Hooks of a tracker: entities for every event, and plugins."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias

from nbtrack.tracker.events.base import Event
from nbtrack.tracker.events.entity import SelfDescribingJson

Entities: TypeAlias = SelfDescribingJson | Iterable[SelfDescribingJson] | None
ContextSource: TypeAlias = SelfDescribingJson | Callable[[Event], Entities]
GlobalContext: TypeAlias = ContextSource | tuple[Callable[[Event], bool], ContextSource]


class Plugin(Protocol):
    """An object that sees each event on its way; both methods are optional.

    Examples
    --------
    >>> from nbtrack.tracker import PageView, Tracker
    >>> class Printer:
    ...     def input(self, payload):
    ...         print(payload["url"])
    >>> class Cut:
    ...     def before_track(self, event, payload):
    ...         payload["url"] = payload["url"].partition("?")[0]
    >>> tracker = Tracker("docs", Printer()).add_plugin(Cut())
    >>> event_id = tracker.track(PageView("https://acme.com/?q=secret"))
    https://acme.com/
    """

    def before_track(self, event: Event, payload: dict[str, str], /) -> bool | None:
        """Inspect or change the payload before the emitters receive it; return False to drop the event."""

    def after_track(self, event: Event, payload: dict[str, str], /) -> None:
        """Inspect the payload that the emitters received."""


def collect_entities(sources: Iterable[GlobalContext], event: Event) -> list[SelfDescribingJson]:
    """Return the entities that the global contexts have for an event."""
    found: list[SelfDescribingJson] = []
    for source in sources:
        if isinstance(source, tuple):
            wanted, source = source  # noqa: PLW2901 - the pair is only a way to write it
            if not wanted(event):
                continue
        made = source(event) if callable(source) else source
        if made is not None:
            found.extend([made] if isinstance(made, SelfDescribingJson) else made)
    return found
