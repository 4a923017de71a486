"""Rules of event specifications: what they make of a schema, and where they contradict it."""

from collections.abc import Iterator, Mapping
from typing import Any

from nbtrack.common.wording import near_matches

_ALL_KINDS = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})


def merge(schema: Mapping[str, Any], rule: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a schema narrowed down by a rule, for types and documentation.

    A property of the rule replaces the schema's as a whole, one that the rule does not list stays, and what either of them
    requires is required.
    """
    if not rule:
        return dict(schema)
    properties = {**(schema.get("properties") or {}), **(rule.get("properties") or {})}
    required = [*(schema.get("required") or ()), *(rule.get("required") or ())]
    return {**schema, "properties": properties, "required": list(dict.fromkeys(required))}


def relax(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule as data is validated with it.

    Unknown properties are the schema's business: the ``additionalProperties: false`` that the files carry would refuse each
    property that the rule does not name.
    """
    relaxed = {key: value for key, value in rule.items() if key not in {"additionalProperties", "self"}}
    if not relaxed.get("required"):
        relaxed.pop("required", None)  # Draft 4 does not allow an empty list
    return {**relaxed, "$schema": "http://json-schema.org/draft-04/schema#"}


def find_contradictions(schema: Mapping[str, Any], rule: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what no data can satisfy together with the schema, and properties that the schema does not have."""
    if not rule:
        return
    known = schema.get("properties") or {}
    for name, narrowed in (rule.get("properties") or {}).items():
        if name not in known:
            near = near_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield f"property {name!r}: the schema has no such property{hint}"
            continue
        base = known[name] if isinstance(known[name], Mapping) else {}
        if not _kinds(base) & _kinds(narrowed):
            yield f"property {name!r}: the rule's type {narrowed['type']!r} is not the schema's, {base['type']!r}"
        elif "enum" in narrowed and not _values_left(base, narrowed):
            yield f"property {name!r}: none of the rule's values {narrowed['enum']!r} is allowed by the schema"
    for name in rule.get("required") or ():
        if name not in known and name not in (rule.get("properties") or {}):
            yield f"property {name!r} is required, and the schema has no such property"


def _kinds(rule: Mapping[str, Any]) -> frozenset[str]:
    kinds = rule.get("type")
    found = frozenset([kinds] if isinstance(kinds, str) else kinds) if kinds else _ALL_KINDS
    return found | {"integer"} if "number" in found else found


def _values_left(base: Mapping[str, Any], narrowed: Mapping[str, Any]) -> list[Any]:
    allowed = base.get("enum")
    return [
        value
        for value in narrowed["enum"]
        if (allowed is None or value in allowed) and kind_of(value) & _kinds(base)
    ]


def kind_of(value: Any) -> frozenset[str]:
    """Return the types of JSON Schema that a value has."""
    for types, kinds in (
        (bool, {"boolean"}),
        (str, {"string"}),
        (int, {"integer", "number"}),
        (float, {"number"}),
        (list, {"array"}),
        (dict, {"object"}),
    ):
        if isinstance(value, types):
            return frozenset(kinds)
    return frozenset({"null"})
