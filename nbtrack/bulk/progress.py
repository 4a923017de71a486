"""A progress bar in notebook and terminal; none where nobody looks."""

import logging
import sys
import warnings
from typing import Any, Protocol

LOG = logging.getLogger("nbtrack.bulk")


class Bar(Protocol):
    """What a run tells its progress."""

    def show(self, done: int, fault: str | None) -> None:
        """Show how many rows are done, and what is in the way."""

    def close(self) -> None:
        """Leave it as it is."""


class _Log:
    """No bar, but a collector that takes nothing is told once each time: the run may wait for minutes."""

    def __init__(self) -> None:
        self._waiting = False

    def show(self, done: int, fault: str | None) -> None:
        """Log the beginning of a wait."""
        if fault is not None and not self._waiting:
            LOG.warning("backfill %s; %s rows are done", fault, f"{done:,}")
        self._waiting = fault is not None

    def close(self) -> None:
        """Do nothing."""


class _Tqdm:
    def __init__(self, total: int | None) -> None:
        self._bar = _make_tqdm(total)
        self._fault: str | None = None

    def show(self, done: int, fault: str | None) -> None:
        """Move the bar; only called on the thread that made it."""
        if fault != self._fault:
            self._fault = fault
            self._bar.set_postfix_str(fault or "")
        if done > self._bar.n:
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave it as it is."""
        self._bar.close()


def make_bar(total: int | None, progress: bool | None) -> Bar:
    """Make a bar.

    Parameters
    ----------
    total
        Rows; None where that is not known.
    progress
        Whether to show it; None for in notebooks and terminals only.
    """
    if progress is None:
        progress = _is_notebook() or sys.stderr.isatty()
    return _Tqdm(total) if progress else _Log()


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def _make_tqdm(total: int | None) -> Any:
    with warnings.catch_warnings():
        # it warns where ipywidgets is missing, and shows the bar as text, which will do
        warnings.simplefilter("ignore")
        from tqdm import std  # noqa: PLC0415
        from tqdm.auto import tqdm  # noqa: PLC0415 - asks what kind of front end this is

        options: dict[str, Any] = {"total": total, "unit": " events", "unit_scale": True, "desc": "backfill"}
        try:
            return tqdm(**options)
        except ImportError:
            return std.tqdm(**options)
