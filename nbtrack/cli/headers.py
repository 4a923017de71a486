"""HTTP headers on the command line, and those of the settings."""

from collections.abc import Callable
from typing import Any

import click


def _read_headers(_: Any, __: Any, given: tuple[str, ...]) -> dict[str, str]:
    headers = {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in given)}
    if not all(name and value for name, value in headers.items()):
        raise click.BadParameter("give a name and a value, as 'Authorization: Bearer …'")
    return headers


header_option = click.option(
    "--header",
    "headers",
    multiple=True,
    callback=_read_headers,
    help="Extra HTTP header, as 'Name: value'; may be repeated. The collector of the settings gets those of the settings "
    "(NBTRACK_HEADERS), too.",
)


def find_settings_headers() -> Callable[[str], dict[str, str]]:
    """Return a function from a URL to the headers in the settings: only the settings' collector receives them."""
    from nbtrack.runtime import NBTrack

    url, secrets = NBTrack().find_target()
    return lambda destination: secrets if destination.rstrip("/") == url.rstrip("/") else {}
