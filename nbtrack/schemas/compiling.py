"""Compiled schemas: validators of data, by JSON Schema's Draft 4 as Iglu applies it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from nbtrack.common.errors import NbtrackError

SUBSCHEMAS = {"additionalItems", "additionalProperties", "allOf", "anyOf", "items", "not", "oneOf"}
"""Keywords of Draft 4 whose value is a schema, or a list of them."""
NAMED_SUBSCHEMAS = {"definitions", "dependencies", "patternProperties", "properties"}
"""Keywords whose value is a dict of schemas."""
UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class BadSchema(NbtrackError, ValueError):  # noqa: N818 - the name is public
    """A schema exists but cannot be used; the message says why.

    Examples
    --------
    >>> from nbtrack.schemas import Registry
    >>> name = {"vendor": "com.acme", "name": "visit", "format": "jsonschema", "version": "1-0-0"}
    >>> Registry().register({"self": name, "type": "objekt"})
    Traceback (most recent call last):
    nbtrack.schemas.BadSchema: iglu:com.acme/visit/jsonschema/1-0-0 cannot be used: "objekt" is not valid ...
    """


class Validator(NamedTuple):
    """A compiled schema.

    Attributes
    ----------
    is_valid : callable
        Whether data is valid.
    iter_errors : callable
        Each reason why it is not.
    """

    is_valid: Callable[[Any], bool]
    iter_errors: Callable[[Any], Iterator[Any]]


def _reject_reference(reference: str) -> Any:
    raise ValueError(f"a schema may only refer to itself, not to {reference}")


def compile_schema(schema: Mapping[str, Any], uri: str) -> Validator:
    """Compile a schema as Draft 4, with the format ``uuid`` that Iglu's schemas use.

    A ``$ref`` may lead to the schema itself and to the meta-schema of Draft 4; any other is rejected, because the
    library would open files and URLs.

    Raises
    ------
    BadSchema
        If the library cannot compile it, with the library's reason.
    """
    import jsonschema_rs  # noqa: PLC0415 - heavy, and not needed to find a schema

    # `$schema` is an Iglu URI, which names no draft that the library knows
    body = {name: value for name, value in schema.items() if name not in {"$schema", "id", "$id"}}
    try:
        exact = _compile(body)
        by_patterns = _replace_uuid_format(body)
        quick = exact if by_patterns == body else _compile(by_patterns)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadSchema(f"{uri} cannot be used: {reason}") from None
    return Validator(quick.is_valid, exact.iter_errors)


def _compile(body: Any) -> Any:
    import jsonschema_rs  # noqa: PLC0415 - as above

    return jsonschema_rs.Draft4Validator(
        body, formats={"uuid": _is_uuid}, validate_formats=True, retriever=_reject_reference
    )


def _is_uuid(text: str) -> bool:
    return UUID.fullmatch(text) is not None


def _replace_uuid_format(schema: Any) -> Any:
    """Return a schema with the format ``uuid`` as a pattern, which is faster: for a custom format the library calls Python.

    It decides only whether data is valid; errors come from the schema as it is, so that they name the format. A format in
    a place that is not searched here keeps its effect.
    """
    if isinstance(schema, list):
        return [_replace_uuid_format(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    body = {
        name: _replace_uuid_format(value)
        if name in SUBSCHEMAS
        else {key: _replace_uuid_format(part) for key, part in value.items()}
        if name in NAMED_SUBSCHEMAS
        else value
        for name, value in schema.items()
    }
    if body.get("format") == "uuid" and "pattern" not in body:
        del body["format"]
        body["pattern"] = f"^{UUID.pattern}$"
    return body
