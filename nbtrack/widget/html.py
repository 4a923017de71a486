"""A snapshot as HTML that needs no script: for nbconvert, GitHub, and a notebook opened without its kernel."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape

from nbtrack.activities.rendering import render_html as render_activity
from nbtrack.widget.snapshot import Snapshot, describe_elsewhere, describe_validation, name_schema, shorten

ICONS = {
    "ok": "✓",
    "waiting": "…",
    "sending": "↑",
    "retrying": "↻",
    "paused": "‖",
    "off": "○",
    "ended": "■",
}
_FRAME = (
    "border:1px solid;border-color:rgba(128,128,128,.4);border-radius:8px;padding:10px 14px;max-width:960px"
)
_TABLE = "border-collapse:collapse;margin:8px 0 0"
_CELL = "text-align:left;padding:1px 14px 1px 0;unicode-bidi:isolate"
_CAPTION = "text-align:left;font-weight:600;padding:4px 0"
ROWS = 20


def render_html(snapshot: Snapshot) -> str:
    """Render a snapshot as tables; it is saved in the notebook, so it holds names, times and numbers only.

    Parameters
    ----------
    snapshot : Snapshot
        What to show.

    Returns
    -------
    str
        HTML in which every string from elsewhere is escaped.

    Examples
    --------
    >>> html = render_html(Snapshot(0.0, "<local>", "ok", "", {"accepted": 1}))
    >>> "&lt;local&gt;" in html, "<script" in html
    (True, False)
    """
    state = f"{ICONS[snapshot.state]} {snapshot.state}" + (f", {snapshot.reason}" if snapshot.reason else "")
    parts = [
        f'<div class="nbtrack-still" style="{_FRAME}">',
        f"<p><strong>nbtrack</strong>: {_text(state)}. Events go to <code>{_text(snapshot.destination)}</code>. As of {_clock(snapshot.time)}.</p>",
        _table("Events so far", list(snapshot.counters), [[f"{n:,}" for n in snapshot.counters.values()]]),
    ]
    if snapshot.elsewhere:
        parts.append(f"<p>{_text(describe_elsewhere(snapshot.elsewhere))}.</p>")
    if validation := describe_validation(snapshot):
        parts.append(f"<p>Validation results: {validation}.</p>")
    if snapshot.activity:
        # without the user's values, and without reasons, which may quote some
        shown = [replace(entry, properties={}, reasons=()) for entry in snapshot.activity[-ROWS:]]
        parts.append(render_activity(shown, len(snapshot.activity)))
    parts += [f"<p>Warning: {_text(warning)}.</p>" for warning in snapshot.warnings]
    if snapshot.fault:
        parts.append(f"<p>Last internal error: {_text(snapshot.fault)}.</p>")
    if snapshot.buffer:
        parts.append(
            _table(
                _title("Buffer", len(snapshot.buffer), snapshot.counters.get("waiting", 0)),
                ["time", "kind", "name", "bytes", "attempts"],
                (
                    [_clock(e.time), e.kind, shorten(e.name), f"{e.bytes:,}", str(e.attempts)]
                    for e in snapshot.buffer[:ROWS]
                ),
            )
        )
    if snapshot.attempts:
        parts.append(
            _table(
                "Send log, the newest first",
                ["time", "events", "bytes", "status", "ms", "retry", "error"],
                (
                    [
                        _clock(a.time),
                        f"{a.events:,}",
                        f"{a.bytes:,}",
                        str(a.status or "-"),
                        f"{a.elapsed_ms:.0f}",
                        f"in {a.retry_in:.1f} s" if a.retry_in is not None else "-",
                        shorten(a.error or "-"),
                    ]
                    for a in snapshot.attempts[:ROWS]
                ),
            )
        )
    if snapshot.results:
        counts = [f"{snapshot.results.get(name, 0):,}" for name in ("total", "good", "bad")]
        parts.append(_table("Local collector", ("total", "good", "failed"), [counts]))
        if schemas := snapshot.results.get("by_schema"):
            parts.append(
                _table(
                    "Local collector, by schema",
                    ("schema", "good", "failed"),
                    (
                        [name_schema(row["schema"]), f"{row['good']:,}", f"{row['bad']:,}"]
                        for row in schemas[:ROWS]
                    ),
                )
            )
    return "".join([*parts, "</div>"])


def _title(name: str, shown: int, total: int) -> str:
    return f"{name}: the oldest {min(shown, ROWS):,} of {max(shown, total):,}"


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col" style="{_CELL}">{_text(name)}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{_text(cell)}</td>' for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<table style="{_TABLE}"><caption style="{_CAPTION}">{_text(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _text(value: str) -> str:
    """Escape a string, and replace the control characters that could reorder or break what stands around."""
    return escape("".join(one if one.isprintable() else "�" for one in value))


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
