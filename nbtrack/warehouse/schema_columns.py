"""Columns of schemas: their names, and what an event's self-describing JSON holds for them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import pyarrow as pa

from nbtrack.collector.events.enrichment import column_of
from nbtrack.schemas import Registry

JSON_COLUMNS = ("unstruct_event", "contexts", "derived_contexts")
_MAX_DEPTH = 8


def column_of_schema(uri: Any, prefix: str) -> str | None:
    """Return the name of the column of a schema; None for what is not an Iglu URI."""
    try:
        return column_of(uri, prefix)
    except (TypeError, ValueError):
        return None


def version_of(uri: str) -> str:
    """Return the version of a schema."""
    return uri.rpartition("/")[2]


def names_in(texts: Iterable[str | None]) -> set[str]:
    """Return the names of the columns of schemas that some self-describing JSON fills."""
    found = set()
    for text in texts:
        document = _load(text)
        data = document.get("data") if isinstance(document, dict) else None
        prefix = "contexts" if isinstance(data, list) else "unstruct_event"
        for item in data if isinstance(data, list) else [data]:
            if isinstance(item, dict):
                found.add((str(item.get("schema")), prefix))
    return {name for uri, prefix in found if (name := column_of_schema(uri, prefix)) is not None}


def split_documents(columns: Mapping[str, list[str | None]], rows: int) -> dict[str, list[Any]]:
    """Return what the events of a batch hold for each column of a schema.

    Entities that trackers sent come first, then those that a pipeline derived; each has the version of its schema.

    Parameters
    ----------
    columns
        The texts of ``unstruct_event``, ``contexts`` and ``derived_contexts``.
    rows
        Number of events.
    """
    found: dict[str, list[Any]] = {}
    names: dict[tuple[str, str], str | None] = {}

    def column(uri: Any, prefix: str) -> list[Any] | None:
        if (uri, prefix) not in names:
            names[uri, prefix] = column_of_schema(uri, prefix)
        name = names[uri, prefix]
        return None if name is None else found.setdefault(name, [None] * rows)

    for row, text in enumerate(columns.get("unstruct_event", ())):
        document = _load(text)
        inner = document.get("data") if isinstance(document, dict) else None
        if isinstance(inner, dict) and (values := column(inner.get("schema"), "unstruct_event")) is not None:
            values[row] = inner.get("data")
    for name in ("contexts", "derived_contexts"):
        for row, text in enumerate(columns.get(name, ())):
            document = _load(text)
            entities = document.get("data") if isinstance(document, dict) else None
            for entity in entities if isinstance(entities, list) else ():
                values = column(entity.get("schema"), "contexts") if isinstance(entity, dict) else None
                if values is None:
                    continue
                data = entity.get("data")
                item = {
                    "_schema_version": version_of(entity["schema"]),
                    **(data if isinstance(data, dict) else {"data": data}),
                }
                if values[row] is None:
                    values[row] = [item]
                else:
                    values[row].append(item)
    return found


def _load(text: str | None) -> Any:
    if not text:
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def types_of(names: Iterable[str], registry: Registry) -> dict[str, pa.DataType]:
    """Return the Arrow types of columns of schemas: structs where a registry has a schema, otherwise JSON as text."""
    wanted = set(names)
    by_column: dict[str, list[dict[str, Any]]] = {}
    for uri in registry.uris():
        for prefix in ("unstruct_event", "contexts"):
            name = column_of_schema(uri, prefix)
            if name in wanted:
                by_column.setdefault(name, []).append(dict(registry.find(uri)))
    types: dict[str, pa.DataType] = {}
    for name in sorted(wanted):
        struct = _merge([_type_of(schema) for schema in by_column.get(name, [])])
        if name.startswith("contexts_"):
            if pa.types.is_struct(struct):
                struct = pa.struct([pa.field("_schema_version", pa.string()), *struct])
            struct = pa.list_(struct)
        types[name] = struct
    return types


def _merge(types: list[pa.DataType]) -> pa.DataType:
    """Return one type for the versions of a schema; text where they do not agree."""
    structs = [type_ for type_ in types if pa.types.is_struct(type_)]
    if not types or len(structs) < len(types):
        return types[0] if len(set(types)) == 1 else pa.string()
    members: dict[str, pa.DataType] = {}
    for struct in structs:
        for member in struct:
            known = members.get(member.name)
            members[member.name] = (
                member.type if known in {None, member.type} else _merge([known, member.type])
            )
    return pa.struct(list(members.items())) if members else pa.string()


def _type_of(schema: Any, depth: int = 0) -> pa.DataType:
    declared = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    kinds = ({declared} if isinstance(declared, str) else set(declared)) - {"null"}
    if len(kinds) != 1 or depth > _MAX_DEPTH:
        return pa.string()
    [kind] = kinds
    if kind == "object" and schema.get("properties"):
        return pa.struct([(name, _type_of(part, depth + 1)) for name, part in schema["properties"].items()])
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        return pa.list_(_type_of(schema["items"], depth + 1))
    return {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}.get(kind, pa.string())


def to_column(name: str, values: list[Any], type_: pa.DataType, bad_cells: Counter[str]) -> pa.Array:
    """Return values as a column; one that does not fit its type is null, and counted."""
    if pa.types.is_struct(type_) or (pa.types.is_list(type_) and pa.types.is_struct(type_.value_type)):
        try:
            return pa.array(values, type_)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            pass  # one of them does not fit
    cells = []
    for value in values:
        try:
            cells.append(_fit(value, type_))
        except (TypeError, ValueError, OverflowError):
            bad_cells[name] += 1
            cells.append(None)
    return pa.array(cells, type_)


def _fit(value: Any, type_: pa.DataType) -> Any:  # noqa: PLR0911 - a table, one line for each type
    """Return a JSON value as Arrow's type takes it."""
    if value is None:
        return None
    is_ = pa.types
    if is_.is_string(type_):
        return value if isinstance(value, str) else orjson.dumps(value).decode()
    if is_.is_list(type_) and isinstance(value, list):
        return [_fit(item, type_.value_type) for item in value]
    if is_.is_struct(type_) and isinstance(value, dict):
        return {member.name: _fit(value.get(member.name), member.type) for member in type_}
    if is_.is_boolean(type_) and isinstance(value, bool):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        if is_.is_floating(type_):
            return float(value)
        if is_.is_integer(type_) and value == int(value) and -(2**63) <= value < 2**63:
            return int(value)
    raise ValueError("not of the type")
