"""The session, without IPython."""
