"""What ``%nbtrack`` shows as text: status, settings, the send log, and the exact payload of an event."""

import json
import time
from typing import Any

from nbtrack.collector.page_address import PageAddress
from nbtrack.common.payload_json import decode_fields
from nbtrack.common.pyodide import IN_PYODIDE, LIMITS
from nbtrack.notebook.cells import CellRuns
from nbtrack.notebook.header import HeaderError, find_header, parse_header
from nbtrack.notebook.runs import CellRun
from nbtrack.runtime import NBTrack, Session


def show_status(session: Session) -> str:
    """Return where events go, what is pending, what was sent and what failed."""
    from nbtrack.widget import render_text, take_snapshot  # noqa: PLC0415 - loaded when asked for

    text = render_text(take_snapshot(session))
    return f"{text}\n  here          {LIMITS}" if IN_PYODIDE else text


def show_page(page: PageAddress, token: str) -> str:
    """Return how to open the local collector's page, or where to look instead."""
    if not page.is_reachable:
        return (
            f"The local collector listens at {page.base}, which a browser on another machine cannot open. %nbtrack monitor "
            "shows what it received, in the tab Collector. With jupyter-server-proxy in the Jupyter server's environment "
            "(python -m pip install jupyter-server-proxy) it has a page: restart the server, then this kernel."
        )
    if page.has_host:
        return f"The local collector: {page.with_token(token)}"
    first = (
        ""
        if page.hosts
        else f"\nThe collector refuses a host that it does not know, so set it first: %nbtrack config page_url=https://HOST{page.base.rpartition('/')[0]}/{{port}}"
    )
    return f"The local collector's page, at the host of this notebook: {page.with_token(token)}{first}"


def show_settings(settings: NBTrack, name: str | None = None) -> str:
    """Return each setting, or the named one, with its value and source."""
    rows = [("setting", "value", "from"), *(one for one in settings.describe() if name in {None, one[0]})]
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "-" * (sum(widths) + 4), *lines[1:], *settings.complaints])


def show_log(session: Session, number: int) -> str:
    """Return the last requests of the send log."""
    attempts = list(session.emitter.log)[-number:]
    if not attempts:
        return "No requests yet."
    lines = [f"{'time':8}  {'events':>6}  {'bytes':>9}  {'status':>6}  {'ms':>6}  note"]
    for attempt in attempts:
        note = attempt.error or ""
        if attempt.retry_in is not None:
            note = f"{note} retry in {attempt.retry_in:.1f} s".strip()
        clock = time.strftime("%H:%M:%S", time.localtime(attempt.time))
        lines.append(
            f"{clock:8}  {attempt.events:6,}  {attempt.bytes:9,}  {attempt.status or '-':>6}  "
            f"{attempt.elapsed_ms:6.0f}  {note}".rstrip()
        )
    return "\n".join(lines)


def show_preview(session: Session, cells: CellRuns, shell: Any, code: str) -> str:
    """Return the decoded payload of the last tracked cell, or of the given code, and what is left out."""
    last, run = cells.last_event, cells.last_run
    if code or last is None or run is None:
        title = (
            "The event of the next cell with this header, as it would be sent (run-time values are examples):"
        )
        run = _pretend(code or "%%track", shell)
        payload = session.preview(cells.describe(run))
    elif found := session.find_payload(str(last.event_id)):
        title, payload = "The last tracked cell's event, as it was sent:", found
    else:
        title = "The last tracked cell's event, rebuilt after sending, so with new timestamps and a new position in the session:"
        payload = session.preview(last)
    shown = json.dumps(decode_fields(payload), indent=2, ensure_ascii=False)
    lines = [title, shown, _list_left_out(session.settings)]
    if run.left_out:
        lines.append(f"Failed expressions, left out: {', '.join(run.left_out)}.")
    return "\n".join([*lines, *(f"Note: {note}." for note in run.notes)])


class _Info:
    def __init__(self, raw_cell: str) -> None:
        self.raw_cell, self.cell_id, self.transformed_cell = raw_cell, None, raw_cell


class _Result:
    execution_count = None
    error_before_exec = None
    error_in_exec = None


def _pretend(code: str, shell: Any) -> CellRun:
    if not code.startswith("%%track"):
        code = f"%%track {code}"
    options = find_header(code)
    try:
        header = parse_header(options or "")
    except HeaderError as error:
        raise ValueError(
            f"{error} (preview takes a header's options, such as %nbtrack preview load -p rows=3)"
        ) from None
    run = CellRun(_Info(code + f"\n# In[{getattr(shell, 'execution_count', '')}]"), header)
    run.start_clock()
    run.finish(_Result(), time.perf_counter())
    return run


def _list_left_out(settings: NBTrack) -> str:
    kept = [
        name
        for name, sent in (
            ("source", settings.source),
            ("error messages", settings.error_messages),
            ("tracebacks", settings.tracebacks),
            ("the notebook's name", settings.notebook_name == "name"),
            ("a user id", bool(settings.user_id)),
        )
        if not sent
    ]
    return f"Left out: {', '.join(kept)}." if kept else "Nothing is left out: the settings allow all of it."
