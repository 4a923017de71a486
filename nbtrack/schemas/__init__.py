"""Iglu schemas and their registry."""
