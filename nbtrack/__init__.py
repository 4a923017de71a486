"""nbtrack: Snowplow tracking for notebooks.

``%load_ext nbtrack`` loads it into a notebook, ``nbtrack.start()`` into a script. The names below are loaded on first
use, so that importing nbtrack costs nothing.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any, Literal

from nbtrack._version import __version__

if TYPE_CHECKING:
    from nbtrack.activities import Activity
    from nbtrack.bulk import backfill, backfill_async
    from nbtrack.common.errors import NbtrackError
    from nbtrack.runtime import session, start, stop
    from nbtrack.steps import track
    from nbtrack.template import col
    from nbtrack.warehouse import read_enriched, read_failed

_HOMES = {
    "NbtrackError": "nbtrack.common.errors",
    "backfill": "nbtrack.bulk",
    "backfill_async": "nbtrack.bulk",
    "col": "nbtrack.template",
    "read_enriched": "nbtrack.warehouse",
    "read_failed": "nbtrack.warehouse",
    "session": "nbtrack.runtime",
    "start": "nbtrack.runtime",
    "stop": "nbtrack.runtime",
    "track": "nbtrack.steps",
}

__all__ = [
    "NbtrackError",
    "__version__",
    "activity",
    "backfill",
    "backfill_async",
    "col",
    "load_ipython_extension",
    "monitor",
    "read_enriched",
    "read_failed",
    "session",
    "start",
    "stop",
    "track",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nbtrack' has no attribute {name!r}")
    if name in {"backfill", "col"} and sys.modules.get("nbtrack.notebook.extension"):
        _offer_accessor()
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def activity(
    *, failed: bool | None = None, name: str | None = None, sessions: "Literal['this', 'all']" = "this"
) -> "Activity":
    """Return what the running session did: its cells, steps and events, the last 1,000.

    Parameters
    ----------
    failed : bool, optional
        Only what failed, or only what did not.
    name : str, optional
        Only what has this name; ``*`` stands for any letters, and case does not matter.
    sessions : {"this", "all"}
        With "all", also what other sessions sent to the local collector.

    Returns
    -------
    Activity
        Shown as a table; ``.frame()`` is a DataFrame, ``.tree()`` shows what ran inside what, and ``.save("trace.json")``
        saves a trace for Perfetto.

    Raises
    ------
    RuntimeError
        If no session runs, or with ``sessions="all"`` no local collector.

    Examples
    --------
    >>> import nbtrack
    >>> session = nbtrack.start(store="memory")
    >>> with nbtrack.track("load"):
    ...     pass
    >>> [(entry.name, entry.kind, entry.status) for entry in nbtrack.activity(name="l*")]
    [('load', 'step', 'ok')]
    >>> nbtrack.stop()
    """
    from nbtrack.runtime import session  # noqa: PLC0415 - as all of this module
    from nbtrack.runtime.activities import make_activity  # noqa: PLC0415

    return make_activity(session(), failed=failed, name=name, sessions=sessions)


def monitor() -> Any:
    """Show the live monitor of the running session.

    Returns
    -------
    Monitor
        A widget, shown as a cell's last expression.

    Raises
    ------
    RuntimeError
        If no session runs.

    Examples
    --------
    >>> import nbtrack
    >>> session = nbtrack.start(store="memory")
    >>> monitor = nbtrack.monitor()
    >>> monitor.still()
    nbtrack: ok
      events go to  local
      events        nothing yet
    >>> monitor.close()
    >>> nbtrack.stop()
    """
    from nbtrack.runtime import session  # noqa: PLC0415 - as all of this module
    from nbtrack.widget import make_monitor  # noqa: PLC0415

    return make_monitor(session())


def _offer_accessor(*_: Any) -> None:
    """Register the DataFrame accessor in a notebook once the user has imported pandas; never imports pandas itself."""
    if "pandas" in sys.modules and "nbtrack.pandas" not in sys.modules:
        try:
            importlib.import_module("nbtrack.pandas")
        except Exception:  # noqa: BLE001 - pandas is still being imported: the next cell tries again
            sys.modules.pop("nbtrack.pandas", None)


def load_ipython_extension(shell: Any) -> None:
    """Load nbtrack into IPython; called by ``%load_ext nbtrack``.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell to load it into.
    """
    from nbtrack.notebook.extension import load  # noqa: PLC0415

    load(shell, before_cell=_offer_accessor)


def unload_ipython_extension(shell: Any) -> None:
    """Unload nbtrack from IPython; called by ``%unload_ext nbtrack``.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell to unload it from.
    """
    from nbtrack.notebook.extension import unload  # noqa: PLC0415

    unload(shell)
