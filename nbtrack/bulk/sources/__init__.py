"""Where the rows of a backfill come from."""
