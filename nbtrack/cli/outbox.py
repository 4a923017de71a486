"""``nbtrack outbox …``: pending events and dead letters."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from nbtrack.cli.headers import find_settings_headers, header_option
from nbtrack.common.wording import plural, readable_size


@click.group()
@click.option("--store", default=None, help="SQLite file or redis:// URL; by default the user's outbox.")
@click.pass_context
def outbox(context: click.Context, store: str | None) -> None:
    """List, send and delete pending events and dead letters."""
    context.obj = store


@contextmanager
def _open_store(location: str | None) -> Iterator[Any]:
    store = _find_store(location)
    try:
        yield store
    except (click.exceptions.Exit, BrokenPipeError):  # the second: whoever reads the list has enough of it
        raise
    except Exception as error:  # noqa: BLE001 - files, SQLite and Redis have no exception in common
        raise click.ClickException(f"{location or 'outbox'}: {error}") from None
    finally:
        store.close()


def _find_store(location: str | None) -> Any:
    from nbtrack.common.home import outbox_path
    from nbtrack.delivery import RedisEventStore, SQLiteEventStore
    from nbtrack.delivery.stores.sqlite_file import is_outbox

    if location and location.startswith(("redis://", "rediss://")):
        return RedisEventStore(location)
    path = Path(location) if location else outbox_path()
    if not path.exists():
        raise click.ClickException(f"no outbox at {path}: no event was ever stored there")
    # opening sets a damaged outbox aside, which must not happen to any other file
    if location and not is_outbox(path):
        raise click.ClickException(f"{path} is not an outbox; it was not changed")
    return SQLiteEventStore(path)


@outbox.command("list")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Most events of each kind."
)
@click.pass_obj
def list_(location: str | None, limit: int) -> None:
    """List pending events and dead letters: times, kinds and sizes, no content."""
    from nbtrack.delivery.models import Route
    from nbtrack.delivery.outbox import list_dead, list_events

    with _open_store(location) as store:
        pending, dead = list_events(store, limit=limit), list_dead(store, limit=limit)
        click.echo(f"pending: {store.size():,}")
        for event in pending:
            click.echo(
                f"  {_local_time(event.time)}  {event.event_id}  {event.kind} {event.name}  {readable_size(event.bytes)}"
            )
        click.echo(f"dead letters: {len(dead):,}{' or more' if len(dead) == limit else ''}")
        for letter in dead:
            status = f", HTTP {letter.status}" if letter.status else ""
            click.echo(
                f"  {_local_time(letter.time)}  {letter.event_id}  {letter.reason}{status}  "
                f"{Route.from_key(letter.route).destination}"
            )


@outbox.command()
@click.pass_obj
def retry(location: str | None) -> None:
    """Make all dead letters pending again; the next session, or `nbtrack outbox drain`, sends them."""
    from nbtrack.delivery.outbox import retry_dead

    with _open_store(location) as store:
        click.echo(f"{plural(retry_dead(store), 'event')} pending again")


@outbox.command()
@click.argument("path", type=click.Path(dir_okay=False, writable=True))
@click.pass_obj
def export(location: str | None, path: str) -> None:
    """Write the dead letters to a file, one JSON object per line (they hold content: keep it safe)."""
    from nbtrack.delivery.outbox import export_dead

    with _open_store(location) as store:
        click.echo(f"{plural(export_dead(store, Path(path)), 'event')} written to {path}")


@outbox.command()
@click.option("--waiting", is_flag=True, help="Delete pending events, too.")
@click.confirmation_option(prompt="Delete them for good?")
@click.pass_obj
def purge(location: str | None, *, waiting: bool) -> None:
    """Delete the dead letters."""
    from nbtrack.delivery.outbox import purge as purge_store

    with _open_store(location) as store:
        click.echo(f"{plural(purge_store(store, waiting=waiting), 'event')} deleted")


@outbox.command()
@click.option("--store", "own_location", default=None, help="As of `nbtrack outbox --store`.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds for each destination.",
)
@header_option
@click.pass_obj
def drain(location: str | None, own_location: str | None, timeout: float, headers: dict[str, str]) -> None:
    """Send pending events, each to its own destination; exit with 1 if some could not be sent."""
    from nbtrack.collector import shared_collector
    from nbtrack.common.home import find_home
    from nbtrack.delivery.outbox import drain as drain_store

    settings_headers = find_settings_headers()
    with _open_store(own_location or location) as store:
        reports = drain_store(
            store,
            timeout=timeout,
            headers_of=lambda destination: {**settings_headers(destination), **headers},
            resolve={"local": lambda: shared_collector.connect(find_home()).url},
        )
    for destination, report in reports.items():
        click.echo(
            f"{destination}: {report.sent:,} sent, {report.pending:,} pending, "
            f"{plural(report.dead, 'dead letter')}{f' ({report.last_error})' if report.last_error else ''}"
        )
    if not reports:
        click.echo("no pending events")
    sys.exit(1 if any(report.pending or report.dead for report in reports.values()) else 0)


def _local_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
