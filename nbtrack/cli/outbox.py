"""``nbtrack outbox …``: what waits to be sent, and what was refused for good."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from nbtrack.cli.headers import find_settings_headers, header_option


@click.group()
@click.option(
    "--store", default=None, help="SQLite file or redis:// URL; the user's own outbox where not given."
)
@click.pass_context
def outbox(context: click.Context, store: str | None) -> None:
    """See and move what waits to be sent, and what was refused for good."""
    context.obj = store


@contextmanager
def _open_store(place: str | None) -> Iterator[Any]:
    store = _find_store(place)
    try:
        yield store
    except click.exceptions.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - files, SQLite and Redis have no error in common
        raise click.ClickException(f"{place or 'the outbox'}: {error}") from None
    finally:
        store.close()


def _find_store(place: str | None) -> Any:
    from nbtrack.delivery import RedisEventStore, SQLiteEventStore
    from nbtrack.delivery.stores import sqlite_file as database

    if place and place.startswith(("redis://", "rediss://")):
        return RedisEventStore(place)
    from nbtrack.common.home import outbox_path

    path = Path(place) if place else outbox_path()
    if not path.exists():
        raise click.ClickException(f"there is no outbox at {path}: nothing was ever stored there")
    # a damaged outbox is set aside when it is opened: no file of another kind may be
    if place and not database.is_outbox(path):
        raise click.ClickException(f"{path} is no outbox, and is left as it is")
    return SQLiteEventStore(path)


@outbox.command("list")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many of each kind."
)
@click.pass_obj
def list_(place: str | None, limit: int) -> None:
    """List the waiting events and the dead letters: times, kinds and sizes, no content."""
    from nbtrack.delivery.models import Route
    from nbtrack.delivery.outbox import list_dead, list_events

    with _open_store(place) as store:
        waiting, dead = list_events(store, limit=limit), list_dead(store, limit=limit)
        click.echo(f"waiting: {store.size():,}")
        for event in waiting:
            click.echo(
                f"  {_clock(event.time)}  {event.event_id}  {event.kind} {event.name or ''}  {event.bytes:,} bytes"
            )
        click.echo(f"dead letters: {len(dead):,}{' or more' if len(dead) == limit else ''}")
        for letter in dead:
            status = f", HTTP {letter.status}" if letter.status else ""
            click.echo(
                f"  {_clock(letter.time)}  {letter.event_id}  {letter.reason}{status}  "
                f"{Route.from_key(letter.route).destination}"
            )


@outbox.command()
@click.pass_obj
def retry(place: str | None) -> None:
    """Let all dead letters wait again; the next session, or `nbtrack outbox drain`, sends them."""
    from nbtrack.delivery.outbox import retry_dead

    with _open_store(place) as store:
        click.echo(f"{retry_dead(store):,} events wait again")


@outbox.command()
@click.argument("path", type=click.Path(dir_okay=False, writable=True))
@click.pass_obj
def export(place: str | None, path: str) -> None:
    """Write the dead letters to a file, one JSON object a line (they hold content: keep it safe)."""
    from nbtrack.delivery.outbox import export_dead

    with _open_store(place) as store:
        click.echo(f"{export_dead(store, Path(path)):,} events written to {path}")


@outbox.command()
@click.option("--waiting", is_flag=True, help="Delete the events that wait, too.")
@click.confirmation_option(prompt="Delete them for good?")
@click.pass_obj
def purge(place: str | None, *, waiting: bool) -> None:
    """Delete the dead letters."""
    from nbtrack.delivery.outbox import purge as delete

    with _open_store(place) as store:
        click.echo(f"{delete(store, waiting=waiting):,} events deleted")


@outbox.command()
@click.option("--store", "own", default=None, help="As `nbtrack outbox --store`.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds for each destination.",
)
@header_option
@click.pass_obj
def drain(place: str | None, own: str | None, timeout: float, headers: dict[str, str]) -> None:
    """Send what waits, each event to its own destination. Exits with 1 when some could not be sent."""
    from nbtrack.collector import shared_collector
    from nbtrack.common.home import find_home
    from nbtrack.delivery.outbox import drain as send

    configured = find_settings_headers()
    with _open_store(own or place) as store:
        reports = send(
            store,
            timeout=timeout,
            headers_of=lambda destination: {**configured(destination), **headers},
            resolve={"local": lambda: shared_collector.connect(find_home()).url},
        )
    for destination, report in reports.items():
        click.echo(
            f"{destination}: {report.sent:,} sent, {report.pending:,} wait, {report.dead:,} refused for good"
        )
    if not reports:
        click.echo("nothing waits")
    sys.exit(1 if any(report.pending or report.dead for report in reports.values()) else 0)


def _clock(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
