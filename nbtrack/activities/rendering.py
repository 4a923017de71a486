"""Entries as text and as HTML that needs no script: for terminals, notebooks, nbconvert and GitHub."""

import time
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from nbtrack.activities.entries import Entry
from nbtrack.activities.log import in_tree_order
from nbtrack.common.wording import plural

MOST_ROWS = 100
"""Rows that are shown; a DataFrame has all."""
MOST_PROPERTIES = 4
LONGEST_NAME, LONGEST_VALUE = 60, 40
BAR = 20
"""Characters of the longest bar of a tree."""
SIGNS = {"ok": "✓", "running": "◐", "interrupted": "‖", "exited": "■", "lost": "?", None: "·"}
"""Signs of statuses; others are failures."""
# colours that have enough contrast on white and on black; text has the notebook's own
_GOOD, _BAD, _BLUE = "#2e8540", "#d83b3b", "#3f7ae0"
_FRAME = (
    "border:1px solid rgba(128,128,128,.4);border-radius:8px;max-width:960px;overflow-x:auto;line-height:1.45"
)
_LINE = "border-bottom:1px solid rgba(128,128,128,.25)"
_CELL = f"text-align:left;padding:4px 10px;vertical-align:top;{_LINE};unicode-bidi:isolate"
_NUMBER = f"text-align:right;padding:4px 10px;vertical-align:top;white-space:nowrap;{_LINE}"
_QUIET = "opacity:.75"
_CHIP = "display:inline-block;border:1px solid rgba(128,128,128,.4);border-radius:4px;padding:0 5px;margin:0 4px 0 0;font-size:.9em"


def duration(seconds: float | None) -> str:
    """Return a duration for people.

    Examples
    --------
    >>> duration(0.0042), duration(1.24), duration(75), duration(7_260), duration(None)
    ('4 ms', '1.24 s', '1 min 15 s', '2 h 1 min', '')
    """
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "<1 ms"  # noqa: PLR2004
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def rows(entry: Entry) -> str:
    """Return the rows that went in and came out.

    Examples
    --------
    >>> rows(Entry(id="1", kind="step", name="", started=0.0, rows_in=1_000, rows_out=16))
    '1,000 → 16'
    """
    if entry.rows_in is None and entry.rows_out is None:
        return ""
    parts = ["" if number is None else f"{number:,}" for number in (entry.rows_in, entry.rows_out)]
    return f"{parts[0]} → {parts[1]}".strip()


def outcome(entry: Entry) -> str:
    """Return the status, with the class of the error where it adds something.

    Examples
    --------
    >>> outcome(Entry(id="1", kind="cell", name="", started=0.0, status="error", error="KeyError"))
    'error: KeyError'
    >>> outcome(Entry(id="1", kind="cell", name="", started=0.0, status="interrupted", error="KeyboardInterrupt"))
    'interrupted'
    """
    status = (entry.status or "").replace("_", " ")
    return f"{status}: {entry.cause}" if entry.cause else status


def name_delivery(entry: Entry) -> str:
    """Return how far the event has come; an empty string while it runs."""
    if entry.delivery == "pending" and entry.destination:
        return f"pending for {entry.destination}"
    return {"running": "", "unknown": "no longer pending"}.get(entry.delivery, entry.delivery)


def delivery(entry: Entry) -> str:
    """Return how far the event has come, and its validation result."""
    state = name_delivery(entry)
    return state if not state or entry.validation == "not checked" else f"{state}, {entry.validation}"


def sign(entry: Entry) -> str:
    """Return the sign of a status."""
    return SIGNS.get(entry.status, "✗")


def summarise(entries: Sequence[Entry], total: int, forgotten: int) -> str:
    """Return one line about all entries.

    Examples
    --------
    >>> summarise([], 3, 0)
    '0 of 3 shown'
    """
    shown = (
        plural(total, "entry", "entries") if len(entries) == total else f"{len(entries):,} of {total:,} shown"
    )
    counts = [
        (sum(entry.failed for entry in entries), "failed"),
        (sum(entry.status == "running" for entry in entries), "running"),
        (sum(entry.delivery == "delivered" for entry in entries), "delivered"),
        (sum(entry.delivery in {"pending", "retrying"} for entry in entries), "pending"),
        (sum(entry.delivery == "refused" for entry in entries), "refused by the collector"),
        (sum(entry.delivery == "lost" for entry in entries), "lost"),
        (sum(entry.validation == "invalid" for entry in entries), "invalid"),
        (forgotten, "older no longer kept"),
    ]
    return ", ".join([shown, *(f"{number:,} {name}" for number, name in counts if number)])


# Text


def render_text(entries: Sequence[Entry], total: int, forgotten: int = 0) -> str:
    """Render entries as a plain-text table, nested ones indented.

    Parameters
    ----------
    entries : sequence of Entry
        What is shown.
    total : int
        Number of all entries.
    forgotten : int
        Earlier entries that are no longer kept.
    """
    lines = [f"nbtrack activity: {summarise(entries, total, forgotten)}"]
    table = [
        [
            clock(entry.started),
            sign(entry),
            _number(entry),
            "  " * depth + plain(_short(entry.title, LONGEST_NAME)),
            plain(outcome(entry)),
            duration(entry.seconds),
            rows(entry),
            delivery(entry),
            plain("  ".join(f"{name}={value}" for name, value in _properties(entry))),
        ]
        for entry, depth in in_tree_order(entries)[-MOST_ROWS:]
    ]
    if table:
        heads = ["start", "", "", "name", "status", "took", "rows", "delivery", "properties"]
        kept = [i for i in range(len(heads)) if any(row[i] for row in table)]
        widths = {i: max(len(row[i]) for row in [heads, *table]) for i in kept}
        lines += [
            "  "
            + "  ".join(row[i].rjust(widths[i]) if i == 5 else row[i].ljust(widths[i]) for i in kept).rstrip()  # noqa: PLR2004
            for row in [heads, *table]
        ]
    return "\n".join(lines)


def render_tree_text(entries: Sequence[Entry]) -> str:
    """Render nested entries as a plain-text tree; bars show when each began within the outermost one, all on one scale."""
    lines = []
    ordered = in_tree_order(entries)
    names = [
        _branch(ordered, index) + plain(_short(entry.title, LONGEST_NAME))
        for index, (entry, _) in enumerate(ordered)
    ]
    took = [
        duration(entry.seconds) or ("running" if entry.status == "running" else "·") for entry, _ in ordered
    ]
    root: Entry | None = None
    whole = _longest_root(ordered)
    for (entry, depth), name, time_ in zip(ordered, names, took, strict=True):
        root = entry if depth == 0 or root is None else root
        start, width = _place(entry, root, whole)
        bar = " " * round(start * BAR) + "█" * max(1, round(width * BAR)) if entry.seconds is not None else ""
        mark = f"  {plain(outcome(entry))}" if entry.failed else ""
        lines.append(
            f"{name.ljust(max(map(len, names)))}  {time_.rjust(max(map(len, took)))}  {bar}{mark}".rstrip()
        )
    return "\n".join(lines) or "nothing was tracked"


def _branch(ordered: Sequence[tuple[Entry, int]], index: int) -> str:
    """Return the lines that lead to an entry of a tree."""
    depth = ordered[index][1]
    if depth == 0:
        return ""
    following = [other for _, other in ordered[index + 1 :]]
    parts = []
    for level in range(1, depth + 1):
        # whether another one of this level follows before the tree goes back behind it
        more = next((other == level for other in following if other <= level), False)
        parts.append(("├─ " if more else "└─ ") if level == depth else ("│  " if more else "   "))
    return "".join(parts)


def _longest_root(ordered: Iterable[tuple[Entry, int]]) -> float:
    return max((entry.seconds or 0.0 for entry, depth in ordered if depth == 0), default=0.0)


def _place(entry: Entry, root: Entry, whole: float) -> tuple[float, float]:
    """Return start and width of an entry's bar, from the start of the outermost one, as parts of the longest one."""
    if whole <= 0:
        return 0.0, 0.0
    start = min(max((entry.started - root.started) / whole, 0.0), 1.0)
    return start, min((entry.seconds or 0.0) / whole, 1.0 - start)


# HTML


def render_html(entries: Sequence[Entry], total: int, forgotten: int = 0) -> str:
    """Render entries as a timeline and a table; every string from elsewhere is escaped.

    Parameters
    ----------
    entries : sequence of Entry
        What is shown.
    total : int
        Number of all entries.
    forgotten : int
        Earlier entries that are no longer kept.

    Examples
    --------
    >>> html = render_html([Entry(id="1", kind="cell", name="<b>", started=0.0, seconds=1.0, status="ok")], 1)
    >>> "&lt;b&gt;" in html, "<script" in html
    (True, False)
    """
    ordered = in_tree_order(entries)
    shown = ordered[-MOST_ROWS:]
    longest = max((entry.seconds or 0.0 for entry, _ in shown), default=0.0)
    more = (
        f'<p style="margin:4px 10px;{_QUIET}">The last {len(shown):,} are shown; .frame() has all.</p>'
        if len(shown) < len(ordered)
        else ""
    )
    head = f'<div style="padding:8px 10px;{_LINE}"><strong>nbtrack activity</strong> <span style="{_QUIET}">{text(summarise(entries, total, forgotten))}</span></div>'
    return f'<div class="nbtrack-activity" style="{_FRAME}">{head}{timeline([entry for entry, depth in shown if depth == 0])}{_table(shown, longest)}{more}</div>'


def timeline(entries: Sequence[Entry]) -> str:
    """Return bars of the outermost entries over the time they ran, with the times of both ends."""
    timed = [entry for entry in entries if entry.seconds is not None]
    if not timed:
        return ""
    first = min(entry.started for entry in timed)
    last = max(entry.started + (entry.seconds or 0.0) for entry in timed)
    span = max(last - first, 0.001)
    bars = "".join(
        f'<div title="{text(entry.title)}: {text(duration(entry.seconds))}" style="position:absolute;bottom:0;height:100%;'
        f"left:{100 * (entry.started - first) / span:.2f}%;width:{100 * (entry.seconds or 0.0) / span:.2f}%;min-width:3px;"
        f'border-radius:3px 3px 0 0;background:{_BAD if entry.failed else _BLUE};opacity:.7"></div>'
        for entry in timed
    )
    return (
        f'<div style="position:relative;height:20px;margin:10px 10px 2px;overflow:hidden;{_LINE}">{bars}</div>'
        f'<div style="display:flex;justify-content:space-between;margin:0 10px 4px;font-size:.85em;{_QUIET}">'
        f"<span>{clock(first)}</span><span>{duration(last - first)}</span><span>{clock(last)}</span></div>"
    )


def _table(shown: Sequence[tuple[Entry, int]], longest: float) -> str:
    columns = [
        ("name", _CELL),
        ("took", _CELL),
        ("rows in → out", _NUMBER),
        ("properties", _CELL),
        ("delivery", _CELL),
    ]
    kept = [
        True,
        any(entry.seconds is not None for entry, _ in shown),
        any(rows(entry) for entry, _ in shown),
        any(entry.properties for entry, _ in shown),
        any(delivery(entry) for entry, _ in shown),
    ]
    numbered = any(entry.count is not None for entry, _ in shown)
    if not shown:
        return ""
    head = "".join(
        f'<th scope="col" style="{style};font-weight:500;{_QUIET}">{name}</th>'
        for (name, style), keep in zip(columns, kept, strict=True)
        if keep
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{style}">{cell}</td>'
            for cell, (_, style), keep in zip(
                _cells(entry, depth, longest, numbered=numbered and not depth), columns, kept, strict=True
            )
            if keep
        )
        + "</tr>"
        for entry, depth in shown
    )
    return (
        '<table style="border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;margin:0">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cells(entry: Entry, depth: int, longest: float, *, numbered: bool) -> list[str]:
    colour = _BAD if entry.failed else _BLUE if entry.status == "running" else _GOOD
    number = (
        f'<span style="font-size:.9em;min-width:2.2em;{_QUIET}">{text(_number(entry))}</span>'
        if numbered
        else ""
    )
    failure = f'<div style="font-size:.9em">{text(outcome(entry))}</div>' if entry.failed else ""
    running = f' <span style="{_QUIET}">running</span>' if entry.status == "running" else ""
    name = (
        f'<div style="display:flex;gap:6px;align-items:baseline;padding-left:{depth * 1.4:.1f}em" title="{text(clock(entry.started))}">'
        f'<span style="color:{colour};min-width:1em" aria-hidden="true">{sign(entry)}</span>{number}'
        f"<div>{text(_short(entry.title, LONGEST_NAME))}{running}{failure}</div></div>"
    )
    share = 0.0 if not longest or entry.seconds is None else 100 * entry.seconds / longest
    took = (
        '<div style="display:flex;align-items:center;gap:8px;min-width:110px">'
        f'<div style="flex:1;height:8px;border-radius:4px;background:rgba(128,128,128,.18)"><div style="height:8px;'
        f'border-radius:4px;min-width:2px;width:{share:.1f}%;background:{colour if entry.failed else _BLUE};opacity:.8"></div></div>'
        f'<span style="white-space:nowrap;min-width:4.5em;text-align:right">{text(duration(entry.seconds))}</span></div>'
        if entry.seconds is not None
        else ""
    )
    chips = "".join(
        f'<span style="{_CHIP}">{text(name)} {text(value)}</span>' for name, value in _properties(entry)
    )
    reasons = (
        f'<div style="font-size:.9em">{text("; ".join(entry.reasons[:2]))}</div>' if entry.reasons else ""
    )
    return [name, took, text(rows(entry)), chips, f"{text(delivery(entry))}{reasons}"]


def render_tree_html(entries: Sequence[Entry]) -> str:
    """Render nested entries as HTML, with bars as in `render_tree_text`."""
    lines = []
    root: Entry | None = None
    ordered = in_tree_order(entries)[-MOST_ROWS:]
    whole = _longest_root(ordered)
    for entry, depth in ordered:
        root = entry if depth == 0 or root is None else root
        start, width = _place(entry, root, whole)
        colour = _BAD if entry.failed else _BLUE
        bar = (
            f'<div style="position:relative;height:10px;border-radius:4px;background:rgba(128,128,128,.18)">'
            f'<div style="position:absolute;height:10px;border-radius:4px;min-width:2px;left:{100 * start:.2f}%;'
            f'width:{100 * width:.2f}%;background:{colour};opacity:.8"></div></div>'
            if entry.seconds is not None
            else ""
        )
        failure = f" <small>{text(outcome(entry))}</small>" if entry.failed else ""
        lines.append(
            f'<tr><td style="{_CELL}"><div style="padding-left:{depth * 1.4:.1f}em">'
            f'<span style="color:{colour if entry.failed else _GOOD}" aria-hidden="true">{sign(entry)}</span> '
            f'{text(_short(entry.title, LONGEST_NAME))}{failure}</div></td><td style="{_NUMBER}">{text(duration(entry.seconds))}</td>'
            f'<td style="{_CELL};width:50%;vertical-align:middle">{bar}</td></tr>'
        )
    return (
        f'<div class="nbtrack-activity" style="{_FRAME}"><table style="border-collapse:collapse;width:100%;'
        f'font-variant-numeric:tabular-nums;margin:0"><tbody>{"".join(lines)}</tbody></table></div>'
    )


def text(value: Any) -> str:
    """Return a value as HTML."""
    return escape(plain(value))


def plain(value: Any) -> str:
    """Replace control characters, which could reorder or break what stands around."""
    return "".join(one if one.isprintable() else "�" for one in str(value))


def clock(seconds: float) -> str:
    """Return a time of day; with its date if that is not today's."""
    moment, today = time.localtime(seconds), time.localtime()
    same_day = (moment.tm_year, moment.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", moment)


def _number(entry: Entry) -> str:
    return f"[{entry.count}]" if entry.count is not None else ""


def _short(value: str, length: int) -> str:
    return value if len(value) <= length else f"{value[: length - 1]}…"


def _properties(entry: Entry) -> Iterable[tuple[str, str]]:
    listed = [
        (_short(name, LONGEST_VALUE), _short(str(value), LONGEST_VALUE))
        for name, value in entry.properties.items()
    ]
    rest = len(listed) - MOST_PROPERTIES
    return [*listed[:MOST_PROPERTIES], ("…", f"{rest} more")] if rest > 0 else listed
