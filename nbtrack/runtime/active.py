"""The running session, one per process, and one per viewer in `marimo run`: `start`, `stop`, `session`."""

import logging
import threading
from typing import TYPE_CHECKING, Any, Protocol

from nbtrack.common.current_session import PerViewer, find_marimo_kernel, register_session, unregister_session
from nbtrack.runtime.sessions import EXIT_BUDGET, Session
from nbtrack.runtime.settings import NBTrack, SettingError

if TYPE_CHECKING:
    from nbtrack.collector import CollectorClient

LOG = logging.getLogger(__name__)

_active: PerViewer[Session] = PerViewer()
_active_lock = threading.Lock()


class Notebook(Protocol):
    """What nbtrack is loaded into: sessions started anywhere belong to this shell."""

    shell: Any

    def adopt(self, session: Session) -> None:
        """Use another session from now on."""


_notebook: Notebook | None = None


def set_notebook(notebook: Notebook | None) -> None:
    """Set what nbtrack is loaded into; None when it is unloaded."""
    global _notebook  # noqa: PLW0603 - one per process, like the session
    _notebook = notebook


def start(
    collector: "CollectorClient | str | None" = None,
    *,
    shell: Any = None,
    config: Any = None,
    **settings: Any,
) -> Session:
    """Start a session, in a script or a notebook. A running session is ended, and cells use the new one.

    In `marimo run` each viewer has a session, which ends when the viewer leaves.

    Parameters
    ----------
    collector : str or LocalCollector, optional
        ``"local"`` (the default), a URL, or a running private collector.
    shell : IPython.core.interactiveshell.InteractiveShell, optional
        IPython's shell; `%load_ext nbtrack` sets it.
    config : traitlets.config.Config, optional
        A traitlets configuration, as IPython and Jupyter pass it.
    **settings
        Settings by name: see `NBTrack`.

    Returns
    -------
    Session
        The running session.

    Raises
    ------
    SettingError
        For an unknown setting, a wrong value, or a collector where a system-wide file locks another.

    Examples
    --------
    >>> import nbtrack
    >>> session = nbtrack.start(store="memory")
    >>> nbtrack.stop()
    """
    client: Any = None
    if hasattr(collector, "url"):
        client = collector
        if not client.url:
            raise SettingError(
                f"{client!r} is not running: call its start(), or use it in a with statement: with LocalCollector() as …"
            )
    elif collector is not None:
        settings["collector"] = collector  # validated by the setting
    loading, notebook = shell is not None, _notebook
    if notebook is not None and not loading:
        shell = notebook.shell
        config = getattr(shell, "config", None) if config is None else config
    filled = NBTrack(config=config, **settings)
    if client is not None and (locked := filled.explain_lock("collector")):
        raise SettingError(f"{locked}.")
    if not loading and not filled.quiet:  # %load_ext prints them
        for complaint in filled.complaints:
            LOG.warning("%s", complaint)
    made = Session(filled, collector=client, shell=shell)
    with _active_lock:
        before = _active.pop()
        _active.set(made, Session.close)
        register_session(
            made.find_target, lambda: made.registry, made.note_backfill, made.activities, made.register
        )
    if before:
        before.close()
    if notebook is not None and not loading:
        notebook.adopt(made)
    return made


def stop(timeout: float = EXIT_BUDGET) -> None:
    """End the running session, if any; unsent events stay stored.

    Parameters
    ----------
    timeout : float, default 1
        Seconds that sending the pending events may take.

    Examples
    --------
    >>> import nbtrack
    >>> session = nbtrack.start(store="memory")
    >>> nbtrack.stop()
    >>> session.ended
    True
    """
    with _active_lock:
        ended = _active.pop()
        unregister_session()
    if ended:
        ended.close(timeout)


def session() -> Session:
    """Return the running session.

    Returns
    -------
    Session
        It has a tracker, emitter, subject, collector and settings.

    Raises
    ------
    RuntimeError
        If no session runs; the message names the call that starts one.

    Examples
    --------
    >>> import nbtrack
    >>> _ = nbtrack.start(store="memory", app_id="churn-study")
    >>> nbtrack.session().settings.app_id
    'churn-study'
    >>> nbtrack.stop()
    """
    active = _active.get()
    if active is None:
        raise RuntimeError(
            "no nbtrack session runs here: call nbtrack.start()"
            if find_marimo_kernel() is not None
            else "no nbtrack session runs here: run `%load_ext nbtrack` in a notebook, or call nbtrack.start() in a script"
        )
    return active


def find_session() -> Session | None:
    """Return the running session, or None.

    Returns
    -------
    Session or None
        For code that works with nbtrack and without it.

    Examples
    --------
    >>> find_session() is None
    True
    """
    return _active.get()
