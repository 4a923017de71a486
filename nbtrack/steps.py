"""nbtrack.track: decorator, context manager and one-off events."""
