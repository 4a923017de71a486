"""nbtrack.track: a context manager and a decorator for steps of an analysis, and one-off events."""

from nbtrack.steps.step import Step
from nbtrack.steps.tracking import track

__all__ = ["Step", "track"]
