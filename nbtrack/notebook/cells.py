"""Runs of cells: from IPython's callbacks to ``cell_run`` events.

Source of the rules: IPython swallows what a callback raises but shows it in the user's cell, so nothing is raised here;
callbacks may come unpaired, so runs are matched by IPython's own ``info`` object.
"""

import collections
import sys
import threading
import time
import traceback
from types import FrameType
from typing import Any

from nbtrack.notebook import expressions
from nbtrack.notebook.header import Header, HeaderError, find_header, parse_header
from nbtrack.notebook.lost import LostRuns
from nbtrack.notebook.runs import CellRun
from nbtrack.runtime import Session
from nbtrack.runtime import events as own
from nbtrack.runtime.redaction import redact
from nbtrack.steps import step as steps
from nbtrack.tracker import ApplicationError, SelfDescribing, SelfDescribingJson
from nbtrack.tracker.ids import new_id

_MESSAGE_LENGTH, _TRACE_LENGTH = 2048, 8192
_NO_HEADER = Header()


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
        self.session, self._shell = session, shell  # the session changes where the user starts another
        self._local = _Stack()
        self._ended: collections.deque[CellRun] = collections.deque()
        self._others: collections.deque[int] = collections.deque(maxlen=20)
        self.lost = LostRuns(session)
        self.last_event: SelfDescribing | None = None
        self.last_run: CellRun | None = None

    def begin(self, info: Any = None, *_: Any, **__: Any) -> None:
        """Note the start of a cell (``pre_run_cell``)."""
        try:
            self.track_pending()
            session, stack = self.session, self._stack
            if not session.enabled or (wanted := session.settings.cells) == "off":
                return
            if stack:
                self._drop_lost(stack, info)
            options = find_header(_without_prompts(info.raw_cell or ""))
            if options is None and wanted == "marked" and not stack:
                return
            try:
                header = parse_header(options) if options is not None else None
            except HeaderError:  # the cell's first line reports it
                header = None
            run = CellRun(info, header, shown=self._last_shown())
            stack.append(run)
            if len(stack) == 1:
                steps.enter_run(run.run_id)
                name = header.name[: own.NAME_LENGTH] if header is not None and header.name else ""
                session.activities.begin(run.run_id, "cell", name)
                self.lost.begin(run)
            run.start_clock()
        except Exception as error:  # noqa: BLE001 - an internal error must not show in the user's cell
            self.session.note_fault("the start of a cell", error)

    def stop_clock(self, *_: Any, **__: Any) -> None:
        """Note the end of a cell's code (``post_execute``), before other extensions' hooks take their time."""
        if stack := self._stack:
            stack[-1].stop_clock()

    def keep_order(self) -> None:
        """Stand last before a cell and first after it, whatever was loaded since."""
        callbacks = self._shell.events.callbacks
        before, after = callbacks["pre_run_cell"], callbacks["post_execute"]
        if self.begin in before and before[-1] != self.begin:
            before.remove(self.begin)
            before.append(self.begin)
        if self.stop_clock in after and after[0] != self.stop_clock:
            after.remove(self.stop_clock)
            after.insert(0, self.stop_clock)

    def end(self, result: Any = None, *_: Any, **__: Any) -> None:
        """Note the end of a cell (``post_run_cell``), and have its run sent."""
        ended = time.perf_counter()
        try:
            stack = self._stack
            if not stack:
                return
            run = _pop(stack, getattr(result, "info", None))
            if run is None:
                return
            run.finish(result, ended)
            if (own_error := run.own_error) is not None:
                self._others.append(id(own_error))
            elif (shown := self._find_shown(run)) is not None:
                run.error = shown
            self.keep_order()
            if stack:  # a magic ran this as a cell inside a cell: its error is the outer one's
                outer = stack[-1]
                outer.error = run.error or outer.error
                return
            steps.enter_run(None)
            self.lost.end()
            if (loop := self._find_loop(run)) is None:
                self._record(run)
            else:
                self._ended.append(run)
                loop.call_soon(self.track_pending)
        except Exception as error:  # noqa: BLE001 - as above
            self.session.note_fault("the end of a cell", error)

    def _find_shown(self, run: CellRun) -> BaseException | None:
        """Return the error that IPython has shown during a cell it calls a success, as that of a script of `%run`."""
        error: BaseException | None = getattr(sys, "last_value", None)
        # %tb shows the last one again; a subshell's cell that failed meanwhile has it as its own
        if run.result is None or error is None or error is run.earlier_error or id(error) in self._others:
            return None
        shown, caught = self._last_shown(), error.__traceback__
        # shown by this shell, or caught by its method that runs a script; `sys.last_value` may be another shell's
        is_ours = caught is not None and (
            (caught is shown and shown is not run.shown)
            or caught.tb_frame.f_locals.get("self") is self._shell
        )
        return error if is_ours else None

    def _last_shown(self) -> Any:
        """Return the traceback that this shell has shown last."""
        return getattr(getattr(self._shell, "InteractiveTB", None), "tb", None)

    def track_pending(self) -> None:
        """Send the run that ended last, if that was put off until the kernel's reply was out."""
        while self._ended:
            try:
                self._record(self._ended.popleft())
            except IndexError:  # another thread was quicker
                return
            except Exception as error:  # noqa: BLE001 - as above
                self.session.note_fault("the end of a cell", error)

    def _find_loop(self, run: CellRun) -> Any:
        """Find the loop that will come round once the kernel has replied; None where the run is sent at once.

        Whatever happens after that, such as the next cell, finds the run sent. The user's own expressions are
        evaluated at once, so such a run is sent at once.
        """
        if not hasattr(self._shell, "kernel") or (
            run.header and (run.header.properties or run.header.entities)
        ):
            return None
        import asyncio  # noqa: PLC0415 - a kernel has loaded it, and a terminal need not

        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            return None

    @property
    def _stack(self) -> list[CellRun]:
        """The runs that go on in this thread: subshells run cells in threads of their own."""
        try:
            return self._local.stack
        except AttributeError:
            self._local.stack = []
            return self._local.stack

    def _drop_lost(self, stack: list[CellRun], info: Any) -> None:
        """Forget runs whose end never came; those that this cell runs inside are still being executed."""
        if not getattr(info, "store_history", False):
            return
        executed = _find_executed()
        for run in [run for run in stack if not any(run.info is other for other in executed)]:
            stack.remove(run)
            self.session.activities.end(run.run_id)
        if not stack:
            steps.enter_run(None)

    def _record(self, run: CellRun) -> None:
        session, settings = self.session, self.session.settings
        event = self.describe(run)
        self.last_event, self.last_run = event, run
        if run.left_out:
            report_left_out("%%track", run.left_out)
        for note in run.notes:
            sys.stderr.write(f"%%track: {note}\n")
        self.lost.report()
        parent = session.track_safely(event, "a cell's run", ended=run.ended)
        session.activities.end(run.run_id)
        if (
            parent and run.error is not None and run.status == "error"
            and (settings.error_messages or settings.tracebacks)
        ):  # fmt: skip
            session.track_safely(self._describe_error(parent, run.error), "a cell's error")

    def describe(self, run: CellRun) -> SelfDescribing:
        """Return the event of a cell run: names and numbers; text only if the settings allow it."""
        settings, info, header = self.session.settings, run.info, run.header or _NO_HEADER
        source, error = info.raw_cell or "", run.error
        wants_source = self._wants_source(run, header)
        data = own.drop_unknown(
            {
                "run_id": run.run_id,
                "name": header.name[: own.NAME_LENGTH] if header.name else None,
                "label": header.label[: own.TEXT_LENGTH] if header.label else None,
                "cell_id": (getattr(info, "cell_id", None) or "")[:64] or None,
                "execution_count": getattr(run.result, "execution_count", None),
                "status": run.status,
                "duration_ms": round(run.seconds * 1000),
                "cpu_ms": round(run.cpu_seconds * 1000),
                "memory_delta_mb": _to_mib(run.memory_delta),
                "source_lines": source.count("\n") + (not source.endswith("\n")),
                "magics": run.list_magics() or None,
                "error_class": type(error).__name__[: own.NAME_LENGTH] if error is not None else None,
                "source": self._clean(source, own.CODE_LENGTH) if wants_source else None,
                "error_message": self._clean(str(error), _MESSAGE_LENGTH)
                if error is not None and settings.error_messages else None,
                "traceback": self._clean(_format(error), _TRACE_LENGTH)
                if error is not None and settings.tracebacks else None,
                "properties": own.list_properties(self._evaluate(run, header)) or None,
            }
        )  # fmt: skip
        return SelfDescribing(
            SelfDescribingJson(own.CELL_RUN, data),
            context=self._find_entities(run, header),
            event_id=new_id(),
        )

    def _wants_source(self, run: CellRun, header: Header) -> bool:
        settings = self.session.settings
        by_settings = bool(settings.source)
        if header.source in {None, by_settings}:
            return by_settings
        if locked := settings.explain_lock("source"):
            run.notes.append(locked)
            return by_settings
        return bool(header.source)

    def _describe_error(self, parent_id: str, error: BaseException) -> ApplicationError:
        settings = self.session.settings
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
        return redact(text, self.session.settings.redact)[:length]

    def _evaluate(self, run: CellRun, header: Header) -> list[tuple[str, Any]]:
        pairs = []
        for name, text in header.properties:
            try:
                pairs.append((name, expressions.evaluate_property(text, self._shell.user_ns)))
            except BaseException as error:  # noqa: BLE001 - an expression may raise anything; the cell has run
                run.left_out.append(f"property {name} ({type(error).__name__})")
        return pairs

    def _find_entities(self, run: CellRun, header: Header) -> list[SelfDescribingJson]:
        found: list[SelfDescribingJson] = []
        for number, text in enumerate(header.entities, 1):
            try:
                found += expressions.evaluate_entity(text, self._shell.user_ns)
            except BaseException as error:  # noqa: BLE001 - as above
                run.left_out.append(f"entity {number} ({type(error).__name__})")
        return found


def _pop(stack: list[CellRun], info: Any) -> CellRun | None:
    if info is None:  # IPython lost the result of a cell that ended in a BaseException
        return stack.pop()
    for index in range(len(stack) - 1, -1, -1):
        run = stack[index]
        if run.info is info:
            del stack[index:]  # those above it never ended
            return run
    # where IPython itself failed, as on an error that cannot be shown, it makes up an info for the result
    return stack.pop() if stack[-1].info.raw_cell == info.raw_cell else None


def _to_mib(size: int | None) -> float | None:
    if size is None:
        return None
    # of an integral float JSON is made twice, and most cells have 0.0
    mib = round(size / 2**20, 1)
    return int(mib) if mib.is_integer() else mib


def _find_executed() -> list[Any]:
    """Return what IPython is executing on this thread, by its description of each cell."""
    found = []
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the public `inspect` reads source files
    while frame is not None:
        if frame.f_code.co_name == "run_cell_async":
            found.append(frame.f_locals.get("info"))
        frame = frame.f_back
    return found


def _without_prompts(cell: str) -> str:
    """Return a cell as IPython will see it, if it was pasted with the prompts of a shell."""
    if not cell.lstrip().startswith((">>>", "In [")):
        return cell
    from IPython.core.inputtransformer2 import (  # noqa: PLC0415 - loaded by IPython
        classic_prompt,
        ipython_prompt,
        leading_empty_lines,
        leading_indent,
    )

    lines = cell.splitlines(keepends=True)
    for transform in (leading_empty_lines, leading_indent, classic_prompt, ipython_prompt):
        lines = transform(lines)
    return "".join(lines)


def report_left_out(magic: str, left_out: list[str]) -> None:
    """Write one line about failed expressions to stderr: names and classes, never an expression or its message."""
    sys.stderr.write(f"{magic}: left out, as the expression failed: {', '.join(left_out)}\n")


def _format(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
