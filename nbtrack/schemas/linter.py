"""Whether a schema is one that Snowplow's warehouses take: the rules of ``igluctl lint``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrack.schemas.compiling import BadSchema, compile_schema
from nbtrack.schemas.faults import json_path
from nbtrack.schemas.keys import parse_uri

SELF_DESCRIBING = "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"
FORMATS = frozenset({"uri", "ipv4", "ipv6", "email", "date-time", "date", "hostname", "uuid", "regex"})
# a text of one of these has a length of its own
LENGTHLESS = frozenset({"ipv4", "ipv6", "email", "date-time", "date", "uuid"})
MAX_VARCHAR = 65_535


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that a schema breaks.

    Attributes
    ----------
    path : str
        JSON path within the schema.
    rule : str
        Name of the rule, such as ``stringLength``.
    message : str
        What to change.
    severity : str
        ``error`` for what would not load, ``warning`` for the rest.

    Examples
    --------
    >>> problem = Problem("$.properties.name", "stringLength", "a string needs maxLength")
    >>> print(problem)
    $.properties.name: a string needs maxLength (stringLength)
    """

    path: str
    rule: str
    message: str
    severity: str = "warning"

    def __str__(self) -> str:
        return f"{self.path}: {self.message} ({self.rule})"


def lint_schema(schema: Mapping[str, Any], path: str | Path | None = None) -> list[Problem]:
    """Check a schema by the rules of ``igluctl``.

    Parameters
    ----------
    schema : mapping
        With its ``self`` and ``$schema``.
    path : path, optional
        The file it comes from: its folders must say the same as ``self``.

    Returns
    -------
    list of Problem
        Empty when all rules are kept.

    Examples
    --------
    >>> from nbtrack.schemas import Registry
    >>> lint_schema(Registry().find("iglu:io.github.nbtrack/dataframe/jsonschema/1-0-0"))
    []
    """
    if not isinstance(schema, Mapping):
        raise TypeError(f"lint_schema wants a schema, a dict, not a {type(schema).__name__}")
    problems = list(_check_name(schema, path))
    if not problems:
        try:
            compile_schema(schema, "the schema")
        except BadSchema as error:
            problems.append(Problem("$", "syntax", str(error), "error"))
    if schema.get("type") != "object":
        problems.append(Problem("$.type", "rootObject", "the root must be an object", "error"))
    problems += _check_node(schema, ())
    if not schema.get("description"):
        problems.append(Problem("$", "description", "a description is missing"))
    return problems


def _check_name(schema: Mapping[str, Any], path: str | Path | None) -> Iterator[Problem]:
    if schema.get("$schema") != SELF_DESCRIBING:
        yield Problem("$['$schema']", "metaSchema", f"must be {SELF_DESCRIBING}", "error")
    own = schema.get("self")
    if not isinstance(own, Mapping) or set(own) != {"vendor", "name", "format", "version"}:
        yield Problem("$.self", "self", "must hold vendor, name, format and version", "error")
        return
    try:
        key = parse_uri("iglu:{vendor}/{name}/{format}/{version}".format(**own))
    except ValueError:
        yield Problem("$.self", "self", "does not make an Iglu URI; a version starts at 1-0-0", "error")
        return
    if path is not None:
        place = Path(path)
        said = "/".join((*place.parts[-4:-1], place.name.removesuffix(".json")))
        if said != key.path:
            yield Problem("$.self", "path", f"the file's path ends in {said}, it must be {key.path}", "error")


def _check_node(node: Any, place: tuple[str | int, ...]) -> Iterator[Problem]:
    if not isinstance(node, Mapping):
        return
    types = node.get("type", [])
    types = [types] if isinstance(types, str) else types
    where = json_path(place)
    if "string" in types:
        yield from _check_string(node, where)
    if (
        {"integer", "number"} & set(types)
        and not node.keys() >= {"minimum", "maximum"}
        and "enum" not in node
    ):
        yield Problem(where, "numericMinMax", "a number needs minimum and maximum")
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        if (
            isinstance(node.get(low), int | float)
            and isinstance(node.get(high), int | float)
            and node[low] > node[high]
        ):
            yield Problem(where, "bounds", f"{low} is above {high}", "error")
    properties = node.get("properties")
    if isinstance(properties, Mapping):
        yield from _check_properties(node, properties, place)
    for name in ("items", "additionalProperties"):
        yield from _check_node(node.get(name), (*place, name))
    for name in ("anyOf", "oneOf", "allOf"):
        for number, inner in enumerate(node.get(name) or ()):
            yield from _check_node(inner, (*place, name, number))


def _check_string(node: Mapping[str, Any], where: str) -> Iterator[Problem]:
    form = node.get("format")
    if form is not None and form not in FORMATS:
        yield Problem(where, "unknownFormats", f"format {form!r} is not one that is checked")
    if "enum" not in node and "maxLength" not in node and form not in LENGTHLESS:
        yield Problem(where, "stringLength", "a string needs maxLength")
    if isinstance(node.get("maxLength"), int) and node["maxLength"] > MAX_VARCHAR:
        yield Problem(
            where, "stringLength", f"maxLength is above {MAX_VARCHAR}, which a warehouse's column holds"
        )


def _check_properties(
    node: Mapping[str, Any], properties: Mapping[str, Any], place: tuple[str | int, ...]
) -> Iterator[Problem]:
    required = set(node.get("required") or ())
    for name in sorted(required - set(properties)):
        yield Problem(
            json_path(place), "requiredPropertiesExist", f"{name!r} is required, but not a property", "error"
        )
    for name, inner in properties.items():
        inside = (*place, "properties", name)
        yield from _check_node(inner, inside)
        if not isinstance(inner, Mapping):
            continue
        types = inner.get("type", [])
        nullable = "null" in ([types] if isinstance(types, str) else types) or None in (
            inner.get("enum") or ()
        )
        if name not in required and "type" in inner and not nullable:
            yield Problem(json_path(inside), "optionalNull", "an optional property must allow null")
        if not inner.get("description"):
            yield Problem(json_path(inside), "description", "a description is missing")
