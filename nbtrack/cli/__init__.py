"""The command line: ``nbtrack …``."""

import sys
from pathlib import Path
from typing import Any

import click

from nbtrack._version import __version__
from nbtrack.cli.collector import collector
from nbtrack.cli.csv_options import csv_options, take_csv_options
from nbtrack.cli.headers import find_settings_headers, header_option
from nbtrack.cli.optout import off, on
from nbtrack.cli.outbox import outbox
from nbtrack.cli.plans import generate, plan
from nbtrack.cli.registry import open_registry
from nbtrack.cli.schemas import schemas
from nbtrack.cli.warehouse import enriched, failed


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nbtrack")
def main() -> None:
    """Snowplow tracking for notebooks: collector, backfill, failed events, outbox, schemas."""


main.add_command(collector)
main.add_command(enriched)
main.add_command(failed)
main.add_command(outbox)
main.add_command(schemas)
main.add_command(generate)
main.add_command(plan)
main.add_command(off)
main.add_command(on)


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
@header_option
@click.option("--key", multiple=True, help="Column that identifies a row; may be repeated.")
@click.option("--namespace", default=None, help="Keeps the ids of different histories apart.")
@click.option(
    "--iglu", multiple=True, help="Folder or Iglu server with the schemas that rows are checked against."
)
@click.option("--dry-run", is_flag=True, help="Check every row and send nothing.")
@click.option("--on-invalid", type=click.Choice(["skip", "raise", "send"]), default="skip", show_default=True)
@click.option(
    "--on-duplicate",
    type=click.Choice(["report", "send", "first", "last", "drop_all", "raise"]),
    default="report",
    show_default=True,
)
@click.option(
    "--on-missing-time", type=click.Choice(["skip", "send", "raise"]), default="skip", show_default=True
)
@click.option("--tz", default=None, help="Time zone of times without one; UTC by default.")
@csv_options
@click.option("--rate", type=float, default=None, help="At most so many events a second.")
@click.option("--byte-rate", type=float, default=None, help="At most so many bytes a second.")
@click.option("--connections", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option(
    "--give-up-after", type=float, default=300.0, show_default=True, help="Seconds without a success."
)
@click.option("--resume", is_flag=True, help="Go on where an earlier run of the same rows was stopped.")
@click.option("--since", default=None, help="Column of times or growing numbers: send what is new in it.")
@click.option(
    "--lag", type=float, default=None, help="With --since: how much later a row may come, in seconds."
)
@click.option("--ledger", type=click.Path(), default=None, help="File of the record of what was delivered.")
@click.option("--dead-letters", type=click.Path(), default=None, help="Parquet file for rows that failed.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def backfill(file: str, event_file: str, iglu: tuple[str, ...], *, quiet: bool, **options: Any) -> None:
    """Send one event for each row of a Parquet or CSV file (or a pattern of them).

    Exits with 0 when every row was delivered, with 1 when some were not, with 2 when nothing could be sent.
    """
    from nbtrack.bulk import backfill as send
    from nbtrack.bulk.event_file import read_event

    given = {name: value for name, value in options.items() if value is not None}
    given["csv"] = take_csv_options(given)
    if iglu:
        given["registry"] = open_registry(iglu)
    try:
        event = read_event(Path(event_file))
        if given["collector"] == "local" and not given["dry_run"]:
            from nbtrack.collector import shared_collector
            from nbtrack.common.home import find_home

            given["collector"] = shared_collector.connect(find_home(), iglu=iglu)
        else:
            given["headers"] = {**find_settings_headers()(given["collector"]), **given["headers"]}
        report = send(file, event, progress=False if quiet else None, **given)
    except (TypeError, ValueError, KeyError, RuntimeError, OSError) as error:
        click.echo(f"nbtrack backfill: {error}", err=True)
        sys.exit(2)
    report.reader = "command line"
    click.echo(str(report))
    sys.exit(0 if report.ok else 1)


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

    registry = open_registry(iglu)
    wrong = 0
    for file in files:
        report = check_file(file, registry)
        wrong += len(report.problems)
        click.echo(f"{file}: {report.checked:,} checked, {len(report.problems):,} problems")
        for problem in report.problems:
            click.echo(f"  {problem}")
    sys.exit(1 if wrong else 0)


@main.command()
def doctor() -> None:
    """Check this installation, and print a report to paste into an issue: no names, no secrets."""
    from nbtrack.doctor import examine

    checks = examine()
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(f"{check.mark:4} {check.name:{width}}  {check.text}")
    sys.exit(1 if any(check.mark == "FAIL" for check in checks) else 0)
