"""``nbtrack schemas``: the schemas that every registry of this user knows."""

import click


@click.group()
def schemas() -> None:
    """Manage the schemas that are known on this machine."""


@schemas.command()
@click.argument("source")
@click.argument("uris", nargs=-1)
def add(source: str, uris: tuple[str, ...]) -> None:
    """Add schemas of a folder or archive in Iglu's layout, of an archive's URL, or URIS of an Iglu server's URL."""
    from nbtrack.schemas import add_schemas

    try:
        added = add_schemas(source, uris)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    for uri in added:
        click.echo(uri)
