"""`track`: for a step, for a function, and for one event."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, overload

from nbtrack.runtime import events as own
from nbtrack.runtime import session
from nbtrack.steps.functions import decorate
from nbtrack.steps.step import EXPECTED, Step, find_run
from nbtrack.tracker import Event, SelfDescribing, SelfDescribingJson

_Function = TypeVar("_Function", bound=Callable[..., Any])


@overload
def track(target: str, *, label: str | None = None) -> Step: ...
@overload
def track(target: Event) -> str | None: ...
@overload
def track(target: _Function, *, label: str | None = None) -> _Function: ...
@overload
def track(target: None = None, *, label: str | None = None) -> Step: ...
def track(target: Any = None, *, label: str | None = None, **misplaced: Any) -> Any:
    """Track a step of an analysis, a function's calls, or one event.

    Parameters
    ----------
    target : str, callable or Event, optional
        A name: returns a step for ``with`` and for decorating. A function (sync, async, generator, async generator,
        method or class): returns the same function, and each call is a step. An event: is tracked.
    label : str, optional
        A word that tells runs of the step apart.
    **misplaced
        Not accepted: set properties inside the step, as ``step["auc"] = 0.91``.

    Returns
    -------
    Step, function or str
        For an event its id, or None if tracking is off.

    Raises
    ------
    TypeError
        For anything else, for an event with placeholders, and for data without a JSON form.
    InvalidEvent
        With the setting ``validate="raise"``, for an event that does not match its schemas.
    RuntimeError
        For an event, if no session runs.

    Notes
    -----
    DataFrames passed to and returned from a decorated function are counted: rows and columns, never values, and nothing
    lazy is computed. If tracking is off or no session runs, steps do nothing.

    Examples
    --------
    >>> @track
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    """
    for name in misplaced:
        raise TypeError(
            f"nbtrack.track has no argument {name}=; use with nbtrack.track('fit') as step, then step[{name!r}] = …, or "
            "step.rows_in = … for rows_in and rows_out"
        )
    if label is not None and (not isinstance(label, str) or isinstance(target, Event)):
        raise TypeError(f"label must be a str and belongs to a step, got label={label!r} for {target!r}")
    if target is None or isinstance(target, str):
        return Step(target, label)
    if isinstance(target, Event):
        return session().track_or_raise(target)
    if isinstance(target, type) and issubclass(target, Event):
        raise TypeError(
            f"nbtrack.track takes an event, got its class: use nbtrack.track({target.__name__}(…))"
        )
    if isinstance(target, SelfDescribingJson):
        raise TypeError(
            "nbtrack.track takes an event, got a SelfDescribingJson: wrap it in SelfDescribing(…)"
        )
    if callable(target) or isinstance(target, classmethod):
        return decorate(target, None, partial(Step, label=label))
    raise TypeError(f"{EXPECTED}, got {type(target).__name__}")


def send_analysis(
    name: str, properties: list[tuple[str, Any]], entities: list[SelfDescribingJson]
) -> str | None:
    """Track one ``analysis`` event of kind ``event``."""
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
    return session().track_safely(event, f"%track {name}")
