"""The placeholder behind col()."""
