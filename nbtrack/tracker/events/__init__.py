"""The event classes."""
