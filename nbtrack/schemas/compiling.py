"""Schemas made ready to check data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from nbtrack.common.errors import NbtrackError

# where a schema of Draft 4 holds schemas: as a value or a list of values, and by names
PARTS = {"additionalItems", "additionalProperties", "allOf", "anyOf", "items", "not", "oneOf"}
NAMED_PARTS = {"definitions", "dependencies", "patternProperties", "properties"}
UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class BadSchema(NbtrackError, ValueError):  # noqa: N818 - the name is public
    """A schema was found, but it cannot be used; the message says why.

    Examples
    --------
    >>> from nbtrack.schemas import Registry
    >>> name = {"vendor": "com.acme", "name": "visit", "format": "jsonschema", "version": "1-0-0"}
    >>> Registry().register({"self": name, "type": "objekt"})
    Traceback (most recent call last):
    nbtrack.schemas.compiling.BadSchema: iglu:com.acme/visit/jsonschema/1-0-0 cannot be used: "objekt" is not valid ...
    """


class Validator(NamedTuple):
    """A compiled schema.

    Attributes
    ----------
    is_valid : callable
        Tells whether data follows the schema.
    iter_errors : callable
        Gives each reason why it does not.
    """

    is_valid: Callable[[Any], bool]
    iter_errors: Callable[[Any], Iterator[Any]]


def _refuse(reference: str) -> Any:
    raise ValueError(f"a schema may only refer to itself, not to {reference}")


def compile_schema(schema: Mapping[str, Any], uri: str) -> Validator:
    """Compile a schema as Draft 4, with the format ``uuid`` that Iglu's schemas use.

    A ``$ref`` reaches the schema itself and the meta-schema of Draft 4; any other is refused, as the library would
    open files and addresses.

    Raises
    ------
    BadSchema
        With the library's reason.
    """
    import jsonschema_rs  # noqa: PLC0415 - heavy, and not needed to find a schema

    # `$schema` holds an Iglu URI, which is no draft that the library knows
    body = {name: value for name, value in schema.items() if name not in {"$schema", "id", "$id"}}
    try:
        exact = _compile(body)
        spelt = _spell_out(body)
        quick = exact if spelt == body else _compile(spelt)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadSchema(f"{uri} cannot be used: {reason}") from None
    return Validator(quick.is_valid, exact.iter_errors)


def _compile(body: Any) -> Any:
    import jsonschema_rs  # noqa: PLC0415 - as above

    return jsonschema_rs.Draft4Validator(
        body, formats={"uuid": _is_uuid}, validate_formats=True, retriever=_refuse
    )


def _is_uuid(text: str) -> bool:
    return UUID.fullmatch(text) is not None


def _spell_out(schema: Any) -> Any:
    """Write the format ``uuid`` as a pattern: for a format of ours the library asks Python, which takes longer than all else.

    The errors of the schema as it is are the ones that name the format. One that this does not reach stays and holds.
    """
    if isinstance(schema, list):
        return [_spell_out(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    body = {
        name: _spell_out(value)
        if name in PARTS
        else {key: _spell_out(part) for key, part in value.items()}
        if name in NAMED_PARTS
        else value
        for name, value in schema.items()
    }
    if body.get("format") == "uuid" and "pattern" not in body:
        del body["format"]
        body["pattern"] = f"^{UUID.pattern}$"
    return body
