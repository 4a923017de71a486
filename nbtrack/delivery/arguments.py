"""What emitters and stores may be given: refused at the call, for at the first request it is too late to tell."""

import numbers
from collections.abc import Mapping
from typing import Any

STORE_METHODS = ("add_event", "get_events_batch", "cleanup", "size")
"""What the reference asks of a store."""


def check_least(least: float, **values: Any) -> None:
    """Refuse what is no number, and a number below the least one; None stands for a default."""
    for name, value in check_numbers(**values):
        if not value >= least:
            raise ValueError(f"{name} must be at least {least}, not {value}")


def check_positive(**values: Any) -> None:
    """Refuse what is no number above 0; None stands for a default."""
    for name, value in check_numbers(**values):
        if not value > 0:
            raise ValueError(f"{name} must be above 0, not {value}")


def check_numbers(**values: Any) -> list[tuple[str, Any]]:
    """Refuse what is no number, and give the others; None stands for a default."""
    given = [(name, value) for name, value in values.items() if value is not None]
    for name, value in given:
        if not isinstance(value, numbers.Real):
            raise TypeError(f"{name} must be a number, not {value!r}")
    return given


def check_whole(**values: Any) -> None:
    """Refuse what is no whole number; nothing stands for a default."""
    for name, value in values.items():
        if not isinstance(value, numbers.Integral):
            raise TypeError(f"{name} must be a whole number, not {value!r}")


def check_timeout(value: Any) -> None:
    """Refuse what is neither seconds nor a pair of them."""
    if not isinstance(value, tuple):
        check_positive(request_timeout=value)
    elif len(value) == 2:  # noqa: PLR2004
        for one in value:
            check_positive(request_timeout=one)
    else:
        raise ValueError(f"request_timeout must be seconds, or a pair (connect, read), not {value!r}")


def check_functions(**values: Any) -> None:
    """Refuse what cannot be called."""
    for name, value in values.items():
        if value is not None and not callable(value):
            raise TypeError(f"{name} must be a function, not {value!r}")


def check_methods(names: tuple[str, ...], wanted: str, **values: Any) -> None:
    """Refuse what has not the methods that are called later, such as a class in place of its instance."""
    for name, value in values.items():
        if value is None:
            continue
        missing = [one for one in names if not callable(getattr(value, one, None))]
        if missing or isinstance(value, type):
            lack = f", which has no {', '.join(missing)}" if missing else ", which is a class: make one of it"
            raise TypeError(f"{name} must be {wanted}; got {value!r}{lack}")


def check_headers(headers: Any) -> None:
    """Refuse headers that no request can carry; their values are secrets, so none is shown."""
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers must be a dict such as {{'Authorization': …}}, not a {_kind(headers)}")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str | bytes):
            raise TypeError(f"headers: {name!r} must be a text and have one, not a {_kind(value)}")
        text = value if isinstance(value, str) else value.decode("latin-1")
        if {"\r", "\n"} & {*name, *text}:
            raise ValueError(f"headers: {name!r} has a line break in it or in its value: strip() it")
        if max(map(ord, name + text), default=0) > 255:  # noqa: PLR2004 - requests writes headers in Latin-1
            raise ValueError(
                f"headers: {name!r} has a letter in it or in its value that HTTP does not carry: a token is plain ASCII"
            )


def _kind(value: Any) -> str:
    return type(value).__name__
