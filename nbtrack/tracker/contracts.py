"""Checks of values at run time, which `disable_contracts` switches off.

A message names the parameter and shows the value. A `col` placeholder passes every check: its values are
checked when the backfill reads them.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sized
from datetime import date
from functools import lru_cache
from numbers import Integral, Real
from typing import Any
from uuid import UUID
from warnings import warn

from nbtrack.protocol import IGLU_URI, Field
from nbtrack.template import Col
from nbtrack.tracker.aliases import FORM_NODE_NAMES, FORM_TYPES
from nbtrack.values import milliseconds

_LISTS = (list, tuple)
_INTEGER = re.compile(r"-?[0-9]+")
# as milliseconds these are in the first four months of 1970; as seconds, between 2001 and 2286
_SECONDS = range(10**9, 10**10)


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
    """Check that a value is an Iglu URI."""
    if value.__class__ is str and _is_iglu(value):
        return
    non_empty_string(value, name)
    if _Switch.on and not isinstance(value, Col):
        raise ValueError(
            f"{name} must look like iglu:com.acme/purchase/jsonschema/1-0-0, got {value!r}",
        )


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


def whole_number(value: Any, name: str) -> None:
    """Check that a value is an int or a string of digits."""
    if _Switch.on and value is not None and not isinstance(value, Col) and not _is_integer(value):
        raise ValueError(f"{name} must be an int, got {value!r}")


@lru_cache(maxsize=1024)
def _is_iglu(value: str) -> bool:
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
