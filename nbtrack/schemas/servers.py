"""Iglu servers, asked over HTTP when someone configured them."""

from __future__ import annotations

from collections.abc import Iterable

from nbtrack.schemas.registry import Registry


def registry_of(places: Iterable[str]) -> Registry:
    """Make a registry of local folders and servers' addresses, given as text."""
    return Registry([place for place in places if not place.startswith(("http://", "https://"))])
