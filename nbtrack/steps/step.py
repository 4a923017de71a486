"""`Step`: one piece of work, timed and described, with its parent step and the cell run it belongs to."""

import contextlib
import contextvars
import time
import uuid
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self

from nbtrack.runtime import events as own
from nbtrack.runtime import find_session
from nbtrack.steps.functions import decorate
from nbtrack.steps.scripts import warn_of_lost_session
from nbtrack.tracker import SelfDescribing, SelfDescribingJson

Status = Literal["ok", "error", "interrupted", "exited"]
EXPECTED = (
    "nbtrack.track takes a name (with nbtrack.track('fit') as step), a function (@nbtrack.track) "
    "or an event (nbtrack.track(PageView(…)))"
)
"""What `track` accepts, for messages."""

_current: contextvars.ContextVar["_Run | None"] = contextvars.ContextVar("nbtrack_step", default=None)
# id of the current cell run; a notebook runs one cell at a time, whatever the thread or task that asks
_cell_run: list[str | None] = [None]


class _Run:
    """One run of a step; a step entered again before it ends, as by another thread, has two."""

    __slots__ = ("parent", "started", "step_id", "token")

    def __init__(self) -> None:
        self.step_id = str(uuid.uuid4())
        self.parent = _current.get()
        self.token: contextvars.Token[_Run | None] | None = None
        self.started = time.perf_counter()


class Step:
    """One step of an analysis: a context manager, and a decorator for functions of every kind.

    Each run becomes one ``analysis`` event of kind ``step`` when it ends.

    Parameters
    ----------
    name : str, optional
        Name of the step; by default the decorated function's.
    label : str, optional
        A word that tells runs of the same step apart.

    Attributes
    ----------
    rows_in, rows_out : int or None
        Numbers of rows that went in and came out; set from the DataFrames of a decorated function.
    step_id : str or None
        Id of the run that began last.

    Examples
    --------
    >>> import nbtrack
    >>> with nbtrack.track("fit model", label="baseline") as step:
    ...     step.rows_in = 1_000
    ...     step["auc"] = 0.91
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
                f"and any property can be set as step[{name!r}] = …"
            ) from None

    def __setitem__(self, name: str, value: object) -> None:
        if isinstance(value, type):
            raise TypeError(f"step[{name!r}] must be a value, got the class {value.__name__}")
        self._properties[name] = value

    def __getitem__(self, name: str) -> Any:
        return self._properties[name]

    def __call__(self, function: Callable[..., Any]) -> Any:
        """Decorate a function: each call is a run of this step."""
        if not callable(function):
            raise TypeError(f"{EXPECTED}, got {type(function).__name__}")
        return decorate(function, self.name, partial(Step, label=self.label))

    def __repr__(self) -> str:
        shown = {"label": self.label, "rows_in": self.rows_in, "rows_out": self.rows_out, **self._properties}
        parts = [
            repr(self.name),
            *(f"{name}={value!r}" for name, value in shown.items() if value is not None),
        ]
        return f"<step {', '.join(parts)}>"

    # -- context manager

    def __enter__(self) -> Self:
        if run := self._begin():
            run.token = _current.set(run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run = _current.get()
        if run not in self._runs:  # exited in another context than entered: a generator closed elsewhere
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
        if active is None:
            warn_of_lost_session()
        if active is None or not active.enabled:
            return None
        run = _Run()
        self.step_id = run.step_id
        self._runs.append(run)
        parent = run.parent.step_id if run.parent else find_run()
        active.activities.begin(run.step_id, "step", _word(self.name, own.NAME_LENGTH) or "step", parent)
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
        except Exception as error_in_nbtrack:  # noqa: BLE001 - an internal error must not replace the user's result or exception
            active.note_fault("a step", error_in_nbtrack)
        else:
            active.track_safely(event, "a step")
        active.activities.end(run.step_id)

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
    """Return the status that an exception means; None means success."""
    kind = type(error)  # an exception may override __class__
    if error is None or issubclass(kind, GeneratorExit):
        return "ok"
    # compared by name: asyncio is slow to load
    if issubclass(kind, KeyboardInterrupt) or kind.__name__ == "CancelledError":
        return "interrupted"
    return "exited" if issubclass(kind, SystemExit) else "error"


def enter_run(run_id: str | None) -> None:
    """Set the id of the cell run that following steps belong to; None ends it."""
    _cell_run[0] = run_id


def find_run() -> str | None:
    """Return the id of the current cell run, or None."""
    return _cell_run[0]


def _word(value: Any, length: int) -> str | None:
    """Return a user's name for something as a str; of a DataFrame only its shape."""
    shown = own.show_value(value)
    return None if shown is None else str(shown)[:length] or None


def _count(rows: Any) -> int | None:
    try:
        return None if rows is None else max(0, int(rows))
    except (TypeError, ValueError, OverflowError):
        return None
