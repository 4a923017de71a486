"""What is wrong with a piece of data, in words a person can act on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
SHOWN = 80
Describe = Callable[[Any, Any], tuple[str, str, str]]
NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a schema does not allow.

    Attributes
    ----------
    path : str
        JSON path of the value, ``$.items[0].price``.
    message : str
        What is expected there and what was found, without the path.
    keyword : str
        The rule of JSON Schema that was broken, such as ``type`` or ``maxLength``.
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
    """Write a path into JSON: ``$.items[0]['odd key']``.

    Examples
    --------
    >>> json_path(["items", 0, "odd key"])
    "$.items[0]['odd key']"
    """
    text = "$"
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if PLAIN.fullmatch(part) else f"[{part!r}]"
    return text


def type_name(value: Any) -> str:
    """Give the JSON type of a value."""
    return "null" if value is None else NAMES.get(type(value), type(value).__name__)


def shorten(value: Any) -> str:
    """Show a value in at most 80 characters."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def words(values: Sequence[Any]) -> str:
    """Join names as one would say them: a, b or c."""
    names = [str(value) for value in values]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def faults_of(errors: Iterable[Any]) -> list[Fault]:
    """Turn the validator's errors into faults, in the order of their paths.

    Parameters
    ----------
    errors : iterable of jsonschema_rs.ValidationError

    Returns
    -------
    list of Fault
        Unknown properties and missing ones are a fault each, at the property's own path.
    """
    faults: list[Fault] = []
    for error in errors:
        path, keyword, rule = list(error.instance_path), error.kind.name, error.kind.value
        if keyword == "additionalProperties":
            faults += [
                Fault(
                    json_path([*path, name]),
                    "property is not in the schema",
                    keyword,
                    "no such property",
                    name,
                )
                for name in rule
            ]
        elif keyword == "required":
            faults.append(
                Fault(json_path([*path, rule]), "is missing, but required", keyword, rule, "nothing")
            )
        else:
            found, expected, message = _describe(error, keyword, rule)
            faults.append(Fault(json_path(path), message, keyword, expected, found))
    return sorted(faults, key=lambda fault: (fault.path, fault.keyword))


def _type(value: Any, rule: Any) -> tuple[str, str, str]:
    found, expected = (
        type_name(value),
        words(sorted(rule, key=lambda kind: kind == "null") if isinstance(rule, list) else [rule]),
    )
    return found, expected, f"{found} found, {expected} expected"


def _enum(value: Any, rule: Any) -> tuple[str, str, str]:
    options = rule if isinstance(rule, list) else [rule]
    found, expected = shorten(value), words([shorten(option) for option in options[:30]])
    return found, expected, f"{found} is not one of {expected}"


def _length(bound: str) -> Describe:
    def describe(value: Any, rule: Any) -> tuple[str, str, str]:
        found = f"{len(value)} characters"
        return found, f"{bound} {rule}", f"{found} found, {bound} {rule} allowed"

    return describe


def _size(bound: str) -> Describe:
    def describe(value: Any, rule: Any) -> tuple[str, str, str]:
        return shorten(value), f"{bound} {rule}", f"{shorten(value)} found, {bound} {rule} expected"

    return describe


def _count(bound: str) -> Describe:
    def describe(value: Any, rule: Any) -> tuple[str, str, str]:
        found = f"{len(value)} items"
        return found, f"{bound} {rule}", f"{found} found, {bound} {rule} expected"

    return describe


def _format(value: Any, rule: Any) -> tuple[str, str, str]:
    return shorten(value), str(rule), f"{shorten(value)} is not a valid {rule}"


def _pattern(value: Any, rule: Any) -> tuple[str, str, str]:
    return shorten(value), str(rule), f"{shorten(value)} does not match {rule}"


# what was found, what is expected, and both in a sentence
DESCRIBE: Mapping[str, Describe] = {
    "type": _type,
    "enum": _enum,
    "maxLength": _length("at most"),
    "minLength": _length("at least"),
    "maximum": _size("at most"),
    "minimum": _size("at least"),
    "minItems": _count("at least"),
    "maxItems": _count("at most"),
    "format": _format,
    "pattern": _pattern,
}


def _describe(error: Any, keyword: str, rule: Any) -> tuple[str, str, str]:
    describe = DESCRIBE.get(keyword)
    if describe is not None:
        return describe(error.instance, rule)
    return shorten(error.instance), str(rule), shorten_message(error.message)


def shorten_message(message: str) -> str:
    """Keep a validator's own message readable where it quotes a whole document."""
    return message if len(message) <= 4 * SHOWN else message[: 4 * SHOWN - 1] + "…"
