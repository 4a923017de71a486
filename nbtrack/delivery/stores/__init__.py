"""Where events wait until they are sent."""
