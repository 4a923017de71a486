"""Frames to events."""
