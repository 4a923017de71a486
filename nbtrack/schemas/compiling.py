"""Schemas made ready to check data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class BadSchema(ValueError):  # noqa: N818 - the name is public
    """A schema was found, but it cannot be used; the message says why.

    Examples
    --------
    >>> from nbtrack.schemas import Registry
    >>> name = {"vendor": "com.acme", "name": "visit", "format": "jsonschema", "version": "1-0-0"}
    >>> Registry().register({"self": name, "type": "objekt"})
    Traceback (most recent call last):
    nbtrack.schemas.compiling.BadSchema: iglu:com.acme/visit/jsonschema/1-0-0 cannot be used: "objekt" is not valid ...
    """


class Validator(Protocol):
    """What the registry needs of ``jsonschema_rs.Draft4Validator``."""

    def is_valid(self, instance: Any) -> bool:
        """Tell whether data follows the schema."""
        ...

    def iter_errors(self, instance: Any) -> Iterator[Any]:
        """Give each reason why it does not."""
        ...


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
        return jsonschema_rs.Draft4Validator(
            body,
            formats={"uuid": _is_uuid},
            validate_formats=True,
            retriever=_refuse,
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadSchema(f"{uri} cannot be used: {reason}") from None


def _is_uuid(text: str) -> bool:
    return UUID.fullmatch(text) is not None
