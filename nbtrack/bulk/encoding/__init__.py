"""From rows to the bytes of events."""
