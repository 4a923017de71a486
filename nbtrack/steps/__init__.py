"""nbtrack.track: a context manager and a decorator for steps of an analysis, and one-off events."""

from nbtrack.common.errors import show_under
from nbtrack.steps.step import Step
from nbtrack.steps.tracking import track

__all__ = ["Step", "track"]

show_under(__name__, [globals()[name] for name in __all__])
