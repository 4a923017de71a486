"""`Entry`: one cell, step or event of a session; names, times and numbers, no content."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nbtrack.protocol import EVENT_NAMES, OWN_VENDOR

Kind = Literal["cell", "step", "event", "backfill"]
Delivery = Literal["running", "pending", "delivered", "retrying", "refused", "lost", "unknown"]
Validation = Literal["valid", "invalid", "not checked"]
GOOD = frozenset({"ok", "running", None})
"""Statuses that are no failure; an event, which is a moment, has none."""
IMPLIED = {"syntax_error": "SyntaxError", "interrupted": "KeyboardInterrupt", "exited": "SystemExit"}
"""Exceptions that a status names in words."""
_OWN = f"iglu:{OWN_VENDOR}/"


@dataclass(slots=True, kw_only=True)
class Entry:
    """One cell, step or event.

    Parameters
    ----------
    id : str
        The run's or the step's id, or the event's.
    kind : {"cell", "step", "event", "backfill"}
        What it is.
    name : str
        Its name, or an empty string.
    started : float
        Unix timestamp in seconds.
    seconds : float, optional
        How long it took; None for a moment and while it runs.
    status : str, optional
        "ok", "error", "interrupted", "exited", "syntax_error", "lost" or "running"; None for a moment.
    error : str, optional
        Class of the exception.
    label : str, optional
        The user's label.
    count : int, optional
        The number beside the cell.
    rows_in, rows_out : int, optional
        Rows that went in and came out; of a backfill, those of the data and those that are done.
    properties : dict
        The user's own, by name.
    parent : str, optional
        Id of the step or cell around it.
    event_id : str, optional
        Id of the event that was tracked; None while it runs.
    schema : str
        The event's schema, or the name of its type.
    destination : str
        Where the event goes.
    session : str
        Id of its session.
    notebook : str
        Name of its notebook, if known.
    delivery : str
        "running", "pending", "delivered", "retrying", "refused", "lost" or "unknown".
    validation : str
        "valid", "invalid" or "not checked".
    reasons : tuple of str
        Why the event is invalid.

    Examples
    --------
    >>> entry = Entry(id="1", kind="step", name="clean", started=1_772_359_872.3, rows_in=336_776, rows_out=327_346)
    >>> entry.name, entry.rows_out
    ('clean', 327346)
    """

    id: str
    kind: Kind
    name: str
    started: float
    seconds: float | None = None
    status: str | None = None
    error: str | None = None
    label: str | None = None
    count: int | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    parent: str | None = None
    event_id: str | None = None
    schema: str = ""
    destination: str = ""
    session: str = ""
    notebook: str = ""
    delivery: Delivery = "unknown"
    validation: Validation = "not checked"
    reasons: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it ended in any other way than well."""
        return self.status not in GOOD

    @property
    def cause(self) -> str | None:
        """Class of the exception, unless the status implies it."""
        return None if IMPLIED.get(self.status or "") == self.error else self.error

    @property
    def origin(self) -> str:
        """Notebook and session that it ran in, for lists of several sessions.

        Examples
        --------
        >>> Entry(id="1", kind="step", name="", started=0.0, session="5887d762-a14f-4902", notebook="etl.ipynb").origin
        'etl.ipynb, session 5887d762'
        """
        parts = [self.notebook, f"session {self.session[:8]}" if self.session else ""]
        return ", ".join(part for part in parts if part)

    @property
    def title(self) -> str:
        """Name as it is shown; an unnamed cell has its number."""
        if self.name:
            return self.name
        return f"cell {self.count}" if self.count is not None else self.kind


def make_entry(
    data: Mapping[str, Any] | None, schema: str, *, event_id: str, ended: float, **known: Any
) -> Entry:
    """Return the entry of an event.

    Parameters
    ----------
    data : mapping or None
        The self-describing data; only that of nbtrack's own events is looked at.
    schema : str
        Its schema, or the value of ``e`` of another event.
    event_id : str
        The event's id.
    ended : float
        Unix timestamp in seconds of its end.
    **known
        Other attributes of the entry.
    """
    own = schema.partition("/jsonschema/")[0].removeprefix(_OWN) if schema.startswith(_OWN) else ""
    if data is None or own not in {"cell_run", "analysis"}:
        name = (
            schema.split("/")[1]
            if schema.startswith("iglu:") and "/" in schema
            else EVENT_NAMES.get(schema, schema)
        )
        return Entry(
            id=event_id, event_id=event_id, kind="event", name=name, started=ended, schema=schema, **known
        )
    seconds = None if (duration := data.get("duration_ms")) is None else duration / 1000
    is_step = data.get("kind") == "step"
    parent = None if own == "cell_run" else data.get("parent_id") or data.get("run_id")
    return Entry(
        id=(data.get("run_id") if own == "cell_run" else data.get("step_id")) or event_id,
        event_id=event_id,
        kind="cell" if own == "cell_run" else "step" if is_step else "event",
        name=data.get("name") or "",
        label=data.get("label"),
        started=ended - (seconds or 0.0),
        seconds=seconds,
        status=data.get("status"),
        error=data.get("error_class"),
        count=data.get("execution_count"),
        rows_in=data.get("rows_in"),
        rows_out=data.get("rows_out"),
        properties={one["name"]: one["value"] for one in data.get("properties") or ()},
        schema=schema,
        **{"parent": parent, **known},
    )


def mark_elsewhere(entries: Iterable[Entry], destination: str, waiting: Mapping[str, int]) -> None:
    """Keep the destination of entries that wait for another collector, and only there; note those that no longer wait.

    Parameters
    ----------
    entries : iterable of Entry
        Copies, which are changed.
    destination : str
        Where the session's events go now.
    waiting : mapping
        How many events wait for other collectors, by destination.
    """
    for entry in entries:
        if entry.destination == destination:
            entry.destination = ""
        elif entry.delivery == "pending" and not waiting.get(entry.destination):
            entry.delivery = "unknown"  # sent by another process
