"""Checks of values at run time, which `disable_contracts` switches off.

Each check names the parameter and shows the value. A placeholder made by `col` passes all of them: its values are
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
# read as milliseconds these fall into the first four months of 1970; as seconds, between 2001 and 2286
_SECONDS = range(10**9, 10**10)


class _Switch:
    on = True


def enable_contracts() -> None:
    """Switch the checks of values on, for the whole process; they are on from the start.

    Examples
    --------
    >>> from nbtrack.tracker import PageView
    >>> enable_contracts()
    >>> PageView("")
    Traceback (most recent call last):
    ValueError: page_url is empty: got ''
    """
    _Switch.on = True


def disable_contracts() -> None:
    """Switch the checks of values off, for the whole process.

    Examples
    --------
    >>> from nbtrack.tracker import PageView
    >>> disable_contracts()
    >>> event = PageView("")
    >>> enable_contracts()
    """
    _Switch.on = False


def contracts_enabled() -> bool:
    """Tell whether the checks of values are on.

    Returns
    -------
    bool
        True from the start, and until `disable_contracts` was called.

    Examples
    --------
    >>> contracts_enabled()
    True
    """
    return _Switch.on


def greater_than(value: Any, compared_to: float, name: str = "value") -> None:
    """Refuse a number that is not greater than another one."""
    if _Switch.on and not isinstance(value, Col) and not (_is_real(value) and value > compared_to):
        raise ValueError(f"{name} must be greater than {compared_to}: got {value!r}")


def non_empty(seq: Sized, name: str = "value") -> None:
    """Refuse something without content."""
    if _Switch.on and not isinstance(seq, Col) and len(seq) == 0:
        raise ValueError(f"{name} is empty: got {seq!r}")


def non_empty_string(s: Any, name: str = "value") -> None:
    """Refuse what is no text, and the empty text."""
    if s.__class__ is str and s:
        return
    if _Switch.on and not isinstance(s, Col):
        if not isinstance(s, str):
            raise ValueError(f"{name} must be a text: got {s!r}")
        if not s:
            raise ValueError(f"{name} is empty: got {s!r}")


def one_of(value: Any, supported: Collection[Any], name: str = "value") -> None:
    """Refuse a value that is not among the supported ones."""
    if _Switch.on and not isinstance(value, Col) and value not in list(supported):
        choice = ", ".join(sorted(map(str, supported)))
        raise ValueError(f"{name} is not supported: got {value!r}, and it may be one of {choice}")


def satisfies(value: Any, check: Callable[[Any], bool], name: str = "value", wanted: str = "") -> None:
    """Refuse a value that a check does not allow; say what is wanted."""
    if _Switch.on and not isinstance(value, Col) and not check(value):
        hint = f", and {wanted} is wanted" if wanted else ""
        raise ValueError(f"{name} is not allowed: got {value!r}{hint}")


def form_element(element: Any, name: str = "element") -> None:
    """Refuse a form's element that the schemas of form events do not allow."""
    satisfies(
        element,
        _is_form_element,
        name,
        "a dict with name, value, a nodeName of HTML and perhaps a type of an input",
    )


def iglu_uri(value: Any, name: str = "schema") -> None:
    """Refuse what is no URI of a schema."""
    if value.__class__ is str and _is_iglu(value):
        return
    non_empty_string(value, name)
    if _Switch.on and not isinstance(value, Col):
        raise ValueError(
            f"{name} must look like iglu:com.acme/purchase/jsonschema/1-0-0: got {value!r}",
        )


def moment(value: Any, name: str) -> None:
    """Refuse what is no time, and warn of one that seems to be in seconds."""
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
    """Refuse a context that is no list of self-describing JSONs."""
    if not _Switch.on:
        return
    if isinstance(value, _LISTS):
        for entity in value:
            if not hasattr(entity, "to_json"):
                break
        else:
            return
    raise ValueError(f"{name} must be a list of SelfDescribingJson: got {value!r}")


def self_describing(value: Any, name: str) -> None:
    """Refuse what is no self-describing JSON."""
    if _Switch.on and not hasattr(value, "to_json") and not isinstance(value, Col):
        raise ValueError(f"{name} must be a SelfDescribingJson: got {value!r}")


def offers(value: Any, attribute: str, name: str, wanted: str) -> None:
    """Refuse what has not the attribute that is used later, and a class in place of what it makes."""
    if _Switch.on and (isinstance(value, type) or not hasattr(value, attribute)):
        raise ValueError(f"{name} wants {wanted}, and got {value!r}")


def fits(field: Field, value: Any, name: str) -> None:
    """Refuse a value that the protocol's table does not allow for a key."""
    if not _Switch.on or value is None or isinstance(value, Col):
        return
    rule, wanted = _RULES.get(field.kind, (_is_scalar, "one value, not a collection"))
    if not rule(value):
        raise ValueError(f"{name} must be {wanted}: got {value!r}")


def whole_number(value: Any, name: str) -> None:
    """Refuse what is no whole number, nor a text of digits."""
    if _Switch.on and value is not None and not isinstance(value, Col) and not _is_integer(value):
        raise ValueError(f"{name} must be a whole number: got {value!r}")


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
    "integer": (_is_integer, "a whole number"),
    "number": (_is_number, "a number"),
    "uuid": (_is_uuid, "a UUID"),
}
