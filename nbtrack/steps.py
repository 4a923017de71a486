"""nbtrack.track: a context manager and a decorator for steps of an analysis, and one-off events."""

import contextvars
import functools
import inspect
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

from nbtrack.runtime import events as own
from nbtrack.runtime import find_session, session
from nbtrack.tracker import Event, SelfDescribing, SelfDescribingJson

__all__ = ["Step", "track"]

Status = Literal["ok", "error", "interrupted", "exited"]

_current: contextvars.ContextVar["Step | None"] = contextvars.ContextVar("nbtrack_step", default=None)
_Function = TypeVar("_Function", bound=Callable[..., Any])
# the id of the cell's run that goes on; a notebook runs one cell at a time, whatever the thread or task that asks
_cell_run: list[str | None] = [None]

_WHAT_FITS = (
    "nbtrack.track takes a name (with nbtrack.track('fit') as step), a function (@nbtrack.track) "
    "or an event (nbtrack.track(PageView(…)))"
)


class Step:
    """One step of an analysis: a context manager, and a decorator of functions of every kind.

    Parameters
    ----------
    name : str, optional
        The step's name; a decorated function's own where not given.
    label : str, optional
        A word for telling runs of the same step apart.

    Attributes
    ----------
    rows_in, rows_out : int or None
        Numbers of rows that went in and came out; a decorated function's frames set them.

    Examples
    --------
    >>> import nbtrack
    >>> with nbtrack.track("fit model", label="baseline") as step:
    ...     step.rows_in = 1_000
    ...     step["auc"] = 0.91
    """

    __slots__ = (
        "_entities", "_error", "_parent", "_properties", "_started", "_token",
        "label", "name", "rows_in", "rows_out", "step_id",
    )  # fmt: skip

    def __init__(self, name: str | None = None, label: str | None = None) -> None:
        self.name, self.label = name, label
        self.rows_in: int | None = None
        self.rows_out: int | None = None
        self.step_id: str | None = None
        self._properties: dict[str, Any] = {}
        self._entities: list[SelfDescribingJson] = []
        self._started = 0.0
        self._parent: Step | None = None
        self._token: contextvars.Token[Step | None] | None = None

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
        return f"Step(name={self.name!r}, label={self.label!r})"

    # -- context manager

    def __enter__(self) -> Self:
        self._begin()
        if self._started:
            self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            try:
                _current.reset(self._token)
            except ValueError:  # left in another context than entered: a generator closed elsewhere
                _current.set(self._parent)
            self._token = None
        self._end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    # -- decorator

    def __call__(self, function: Callable[..., Any]) -> Any:
        """Decorate a function: each call becomes an event of its own."""
        if not callable(function):
            raise TypeError(f"{_WHAT_FITS}; not {type(function).__name__}")
        return _decorate(function, self.name, self.label)

    # -- inside

    def _begin(self) -> None:
        active = find_session()
        if active is None or not active.enabled:
            self._started = 0.0
            return
        self.step_id = str(uuid.uuid4())
        self._parent = _current.get()
        self._started = time.perf_counter()

    def _end(self, error: BaseException | None) -> None:
        started, self._started = self._started, 0.0
        active = find_session()
        if not started or active is None:
            return
        try:
            event = self._describe(time.perf_counter() - started, error)
        except Exception as fault:  # noqa: BLE001 - a fault of ours must not replace the user's result or error
            active.note_fault("a step", fault)
        else:
            active.record(event, "a step")

    def _describe(self, seconds: float, error: BaseException | None) -> SelfDescribing:
        data = own.drop_unknown(
            {
                "name": (self.name or "step")[: own.NAME_LENGTH],
                "label": self.label[: own.TEXT_LENGTH] if self.label else None,
                "kind": "step",
                "status": classify(error),
                "duration_ms": round(seconds * 1000),
                "step_id": self.step_id,
                "parent_id": self._parent.step_id if self._parent else None,
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
    if error is None or isinstance(error, GeneratorExit):
        return "ok"
    # by its name, as asyncio is slow to load
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError":
        return "interrupted"
    return "exited" if isinstance(error, SystemExit) else "error"


def enter_run(run_id: str | None) -> None:
    """Say which cell's run the steps that follow belong to; None ends it."""
    _cell_run[0] = run_id


def find_run() -> str | None:
    """Give the id of the cell's run that goes on, or None."""
    return _cell_run[0]


@overload
def track(target: str, *, label: str | None = None) -> Step: ...
@overload
def track(target: Event) -> str | None: ...
@overload
def track(target: _Function, *, label: str | None = None) -> _Function: ...
@overload
def track(target: None = None, *, label: str | None = None) -> Step: ...
def track(target: Any = None, *, label: str | None = None) -> Any:
    """Track a step of an analysis, a function's calls, or one event.

    Parameters
    ----------
    target : str, callable or Event, optional
        A name: gives a step for ``with`` and for decorating. A function (sync, async, generator, async generator,
        method or class): gives the same function, each call of which is a step. An event: sends it.
    label : str, optional
        Of the step: a word for telling its runs apart.

    Returns
    -------
    Step, function or str
        For an event its id, or None where tracking is off.

    Raises
    ------
    TypeError
        For anything else.
    RuntimeError
        For an event when no session runs.

    Notes
    -----
    Frames that go into and come out of a decorated function are counted: rows and columns, never values, and nothing
    lazy is computed. With tracking off, or without a session, steps do nothing.

    Examples
    --------
    >>> @track
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    """
    if target is None or isinstance(target, str):
        return Step(target, label)
    if isinstance(target, Event):
        return session().record(target, "nbtrack.track")
    if callable(target) or isinstance(target, classmethod):
        return _decorate(target, None, label)
    raise TypeError(f"{_WHAT_FITS}; not {type(target).__name__}")


def send_analysis(
    name: str, properties: list[tuple[str, Any]], entities: list[SelfDescribingJson]
) -> str | None:
    """Send one ``analysis`` event of kind ``event``, now."""
    data = own.drop_unknown(
        {
            "name": name[: own.NAME_LENGTH],
            "kind": "event",
            "run_id": find_run(),
            "properties": own.list_properties(properties) or None,
        }
    )
    event = SelfDescribing(
        SelfDescribingJson(own.ANALYSIS, data), context=entities, event_id=str(uuid.uuid4())
    )
    return session().record(event, f"%track {name}")


def _count(rows: Any) -> int | None:
    try:
        return None if rows is None else max(0, int(rows))
    except (TypeError, ValueError, OverflowError):
        return None


def _is_off() -> bool:
    active = find_session()
    return active is None or not active.enabled


def _decorate(function: Callable[..., Any], name: str | None, label: str | None) -> Callable[..., Any]:
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(_decorate(function.__func__, name, label))
    if isinstance(function, type):
        return _decorate_class(function, name, label)
    name = name or getattr(function, "__qualname__", type(function).__name__).replace("<locals>.", "")
    if inspect.iscoroutinefunction(function):
        return _wrap_coroutine(function, name, label)
    if inspect.isasyncgenfunction(function):
        return _wrap_async_generator(function, name, label)
    if inspect.isgeneratorfunction(function):
        return _wrap_generator(function, name, label)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _is_off():
            return function(*args, **kwargs)
        with Step(name, label) as step:
            step._take_frames([*args, *kwargs.values()], "in")
            result = function(*args, **kwargs)
            step._take_frames(_results(result), "out")
            return result

    return call


def _decorate_class(kind: type, name: str | None, label: str | None) -> type:
    """Track the calls of a class's instances."""
    method = kind.__dict__.get("__call__")
    if method is None:
        raise TypeError(f"{kind.__name__} has no __call__ of its own to track; decorate its methods instead")
    setattr(kind, "__call__", _decorate(method, name or kind.__name__, label))  # noqa: B010 - a type checker refuses the assignment
    return kind


def _wrap_coroutine(function: Callable[..., Any], name: str, label: str | None) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        if _is_off():
            return await function(*args, **kwargs)
        with Step(name, label) as step:
            step._take_frames([*args, *kwargs.values()], "in")
            result = await function(*args, **kwargs)
            step._take_frames(_results(result), "out")
            return result

    return call


def _wrap_generator(function: Callable[..., Any], name: str, label: str | None) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        if _is_off():
            return (yield from function(*args, **kwargs))
        # the step is current only while the generator's own code runs, so that steps of its consumer are no children
        step = Step(name, label)
        step._begin()
        step._take_frames([*args, *kwargs.values()], "in")
        error: BaseException | None = None
        try:
            return (yield from function(*args, **kwargs))
        except BaseException as raised:
            error = raised
            raise
        finally:
            step._end(error)

    return call


def _wrap_async_generator(function: Callable[..., Any], name: str, label: str | None) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        step = Step(name, label)
        step._begin()
        step._take_frames([*args, *kwargs.values()], "in")
        error: BaseException | None = None
        try:
            item = await anext(inner)
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    raise
                except BaseException as thrown:  # noqa: BLE001 - what a consumer throws in goes to the function
                    item = await inner.athrow(thrown)
                else:
                    item = await inner.asend(sent)
        except StopAsyncIteration:
            return
        except BaseException as raised:
            error = raised
            raise
        finally:
            await inner.aclose()
            step._end(error)

    return call


def _results(result: Any) -> list[Any]:
    return list(result) if type(result) in {tuple, list} and len(result) <= 20 else [result]  # noqa: PLR2004 - a few frames, not data
