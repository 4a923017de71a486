"""Loading into IPython, and unloading without a trace."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nbtrack.notebook.cells import CellRuns
from nbtrack.notebook.completion import OptionMatcher
from nbtrack.notebook.header import strip_header
from nbtrack.notebook.magics import NBTrackMagics
from nbtrack.runtime import Session, start, stop
from nbtrack.runtime.active import set_notebook

_STATE = "_nbtrack"
_MAGICS = (("line", "track"), ("cell", "track"), ("line", "nbtrack"))


@dataclass(slots=True)
class LoadedExtension:
    """What `load` added to a shell."""

    shell: Any
    session: Session
    cells: CellRuns
    magics: NBTrackMagics
    options: OptionMatcher
    matcher: Any
    shadowed: dict[tuple[str, str], Any]
    before_cell: Callable[..., None] | None

    def adopt(self, session: Session) -> None:
        """Switch to the session that the user started in place of the one before."""
        before, self.session = self.session, session
        for part in (self.cells, self.cells.lost, self.magics, self.options):
            part.session = session
        session.track_pending_cell = self.cells.track_pending
        self.shell.configurables[:] = [
            session.settings if item is before.settings else item for item in self.shell.configurables
        ]


def load(shell: Any, before_cell: Callable[..., None] | None = None) -> None:
    """Load nbtrack into a shell: one line of output, nothing started, nothing sent.

    Parameters
    ----------
    shell
        IPython's shell.
    before_cell
        Called before each cell, too; it must not raise.
    """
    if getattr(shell, _STATE, None) is not None:
        unload(shell)
    session = start(shell=shell, config=getattr(shell, "config", None))
    cells = CellRuns(session, shell)
    session.track_pending_cell = cells.track_pending
    magics, options = NBTrackMagics(shell, session, cells), OptionMatcher(session)
    tables = shell.magics_manager.magics
    shadowed = {key: tables[key[0]].get(key[1]) for key in _MAGICS}
    shell.register_magics(magics)
    # last among the cleanups: leading empty lines and prompts are gone, cell magics are not yet looked for
    shell.input_transformers_cleanup.append(strip_header)
    shell.events.register("pre_run_cell", cells.begin)
    if before_cell:
        before_cell()
        shell.events.register("pre_run_cell", before_cell)
    shell.events.register("post_execute", cells.stop_clock)
    shell.events.register("post_run_cell", cells.end)
    cells.keep_order()
    shell.configurables.append(session.settings)
    matcher = _add_matcher(shell, session, options)
    loaded = LoadedExtension(shell, session, cells, magics, options, matcher, shadowed, before_cell)
    setattr(shell, _STATE, loaded)
    set_notebook(loaded)
    if not session.settings.quiet:
        print("\n".join([session.describe(), *session.settings.complaints]))  # noqa: T201 - the one line at load


def unload(shell: Any) -> None:
    """Remove from a shell everything that `load` added, and end the session within a second."""
    loaded: LoadedExtension | None = getattr(shell, _STATE, None)
    if loaded is None:
        return
    delattr(shell, _STATE)
    set_notebook(None)
    for event, callback in (
        ("pre_run_cell", loaded.cells.begin),
        ("pre_run_cell", loaded.before_cell),
        ("post_execute", loaded.cells.stop_clock),
        ("post_run_cell", loaded.cells.end),
    ):
        with contextlib.suppress(ValueError):
            shell.events.unregister(event, callback)
    with contextlib.suppress(ValueError):
        shell.input_transformers_cleanup.remove(strip_header)
    loaded.cells.lost.close()
    _remove_magics(shell, loaded)
    # IPython adds magics there by itself
    ours = (loaded.session.settings, loaded.magics)
    shell.configurables[:] = [item for item in shell.configurables if not any(item is one for one in ours)]
    if loaded.matcher is not None:
        with contextlib.suppress(ValueError, AttributeError):
            shell.Completer.custom_matchers.remove(loaded.matcher)
    stop()


def _remove_magics(shell: Any, loaded: LoadedExtension) -> None:
    """Remove nbtrack's magics, and restore those that they replaced."""
    manager = shell.magics_manager
    for kind, name in _MAGICS:
        if getattr(manager.magics[kind].get(name), "__self__", None) is not loaded.magics:
            continue
        before = loaded.shadowed[kind, name]
        if before is None:
            del manager.magics[kind][name]
        else:
            manager.magics[kind][name] = before
    if manager.registry.get(type(loaded.magics).__name__) is loaded.magics:
        del manager.registry[type(loaded.magics).__name__]


def _add_matcher(shell: Any, session: Session, matcher: OptionMatcher) -> Any:
    """Offer completions; IPython calls its matchers' interface provisional, so a change there costs only these."""
    try:
        from IPython.core.completer import context_matcher  # noqa: PLC0415
    except ImportError:  # IPython before 8.6 has no matchers: no completion of our words there
        return None
    try:

        @context_matcher(identifier="nbtrack")  # type: ignore[untyped-decorator, unused-ignore]
        def complete_nbtrack(context: Any) -> Any:
            return matcher(context)

        shell.Completer.custom_matchers.append(complete_nbtrack)
    except Exception as error:  # noqa: BLE001 - completion is not worth a failed load
        session.note_fault("completion", error)
        return None
    return complete_nbtrack
