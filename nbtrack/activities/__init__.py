"""What ran in a session: its cells, steps and events, as a table, a tree and a trace."""

from nbtrack.activities.activity import Activity, ActivityTree
from nbtrack.activities.entries import Entry
from nbtrack.activities.log import ActivityLog

__all__ = ["Activity", "ActivityLog", "ActivityTree", "Entry"]
