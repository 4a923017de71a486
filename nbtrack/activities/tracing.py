"""Entries as a trace in Chrome's format, which Perfetto opens."""

from collections.abc import Iterable
from typing import Any

from nbtrack.activities.entries import Entry
from nbtrack.activities.log import in_tree_order


def make_trace(entries: Iterable[Entry]) -> dict[str, Any]:
    """Return a trace: a process for each session, a thread for what runs beside something else.

    Parameters
    ----------
    entries : iterable of Entry
        What ran.

    Returns
    -------
    dict
        The JSON of the trace; times are Unix timestamps in microseconds.

    Examples
    --------
    >>> trace = make_trace([Entry(id="1", kind="cell", name="load", started=1.0, seconds=0.5, status="ok")])
    >>> [(event["name"], event["ph"], event["ts"], event["dur"]) for event in trace["traceEvents"] if "dur" in event]
    [('load', 'X', 1000000, 500000)]
    """
    processes: dict[str, int] = {}
    origins: dict[str, str] = {}
    # of each process and thread, the ends of what is open, and the last start
    open_until: dict[tuple[int, int], list[int]] = {}
    events: list[dict[str, Any]] = []
    for entry, _ in sorted(in_tree_order(entries), key=lambda pair: (pair[0].started, pair[1])):
        process = processes.setdefault(entry.session, len(processes) + 1)
        if entry.notebook or entry.session not in origins:
            origins[entry.session] = entry.origin or "session"
        start = round(entry.started * 1e6)
        common = {
            "name": entry.title,
            "cat": entry.kind,
            "pid": process,
            "ts": start,
            "args": _arguments(entry),
        }
        if entry.seconds is None:
            events.append({**common, "ph": "i", "s": "p", "tid": 1})
            continue
        end = start + round(entry.seconds * 1e6)
        thread = 1
        while not _fits(open_until.setdefault((process, thread), []), start, end):
            thread += 1
        open_until[process, thread].append(end)
        events.append({**common, "ph": "X", "dur": end - start, "tid": thread})
    names = [
        {
            "name": "process_name",
            "ph": "M",
            "pid": number,
            "tid": 1,
            "args": {"name": origins[session]},
        }
        for session, number in processes.items()
    ]
    return {"displayTimeUnit": "ms", "traceEvents": [*names, *events]}


def _fits(ends: list[int], start: int, end: int) -> bool:
    """Check whether something nests in what is open on a thread, after closing what has ended."""
    while ends and ends[-1] <= start:
        ends.pop()
    return not ends or end <= ends[-1]


def _arguments(entry: Entry) -> dict[str, Any]:
    known = {
        "status": entry.status,
        "error": entry.error,
        "label": entry.label,
        "rows in": entry.rows_in,
        "rows out": entry.rows_out,
        "delivery": entry.delivery,
        **entry.properties,
    }
    return {name: value for name, value in known.items() if value is not None}
