"""nbtrack.track: a context manager and a decorator for steps of an analysis, and one-off events."""

from nbtrack.steps.spans import classify, enter_run, find_run
from nbtrack.steps.tracking import Step, send_analysis, track

__all__ = ["Step", "classify", "enter_run", "find_run", "send_analysis", "track"]
