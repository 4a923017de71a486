"""The base class of nbtrack's exceptions, and the module name under which public classes are shown."""

from collections.abc import Iterable
from types import FunctionType
from typing import Any


class NbtrackError(Exception):
    """Base class of every exception that nbtrack defines.

    Each one also derives from the built-in exception that fits it, so that ``except ValueError`` works as well.

    Examples
    --------
    >>> import nbtrack
    >>> try:
    ...     nbtrack.col("price").truncate(0)
    ... except nbtrack.NbtrackError as error:
    ...     print(type(error).__name__)
    ... except ValueError:
    ...     print("a built-in exception: the call itself is wrong")
    a built-in exception: the call itself is wrong
    """

    __module__ = "nbtrack"


def show_under(module: str, things: Iterable[Any]) -> None:
    """Set the module that public classes and functions are shown under, as in tracebacks and reprs.

    Parameters
    ----------
    module : str
        The public module, such as ``nbtrack.delivery``, which must export each of them by its name.
    things : iterable
        Objects of any kind; only classes and functions of nbtrack are changed.
    """
    for thing in things:
        if isinstance(thing, type | FunctionType) and thing.__module__.startswith(f"{module}."):
            thing.__module__ = module
