"""The progress bar in notebooks and terminals; elsewhere a log message when the collector does not accept events."""

import logging
import sys
import warnings
from typing import Any, Protocol

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
    return _TqdmProgress(total) if progress else _LogProgress()


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def _make_tqdm(total: int | None) -> Any:
    with warnings.catch_warnings():
        # without ipywidgets it warns and shows the bar as text, which is fine
        warnings.simplefilter("ignore")
        from tqdm import std  # noqa: PLC0415
        from tqdm.auto import tqdm  # noqa: PLC0415 - detects the kind of front end

        options: dict[str, Any] = {"total": total, "unit": " events", "unit_scale": True, "desc": "backfill"}
        try:
            return tqdm(**options)
        except ImportError:
            return std.tqdm(**options)
