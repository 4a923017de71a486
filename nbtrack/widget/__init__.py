"""The live monitor."""
