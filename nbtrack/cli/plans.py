"""``nbtrack generate``: typed Python from a tracking plan."""

import difflib
import sys
from pathlib import Path
from typing import Any

import click

from nbtrack.cli.registry import open_registry
from nbtrack.common.wording import plural


@click.command()
@click.argument("plan", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The module; by default it is printed.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing: exit with 1 and a diff if the module is not what the plan gives.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 if a specification has no class.")
@click.option(
    "--iglu", multiple=True, help="Folder in Iglu layout, or URL of an Iglu server; may be repeated."
)
@click.option(
    "--lock",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the published versions of specifications; by default .snowtype-lock.json in or above the plan.",
)
def generate(
    plan: Path, output: Path | None, iglu: tuple[str, ...], lock: Path | None, *, check: bool, strict: bool
) -> None:
    """Write a typed module with a class for each event specification of a tracking plan.

    PLAN is a folder of data structures and data products, as snowplow-cli downloads them.
    """
    from nbtrack.plans import generate as write_module

    if check and output is None:
        raise click.UsageError("--check compares the plan with a module: name it with --output")
    read = _read(plan, lock)
    if not read.specifications and not read.structures:
        click.echo(f"note: {plan} has no event specification and no data structure", err=True)
    made = write_module(read, open_registry(iglu))
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    for problem in made.problems:
        click.echo(f"skipped: {problem}", err=True)
    failed = strict and bool(made.problems)
    if check and output is not None:
        failed |= _compare(output, made.text)
    elif output is None:
        click.echo(made.text, nl=False)
    else:
        try:
            output.write_text(made.text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise click.ClickException(f"cannot write {output} ({error.strerror})") from None
        click.echo(f"{output}: {plural(len(made.text.splitlines()), 'line')}", err=True)
    sys.exit(1 if failed else 0)


def _compare(output: Path, text: str) -> bool:
    before = output.read_text(encoding="utf-8") if output.exists() else ""
    if before == text:
        click.echo(f"{output} is what the plan gives.", err=True)
        return False
    lines = difflib.unified_diff(
        before.splitlines(), text.splitlines(), str(output), "from the plan", lineterm=""
    )
    click.echo("\n".join(lines))
    click.echo(f"{output} is not what the plan gives: run nbtrack generate again.", err=True)
    return True


def _read(plan: Path, lock: Path | None) -> Any:
    from nbtrack.plans import TrackingPlanError, read_tracking_plan

    try:
        return read_tracking_plan(plan, lock)
    except TrackingPlanError as error:
        for mistake in error.mistakes:
            click.echo(str(mistake), err=True)
        sys.exit(2)
    except (OSError, ImportError) as error:
        raise click.ClickException(str(error)) from None


@click.group()
def plan() -> None:
    """Ask what has become of a tracking plan."""


@plan.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path), metavar="PLAN")
@click.option("--collector", default="local", show_default=True, help="URL of a local collector.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    help="Exit with 1 if fewer percent of the specifications were seen.",
)
@click.option(
    "--token", envvar="NBTRACK_TOKEN", default="", help="Token of a collector that is not this user's."
)
def coverage(folder: Path, collector: str, threshold: float, token: str) -> None:
    """Show which event specifications of PLAN have arrived in a collector, and which never."""
    from nbtrack.collector import CollectorClient, CollectorError, shared_collector
    from nbtrack.common.home import find_home

    read = _read(folder, None)
    try:
        is_local = collector == "local"
        client: CollectorClient = (
            shared_collector.connect(find_home()) if is_local else CollectorClient(collector, token)
        )
        found = client.coverage(read)
    except (OSError, CollectorError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(str(found))
    sys.exit(1 if found.share * 100 < threshold else 0)
