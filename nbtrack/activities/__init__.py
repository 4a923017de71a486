"""What ran in a session: its cells, steps and events, as a table, a tree and a trace."""

from typing import TYPE_CHECKING, Any

from nbtrack.activities.entries import Entry
from nbtrack.activities.log import ActivityLog

if TYPE_CHECKING:
    from nbtrack.activities.activity import Activity, ActivityTree

__all__ = ["Activity", "ActivityLog", "ActivityTree", "Entry"]


def __getattr__(name: str) -> Any:
    # what is shown is loaded when it is asked for; a session only keeps the log
    if name in {"Activity", "ActivityTree"}:
        from nbtrack.activities import activity  # noqa: PLC0415

        return getattr(activity, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
