"""Self-describing JSON: data with the URI of its schema."""

from collections.abc import Mapping
from typing import Any

from nbtrack.tracker import contracts
from nbtrack.tracker.rendering import fill
from nbtrack.values import dumps


class SelfDescribingJson:
    """Data with the Iglu URI of its schema: the content of an event, or an entity.

    Parameters
    ----------
    schema : str
        The schema's URI, such as ``iglu:com.acme/purchase/jsonschema/1-0-0``.
    data : Any
        What the schema describes, usually a dict. Values of any type that `nbtrack.values` supports, and
        `col` placeholders for a backfill.

    Raises
    ------
    ValueError
        If `schema` is not an Iglu URI (while contracts are enabled).

    Examples
    --------
    >>> SelfDescribingJson("iglu:com.acme/purchase/jsonschema/1-0-0", {"amount": 9.5}).to_json()
    {'schema': 'iglu:com.acme/purchase/jsonschema/1-0-0', 'data': {'amount': 9.5}}
    """

    __slots__ = ("_schema", "data")

    def __init__(self, schema: str, data: Any) -> None:
        contracts.iglu_uri(schema, "schema")
        self._schema = schema
        self.data = data

    @property
    def schema(self) -> str:
        """URI of the schema."""
        return self._schema

    @schema.setter
    def schema(self, value: str) -> None:
        contracts.iglu_uri(value, "schema")
        self._schema = value

    def to_json(self) -> dict[str, Any]:
        """Return schema and data as one dict; the data is not copied."""
        return {"schema": self._schema, "data": self.data}

    def to_string(self) -> str:
        """Return it as compact JSON."""
        return dumps(self.to_json())

    def substitute(self, row: Mapping[str, Any]) -> "SelfDescribingJson":
        """Return a copy with the placeholders replaced by a row's values."""
        return SelfDescribingJson(self._schema, fill(self.data, row))

    def __repr__(self) -> str:
        """Return the call that creates it."""
        return f"SelfDescribingJson({self._schema!r}, {self.data!r})"
