"""Faults: what a schema does not allow in data, in words."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.schemas import java_regex

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
MAX_SHOWN = 80
"""Characters of a value that a message quotes."""
MAX_OPTIONS = 30
"""Options of an enum that a message lists."""
MAX_FAULTS = 100
"""Faults of one piece of data that are listed."""
JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}

Description = tuple[str, str, str]
"""What was found, what is expected, and both in a sentence."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a schema does not allow.

    Attributes
    ----------
    path : str
        JSON path of the value, ``$.items[0].price``.
    message : str
        What was found there and what is expected, without the path.
    keyword : str
        The rule of JSON Schema that was violated, such as ``type`` or ``maxLength``.
    expected, found : str
        The rule's value and a short form of the data's value.

    Examples
    --------
    >>> from nbtrack.schemas import Registry
    >>> uri = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
    >>> (fault,) = Registry().faults(uri, {"category": "io", "variable": "read", "timing": "3"})
    >>> fault.path, fault.keyword, fault.expected
    ('$.timing', 'type', 'number')
    """

    path: str
    message: str
    keyword: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def json_path(parts: Iterable[str | int]) -> str:
    """Return a path into JSON as text.

    Examples
    --------
    >>> json_path(["items", 0, "odd key"])
    "$.items[0]['odd key']"
    """
    path = "$"
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if IDENTIFIER.fullmatch(part) else f"[{part!r}]"
    return path


def faults_of(errors: Iterable[Any]) -> list[Fault]:
    """Convert a validator's errors to faults, in the order of their paths.

    Parameters
    ----------
    errors : iterable of jsonschema_rs.ValidationError

    Returns
    -------
    list of Fault
        Unknown properties and missing ones are a fault each, at the property's own path. After 100, the last one says
        that there are more.
    """
    faults: list[Fault] = []
    more = False
    for error in errors:
        if len(faults) >= MAX_FAULTS:
            more = True
            break
        path, keyword, rule = list(error.instance_path), error.kind.name, error.kind.value
        if keyword == "additionalProperties":
            message = "property is not in the schema"
            faults += [
                Fault(json_path([*path, name]), message, keyword, "no such property", name) for name in rule
            ]
        elif keyword == "required":
            place = json_path([*path, rule])
            faults.append(Fault(place, "is missing, but required", keyword, rule, "nothing"))
        else:
            found, expected, message = _describe(error, keyword, rule)
            faults.append(Fault(json_path(path), message, keyword, expected, found))
    faults.sort(key=lambda fault: (fault.path, fault.keyword))
    if len(faults) >= MAX_FAULTS and (more or len(faults) > MAX_FAULTS):
        faults[MAX_FAULTS:] = [
            Fault("$", f"more than {MAX_FAULTS} faults; the others are not listed", "schema", "", "")
        ]
    return faults


def _describe(error: Any, keyword: str, rule: Any) -> Description:
    describe = DESCRIBE.get(keyword)
    if describe is not None:
        return describe(error.instance, rule)
    return _shorten(error.instance), str(rule), _truncate(error.message, 4 * MAX_SHOWN)


def _describe_type(value: Any, rule: Any) -> Description:
    found = "null" if value is None else JSON_TYPES.get(type(value), type(value).__name__)
    types = sorted(rule, key=lambda name: name == "null") if isinstance(rule, list) else [rule]
    expected = _join_with_or(types)
    return found, expected, f"{found} found, {expected} expected"


def _describe_enum(value: Any, rule: Any) -> Description:
    options = rule if isinstance(rule, list) else [rule]
    found, expected = _shorten(value), _join_with_or([_shorten(option) for option in options[:MAX_OPTIONS]])
    return found, expected, f"{found} is not one of {expected}"


def _describe_format(value: Any, rule: Any) -> Description:
    return _shorten(value), str(rule), f"{_shorten(value)} is not a valid {rule}"


def _describe_pattern(value: Any, rule: Any) -> Description:
    pattern = java_regex.original(rule)
    return _shorten(value), pattern, f"{_shorten(value)} does not match {pattern}"


def _describe_bound(
    bound: str, measure: Callable[[Any], str], verb: str = "expected"
) -> Callable[[Any, Any], Description]:
    def describe(value: Any, rule: Any) -> Description:
        found = measure(value)
        return found, f"{bound} {rule}", f"{found} found, {bound} {rule} {verb}"

    return describe


def _count_characters(value: Any) -> str:
    return f"{len(value)} characters"


def _count_items(value: Any) -> str:
    return f"{len(value)} items"


def _join_with_or(values: Sequence[Any]) -> str:
    """Join names as in prose: a, b or c."""
    names = [str(value) for value in values]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def _shorten(value: Any) -> str:
    return _truncate(repr(value) if isinstance(value, str) else str(value), MAX_SHOWN)


def _truncate(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


DESCRIBE: Mapping[str, Callable[[Any, Any], Description]] = {
    "type": _describe_type,
    "enum": _describe_enum,
    "maxLength": _describe_bound("at most", _count_characters, "allowed"),
    "minLength": _describe_bound("at least", _count_characters, "allowed"),
    "maximum": _describe_bound("at most", _shorten),
    "minimum": _describe_bound("at least", _shorten),
    "minItems": _describe_bound("at least", _count_items),
    "maxItems": _describe_bound("at most", _count_items),
    "format": _describe_format,
    "pattern": _describe_pattern,
}
"""By keyword of JSON Schema."""
