"""Checks of values at run time, which `disable_contracts` switches off.

A message names the parameter and shows the value. What cannot be an event raises ValueError. What can be sent, as
snowplow-tracker does, but fails in a pipeline, is a warning, once for each line of the caller's; it is an error of a
tracker with ``validate="raise"`` and of a backfill. A `col` placeholder passes every check: its values are checked when
the backfill reads them.
"""

import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sized
from datetime import date
from functools import lru_cache
from numbers import Integral, Real
from typing import Any
from uuid import UUID
from warnings import warn

from nbtrack.common.field_formats import RULES
from nbtrack.protocol import EVENT_NAMES, IGLU_URI, Field
from nbtrack.template import Col
from nbtrack.tracker.aliases import FORM_NODE_NAMES, FORM_TYPES
from nbtrack.tracker.rendering import render_value
from nbtrack.values import milliseconds

_LISTS = (list, tuple)
_INTEGER = re.compile(r"-?[0-9]+")
# as milliseconds these are in the first four months of 1970; as seconds, between 2001 and 2286
_SECONDS = range(10**9, 10**10)
_MAX_WARNED = 1_000
_MAX_SHOWN = 80
_FAILS = "a pipeline will fail the event (validate='raise' makes this an error)"
IGLU = "an Iglu URI such as iglu:com.acme/purchase/jsonschema/1-0-0"
_warned: set[tuple[Any, ...]] = set()


class InvalidEventWarning(UserWarning):
    """An event that a pipeline will fail is sent anyway.

    Examples
    --------
    A test that should fail on such an event turns the warning into an error:

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", InvalidEventWarning)
    """


class _Switch:
    on = True


def enable_contracts() -> None:
    """Enable contracts for the whole process; they are enabled at the start.

    Examples
    --------
    >>> from nbtrack.tracker import PageView
    >>> enable_contracts()
    >>> PageView("")
    Traceback (most recent call last):
    ValueError: page_url must not be empty, got ''
    """
    _Switch.on = True


def disable_contracts() -> None:
    """Disable contracts for the whole process.

    Examples
    --------
    >>> from nbtrack.tracker import PageView
    >>> disable_contracts()
    >>> event = PageView("")
    >>> enable_contracts()
    """
    _Switch.on = False


def contracts_enabled() -> bool:
    """Return whether contracts are enabled.

    Returns
    -------
    bool
        True until `disable_contracts` is called.

    Examples
    --------
    >>> contracts_enabled()
    True
    """
    return _Switch.on


def greater_than(value: Any, compared_to: float, name: str = "value") -> None:
    """Check that a number is greater than another one."""
    if _Switch.on and not isinstance(value, Col) and not (_is_real(value) and value > compared_to):
        raise ValueError(f"{name} must be greater than {compared_to}, got {value!r}")


def non_empty(seq: Sized, name: str = "value") -> None:
    """Check that a sequence is not empty."""
    if _Switch.on and not isinstance(seq, Col) and len(seq) == 0:
        raise ValueError(f"{name} must not be empty, got {seq!r}")


def non_empty_string(s: Any, name: str = "value") -> None:
    """Check that a value is a str and not empty."""
    if s.__class__ is str and s:
        return
    if _Switch.on and not isinstance(s, Col):
        if not isinstance(s, str):
            raise ValueError(f"{name} must be a str, got {s!r}")
        if not s:
            raise ValueError(f"{name} must not be empty, got {s!r}")


def one_of(value: Any, supported: Collection[Any], name: str = "value") -> None:
    """Check that a value is one of the supported ones."""
    if _Switch.on and not isinstance(value, Col) and value not in list(supported):
        choice = ", ".join(sorted(map(str, supported)))
        raise ValueError(f"{name} must be one of {choice}, got {value!r}")


def satisfies(value: Any, check: Callable[[Any], bool], name: str = "value", wanted: str = "allowed") -> None:
    """Check a value with a function; `wanted` names what is expected."""
    if _Switch.on and not isinstance(value, Col) and not check(value):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")


def form_element(element: Any, name: str = "element") -> None:
    """Check that a form's element is allowed by the schemas of form events."""
    satisfies(
        element,
        _is_form_element,
        name,
        "a dict with name, value, a nodeName of HTML and optionally an input's type",
    )


def iglu_uri(value: Any, name: str = "schema") -> None:
    """Check that a value is a non-empty str, and warn if it is not an Iglu URI."""
    if value.__class__ is str and is_iglu(value):
        return
    non_empty_string(value, name)
    if _Switch.on and not isinstance(value, Col):
        _warn_once(name, f"{name} must be {IGLU}, got {value!r}")


def moment(value: Any, name: str) -> None:
    """Check that a value is a timestamp, and warn if it seems to be in seconds."""
    if value is None or isinstance(value, Col) or not _Switch.on:
        return
    try:
        number = milliseconds(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not allowed: {error}") from None
    if number in _SECONDS and not isinstance(value, date):
        text = f"{name}={value!r} looks like seconds; it is taken as milliseconds since 1970"
        warn(text, UserWarning, stacklevel=4)


def entities(value: Any, name: str = "context") -> None:
    """Check that a context is a list of self-describing JSONs."""
    if not _Switch.on:
        return
    if isinstance(value, _LISTS):
        for entity in value:
            if not hasattr(entity, "to_json"):
                break
        else:
            return
    elif isinstance(value, Collection) and all(hasattr(entity, "to_json") for entity in value):
        return
    raise ValueError(f"{name} must be a list of SelfDescribingJson, got {value!r}")


def self_describing(value: Any, name: str) -> None:
    """Check that a value is a self-describing JSON."""
    if _Switch.on and not hasattr(value, "to_json") and not isinstance(value, Col):
        raise ValueError(f"{name} must be a SelfDescribingJson, got {value!r}")


def offers(value: Any, attribute: str, name: str, wanted: str) -> None:
    """Check that a value has the attribute that is used later, and is an instance, not a class."""
    if _Switch.on and (isinstance(value, type) or not hasattr(value, attribute)):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")


def fits(field: Field, value: Any, name: str) -> None:
    """Check a value against the protocol's table."""
    if not _Switch.on or value is None or isinstance(value, Col):
        return
    rule, wanted = _RULES.get(field.kind, (_is_scalar, "one value, not a collection"))
    if not rule(value):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")


def warn_misfit(key: str, value: Any, name: str) -> None:
    """Warn if a value of a payload key is one that pipelines fail."""
    if not _Switch.on or value is None or isinstance(value, Col):
        return
    try:
        written = render_value(key, value)
    except (TypeError, ValueError):
        return  # `track` raises the error, which names the key
    if (expectation := misfit(key, written)) is not None:
        _warn_once(name, f"{name}: {expectation}, got {_shorten(value)}")
    elif isinstance(value, list | tuple | set | dict):
        _warn_once(name, f"{name}: one value expected, got {_shorten(value)}", "it is sent as JSON")


def warn_misfits(pairs: Mapping[str, Any]) -> None:
    """Warn of values that pipelines fail among the pairs of a payload."""
    for key, value in pairs.items():
        warn_misfit(key, value, key)


def misfit(key: str, written: str) -> str | None:
    """Return what a pipeline expects of a payload key in place of a string; None if it takes the string."""
    if not written:
        return None  # left out of the payload
    if key == "e":
        return None if written in EVENT_NAMES else f"one of {', '.join(EVENT_NAMES)} expected"
    rule = RULES.get(key)
    if rule is None:
        return None
    if rule.format is not None and not rule.format.matches(written):
        return rule.format.expectation
    if len(written) > rule.max_length:
        return f"at most {rule.max_length:,} characters expected"
    return None


def refuse_misfits(pairs: Mapping[str, Any], schemas: Iterable[Any]) -> None:
    """Raise for the first value that pipelines fail: for a backfill, where a warning would stand for all rows."""
    if not _Switch.on:
        return
    for key, value in pairs.items():
        if key not in RULES or value is None or isinstance(value, Col):
            continue
        if (expectation := misfit(key, render_value(key, value))) is not None:
            raise ValueError(f"{key}: {expectation}, got {_shorten(value)}")
    for schema in schemas:
        if isinstance(schema, str) and not is_iglu(schema):
            raise ValueError(f"schema must be {IGLU}, got {schema!r}")


def find_caller() -> tuple[int, str, int]:
    """Return the `stacklevel` of a warning of the calling function that shows the user's line, its file and its number."""
    frame, depth = sys._getframe(1), 1  # noqa: SLF001 - the public `inspect` is slow to import
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("nbtrack."):
        frame, depth = frame.f_back, depth + 1
    return depth, frame.f_code.co_filename, frame.f_lineno


def _warn_once(name: str, text: str, consequence: str = _FAILS) -> None:
    """Warn on the caller's line, once for each line and name, whatever the values."""
    depth, *line = find_caller()
    site = (*line, name)
    if site in _warned:
        return
    warn(f"{text}; {consequence}", InvalidEventWarning, stacklevel=depth)
    # not where a filter turned the warning into an error, which each call raises
    if len(_warned) < _MAX_WARNED:
        _warned.add(site)


def _shorten(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}… ({len(shown):,} characters)"


@lru_cache(maxsize=1024)
def is_iglu(value: str) -> bool:
    """Return whether a string is an Iglu URI."""
    return IGLU_URI.fullmatch(value) is not None


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_INTEGER.fullmatch(value))
    return isinstance(value, Integral) or (_is_real(value) and float(value).is_integer())


def _is_real(value: Any) -> bool:
    # Decimal is no Real for Python, but compares and converts like one
    return isinstance(value, Real) or type(value).__name__ == "Decimal"


def _is_number(value: Any) -> bool:
    if _is_real(value):
        return True
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return isinstance(value, str)


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, list | tuple | set | dict)


def _is_uuid(value: Any) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


def _is_form_element(element: Any) -> bool:
    if not isinstance(element, Mapping) or not {"name", "value", "nodeName"} <= set(element):
        return False
    kind = element.get("type", "text")
    return (
        element["nodeName"] in list(FORM_NODE_NAMES) and isinstance(kind, str) and kind.lower() in FORM_TYPES
    )


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "integer": (_is_integer, "an int"),
    "number": (_is_number, "a number"),
    "uuid": (_is_uuid, "a UUID"),
}
