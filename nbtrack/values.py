"""The JSON form of any value."""
