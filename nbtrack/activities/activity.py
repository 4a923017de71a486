"""`Activity`: what ran, as a table, a tree, a DataFrame and a trace."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.activities import rendering, tracing
from nbtrack.activities.entries import Entry
from nbtrack.common.home import open_private

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "start", "name", "kind", "status", "seconds", "rows_in", "rows_out", "properties", "error", "label",
    "execution_count", "delivery", "validation", "reasons", "parent", "id", "event_id", "schema", "session", "notebook",
)  # fmt: skip


class Activity:
    """Cells, steps and events of a session, or of several; shown as a table.

    Parameters
    ----------
    entries : sequence of Entry
        What ran, the earliest start first.
    failed : bool, optional
        Only what failed, or only what did not.
    name : str, optional
        Only what has this name; ``*`` matches any characters, and case does not matter.
    forgotten : int
        Earlier entries that are no longer kept.

    Attributes
    ----------
    entries : list of Entry
        Those that are shown.
    total : int
        Number of all entries, shown or not.

    Examples
    --------
    >>> import nbtrack
    >>> session = nbtrack.start(store="memory")
    >>> with nbtrack.track("fit model") as step:
    ...     step.rows_in = 1_000
    >>> activity = nbtrack.activity()
    >>> [(entry.name, entry.status, entry.rows_in) for entry in activity]
    [('fit model', 'ok', 1000)]
    >>> nbtrack.stop()
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        *,
        failed: bool | None = None,
        name: str | None = None,
        forgotten: int = 0,
    ) -> None:
        self.total, self.forgotten = len(entries), forgotten
        self.entries = [
            entry
            for entry in entries
            if (failed is None or entry.failed == failed)
            and (name is None or fnmatchcase(entry.title.lower(), name.lower()))
        ]

    def __iter__(self) -> Any:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return rendering.render_text(self.entries, self.total, self.forgotten)

    def _repr_html_(self) -> str:
        return rendering.render_html(self.entries, self.total, self.forgotten)

    def frame(self) -> "pd.DataFrame":
        """Return a DataFrame with a row for each entry; ``start`` is in UTC.

        Returns
        -------
        pandas.DataFrame
            Columns start, name, kind, status, seconds, rows_in, rows_out, properties, error, label, execution_count,
            delivery, validation, reasons, parent, id, event_id, schema, session, notebook.
        """
        import pandas as pd  # noqa: PLC0415 - slow to load

        rows = [_row(entry) for entry in self.entries]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        frame["start"] = pd.to_datetime(frame["start"], utc=True)
        whole = ("rows_in", "rows_out", "execution_count")
        return frame.astype({"seconds": "float64", **dict.fromkeys(whole, "Int64")})

    def tree(self) -> "ActivityTree":
        """Return the entries inside each other, with bars that show when each ran."""
        return ActivityTree(self.entries)

    def save(self, path: str | Path) -> Path:
        """Save a trace that ``chrome://tracing`` and ui.perfetto.dev open: names, times, rows and properties.

        Parameters
        ----------
        path : str or Path
            The file, such as ``trace.json``; readable by its owner only.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ValueError
            If the name does not end in ``.json``.
        """
        file = Path(path)
        if file.suffix != ".json":
            raise ValueError(f"a trace is saved as .json, got {str(path)!r}")
        with open_private(file) as stream:
            json.dump(tracing.make_trace(self.entries), stream)
        return file


class ActivityTree:
    """Entries inside each other, with bars of time; returned by `Activity.tree`.

    Parameters
    ----------
    entries : sequence of Entry
        What ran.

    Examples
    --------
    >>> print(ActivityTree([Entry(id="1", kind="cell", name="load", started=0.0, seconds=1.5, status="ok")]))
    load  1.5 s  ████████████████████
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = list(entries)

    def __repr__(self) -> str:
        return rendering.render_tree_text(self.entries)

    def _repr_html_(self) -> str:
        return rendering.render_tree_html(self.entries)


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(entry, name, None) for name in COLUMNS}
    return row | {
        "start": datetime.fromtimestamp(entry.started, UTC),
        "name": entry.title,
        "execution_count": entry.count,
        "reasons": list(entry.reasons),
    }
