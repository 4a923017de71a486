"""``nbtrack collector``: a local collector on the command line, and what it has stored."""

import signal
import threading

import click


@click.group(invoke_without_command=True)
@click.option("--port", default=9090, show_default=True, help="Port; 0 takes any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--db", default="memory", show_default=True, help="SQLite file that keeps the events, or 'memory'."
)
@click.option(
    "--iglu", multiple=True, help="Folder in Iglu layout, or URL of an Iglu server; may be repeated."
)
@click.option(
    "--strict-lengths", is_flag=True, help="The default: values longer than their column fail an event."
)
@click.option("--lenient-lengths", is_flag=True, help="Values longer than their column are only a note.")
@click.option("--campaigns", is_flag=True, help="Fill the columns mkt_* from the campaign in a page's URL.")
@click.option(
    "--tracking-plan",
    type=click.Path(exists=True),
    help="Folder of a tracking plan: events are checked against their specifications, too.",
)
@click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="PATH=PATH",
    help="Another path that trackers may send to, such as /com.acme/track=/com.snowplowanalytics.snowplow/tp2.",
)
@click.option(
    "--output",
    type=click.Choice(["tsv", "json", "none"]),
    default="none",
    show_default=True,
    help="Write good events to standard output.",
)
@click.option("--quiet", is_flag=True, help="No line for each event on standard error.")
@click.option("--open", "open_", is_flag=True, help="Let everybody on this machine read without the token.")
@click.option(
    "--allowed-host", multiple=True, help="Host name by which it may be addressed, such as a proxy's."
)
@click.pass_context
def collector(
    context: click.Context,
    *,
    port: int,
    host: str,
    db: str,
    iglu: tuple[str, ...],
    strict_lengths: bool,
    lenient_lengths: bool,
    campaigns: bool,
    tracking_plan: str | None,
    paths: tuple[str, ...],
    output: str,
    quiet: bool,
    open_: bool,
    allowed_host: tuple[str, ...],
) -> None:
    """Run a local collector until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    if strict_lengths and lenient_lengths:
        raise click.UsageError("--strict-lengths and --lenient-lengths exclude each other")
    from nbtrack.collector import LocalCollector
    from nbtrack.collector.page_address import find_page_address
    from nbtrack.runtime import NBTrack

    try:
        running = LocalCollector(
            port=port,
            host=host,
            db=db,
            iglu=iglu,
            lenient_lengths=lenient_lengths,
            campaigns=campaigns,
            tracking_plan=tracking_plan,
            paths=dict(_split_path(text) for text in paths),
            output=output,
            log_events=not quiet,
            open=open_,
            allowed_hosts=allowed_host,
        ).start()
    except (OSError, ValueError, ImportError) as error:
        raise click.ClickException(str(error)) from None
    with running:
        # standard output is for events
        is_quiet_output = output == "none"
        page = find_page_address(running.url, NBTrack().page_url)
        if page.hosts:
            running.allow_hosts(page.hosts)
        click.echo(f"Trackers send to  {running.url}", err=not is_quiet_output)
        click.echo(f"The live page is  {page.with_token(running.token)}", err=not is_quiet_output)
        if host not in {"127.0.0.1", "localhost", "::1"}:
            click.echo(f"It listens on {host}: other machines can reach it.", err=True)
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        while not ended.is_set():
            if running.join(0.5):
                raise click.ClickException("the collector's process ended by itself")


def _split_path(text: str) -> tuple[str, str]:
    path, equals, target = text.partition("=")
    if not equals:
        raise click.UsageError(f"--path must be PATH=PATH, got {text!r}")
    return path, target


@collector.command()
@click.option("--app-id", default=None, help="Those of this application.")
@click.option("--session", default=None, help="Those of this session (domain_sessionid).")
@click.option("--before", default=None, help="Those that arrived before this time, ISO 8601 in UTC.")
def forget(app_id: str | None, session: str | None, before: str | None) -> None:
    """Delete events of this user's shared collector for good."""
    from nbtrack.collector import CollectorError, shared_collector
    from nbtrack.common.home import find_home
    from nbtrack.common.wording import plural

    if not (app_id or session or before):
        raise click.UsageError("name what to forget: --app-id, --session or --before")
    try:
        client = shared_collector.connect(find_home())
        removed = client.forget(app_id=app_id, session=session, before=before)
    except (CollectorError, OSError, RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{plural(removed, 'event')} deleted")
