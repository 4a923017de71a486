"""Checks of arguments: a wrong one raises at the call, with its name, what it must be, and what was given."""

import numbers
import os
from collections.abc import Iterable, Mapping
from typing import Any

from nbtrack.common.wording import type_name


def is_http_url(value: Any) -> bool:
    """Check whether a value is an http:// or https:// URL; a place of schemas that is not one is a folder."""
    return str(value).startswith(("http://", "https://"))


def check_at_least(minimum: float, **values: Any) -> None:
    """Raise unless each value is a number of at least `minimum`; None stands for a default."""
    for name, value in check_numbers(**values):
        if not value >= minimum:
            raise ValueError(f"{name} must be at least {minimum}, got {value}")


def check_positive(**values: Any) -> None:
    """Raise unless each value is a number above 0; None stands for a default."""
    for name, value in check_numbers(**values):
        if not value > 0:
            raise ValueError(f"{name} must be above 0, got {value}")


def check_numbers(**values: Any) -> list[tuple[str, Any]]:
    """Raise unless each value is a number, and return the names and values that are not None."""
    present = [(name, value) for name, value in values.items() if value is not None]
    for name, value in present:
        if not isinstance(value, numbers.Real):
            raise TypeError(f"{name} must be a number, got {value!r}")
    return present


def check_integers(**values: Any) -> None:
    """Raise unless each value is an int."""
    for name, value in values.items():
        if not isinstance(value, numbers.Integral):
            raise TypeError(f"{name} must be an int, got {value!r}")


def check_counts(**values: Any) -> None:
    """Raise unless each value is an int of 0 or more; None stands for a default."""
    for name, value in values.items():
        if value is not None and not (hasattr(value, "__index__") and value >= 0):
            raise TypeError(f"{name} must be an int of 0 or more, got {value!r}")


def check_list(example: str, **values: Any) -> None:
    """Raise unless each value is a list or another iterable; a string or a path, whose parts would be taken, is none."""
    for name, value in values.items():
        if isinstance(value, str | os.PathLike) or not isinstance(value, Iterable):
            raise TypeError(f"{name} must be a list, such as {example}, got {value!r}")


def check_timeout(value: Any) -> None:
    """Raise unless the value is a number of seconds, or a pair of them."""
    if not isinstance(value, tuple):
        check_positive(request_timeout=value)
    elif len(value) == 2:  # noqa: PLR2004
        for seconds in value:
            check_positive(request_timeout=seconds)
    else:
        raise ValueError(f"request_timeout must be seconds or a pair (connect, read), got {value!r}")


def check_callables(**values: Any) -> None:
    """Raise unless each value can be called; None stands for a default."""
    for name, value in values.items():
        if value is not None and not callable(value):
            raise TypeError(f"{name} must be a function, got {value!r}")


def check_methods(names: tuple[str, ...], expected: str, **values: Any) -> None:
    """Raise unless each value has the methods that are called later; a class has them, but is not an instance."""
    for name, value in values.items():
        if value is None:
            continue
        missing = [method for method in names if not callable(getattr(value, method, None))]
        if missing or isinstance(value, type):
            reason = f"it has no {', '.join(missing)}" if missing else "it is a class: create an instance"
            raise TypeError(f"{name} must be {expected}, got {value!r}; {reason}")


def check_headers(headers: Any) -> None:
    """Raise unless a request can carry these headers; values are secret and never shown."""
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers must be a dict such as {{'Authorization': …}}, got {type_name(headers)}")
    for name, value in headers.items():
        if not isinstance(name, str):
            raise TypeError(f"headers: names must be str, got {name!r}")
        if not isinstance(value, str | bytes):
            raise TypeError(f"header {name!r}: value must be str or bytes, got {type_name(value)}")
        text = value if isinstance(value, str) else value.decode("latin-1")
        if {"\r", "\n"} & {*name, *text}:
            raise ValueError(f"header {name!r}: name and value must not contain a line break; use strip()")
        if max(map(ord, name + text), default=0) > 255:  # noqa: PLR2004 - headers are written in Latin-1
            raise ValueError(f"header {name!r}: name and value must be Latin-1; a token is plain ASCII")
