"""Who receives locally."""
