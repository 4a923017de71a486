"""The progress bar in notebooks and terminals; elsewhere a log message when the collector does not accept events."""

import logging
import sys
import uuid
import warnings
from typing import Any, Protocol

from nbtrack.common.current_session import find_activities, find_marimo_kernel
from nbtrack.common.wording import plural

LOG = logging.getLogger("nbtrack.bulk")


class ProgressBar(Protocol):
    """Shows the progress of a run."""

    def show(self, done: int, problem: str | None) -> None:
        """Show how many rows are done, and what stops the run from going on."""

    def close(self) -> None:
        """Leave the bar as it is."""


class _LogProgress:
    """Logs one warning each time the collector stops accepting events: the run may wait for minutes."""

    def __init__(self) -> None:
        self._waiting = False

    def show(self, done: int, problem: str | None) -> None:
        if problem is not None and not self._waiting:
            LOG.warning("backfill %s; %s rows done", problem, f"{done:,}")
        self._waiting = problem is not None

    def close(self) -> None:
        pass


class _TqdmProgress:
    def __init__(self, total: int | None) -> None:
        self._bar = _make_tqdm(total)
        # of a widget a saved notebook keeps the text of the moment at which it was shown
        container = getattr(self._bar, "container", None)
        self._shown = None if container is None else _display(container)
        self._problem: str | None = None

    def show(self, done: int, problem: str | None) -> None:
        # tqdm may be updated only on the thread that made the bar
        if problem != self._problem:
            self._problem = problem
            self._bar.set_postfix_str(problem or "")
        if done > self._bar.n:
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()
        if self._shown is not None:
            self._shown.update(self._bar.container)


class _MarimoProgress:
    """The bar of marimo, shown below the cell."""

    def __init__(self, total: int | None) -> None:
        import marimo  # noqa: PLC0415 - loaded where one of its notebooks runs

        self._done = 0
        if total is None:
            self._shown = marimo.status.spinner(title="backfill")
        else:
            self._shown = marimo.status.progress_bar(total=total, title="backfill")
        self._bar = self._shown.__enter__()
        self._has_total = total is not None

    def show(self, done: int, problem: str | None) -> None:
        text = problem or f"{plural(done, 'row')} done"
        if self._has_total:
            self._bar.update(increment=max(0, done - self._done), subtitle=text)
        else:
            self._bar.update(subtitle=text)
        self._done = max(done, self._done)

    def close(self) -> None:
        self._shown.__exit__(None, None, None)


class Recorded:
    """A progress bar that also updates the running session's activity.

    Parameters
    ----------
    bar
        The bar.
    name
        Name of the events.
    total
        Number of rows; None if it is not known.
    log
        Whether the session's activity is updated.
    """

    def __init__(self, bar: ProgressBar, name: str, total: int | None, *, log: bool = True) -> None:
        self._bar, self._id = bar, str(uuid.uuid4())
        self._log = find_activities() if log else None
        if self._log is not None:
            self._log.begin(self._id, "backfill", f"backfill {name}", rows_in=total)

    def show(self, done: int, problem: str | None) -> None:
        """Show how many rows are done."""
        self._bar.show(done, problem)
        if self._log is not None:
            self._log.note_rows(self._id, done)

    def finish(self, *, interrupted: bool, failed: int) -> None:
        """Note how the backfill ended."""
        status = "interrupted" if interrupted else "error" if failed else "ok"
        if self._log is not None:
            self._log.finish(self._id, status, f"{plural(failed, 'row')} failed" if failed else None)

    def close(self) -> None:
        """Leave the bar as it is; what has not ended otherwise has failed."""
        self._bar.close()
        error = sys.exc_info()[0]
        if self._log is not None:
            self._log.finish(self._id, "error", error.__name__ if error is not None else None)


def make_bar(total: int | None, progress: bool | None) -> ProgressBar:
    """Return a progress bar.

    Parameters
    ----------
    total
        Number of rows; None if it is not known.
    progress
        Whether to show it; None for in notebooks and terminals only.
    """
    if progress is None:
        progress = _is_notebook() or sys.stderr.isatty()
    if progress and find_marimo_kernel() is not None:
        return _MarimoProgress(total)
    return _TqdmProgress(total) if progress else _LogProgress()


def _is_notebook() -> bool:
    if find_marimo_kernel() is not None:
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def _display(container: Any) -> Any:
    """Show a widget in a place that can be written again."""
    # the bar's own package has loaded it
    return sys.modules["IPython.display"].display(container, display_id=True)


def _make_tqdm(total: int | None) -> Any:
    with warnings.catch_warnings():
        # without ipywidgets it warns and shows the bar as text, which is fine
        warnings.simplefilter("ignore")
        from tqdm import std  # noqa: PLC0415
        from tqdm.auto import tqdm  # noqa: PLC0415 - detects the kind of front end

        options: dict[str, Any] = {"total": total, "unit": " events", "unit_scale": True, "desc": "backfill"}
        try:
            notebook = sys.modules.get("tqdm.notebook")
            if notebook is not None and issubclass(tqdm, notebook.tqdm_notebook):
                options["display"] = False
            return tqdm(**options)
        except ImportError:
            return std.tqdm(**options)
