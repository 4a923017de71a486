"""The live monitor: a snapshot of a session, and its forms."""

from nbtrack.widget.snapshot import Snapshot, take_snapshot
from nbtrack.widget.text import render_text

__all__ = ["Snapshot", "render_text", "take_snapshot"]
