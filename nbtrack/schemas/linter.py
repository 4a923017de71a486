"""The linter: whether a schema suits Snowplow's warehouses, by the rules of ``igluctl lint``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrack.schemas.compiling import BadSchema, compile_schema
from nbtrack.schemas.faults import json_path
from nbtrack.schemas.keys import parse_uri

SELF_DESCRIBING = "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"
FORMATS = frozenset({"uri", "ipv4", "ipv6", "email", "date-time", "date", "hostname", "uuid", "regex"})
FORMATS_WITH_LENGTH = frozenset({"ipv4", "ipv6", "email", "date-time", "date", "uuid"})
"""Formats that limit a string's length by themselves."""
MAX_VARCHAR = 65_535
"""Characters that a warehouse's column holds."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that a schema violates.

    Attributes
    ----------
    path : str
        JSON path within the schema.
    rule : str
        Name of the rule, such as ``stringLength``.
    message : str
        What is wrong.
    severity : str
        ``error`` for what would not load, ``warning`` for anything else.

    Examples
    --------
    >>> from nbtrack.schemas import Problem
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
    """Check a schema by the rules of ``igluctl lint``.

    Parameters
    ----------
    schema : mapping
        With its ``self`` and ``$schema``.
    path : path, optional
        The file it comes from, whose folders must match ``self``.

    Returns
    -------
    list of Problem
        Empty if no rule is violated.

    Examples
    --------
    >>> from nbtrack.schemas import Registry, lint_schema
    >>> lint_schema(Registry().find("iglu:io.github.nbtrack/dataframe/jsonschema/1-0-0"))
    []
    """
    if not isinstance(schema, Mapping):
        raise TypeError(f"schema must be a dict, got {type(schema).__name__}")
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
        yield Problem("$.self", "self", "must have vendor, name, format and version", "error")
        return
    try:
        key = parse_uri("iglu:{vendor}/{name}/{format}/{version}".format(**own))
    except ValueError:
        yield Problem("$.self", "self", "is not the name of a schema; versions start at 1-0-0", "error")
        return
    if path is not None:
        file = Path(path)
        file_key = "/".join((*file.parts[-4:-1], file.name.removesuffix(".json")))
        if file_key != key.path:
            yield Problem(
                "$.self", "path", f"the file's path must end in {key.path}, got {file_key}", "error"
            )


def _check_node(node: Any, path: tuple[str | int, ...]) -> Iterator[Problem]:
    if not isinstance(node, Mapping):
        return
    types = node.get("type", [])
    types = [types] if isinstance(types, str) else types
    place = json_path(path)
    if "string" in types:
        yield from _check_string(node, place)
    if (
        {"integer", "number"} & set(types)
        and not node.keys() >= {"minimum", "maximum"}
        and "enum" not in node
    ):
        yield Problem(place, "numericMinMax", "a number needs minimum and maximum")
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        if (
            isinstance(node.get(low), int | float)
            and isinstance(node.get(high), int | float)
            and node[low] > node[high]
        ):
            yield Problem(place, "bounds", f"{low} is above {high}", "error")
    properties = node.get("properties")
    if isinstance(properties, Mapping):
        yield from _check_properties(node, properties, path)
    for name in ("items", "additionalProperties"):
        yield from _check_node(node.get(name), (*path, name))
    for name in ("anyOf", "oneOf", "allOf"):
        for index, inner in enumerate(node.get(name) or ()):
            yield from _check_node(inner, (*path, name, index))


def _check_string(node: Mapping[str, Any], place: str) -> Iterator[Problem]:
    text_format = node.get("format")
    if text_format is not None and text_format not in FORMATS:
        yield Problem(place, "unknownFormats", f"format {text_format!r} is not validated")
    if "enum" not in node and "maxLength" not in node and text_format not in FORMATS_WITH_LENGTH:
        yield Problem(place, "stringLength", "a string needs maxLength")
    if isinstance(node.get("maxLength"), int) and node["maxLength"] > MAX_VARCHAR:
        yield Problem(
            place,
            "stringLength",
            f"maxLength is above {MAX_VARCHAR}, the most that a warehouse's column holds",
        )


def _check_properties(
    node: Mapping[str, Any], properties: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[Problem]:
    required = set(node.get("required") or ())
    for name in sorted(required - set(properties)):
        yield Problem(
            json_path(path), "requiredPropertiesExist", f"{name!r} is required, but not a property", "error"
        )
    for name, inner in properties.items():
        inside = (*path, "properties", name)
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
