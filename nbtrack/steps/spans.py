"""Spans: one stretch of work, timed and described, with what it knows of its parent and its cell's run."""

import contextlib
import contextvars
import time
import uuid
from types import TracebackType
from typing import Any, Literal, Self

from nbtrack.runtime import events as own
from nbtrack.runtime import find_session
from nbtrack.tracker import SelfDescribing, SelfDescribingJson

Status = Literal["ok", "error", "interrupted", "exited"]

_current: contextvars.ContextVar["_Run | None"] = contextvars.ContextVar("nbtrack_step", default=None)
# the id of the cell's run that goes on; a notebook runs one cell at a time, whatever the thread or task that asks
_cell_run: list[str | None] = [None]


class _Run:
    """One time that a span runs; a span that is entered again before its end, as by another thread, runs twice."""

    __slots__ = ("parent", "started", "step_id", "token")

    def __init__(self) -> None:
        self.step_id = str(uuid.uuid4())
        self.parent = _current.get()
        self.token: contextvars.Token[_Run | None] | None = None
        self.started = time.perf_counter()


class Span:
    """A stretch of work that becomes one ``analysis`` event of kind ``step`` at its end; a context manager.

    Parameters
    ----------
    name
        The step's name.
    label
        A word for telling runs of the same step apart.

    Attributes
    ----------
    rows_in, rows_out
        Numbers of rows that went in and came out; a decorated function's frames set them.
    step_id
        The id of the run that began last.
    """

    __slots__ = (
        "_entities", "_properties", "_runs", "label", "name", "rows_in", "rows_out", "step_id",
    )  # fmt: skip

    def __init__(self, name: str | None = None, label: str | None = None) -> None:
        self.name, self.label = name, label
        self.rows_in: int | None = None
        self.rows_out: int | None = None
        self.step_id: str | None = None
        self._properties: dict[str, Any] = {}
        self._entities: list[SelfDescribingJson] = []
        self._runs: list[_Run] = []

    def __setattr__(self, name: str, value: object) -> None:
        try:
            object.__setattr__(self, name, value)
        except AttributeError:
            raise AttributeError(
                f"a step has no attribute {name!r}; it has rows_in, rows_out and label, "
                f"and takes any property as step[{name!r}] = …"
            ) from None

    def __setitem__(self, name: str, value: object) -> None:
        if isinstance(value, type):
            raise TypeError(f"step[{name!r}] takes a value, not the class {value.__name__}")
        self._properties[name] = value

    def __getitem__(self, name: str) -> Any:
        return self._properties[name]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, label={self.label!r})"

    # -- context manager

    def __enter__(self) -> Self:
        if run := self._begin():
            run.token = _current.set(run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run = _current.get()
        if run not in self._runs:  # left in another context than entered: a generator closed elsewhere
            run = self._runs[-1] if self._runs else None
        if run is not None and run.token is not None:
            try:
                _current.reset(run.token)
            except ValueError:
                _current.set(run.parent)
        self._end(error, run)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    # -- inside

    def _begin(self) -> _Run | None:
        active = find_session()
        if active is None or not active.enabled:
            return None
        run = _Run()
        self.step_id = run.step_id
        self._runs.append(run)
        return run

    def _end(self, error: BaseException | None, run: _Run | None) -> None:
        if run is None:
            return
        seconds = time.perf_counter() - run.started
        with contextlib.suppress(ValueError):
            self._runs.remove(run)
        active = find_session()
        if active is None:
            return
        try:
            event = self._describe(run, seconds, error)
        except Exception as fault:  # noqa: BLE001 - a fault of ours must not replace the user's result or error
            active.note_fault("a step", fault)
        else:
            active.record(event, "a step")

    def _describe(self, run: _Run, seconds: float, error: BaseException | None) -> SelfDescribing:
        data = own.drop_unknown(
            {
                "name": _word(self.name, own.NAME_LENGTH) or "step",
                "label": _word(self.label, own.TEXT_LENGTH),
                "kind": "step",
                "status": classify(error),
                "duration_ms": round(seconds * 1000),
                "step_id": run.step_id,
                "parent_id": run.parent.step_id if run.parent else None,
                "run_id": find_run(),
                "rows_in": _count(self.rows_in),
                "rows_out": _count(self.rows_out),
                "error_class": type(error).__name__[: own.NAME_LENGTH] if error else None,
                "properties": own.list_properties(self._properties.items()) or None,
            }
        )
        return SelfDescribing(SelfDescribingJson(own.ANALYSIS, data), context=self._entities)

    def _take_frames(self, values: list[Any], role: Literal["in", "out"]) -> None:
        shapes = [shape for value in values if (shape := own.describe_frame(value, role))]
        self._entities += [own.frame_entity(shape) for shape in shapes]
        rows = [shape["rows"] for shape in shapes if shape["rows"] is not None]
        if rows and role == "in" and self.rows_in is None:
            self.rows_in = sum(rows)
        if rows and role == "out" and self.rows_out is None:
            self.rows_out = sum(rows)


def classify(error: BaseException | None) -> Status:
    """Give the status that an exception means; None means that all went well."""
    kind = type(error)  # what an exception says of its own class may be anything
    if error is None or issubclass(kind, GeneratorExit):
        return "ok"
    # by its name, as asyncio is slow to load
    if issubclass(kind, KeyboardInterrupt) or kind.__name__ == "CancelledError":
        return "interrupted"
    return "exited" if issubclass(kind, SystemExit) else "error"


def enter_run(run_id: str | None) -> None:
    """Say which cell's run the steps that follow belong to; None ends it."""
    _cell_run[0] = run_id


def find_run() -> str | None:
    """Give the id of the cell's run that goes on, or None."""
    return _cell_run[0]


def _word(value: Any, length: int) -> str | None:
    """Give what a user named something as a text; of a frame only its shape."""
    shown = own.show_value(value)
    return None if shown is None else str(shown)[:length] or None


def _count(rows: Any) -> int | None:
    try:
        return None if rows is None else max(0, int(rows))
    except (TypeError, ValueError, OverflowError):
        return None
