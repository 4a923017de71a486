"""The version, in the one place that the build and the tracker's ``tv`` read."""

__version__ = "0.1.0"
"""The version of nbtrack."""
