"""Runs of cells: from IPython's callbacks to ``cell_run`` events.

Source of the rules: IPython swallows what a callback raises but shows it in the user's cell, so nothing is raised here;
callbacks may come unpaired, so runs are matched by IPython's own ``info`` object.
"""

import sys
import threading
import time
import traceback
import uuid
from dataclasses import dataclass, field
from typing import Any

from nbtrack.notebook import expressions
from nbtrack.notebook.header import Header, HeaderError, find_header, parse_header
from nbtrack.runtime import Session
from nbtrack.runtime import events as own
from nbtrack.runtime.redaction import redact
from nbtrack.steps import spans
from nbtrack.tracker import ApplicationError, SelfDescribing, SelfDescribingJson

_MESSAGE_LENGTH, _TRACE_LENGTH = 2048, 8192
_MAX_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes: Linux counts in KiB


@dataclass(slots=True)
class CellRun:
    """A cell's run that goes on."""

    info: Any
    header: Header | None
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)
    memory: int | None = field(default_factory=lambda: measure_memory())  # noqa: PLW0108 - defined below
    inner_error: BaseException | None = None
    # what IPython has shown last: `%run` shows a script's error, and calls its cell a success
    shown_error: BaseException | None = field(default_factory=lambda: getattr(sys, "last_value", None))


class _Stack(threading.local):
    stack: list[CellRun]


class CellRuns:
    """Watches a shell's cells; its two methods are IPython's callbacks.

    Parameters
    ----------
    session
        Where events go.
    shell
        IPython's shell, for the user's namespace.
    """

    def __init__(self, session: Session, shell: Any) -> None:
        self._session, self._shell = session, shell
        self._local = _Stack()
        self.last_event: SelfDescribing | None = None

    def begin(self, info: Any = None, *_: Any, **__: Any) -> None:
        """Note the start of a cell (``pre_run_cell``)."""
        try:
            if not self._session.enabled or self._session.settings.cells == "off":
                return
            options = find_header(info.raw_cell or "")
            if options is None and self._session.settings.cells == "marked" and not self._stack:
                return
            self._drop_lost(info)
            try:
                header = parse_header(options) if options is not None else None
            except HeaderError:  # the cell's first line tells the user
                header = None
            run = CellRun(info, header)
            self._stack.append(run)
            if len(self._stack) == 1:
                spans.enter_run(run.run_id)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not show in the user's cell
            self._session.note_fault("the start of a cell", error)

    def end(self, result: Any = None, *_: Any, **__: Any) -> None:
        """Send the run of a cell (``post_run_cell``)."""
        ended = time.perf_counter()
        try:
            if not self._stack:
                return
            run = self._pop(getattr(result, "info", None))
            if run is None:
                return
            error = _error_of(result, run)
            if self._stack:  # a magic ran this as a cell inside a cell: its error is the outer one's
                outer = self._stack[-1]
                outer.inner_error = error or run.inner_error or outer.inner_error
                return
            spans.enter_run(None)
            self._record(run, result, error or run.inner_error, ended)
        except Exception as error:  # noqa: BLE001 - as above
            self._session.note_fault("the end of a cell", error)

    @property
    def _stack(self) -> list[CellRun]:
        """The runs that go on in this thread: subshells run cells in threads of their own."""
        try:
            return self._local.stack
        except AttributeError:
            self._local.stack = []
            return self._local.stack

    def _pop(self, info: Any) -> CellRun | None:
        if info is None:  # IPython lost the result of a cell that ended in a BaseException
            return self._stack.pop()
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index].info is info:
                run = self._stack[index]
                del self._stack[index:]  # those above it never ended
                return run
        return None

    def _drop_lost(self, info: Any) -> None:
        """Forget runs whose end never came: what a magic runs inside a cell is not stored in the history."""
        if self._stack and getattr(info, "store_history", False):
            self._stack.clear()

    def _record(self, run: CellRun, result: Any, error: BaseException | None, ended: float) -> None:
        session, settings = self._session, self._session.settings
        event = self.describe(run, result, error, ended)
        self.last_event = event
        parent = session.record(event, "a cell's run")
        wants = settings.error_messages or settings.tracebacks
        if parent and error is not None and wants and _status(error, result) == "error":
            session.record(self._describe_error(parent, error), "a cell's error")

    def describe(
        self, run: CellRun, result: Any, error: BaseException | None, ended: float
    ) -> SelfDescribing:
        """Make the event of a cell's run: names and numbers; text only where the settings ask for it."""
        settings, info, header = self._session.settings, run.info, run.header or Header()
        source = info.raw_cell or ""
        status = _status(error, result)
        memory = measure_memory()
        wants_source = settings.source if header.source is None else header.source
        data = own.drop_unknown(
            {
                "run_id": run.run_id,
                "name": header.name[: own.NAME_LENGTH] if header.name else None,
                "label": header.label[: own.TEXT_LENGTH] if header.label else None,
                "cell_id": (getattr(info, "cell_id", None) or "")[:64] or None,
                "execution_count": getattr(result, "execution_count", None),
                "status": status,
                "duration_ms": round((ended - run.started) * 1000),
                "cpu_ms": round((time.process_time() - run.cpu) * 1000),
                "memory_delta_mb": None if memory is None or run.memory is None
                else round((memory - run.memory) / 2**20, 1),
                "source_lines": source.count("\n") + (not source.endswith("\n")),
                "magics": _list_magics(info) or None,
                "error_class": type(error).__name__[: own.NAME_LENGTH] if error is not None else None,
                "source": self._clean(source, own.CODE_LENGTH) if wants_source else None,
                "error_message": self._clean(str(error), _MESSAGE_LENGTH)
                if error is not None and settings.error_messages else None,
                "traceback": self._clean(_format(error), _TRACE_LENGTH)
                if error is not None and settings.tracebacks else None,
                "properties": own.list_properties(self._evaluate(header)) or None,
            }
        )  # fmt: skip
        return SelfDescribing(
            SelfDescribingJson(own.CELL_RUN, data),
            context=self._find_entities(header),
            event_id=str(uuid.uuid4()),
        )

    def _describe_error(self, parent_id: str, error: BaseException) -> ApplicationError:
        settings = self._session.settings
        parent = SelfDescribingJson(own.PARENT_EVENT, {"parentEventId": parent_id})
        return ApplicationError(
            message=self._clean(str(error), _MESSAGE_LENGTH)
            if settings.error_messages
            else type(error).__name__,
            exception_name=type(error).__name__[: own.TEXT_LENGTH],
            stack_trace=self._clean(_format(error), _TRACE_LENGTH) if settings.tracebacks else None,
            context=[parent],
        )

    def _clean(self, text: str, length: int) -> str:
        return redact(text, self._session.settings.redact)[:length]

    def _evaluate(self, header: Header) -> list[tuple[str, Any]]:
        pairs = []
        for name, text in header.properties:
            try:
                pairs.append((name, expressions.evaluate_property(text, self._shell.user_ns)))
            except Exception as error:  # noqa: BLE001 - the user's expression may raise anything; the cell has run
                self._session.note_fault(f"the property {name}", error)
        return pairs

    def _find_entities(self, header: Header) -> list[SelfDescribingJson]:
        found: list[SelfDescribingJson] = []
        for text in header.entities:
            try:
                found += expressions.evaluate_entity(text, self._shell.user_ns)
            except Exception as error:  # noqa: BLE001 - as above
                self._session.note_fault(f"the entity {text}", error)
        return found


def measure_memory() -> int | None:
    """Give the most memory this process has held, in bytes; None where the system does not tell."""
    try:
        import resource  # noqa: PLC0415 - Windows and Pyodide have none
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAX_RSS_UNIT


def _error_of(result: Any, run: CellRun) -> BaseException | None:
    error = getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)
    if error is not None or result is None:
        return error
    shown = getattr(sys, "last_value", None)
    return None if shown is run.shown_error else shown


def _status(error: BaseException | None, result: Any) -> str:
    if error is None:
        return "ok" if result is not None else "interrupted"
    status = spans.classify(error)
    # IPython compiles each statement when its turn comes: an interrupt between two is one "before execution", too
    refused = status == "error" and getattr(result, "error_before_exec", None) is error
    return "syntax_error" if refused else status


def _format(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _list_magics(info: Any) -> list[str]:
    """List the names of the magics a cell uses, not what they are given."""
    code = getattr(info, "transformed_cell", None) or ""
    raw = info.raw_cell or ""
    found: dict[str, None] = {}
    if "%" not in raw and "run_line_magic" not in code:
        return []
    for line in raw.splitlines():
        word = line.lstrip().partition(" ")[0].strip()
        if word.startswith("%") and len(word) > 1 and (name := word.lstrip("%").rstrip("?")).isidentifier():
            found["%" * (2 if word.startswith("%%") else 1) + name[:62]] = None
    return [name for name in found if name != "%%track"][:50]
