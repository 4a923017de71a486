"""nbtrack: Snowplow tracking for notebooks."""

from nbtrack._version import __version__

__all__ = ["__version__"]
