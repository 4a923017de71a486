"""Which rows may be sent: contracts and schemas, said in SQL where it can be sure, else judged one by one.

SQL only tells the rows that are surely good. Any other row's event is read back and judged by the tracker's contracts
and by the schema's validator, which also word the reasons; so what SQL cannot say costs time, never a wrong verdict.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from nbtrack.bulk.encoding.expressions import Expression, quote
from nbtrack.common.payload_json import JSON_FIELDS, json_text
from nbtrack.protocol import FIELDS, PLATFORMS
from nbtrack.schemas import Registry
from nbtrack.schemas.compiling import compile_schema
from nbtrack.template import Col, columns_of
from nbtrack.tracker import contracts
from nbtrack.values import jsonable

NEVER = ["false"]  # the condition of what SQL cannot be sure of
Express = Callable[[Col], Expression | None]

_WHOLE = "-?[0-9]+"
_NUMBER = "-?[0-9]+([.][0-9]+)?"
_UUID = "[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_TEXT_RULES = {"integer": _WHOLE, "number": _NUMBER, "uuid": _UUID}
_SAFE_KINDS = {
    "integer": {"int", "bool", "null"},
    "number": {"int", "float", "bool", "null"},
    "uuid": {"null"},
}
_NOTES = frozenset({"description", "title", "$schema", "self", "id", "default", "$comment"})
_JSON_TYPES: Mapping[str, frozenset[str]] = {
    "str": frozenset({"string"}),
    "date": frozenset({"string"}),
    "timestamp": frozenset({"string"}),
    "int": frozenset({"integer", "number"}),
    "float": frozenset({"number"}),
    "bool": frozenset({"boolean"}),
    "null": frozenset(),
}
_LONGEST_MOMENT = 32  # characters of the longest moment that SQL writes


def sure_of_text(key: str, value: Expression, text: str) -> list[str]:
    """Say when a value of the payload surely follows the contract of its key.

    Parameters
    ----------
    key
        Of the payload.
    value
        What goes there.
    text
        SQL of its text; NULL or empty is left out of the payload.

    Returns
    -------
    list of str
        SQL conditions, all of which must be true.
    """
    if not contracts.contracts_enabled():
        return []
    if key == "p":
        return [f"coalesce({text} in ({', '.join(map(quote, sorted(PLATFORMS)))}), true)"]
    kind = FIELDS[key].kind if key in FIELDS else "string"
    if kind not in _TEXT_RULES or value.kind in _SAFE_KINDS[kind]:
        return []
    if value.kind == "float":
        return [f"coalesce({value.sql} = trunc({value.sql}), true)"]
    return [f"coalesce({text} = '' or regexp_full_match({text}, '{_TEXT_RULES[kind]}'), true)"]


def sure_of_data(schema: Any, tree: Any, express: Express) -> list[str]:
    """Say when data surely follows a schema.

    Parameters
    ----------
    schema
        Of Draft 4.
    tree
        Data with placeholders.
    express
        Gives a placeholder's value in SQL, None where there is none.

    Returns
    -------
    list of str
        SQL conditions, all of which must be true; ``false`` among them where SQL cannot tell.
    """
    if not isinstance(schema, Mapping):
        return NEVER
    if not columns_of([tree]):
        return [] if _follows(schema, tree) else NEVER
    rules = {name: rule for name, rule in schema.items() if name not in _NOTES}
    kinds = rules.pop("type", None)
    allowed = None if kinds is None else {kinds} if isinstance(kinds, str) else set(kinds)
    if isinstance(tree, Mapping):
        return (
            NEVER
            if allowed is not None and "object" not in allowed
            else _sure_of_object(rules, tree, express)
        )
    if isinstance(tree, Col):
        value = express(tree)
        return NEVER if value is None else _sure_of_value(rules, allowed, value)
    return _sure_of_list(rules, allowed, tree, express) if isinstance(tree, list | tuple) else NEVER


def documents(tree: Any) -> Iterator[tuple[str, Any]]:
    """Give the URI and the data of each self-describing document in a pair's tree: an event's, or the entities'."""
    data = tree.get("data") if isinstance(tree, Mapping) else None
    for one in data if isinstance(data, list | tuple) else [data]:
        if isinstance(one, Mapping) and isinstance(one.get("schema"), str):
            yield one["schema"], one.get("data")


def check_value(key: str) -> Callable[[Any], None]:
    """Give what refuses a value that the contract of a key does not allow."""

    def check(value: Any) -> None:
        if key == "p":
            _check_platform(value)
        elif key in FIELDS:
            contracts.fits(FIELDS[key], value, key)

    return check


class Judge:
    """Judges events that SQL is not sure of.

    Parameters
    ----------
    schemas
        By URI.
    required
        Keys that must be there.
    """

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]], required: Collection[str]) -> None:
        self._registry = Registry(builtin=False)
        self._known = {self._registry.register(schema) for schema in schemas.values()}
        self._required = tuple(required)

    def judge(self, event: bytes) -> str | None:
        """Give the reason why an event may not be sent; None for a good one."""
        payload: dict[str, str] = json.loads(event)
        return self._break_contract(payload) or self._break_schema(payload)

    def _break_contract(self, payload: Mapping[str, str]) -> str | None:
        for key in self._required:
            if not payload.get(key):
                return f"{key} is empty"
        if not payload.get("eid"):
            return "eid is empty: the row has no event id"
        try:
            for key, value in payload.items():
                check_value(key)(value)
        except ValueError as error:
            return str(error)
        return None

    def _break_schema(self, payload: Mapping[str, str]) -> str | None:
        for key in JSON_FIELDS:
            if key not in payload:
                continue
            tree = json.loads(json_text(key, payload[key]))
            for uri, data in documents(tree):
                if uri in self._known and (faults := self._registry.faults(uri, data)):
                    name = uri.removeprefix("iglu:").split("/")[1]
                    return f"{name}: " + "; ".join(map(str, faults[:3]))
        return None


def _check_platform(value: Any) -> None:
    if value is not None:
        contracts.one_of(value, PLATFORMS, "p")


def _follows(schema: Mapping[str, Any], tree: Any) -> bool:
    return bool(_compiled(json.dumps(schema)).is_valid(jsonable(tree)))


@lru_cache(maxsize=256)
def _compiled(schema: str) -> Any:
    return compile_schema(json.loads(schema), "a part of the schema")


def _sure_of_object(rules: dict[str, Any], tree: Mapping[Any, Any], express: Express) -> list[str]:
    properties = rules.pop("properties", {})
    needed = rules.pop("required", [])
    others = rules.pop("additionalProperties", True)
    if rules or not set(needed) <= set(tree):
        return NEVER
    found: list[str] = []
    for name, value in tree.items():
        rule = properties.get(name, others)
        if rule is True:
            continue
        found += sure_of_data(rule, value, express)
    return found


def _sure_of_list(rules: dict[str, Any], allowed: set[str] | None, tree: Any, express: Express) -> list[str]:
    items = rules.pop("items", {})
    if rules or (allowed is not None and "array" not in allowed):
        return NEVER
    return [condition for value in tree for condition in sure_of_data(items, value, express)]


def _sure_of_value(rules: dict[str, Any], allowed: set[str] | None, value: Expression) -> list[str]:
    sql = f"(case when isfinite({value.sql}) then {value.sql} end)" if value.kind == "float" else value.sql
    found: list[str] = []
    for name, rule in rules.items():
        condition = _sure_of_rule(name, rule, value.kind, sql)
        if condition is None:
            return NEVER
        found.append(condition)
    fits = allowed is None or bool(_JSON_TYPES[value.kind] & allowed)
    if (allowed is None and "enum" not in rules) or (
        allowed is not None and "null" in allowed and "enum" not in rules
    ):
        return [f"({sql} is null or ({' and '.join(found) or 'true'}))"] if fits else [f"{sql} is null"]
    return [f"{sql} is not null", *found] if fits else NEVER


def _sure_of_rule(name: str, rule: Any, kind: str, sql: str) -> str | None:  # noqa: PLR0911 - a table
    """Give a condition under which a value that is there follows a rule; None where SQL has none."""
    if name in {"minLength", "maxLength"}:
        sign = ">=" if name == "minLength" else "<="
        if kind == "str":
            return f"length({sql}) {sign} {int(rule)}"
        if kind in {"date", "timestamp"}:
            return "true" if name == "maxLength" and rule >= _LONGEST_MOMENT else None
        return "true"
    if name in {"minimum", "maximum"}:
        return f"{sql} {'>=' if name == 'minimum' else '<='} {rule!r}" if kind in {"int", "float"} else "true"
    if name in {"exclusiveMinimum", "exclusiveMaximum"}:
        return "true" if rule is False else None
    if name == "enum":
        if kind != "str":
            return None
        texts = [quote(one) for one in rule if isinstance(one, str) and one.isprintable()]
        return f"{sql} in ({', '.join(texts)})" if texts else None
    if name == "format":
        return _sure_of_format(rule, kind, sql)
    return "true" if name == "pattern" and kind not in {"str", "date", "timestamp"} else None


def _sure_of_format(rule: str, kind: str, sql: str) -> str | None:
    if kind in {"int", "float", "bool", "null"}:
        return "true"
    if rule == "uuid" and kind == "str":
        return f"regexp_full_match({sql}, '{_UUID}')"
    # SQL writes moments and dates in the form that these ask for, in the years of four digits
    written = {"date-time": "timestamp", "date": "date"}.get(rule)
    return f"year({sql}) between 1 and 9999" if kind == written else None
