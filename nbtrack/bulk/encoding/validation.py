"""Which rows may be sent: contracts and schemas, checked in SQL where it is conclusive, and otherwise row by row.

SQL only finds the rows that are certainly valid. The event of any other row is read back and checked by the tracker's
contracts and by the schema's validator, which also word the reasons. So a rule that SQL cannot express costs time, but
never gives a wrong result.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from nbtrack.bulk.duckdb import quote
from nbtrack.bulk.encoding.expressions import Expression, is_exact_integer
from nbtrack.bulk.models import Reason
from nbtrack.common.payload_json import JSON_FIELDS, json_text
from nbtrack.protocol import FIELDS, PLATFORMS
from nbtrack.schemas import Registry
from nbtrack.schemas.compiling import compile_schema
from nbtrack.template import Col, columns_of
from nbtrack.tracker import contracts
from nbtrack.values import jsonable

UNDECIDABLE = ["false"]
"""The condition of a rule that SQL cannot check: no row is certainly valid."""
Express = Callable[[Col], Expression | None]

UUID_PATTERN = "[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_STRING_PATTERNS = {
    "integer": "-?[0-9]+",
    "number": "-?[0-9]+([.][0-9]+)?",
    "uuid": UUID_PATTERN,
}
_SAFE_KINDS = {
    "integer": {"int", "bool", "null"},
    "number": {"int", "float", "decimal", "bool", "null"},
    "uuid": {"null"},
}
_ANNOTATIONS = frozenset({"description", "title", "$schema", "self", "id", "default", "$comment"})
_JSON_TYPES: Mapping[str, frozenset[str]] = {
    "str": frozenset({"string"}),
    "date": frozenset({"string"}),
    "timestamp": frozenset({"string"}),
    "int": frozenset({"integer", "number"}),
    "float": frozenset({"number"}),
    "decimal": frozenset({"number"}),
    "bool": frozenset({"boolean"}),
    "null": frozenset(),
}
_NUMBERS = frozenset({"int", "float", "decimal"})
_MAX_TIME_LENGTH = 32
"""Characters of the longest time that SQL writes."""


def contract_sql(key: str, value: Expression, string: str) -> list[str]:
    """Return when a value of the payload certainly follows the contract of its key.

    Parameters
    ----------
    key
        Key of the payload.
    value
        The value.
    string
        SQL of the value as a string; NULL or empty is left out of the payload.

    Returns
    -------
    list of str
        SQL conditions, all of which must be true.
    """
    if not contracts.contracts_enabled():
        return []
    if key == "p":
        return [f"coalesce({string} in ({', '.join(map(quote, sorted(PLATFORMS)))}), true)"]
    kind = FIELDS[key].kind if key in FIELDS else "string"
    if kind not in _STRING_PATTERNS or value.kind in _SAFE_KINDS[kind]:
        return []
    if value.kind in {"float", "decimal"}:
        return [f"coalesce({value.sql} = trunc({value.sql}), true)"]
    return [f"coalesce({string} = '' or regexp_full_match({string}, '{_STRING_PATTERNS[kind]}'), true)"]


def sql_conditions(schema: Any, tree: Any, express: Express) -> list[str]:
    """Return when data certainly follows a schema.

    Parameters
    ----------
    schema
        Schema or subschema of Draft 4.
    tree
        Data with placeholders.
    express
        Returns a placeholder as SQL, None if there is none.

    Returns
    -------
    list of str
        SQL conditions, all of which must be true; `UNDECIDABLE` where SQL cannot check a rule.
    """
    if not isinstance(schema, Mapping):
        return UNDECIDABLE
    if not columns_of([tree]):
        return [] if _follows(schema, tree) else UNDECIDABLE
    rules = {name: rule for name, rule in schema.items() if name not in _ANNOTATIONS}
    types = rules.pop("type", None)
    allowed = None if types is None else {types} if isinstance(types, str) else set(types)
    if isinstance(tree, Mapping):
        if allowed is not None and "object" not in allowed:
            return UNDECIDABLE
        return _object_conditions(rules, tree, express)
    if isinstance(tree, Col):
        value = express(tree)
        return UNDECIDABLE if value is None else _value_conditions(rules, allowed, value)
    return _list_conditions(rules, allowed, tree, express) if isinstance(tree, list | tuple) else UNDECIDABLE


def self_describing_parts(tree: Any) -> Iterator[tuple[str, Any]]:
    """Yield schema URI and data of the event's data or of each entity in the JSON of a payload."""
    data = tree.get("data") if isinstance(tree, Mapping) else None
    for part in data if isinstance(data, list | tuple) else [data]:
        if isinstance(part, Mapping) and isinstance(part.get("schema"), str):
            yield part["schema"], part.get("data")


def contract_check(key: str) -> Callable[[Any], None]:
    """Return a function that raises ValueError for a value that the contract of a key does not allow."""

    def check(value: Any) -> None:
        if key == "p":
            _check_platform(value)
        elif key in FIELDS:
            contracts.fits(FIELDS[key], value, key)

    return check


class RowValidator:
    """Checks the events that are not certainly valid by SQL.

    Parameters
    ----------
    schemas
        Schemas by URI.
    required
        Keys that each payload must have.
    """

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]], required: Collection[str]) -> None:
        self._registry = Registry(builtin=False)
        self._uris = {self._registry.register(schema) for schema in schemas.values()}
        self._required = tuple(required)

    def find_error(self, event: bytes) -> str | None:
        """Return the reason why an event may not be sent; None for a valid one."""
        payload: dict[str, str] = json.loads(event)
        return self._contract_error(payload) or self._schema_error(payload)

    def _contract_error(self, payload: Mapping[str, str]) -> str | None:
        for key in self._required:
            if not payload.get(key):
                return f"{key} is empty"
        if not payload.get("eid"):
            return "eid is empty: the row has no event id"
        try:
            for key, value in payload.items():
                contract_check(key)(value)
        except ValueError as error:
            return str(error)
        return None

    def _schema_error(self, payload: Mapping[str, str]) -> str | None:
        for key in JSON_FIELDS:
            if key not in payload:
                continue
            tree = json.loads(json_text(key, payload[key]))
            for uri, data in self_describing_parts(tree):
                if uri in self._uris and (errors := self._registry.faults(uri, data)):
                    name = uri.removeprefix("iglu:").split("/")[1]
                    first = errors[0]
                    rule = f"{name}: {first.path}: expected {first.expected}"
                    return Reason(rule, str(first.found), f"{name}: " + "; ".join(map(str, errors[:3])))
        return None


def _check_platform(value: Any) -> None:
    if value is not None:
        contracts.one_of(value, PLATFORMS, "p")


def _follows(schema: Mapping[str, Any], tree: Any) -> bool:
    return bool(_compiled(json.dumps(schema)).is_valid(jsonable(tree)))


@lru_cache(maxsize=256)
def _compiled(schema: str) -> Any:
    return compile_schema(json.loads(schema), "a part of the schema")


def _object_conditions(rules: dict[str, Any], tree: Mapping[Any, Any], express: Express) -> list[str]:
    properties = rules.pop("properties", {})
    required = rules.pop("required", [])
    additional = rules.pop("additionalProperties", True)
    if rules or not set(required) <= set(tree):
        return UNDECIDABLE
    conditions: list[str] = []
    for name, value in tree.items():
        rule = properties.get(name, additional)
        if rule is True:
            continue
        conditions += sql_conditions(rule, value, express)
    return conditions


def _list_conditions(
    rules: dict[str, Any], allowed: set[str] | None, tree: Any, express: Express
) -> list[str]:
    items = rules.pop("items", {})
    if rules or (allowed is not None and "array" not in allowed):
        return UNDECIDABLE
    return [condition for value in tree for condition in sql_conditions(items, value, express)]


def _value_conditions(rules: dict[str, Any], allowed: set[str] | None, value: Expression) -> list[str]:
    sql = f"(case when isfinite({value.sql}) then {value.sql} end)" if value.kind == "float" else value.sql
    conditions: list[str] = []
    for name, rule in rules.items():
        condition = _rule_condition(name, rule, value.kind, sql)
        if condition is None:
            return UNDECIDABLE
        conditions.append(condition)
    fits = allowed is None or bool(_JSON_TYPES[value.kind] & allowed)
    if not fits and value.kind in {"float", "decimal"} and allowed is not None and "integer" in allowed:
        fits = True
        conditions.append(is_exact_integer(sql))
    if (allowed is None or "null" in allowed) and "enum" not in rules:
        return [f"({sql} is null or ({' and '.join(conditions) or 'true'}))"] if fits else [f"{sql} is null"]
    return [f"{sql} is not null", *conditions] if fits else UNDECIDABLE


def _rule_condition(name: str, rule: Any, kind: str, sql: str) -> str | None:  # noqa: PLR0911 - a table
    """Return a condition under which a value that is not null follows a rule; None if SQL has none."""
    if name in {"minLength", "maxLength"}:
        sign = ">=" if name == "minLength" else "<="
        if kind == "str":
            return f"length({sql}) {sign} {int(rule)}"
        if kind in {"date", "timestamp"}:
            return "true" if name == "maxLength" and rule >= _MAX_TIME_LENGTH else None
        return "true"
    if name in {"minimum", "maximum"}:
        return f"{sql} {'>=' if name == 'minimum' else '<='} {rule!r}" if kind in _NUMBERS else "true"
    if name in {"exclusiveMinimum", "exclusiveMaximum"}:
        return "true" if rule is False else None
    if name == "enum":
        if kind != "str":
            return None
        strings = [quote(value) for value in rule if isinstance(value, str) and value.isprintable()]
        return f"{sql} in ({', '.join(strings)})" if strings else None
    if name == "format":
        return _format_condition(rule, kind, sql)
    return "true" if name == "pattern" and kind not in {"str", "date", "timestamp"} else None


def _format_condition(rule: str, kind: str, sql: str) -> str | None:
    if kind in {"int", "float", "bool", "null"}:
        return "true"
    if rule == "uuid" and kind == "str":
        return f"regexp_full_match({sql}, '{UUID_PATTERN}')"
    # SQL writes times and dates of years with four digits as these formats require
    written = {"date-time": "timestamp", "date": "date"}.get(rule)
    return f"year({sql}) between 1 and 9999" if kind == written else None
