"""The Snowplow tracker protocol as one table."""
