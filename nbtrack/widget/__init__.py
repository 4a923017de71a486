"""The live monitor: a snapshot of a session, and its forms.

ipywidgets are loaded with the first monitor, not with this package.
"""

import importlib
from typing import TYPE_CHECKING, Any

from nbtrack.widget.html import render_html
from nbtrack.widget.snapshot import Snapshot, Source, take_snapshot
from nbtrack.widget.text import render_text

if TYPE_CHECKING:
    from nbtrack.widget.model import Monitor, make_monitor

__all__ = ["Monitor", "Snapshot", "Source", "make_monitor", "render_html", "render_text", "take_snapshot"]


def __getattr__(name: str) -> Any:
    if name not in {"Monitor", "make_monitor"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("nbtrack.widget.model"), name)
