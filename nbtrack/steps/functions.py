"""Functions whose calls are spans: one wrapper for each kind of function."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from nbtrack.runtime import find_session
from nbtrack.steps.spans import Span


def decorate(function: Callable[..., Any], name: str | None, label: str | None) -> Callable[..., Any]:
    """Give a function of the same kind, each call of which is a span; of a class, its instances' calls.

    Parameters
    ----------
    function
        Sync, async, generator or async generator function, method of any kind, class or other callable.
    name, label
        Of the spans; the function's own name where None.

    Raises
    ------
    TypeError
        For a class without a ``__call__`` of its own.
    """
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(decorate(function.__func__, name, label))
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
        with Span(name, label) as step:
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
    setattr(kind, "__call__", decorate(method, name or kind.__name__, label))  # noqa: B010 - a type checker refuses the assignment
    return kind


def _wrap_coroutine(function: Callable[..., Any], name: str, label: str | None) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        if _is_off():
            return await function(*args, **kwargs)
        with Span(name, label) as step:
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
        step = Span(name, label)
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


def _wrap_async_generator(function: Callable[..., Any], name: str, label: str | None) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        step = Span(name, label)
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
            step._end(error, run)

    return call


def _results(result: Any) -> list[Any]:
    return list(result) if type(result) in {tuple, list} and len(result) <= 20 else [result]  # noqa: PLR2004 - a few frames, not data


def _is_off() -> bool:
    active = find_session()
    return active is None or not active.enabled
