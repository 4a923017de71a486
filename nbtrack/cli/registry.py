"""The schemas that ``--iglu`` names, for every command that takes it."""

from pathlib import Path
from typing import Any

import click


def open_registry(places: tuple[str, ...]) -> Any:
    """Return a registry of folders and Iglu servers; a folder that is missing is a wrong option."""
    from nbtrack.common.arguments import is_http_url
    from nbtrack.schemas import registry_of

    for place in places:
        if not is_http_url(place) and not Path(place).is_dir():
            raise click.UsageError(f"--iglu: no such folder: {place!r} ({Path(place).absolute()})")
    return registry_of(places)
