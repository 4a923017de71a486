"""``nbtrack off`` and ``nbtrack on``: a user's lasting opt-out."""

import click


@click.command()
def off() -> None:
    """Stop tracking for this user, in every session, until `nbtrack on`.

    Cells run normally. Sessions that run now notice within a second. A backfill and calls to a tracker of your own are
    explicit and still send.
    """
    from nbtrack.common.home import find_home
    from nbtrack.runtime.optout import opt_out

    home = find_home()
    try:
        opt_out(home)
    except OSError as error:
        raise click.ClickException(
            f"cannot write to {home} ({error.strerror or error}); set NBTRACK_DISABLED=1 in the environment instead"
        ) from None
    click.echo("nbtrack is off for this user. Cells run normally; nothing is sent. nbtrack on ends this.")


@click.command()
def on() -> None:
    """End `nbtrack off`."""
    from nbtrack.common.home import find_home
    from nbtrack.runtime.optout import explain, find_variable, opt_in

    home = find_home()
    try:
        opt_in(home)
    except OSError as error:
        raise click.ClickException(f"cannot write to {home} ({error.strerror or error})") from None
    if variable := find_variable():
        click.echo(f"nbtrack stays off in this environment: {explain(variable)}.")
    else:
        click.echo("nbtrack is on for this user.")
