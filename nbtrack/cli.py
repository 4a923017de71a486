"""The command line: ``nbtrack …``."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from nbtrack._version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nbtrack")
def main() -> None:
    """Snowplow tracking for notebooks: collector, backfill, outbox, schemas."""


@main.command()
@click.option("--port", default=9090, show_default=True, help="Port; 0 takes any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--db", default="memory", show_default=True, help="SQLite file that keeps the events, or 'memory'."
)
@click.option(
    "--iglu", multiple=True, help="Folder in Iglu layout, or URL of an Iglu server; may be repeated."
)
@click.option("--strict-lengths", is_flag=True, help="Values longer than their column make an event bad.")
@click.option("--open", "open_", is_flag=True, help="Let everybody on this machine read without the token.")
@click.option("--allowed-host", multiple=True, help="Host name it may be asked by, such as a proxy's.")
def collector(
    port: int,
    host: str,
    db: str,
    iglu: tuple[str, ...],
    strict_lengths: bool,
    open_: bool,
    allowed_host: tuple[str, ...],
) -> None:
    """Run a local collector until Ctrl-C."""
    from nbtrack.collector import LocalCollector

    try:
        made = LocalCollector(
            port=port,
            host=host,
            db=db,
            iglu=iglu,
            strict_lengths=strict_lengths,
            open=open_,
            allowed_hosts=allowed_host,
        ).start()
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    with made:
        click.echo(f"Trackers send to  {made.url}")
        click.echo(f"The live page is  {made.page_url}")
        if host not in {"127.0.0.1", "localhost", "::1"}:
            click.echo(f"It listens on {host}: other machines can reach it.", err=True)
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        while not ended.is_set():
            if made.join(0.5):
                raise click.ClickException("the collector's process ended by itself")


def _read_headers(_: Any, __: Any, given: tuple[str, ...]) -> dict[str, str]:
    headers = {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in given)}
    if not all(name and value for name, value in headers.items()):
        raise click.BadParameter("give a name and a value, as 'Authorization: Bearer …'")
    return headers


_header_option = click.option(
    "--header",
    "headers",
    multiple=True,
    callback=_read_headers,
    help="Extra HTTP header, as 'Name: value'; may be repeated. The collector of the settings gets those of the settings "
    "(NBTRACK_HEADERS), too.",
)


def _settings_headers() -> Callable[[str], dict[str, str]]:
    """Give what tells the headers of the settings for a URL: only the settings' collector gets them."""
    from nbtrack.runtime import NBTrack

    url, secrets = NBTrack().find_target()
    return lambda destination: secrets if destination.rstrip("/") == url.rstrip("/") else {}


@main.command()
@click.argument("file")
@click.option(
    "--event",
    "event_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help='JSON of the event; {"$col": "name"} stands for a column\'s value.',
)
@click.option("--collector", required=True, help="URL of the collector; 'local' is this machine's own.")
@_header_option
@click.option("--key", multiple=True, help="Column that identifies a row; may be repeated.")
@click.option("--namespace", default=None, help="Keeps the ids of different histories apart.")
@click.option(
    "--iglu", multiple=True, help="Folder or Iglu server with the schemas that rows are checked against."
)
@click.option("--dry-run", is_flag=True, help="Check every row and send nothing.")
@click.option("--on-invalid", type=click.Choice(["skip", "raise", "send"]), default="skip", show_default=True)
@click.option("--on-duplicate", type=click.Choice(["report", "send"]), default="report", show_default=True)
@click.option("--rate", type=float, default=None, help="At most so many events a second.")
@click.option("--byte-rate", type=float, default=None, help="At most so many bytes a second.")
@click.option("--connections", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option(
    "--give-up-after", type=float, default=300.0, show_default=True, help="Seconds without a success."
)
@click.option("--resume", is_flag=True, help="Go on where an earlier run of the same rows was stopped.")
@click.option("--ledger", type=click.Path(), default=None, help="File of the record of what was delivered.")
@click.option("--dead-letters", type=click.Path(), default=None, help="Parquet file for rows that failed.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def backfill(file: str, event_file: str, iglu: tuple[str, ...], *, quiet: bool, **options: Any) -> None:
    """Send one event for each row of a Parquet or CSV file (or a pattern of them).

    Exits with 0 when every row was delivered, with 1 when some were not, with 2 when nothing could be sent.
    """
    from nbtrack.bulk import backfill as send
    from nbtrack.bulk.eventfile import read_event

    given = {name: value for name, value in options.items() if value is not None}
    if iglu:
        given["registry"] = _open_registry(iglu)
    try:
        event = read_event(Path(event_file))
        if given["collector"] == "local" and not given["dry_run"]:
            from nbtrack.collector import shared
            from nbtrack.delivery.home import find_home

            given["collector"] = shared.connect(find_home(), iglu=iglu)
        else:
            given["headers"] = {**_settings_headers()(given["collector"]), **given["headers"]}
        report = send(file, event, progress=False if quiet else None, **given)
    except (TypeError, ValueError, KeyError, RuntimeError, OSError) as error:
        click.echo(_as_options(f"nbtrack backfill: {error}"), err=True)
        sys.exit(2)
    click.echo(_as_options(str(report)))
    if report.dead_letters is not None:
        click.echo(f"  they are in {report.dead_letters}")
    sys.exit(0 if report.ok else 1)


def _open_registry(places: tuple[str, ...]) -> Any:
    from nbtrack.schemas import Registry

    servers = [place for place in places if "://" in place]
    folders = [place for place in places if "://" not in place]
    for folder in folders:
        if not Path(folder).is_dir():
            raise click.UsageError(f"--iglu names {folder!r}, and no folder is at {Path(folder).absolute()}")
    return Registry(folders, servers=servers)


def _as_options(text: str) -> str:
    """Say in the words of the command line what a text says in those of Python."""
    return text.replace("resume=True", "--resume").replace(
        "report.errors, or the Parquet file that report.dead_letters names", "see the Parquet file"
    )


@main.command()
@click.option(
    "--notebook", type=click.Path(exists=True, dir_okay=False), help="Another notebook than the quickstart."
)
def demo(notebook: str | None) -> None:
    """Run the quickstart notebook in a real kernel, and show what arrived in the local collector."""
    from nbtrack.demo import run_demo

    sys.exit(run_demo(Path(notebook) if notebook else None))


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--iglu", multiple=True, help="Folder in Iglu layout, or URL of an Iglu server; may be repeated."
)
def validate(files: tuple[str, ...], iglu: tuple[str, ...]) -> None:
    """Check files: lint schemas, and validate self-describing JSON, NDJSON and payload dumps.

    Exits with 0 when nothing is wrong, with 1 otherwise.
    """
    from nbtrack.schemas import check_file

    registry = _open_registry(iglu)
    wrong = 0
    for file in files:
        report = check_file(file, registry)
        wrong += len(report.problems)
        click.echo(f"{file}: {report.checked:,} checked, {len(report.problems):,} problems")
        for problem in report.problems:
            click.echo(f"  {problem}")
    sys.exit(1 if wrong else 0)


@main.group()
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
    from nbtrack.delivery import RedisEventStore, SQLiteEventStore, database
    from nbtrack.delivery.home import find_home

    if place and place.startswith(("redis://", "rediss://")):
        return RedisEventStore(place)
    path = Path(place) if place else find_home() / "outbox.sqlite"
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
    from nbtrack.delivery.outbox import list_dead, list_events
    from nbtrack.delivery.records import Route

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
@_header_option
@click.pass_obj
def drain(place: str | None, own: str | None, timeout: float, headers: dict[str, str]) -> None:
    """Send what waits, each event to its own destination. Exits with 1 when some could not be sent."""
    from nbtrack.collector import shared
    from nbtrack.delivery.home import find_home
    from nbtrack.delivery.outbox import drain as send

    configured = _settings_headers()
    with _open_store(own or place) as store:
        reports = send(
            store,
            timeout=timeout,
            headers_of=lambda destination: {**configured(destination), **headers},
            resolve={"local": lambda: shared.connect(find_home()).url},
        )
    for destination, report in reports.items():
        click.echo(
            f"{destination}: {report.sent:,} sent, {report.pending:,} wait, {report.dead:,} refused for good"
        )
    if not reports:
        click.echo("nothing waits")
    sys.exit(1 if any(report.pending or report.dead for report in reports.values()) else 0)


@main.command()
def doctor() -> None:
    """Check this installation, and print a report to paste into an issue: no names, no secrets."""
    from nbtrack.doctor import examine

    checks = examine()
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(f"{check.mark:4} {check.name:{width}}  {check.text}")
    sys.exit(1 if any(check.mark == "FAIL" for check in checks) else 0)


def _clock(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
