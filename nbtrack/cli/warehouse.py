"""``nbtrack enriched`` and ``nbtrack failed``: events of a pipeline's files."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from nbtrack.cli.headers import find_settings_headers, header_option
from nbtrack.cli.registry import open_registry


def _with_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Show an error that a user can fix as one line, and exit with 2."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except (TypeError, ValueError, KeyError, RuntimeError, OSError) as error:
            click.echo(f"nbtrack {click.get_current_context().info_name}: {error}", err=True)
            sys.exit(2)

    return run


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--output", type=click.Path(), default=None, help="Parquet file to write; only you can read a new one."
)
@click.option("--column", "columns", multiple=True, help="Only this column; may be repeated.")
@click.option("--schemas", is_flag=True, help="One column for each schema, in place of JSON.")
@click.option("--iglu", multiple=True, help="Folder or Iglu server with the schemas.")
@_with_errors
def enriched(
    files: tuple[str, ...],
    output: str | None,
    columns: tuple[str, ...],
    *,
    schemas: bool,
    iglu: tuple[str, ...],
) -> None:
    """Read enriched events (lines of a pipeline, or JSON of an SDK), and count or convert them.

    Exits with 0 when all of them could be read, with 1 otherwise.
    """
    from nbtrack.warehouse import read_enriched

    events = read_enriched(list(files), columns=columns or None, schemas=schemas, registry=_registry(iglu))
    if output is None:
        for _ in events.batches():
            pass
    else:
        events.write(output)
    click.echo(str(events.report))
    sys.exit(0 if events.report.ok else 1)


@click.group()
def failed() -> None:
    """Failed events: what failed and why; repair them, and send them again."""


@failed.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--output",
    type=click.Path(),
    default=None,
    help="Parquet file for one row an event; it holds personal data.",
)
@_with_errors
def summary(files: tuple[str, ...], output: str | None) -> None:
    """Count failed events by reason, with an example of each.

    Exits with 0 when all lines could be read, with 1 otherwise.
    """
    from nbtrack.warehouse import read_failed

    events = read_failed(list(files))
    click.echo(str(events))
    if output is not None:
        events.write(output)
    sys.exit(1 if events.bad_line_count else 0)


@failed.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--recipe",
    type=click.Path(exists=True, dir_okay=False),
    required=True,
    help="Repairs, as recipe() writes them.",
)
@click.option(
    "--output", type=click.Path(), default=None, help="File for the valid payloads, one JSON object a line."
)
@click.option(
    "--iglu", multiple=True, help="Folder or Iglu server with the schemas that events are checked against."
)
@_with_errors
def repair(files: tuple[str, ...], recipe: str, output: str | None, iglu: tuple[str, ...]) -> None:
    """Repair failed events, and check them as a pipeline does; nothing is sent.

    Exits with 0 when all are valid, with 1 otherwise.
    """
    repaired = _repair(files, recipe, iglu)
    click.echo(str(repaired))
    if output is not None:
        click.echo(f"{repaired.write(output):,} written to {output}")
    sys.exit(0 if repaired.valid == len(repaired) else 1)


@failed.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--collector", required=True, help="URL of the collector; 'local' is this machine's own.")
@header_option
@click.option(
    "--recipe",
    type=click.Path(exists=True, dir_okay=False),
    default=None,
    help="Repairs, as recipe() writes them.",
)
@click.option(
    "--known",
    type=click.Path(exists=True, dir_okay=False),
    default=None,
    help="File with event ids, one a line, to leave out.",
)
@click.option(
    "--iglu", multiple=True, help="Folder or Iglu server with the schemas that events are checked against."
)
@click.option("--dry-run", is_flag=True, help="Check every event and send nothing.")
@click.option("--again", is_flag=True, help="Send also what an earlier replay delivered.")
@click.option("--rate", type=float, default=None, help="At most so many events a second.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@_with_errors
def replay(
    files: tuple[str, ...],
    recipe: str | None,
    iglu: tuple[str, ...],
    known: str | None,
    *,
    quiet: bool,
    **options: Any,
) -> None:
    """Send failed events again, each with its event id, after their repair.

    Exits with 0 when every event was delivered, with 1 when some were not.
    """
    if options["collector"] == "local" and not options["dry_run"]:
        from nbtrack.collector import shared_collector
        from nbtrack.common.home import find_home

        options["collector"] = shared_collector.connect(find_home(), iglu=iglu)
    else:
        options["headers"] = {**find_settings_headers()(options["collector"]), **options["headers"]}
    ids = Path(known).read_text(encoding="utf-8").split() if known else ()
    report = _repair(files, recipe, iglu).replay(known=ids, progress=False if quiet else None, **options)
    report.reader = "command line"
    click.echo(str(report))
    sys.exit(0 if report.ok else 1)


def _repair(files: tuple[str, ...], recipe: str | None, iglu: tuple[str, ...]) -> Any:
    from nbtrack.warehouse import read_failed

    steps = json.loads(Path(recipe).read_text(encoding="utf-8")) if recipe else None
    return read_failed(list(files)).repair(recipe=steps, registry=_registry(iglu))


def _registry(iglu: tuple[str, ...]) -> Any:
    return open_registry(iglu) if iglu else None
