"""Types for Python from JSON Schema (Draft 4): what a property of an event may be, as a type checker reads it."""

import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.plans.naming import class_name
from nbtrack.plans.rules import kind_of

_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_MOST_LITERALS = 200
_LONGEST_LITERAL = 50  # characters; a longer list of values stands on lines of its own


@dataclass(slots=True)
class Annotations:
    """Writes annotations, and the definitions that they need.

    Attributes
    ----------
    taken : set of str
        Names that the module has for other things.
    definitions : dict
        Source text of TypedDicts and long lists of values, by name, inner ones first.
    imports : set of str
        Names that the annotations use, of `typing` and `collections.abc`.
    """

    taken: set[str] = field(default_factory=set)
    definitions: dict[str, str] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)

    def write(self, rule: Mapping[str, Any], name: str) -> str:
        """Return the annotation of a property.

        Parameters
        ----------
        rule : mapping
            The property's schema.
        name : str
            The class's name, for a TypedDict that the property may need.
        """
        if "enum" in rule and isinstance(rule["enum"], list):
            return self._write_enum(rule, name)
        kinds = rule.get("type")
        if isinstance(kinds, str):
            kinds = [kinds]
        if not isinstance(kinds, list):
            return self._any()
        found = list(dict.fromkeys(self._write_kind(kind, rule, name) for kind in kinds))
        if "Any" in found:
            return self._any()
        if "float" in found and "int" in found:
            found.remove("int")  # a type checker takes an int for a float
        return " | ".join(sorted(found, key=lambda one: one == "None"))

    def use(self, *names: str) -> None:
        """Note names that the module imports."""
        self.imports.update(names)

    def _any(self) -> str:
        self.use("Any")
        return "Any"

    def _write_enum(self, rule: Mapping[str, Any], name: str) -> str:
        values = rule["enum"]
        if any(not isinstance(value, str | int | None) for value in values) or len(values) > _MOST_LITERALS:
            return self.write({key: value for key, value in rule.items() if key != "enum"}, name)
        kinds = rule.get("type")
        if kinds is not None:  # a value that the type refuses is not one of them
            allowed = {kinds} if isinstance(kinds, str) else set(kinds)
            values = [value for value in values if kind_of(value) & allowed]
        given = list(dict.fromkeys(_literal(value) for value in values if value is not None))
        parts = [f"Literal[{', '.join(given)}]"] if given else []
        if given:
            self.use("Literal")
            if len(parts[0]) > _LONGEST_LITERAL:
                lines = [*(f"    {value}," for value in given), "]"]
                parts = [self._define(name, lambda own: "\n".join([f"{own} = Literal[", *lines]))]
        return " | ".join([*parts, *(["None"] if None in values else [])]) or self._any()

    def _write_kind(self, kind: Any, rule: Mapping[str, Any], name: str) -> str:
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        if kind == "array":
            items = rule.get("items")
            inner = self.write(items, f"{name}Item") if isinstance(items, Mapping) else self._any()
            self.use("Sequence")
            return f"Sequence[{inner}]"
        if kind == "object":
            return self._write_object(rule, name)
        return self._any()

    def _write_object(self, rule: Mapping[str, Any], name: str) -> str:
        properties = rule.get("properties")
        if (
            not isinstance(properties, Mapping)
            or not properties
            or rule.get("additionalProperties") is not False
        ):
            self.use("Any", "Mapping")
            return "Mapping[str, Any]"
        required = set(rule.get("required") or ())
        self.use("TypedDict")
        members = []
        for key in sorted(properties):
            inner = properties[key] if isinstance(properties[key], Mapping) else {}
            text = self.write(inner, name + class_name(key).lstrip("_"))
            if key not in required:
                self.use("NotRequired")
                text = f"NotRequired[{text}]"
            members.append((key, text))
        return self._define(name, lambda own: _write_typed_dict(own, members))

    def _define(self, name: str, write: Callable[[str], str]) -> str:
        """Add a definition to the module, and return its name."""
        own, number = name, 2
        while own in self.taken or self.definitions.get(own, write(own)) != write(own):
            own = f"{name}_{number}"
            number += 1
        self.definitions[own] = write(own)
        return own


def _write_typed_dict(name: str, members: Sequence[tuple[str, str]]) -> str:
    if all(key.isidentifier() and not keyword.iskeyword(key) and key[:2] != "__" for key, _ in members):
        lines = [f"class {name}(TypedDict):", '    """An object inside of a property."""', ""]
        lines += [f"    {key}: {text}" for key, text in members]
    else:
        lines = [f"{name} = TypedDict(", f'    "{name}",', "    {"]
        lines += [f"        {python_string(key)}: {text}," for key, text in members]
        lines += ["    },", ")"]
    return "\n".join(lines)


def _literal(value: Any) -> str:
    return python_string(value) if isinstance(value, str) else repr(value)


def python_string(text: str) -> str:
    r"""Return a string as Python source writes it, with double quotes and in ASCII where it cannot be printed.

    Examples
    --------
    >>> print(python_string('a "b"\n'))
    'a "b"\n'
    """
    shown = repr(text)
    return shown if shown[0] == '"' or '"' in text else f'"{shown[1:-1]}"'


def describe_limits(rule: Mapping[str, Any]) -> str:
    """Return a property's constraints in words, an empty string if it has none.

    Examples
    --------
    >>> describe_limits({"type": "string", "maxLength": 32}), describe_limits({"minimum": 1, "maximum": 999})
    ('at most 32 characters', '1 to 999')
    """
    found = [
        _range(rule.get("minLength"), rule.get("maxLength"), "characters"),
        _range(rule.get("minimum"), rule.get("maximum"), ""),
        _range(rule.get("minItems"), rule.get("maxItems"), "items"),
        f"must match {rule['pattern']!r}" if isinstance(rule.get("pattern"), str) else "",
        f"format {rule['format']}" if isinstance(rule.get("format"), str) else "",
    ]
    return ", ".join(filter(None, found))


def _range(low: Any, high: Any, unit: str) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        words = f"at least {low}"
    elif low is None or (low == 0 and unit):
        words = f"at most {high}"
    else:
        words = f"{low} to {high}" if low != high else f"exactly {low}"
    return f"{words} {unit}".rstrip()
