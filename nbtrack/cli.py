"""The command line: ``nbtrack …``."""

import json
import signal
import sys
import threading
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

    made = LocalCollector(
        port=port,
        host=host,
        db=db,
        iglu=iglu,
        strict_lengths=strict_lengths,
        open=open_,
        allowed_hosts=allowed_host,
    )
    try:
        made.start()
    except OSError as error:
        raise click.ClickException(
            f"port {port} cannot be had: {error}; --port 0 takes any that is free"
        ) from None
    with made:
        click.echo(f"Trackers send to  {made.url}")
        click.echo(f"The live page is  {made.page_url}")
        if host not in {"127.0.0.1", "localhost", "::1"}:
            click.echo(f"It listens on {host}: other machines can reach it.", err=True)
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        while not ended.wait(0.5):
            pass


@main.command()
@click.argument("file")
@click.option("--event", "event_file", required=True, type=click.Path(exists=True, dir_okay=False),
              help='JSON of the event; {"$col": "name"} stands for a column\'s value.')  # fmt: skip
@click.option("--collector", "collector_url", required=True, help="URL of the collector.")
@click.option("--key", multiple=True, help="Column that identifies a row; may be repeated.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def backfill(file: str, event_file: str, collector_url: str, key: tuple[str, ...], quiet: bool) -> None:
    """Send one event for each row of a Parquet or CSV file (or a pattern of them).

    Exits with 0 when every row was delivered, with 1 when some were not, with 2 when nothing could be sent.
    """
    from nbtrack.bulk import TemplateError
    from nbtrack.bulk import backfill as send

    try:
        event = read_event(json.loads(Path(event_file).read_text(encoding="utf-8")))
        report = send(file, event, key=key, collector=collector_url, progress=False if quiet else None)
    except (TemplateError, TypeError, ValueError, KeyError) as error:
        click.echo(f"nbtrack backfill: {error}", err=True)
        sys.exit(2)
    click.echo(str(report))
    sys.exit(0 if report.ok else 1)


def read_event(described: Any) -> Any:
    """Make the event that a JSON file describes.

    Parameters
    ----------
    described
        ``schema`` and ``data`` of a self-describing event, and optionally ``context`` (a list of the same form),
        ``true_timestamp``, ``event_id`` and ``user_id``; ``{"$col": "name"}`` anywhere stands for a column's value.
    """
    from nbtrack.tracker import SelfDescribing, SelfDescribingJson, Subject

    known = {"schema", "data", "context", "true_timestamp", "event_id", "user_id"}
    if not isinstance(described, dict) or not {"schema", "data"} <= described.keys():
        raise ValueError('the event file must hold {"schema": "iglu:…", "data": {…}}')
    if unknown := described.keys() - known:
        raise ValueError(
            f"the event file holds {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}"
        )
    given = {name: _fill_columns(value) for name, value in described.items()}
    subject = Subject().set_user_id(given["user_id"]) if "user_id" in given else None
    return SelfDescribing(
        SelfDescribingJson(given["schema"], given["data"]),
        event_subject=subject,
        context=[SelfDescribingJson(entity["schema"], entity["data"]) for entity in given.get("context", [])],
        true_timestamp=given.get("true_timestamp"),
        event_id=given.get("event_id"),
    )


def _fill_columns(value: Any) -> Any:
    from nbtrack.template import col

    if isinstance(value, dict):
        return (
            col(value["$col"])
            if value.keys() == {"$col"}
            else {k: _fill_columns(v) for k, v in value.items()}
        )
    return [_fill_columns(item) for item in value] if isinstance(value, list) else value


@main.command()
@click.option(
    "--notebook", type=click.Path(exists=True, dir_okay=False), help="Another notebook than the quickstart."
)
def demo(notebook: str | None) -> None:
    """Run the quickstart notebook in a real kernel, and show what arrived in the local collector."""
    from nbtrack.demo import run_demo

    sys.exit(run_demo(Path(notebook) if notebook else None))
