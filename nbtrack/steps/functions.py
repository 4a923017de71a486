"""Decorated functions: one wrapper for each kind of function; each call is a run of a step."""

import contextlib
import functools
import inspect
import types
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeAlias

from nbtrack.runtime import find_session
from nbtrack.steps.scripts import warn_of_lost_session

FUNCTION_TYPES = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
StepFactory: TypeAlias = Callable[[str], Any]
"""Makes a `Step` of its name; handed in, because a step is itself a decorator."""


def decorate(function: Callable[..., Any], name: str | None, make_step: StepFactory) -> Callable[..., Any]:
    """Return a function of the same kind, each call of which is a run of a step; of a class, its instances' calls.

    Parameters
    ----------
    function
        Sync, async, generator or async generator function, method of any kind, class or other callable.
    name
        Name of the step; the function's own by default.
    make_step
        Makes a step of a name: called once for each call of the function.

    Raises
    ------
    TypeError
        For a class without a ``__call__`` of its own.
    """
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(decorate(function.__func__, name, make_step))
    if isinstance(function, type):
        return _decorate_class(function, name, make_step)
    name = name or getattr(function, "__qualname__", type(function).__name__).replace("<locals>.", "")
    call = _wrapper_for(function)(function, name, make_step)
    if not isinstance(function, FUNCTION_TYPES):
        _add_methods(call, function)
    return call


def _wrapper_for(
    function: Callable[..., Any],
) -> Callable[[Callable[..., Any], str, StepFactory], Callable[..., Any]]:
    # an object is called by a method of its class, which may be async or a generator
    called = function if isinstance(function, FUNCTION_TYPES) else getattr(type(function), "__call__", None)  # noqa: B004 - the method itself
    for is_of_kind, wrapper in (
        (inspect.iscoroutinefunction, _wrap_coroutine),
        (inspect.isasyncgenfunction, _wrap_async_generator),
        (inspect.isgeneratorfunction, _wrap_generator),
    ):
        if is_of_kind(function) or is_of_kind(called):
            return wrapper
    return _wrap_function


def _add_methods(call: Callable[..., Any], callable_object: Callable[..., Any]) -> None:
    """Set the public methods of a callable object on its wrapper, such as ``cache_clear`` of a cached function."""
    for name in dir(type(callable_object)):
        if not name.startswith("_") and callable(getattr(type(callable_object), name, None)):
            with contextlib.suppress(Exception):
                setattr(call, name, getattr(callable_object, name))


def _wrap_function(function: Callable[..., Any], name: str, make_step: StepFactory) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _is_off():
            return function(*args, **kwargs)
        with make_step(name) as step:
            step._take_frames([*args, *kwargs.values()], "in")
            result = function(*args, **kwargs)
            step._take_frames(_results(result), "out")
            return result

    return call


def _decorate_class(kind: type, name: str | None, make_step: StepFactory) -> type:
    """Track the calls of a class's instances."""
    method = kind.__dict__.get("__call__")
    if method is None:
        raise TypeError(f"{kind.__name__} has no __call__ of its own to track; decorate its methods instead")
    setattr(kind, "__call__", decorate(method, name or kind.__name__, make_step))  # noqa: B010 - a type checker rejects the assignment
    return kind


def _wrap_coroutine(function: Callable[..., Any], name: str, make_step: StepFactory) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        if _is_off():
            return await function(*args, **kwargs)
        with make_step(name) as step:
            step._take_frames([*args, *kwargs.values()], "in")
            result = await function(*args, **kwargs)
            step._take_frames(_results(result), "out")
            return result

    return call


def _wrap_generator(function: Callable[..., Any], name: str, make_step: StepFactory) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        if _is_off():
            return (yield from function(*args, **kwargs))
        # not entered: steps of the generator's consumer are not its children
        step = make_step(name)
        run = step._begin()
        step._take_frames([*args, *kwargs.values()], "in")
        error: BaseException | None = None
        try:
            return (yield from function(*args, **kwargs))
        except BaseException as raised:
            error = raised
            raise
        finally:
            step._end(error, run)

    return call


def _wrap_async_generator(
    function: Callable[..., Any], name: str, make_step: StepFactory
) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        step = make_step(name)
        run = step._begin()
        step._take_frames([*args, *kwargs.values()], "in")
        error: BaseException | None = None
        try:
            item = await anext(inner)
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    raise
                except BaseException as thrown:  # noqa: BLE001 - thrown in by the consumer, raised in the function
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
            step._end(error, run)

    return call


def _results(result: Any) -> list[Any]:
    return list(result) if type(result) in {tuple, list} and len(result) <= 20 else [result]  # noqa: PLR2004 - a few frames, not data


def _is_off() -> bool:
    active = find_session()
    if active is None:
        warn_of_lost_session()
    return active is None or not active.enabled
