"""What the values of a column become in a payload: as SQL, and in Python where SQL cannot express it.

The meaning is that of `nbtrack.values` and of `Col.evaluate`. SQL is used only where it returns the same strings, which a
property test checks.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, tzinfo
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from nbtrack.bulk.duckdb import quote
from nbtrack.bulk.encoding.arrow import Unreadable
from nbtrack.bulk.models import Reason
from nbtrack.template import EXACT_INTEGERS, Col, Step, find_cols, is_missing, parse_datetime
from nbtrack.values import dumps, jsonable, key_text, milliseconds, text

Role = Literal["json", "string", "key", "time"]
"""Where a value goes: into JSON, a flat field, the key of a row, or a field that holds a time."""
Check = Callable[[Any], None]
Kind = Literal["str", "int", "float", "decimal", "bool", "date", "timestamp", "null"]

_MAX_CASES = 64
_ERRORS = (TypeError, ValueError, OverflowError, RecursionError, ArithmeticError)
"""What a value without a form raises."""
_SHIFT = 10**15
"""Milliseconds, some 30,000 years."""
_MAX_CACHED = 100_000
"""Strings remembered for one column of one chunk."""
_PLAIN_NUMBER = "^-?[0-9]{1,15}(POINT[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$"
"""Strings of numbers whose form is the same whether they are read as an int or as a float."""
_PYTHON_TYPES: dict[Kind, type] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True, slots=True)
class Expression:
    """SQL and the kind of its values; NULL, or NaN of a float, where the row has no value."""

    sql: str
    kind: Kind


def express(col: Col, name: str, type_: pa.DataType, *, plain: bool = False) -> Expression | None:
    """Return a placeholder as SQL over the column `name` of a type; None if only Python can evaluate it.

    With `plain`, its first step is `to_number`, and `are_plain_numbers` is true of the column.
    """
    expression = _read_column(name, type_)
    steps = col.steps
    if plain:
        decimal, _ = steps[0].value
        number = name if decimal == "." else f"replace({name}, {quote(decimal)}, '.')"
        expression, steps = Expression(f"({number})::double", "float"), steps[1:]
    for step in steps:
        if expression is None or step.name not in _STEPS:
            return None
        expression = _STEPS[step.name](expression, step)
    return expression


def number_columns(tree: Any) -> dict[str, str]:
    """Return the columns whose strings become numbers in a JSON tree, with the decimal signs."""
    return {
        col.name: col.steps[0].value[0]
        for col in find_cols(tree)
        if col.steps and col.steps[0].name == "to_number" and col.steps[0].value[1] is None
    }


def are_plain_numbers(values: pa.ChunkedArray, decimal: str) -> bool:
    """Check whether all strings of a column are numbers that SQL reads as Python does."""
    pattern = _PLAIN_NUMBER.replace("POINT", "[.]" if decimal == "." else re.escape(decimal))
    return pc.all(pc.match_substring_regex(values, pattern)).as_py() is not False


def json_sql(value: Expression) -> str:
    """Return SQL for a value as JSON, ``null`` if it is missing."""
    sql = value.sql
    written = {
        "str": f"to_json({sql})::varchar",
        "int": f"({sql})::varchar",
        "float": _float_json(sql),
        "decimal": _float_json(f"({sql})::double"),
        "bool": f"case {sql} when true then 'true' when false then 'false' end",
        "date": f"'\"' || ({sql})::varchar || '\"'",
        "timestamp": f"'\"' || {_iso_sql(sql)} || '\"'",
        "null": "'null'",
    }[value.kind]
    return f"coalesce({written}, 'null')"


def string_sql(value: Expression) -> str:
    """Return SQL for a value as the string of a flat field, NULL or empty if it is missing."""
    sql = value.sql
    return {
        "str": sql,
        "int": f"({sql})::varchar",
        "float": f"case when isfinite({sql}) then ({sql})::varchar end",
        "decimal": f"({sql})::double::varchar",
        "bool": f"case {sql} when true then 'True' when false then 'False' end",
        "date": f"({sql})::varchar",
        "timestamp": _iso_sql(sql),
        "null": "null::varchar",
    }[value.kind]


def key_sql(value: Expression) -> str:
    """Return SQL for a value as the string that an event id is made from, NULL or empty if it is missing."""
    if value.kind == "float":
        return f"case when isfinite({value.sql}) then {_float_str(value.sql)} end"
    return f"({value.sql})::varchar" if value.kind == "decimal" else string_sql(value)


def time_sql(value: Expression) -> str | None:
    """Return SQL for a value as a Unix timestamp in milliseconds, NULL if it is missing; None if SQL cannot convert it."""
    if value.kind == "timestamp":
        # epoch_ms rounds, and // cuts towards zero: shifted to positive numbers, it cuts towards the past
        return f"((epoch_us({value.sql}) + {_SHIFT}000) // 1000 - {_SHIFT})"
    if value.kind == "date":
        return f"epoch_ms(({value.sql})::timestamp)"
    if value.kind in {"int", "null"}:
        return f"({value.sql})::bigint"
    return None


def evaluate_column(
    col: Col, values: Iterable[Any], role: Role, check: Check | None = None, zone: tzinfo = UTC
) -> tuple[pa.Array, dict[int, str]]:
    """Evaluate a placeholder in Python for each row.

    Parameters
    ----------
    col
        The placeholder.
    values
        The values of its column, ``n`` of them, as Python objects or as an Arrow column.
    role
        Where the value goes.
    check
        Raises ValueError for a value that may not go there.
    zone
        Time zone of times without one.

    Returns
    -------
    results : Array of string, or of int64 for a time, length n
        NULL where the value is missing or has no form.
    reasons : dict of int to str
        Reason by row, for the rows whose value has no form.
    """
    if isinstance(values, pa.ChunkedArray):
        if (times := _parse_times(col, values, role, zone)) is not None:
            return times, {}
        values = values.to_pylist()
    write = _WRITERS[role]
    results: list[Any] = []
    reasons: dict[int, str] = {}
    cache: dict[str, Any] = {}
    for row, value in enumerate(values):
        if type(value) is str and value in cache:
            results.append(cache[value])
            continue
        try:
            if isinstance(value, Unreadable):
                raise ValueError(value.reason)  # noqa: TRY004 - as for other values without a form
            evaluated = _localise(col.evaluate(value), role, zone)
            if check is not None:
                check(evaluated)
            result = write(evaluated)
        except _ERRORS as error:
            reasons[row] = value_reason(col.name, error)
            results.append(None)
            continue
        results.append(result)
        if type(value) is str and len(cache) < _MAX_CACHED:
            cache[value] = result
    return pa.array(results, pa.int64() if role == "time" else pa.string()), reasons


def evaluate_tree(
    tree: Any, columns: Mapping[str, Sequence[Any]], write: Callable[[Any], str], zone: tzinfo = UTC
) -> tuple[pa.Array, dict[int, str]]:
    """Fill the placeholders of a JSON tree in Python for each row.

    Parameters
    ----------
    tree
        Nested dicts and lists with placeholders.
    columns
        The values of each column as Python objects, ``n`` of each.
    write
        Returns a filled tree as a string.
    zone
        Time zone of times without one.

    Returns
    -------
    results : Array of string, length n
        NULL where a value has no form.
    reasons : dict of int to str
        Reason by row, for the rows with such a value.
    """
    results: list[str | None] = []
    reasons: dict[int, str] = {}
    for row in range(len(next(iter(columns.values())))):
        try:
            results.append(write(_fill(tree, columns, row, zone)))
        except _ERRORS as error:
            reason = error.args[0] if error.args else error
            reasons[row] = reason if isinstance(reason, Reason) else str(error)
            results.append(None)
    return pa.array(results, pa.string()), reasons


def value_reason(column: str, error: Exception) -> Reason:
    """Return the reason of a value that has no form: its rule is what the message says before the value."""
    rule, _, detail = str(error).partition(": ")
    return Reason(f"{column}: {rule}", detail)


def _fill(tree: Any, columns: Mapping[str, Sequence[Any]], row: int, zone: tzinfo) -> Any:
    if isinstance(tree, Col):
        value = columns[tree.name][row]
        try:
            if isinstance(value, Unreadable):
                raise ValueError(value.reason)  # noqa: TRY004 - as for other values without a form
            return jsonable(_localise(tree.evaluate(value), "json", zone))
        except _ERRORS as error:
            raise ValueError(value_reason(tree.name, error)) from None
    if isinstance(tree, Mapping):
        return {name: _fill(value, columns, row, zone) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_fill(value, columns, row, zone) for value in tree]
    return tree


def _parse_times(col: Col, values: pa.ChunkedArray, role: Role, zone: tzinfo) -> pa.Array | None:
    """Return ISO 8601 strings as milliseconds, if all are of the most usual forms; None if only Python reads them."""
    if role != "time" or col.steps or zone is not UTC or not pa.types.is_string(values.type):
        return None
    # all with a zone of their own, or all without
    for type_ in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        with suppress(pa.ArrowInvalid):
            times = values.cast(type_).cast(pa.int64()).cast(pa.timestamp("us"))
            break
    else:
        return None
    year = pc.min_max(pc.year(times)).as_py()
    if year["min"] is not None and not MINYEAR <= year["min"] <= year["max"] <= MAXYEAR:
        return None
    return pc.floor_temporal(times, unit="millisecond").cast(pa.timestamp("ms")).cast(pa.int64())


def _read_column(name: str, type_: pa.DataType) -> Expression | None:  # noqa: PLR0911 - a table, one line for each type
    is_ = pa.types
    if is_.is_string(type_) or is_.is_large_string(type_) or is_.is_string_view(type_):
        return Expression(name, "str")
    if is_.is_boolean(type_):
        return Expression(name, "bool")
    if is_.is_integer(type_):
        return Expression(name, "int")
    if is_.is_floating(type_):
        double = name if is_.is_float64(type_) else f"({name})::double"
        return Expression(double, "float")
    if is_.is_date(type_):
        return Expression(name, "date")
    if is_.is_timestamp(type_):
        return Expression(name, "timestamp")
    if is_.is_decimal(type_):
        return Expression(name, "decimal") if type_.scale else Expression(f"({name})::bigint", "int")
    return Expression("null", "null") if is_.is_null(type_) else None


def _default(value: Expression, step: Step) -> Expression | None:
    constant: Any = step.value
    if is_missing(constant):
        return value
    kind = value.kind
    if kind == "null":
        kind = next((kind for kind, type_ in _PYTHON_TYPES.items() if type(constant) is type_), "null")
    if not isinstance(constant, str | bool | int | float) or type(constant) is not _PYTHON_TYPES.get(kind):
        return None
    literal = _literal(constant)
    return None if literal is None else Expression(f"coalesce({_present(value)}, {literal})", kind)


def _present(value: Expression) -> str:
    """Return SQL for a value with NULL where it is NaN, which counts as missing."""
    sql = value.sql
    return f"(case when not isnan({sql}) then {sql} end)" if value.kind == "float" else sql


def _literal(constant: str | bool | float) -> str | None:
    """Return a constant as an SQL literal; None if SQL has none for it."""
    if isinstance(constant, str):
        return quote(constant) if constant.isprintable() else None
    if isinstance(constant, float):
        return f"({constant!r})::double" if abs(constant) < float("inf") else f"'{constant!r}'::double"
    return repr(constant) if -(2**63) < constant < 2**63 else None


def _map(value: Expression, step: Step) -> Expression | None:
    pairs = [(old, None if is_missing(new) else new) for old, new in step.value]
    if value.kind != "str" or len(pairs) > _MAX_CASES:
        return None
    if any(type(old) is not str or type(new) not in {str, type(None)} for old, new in pairs):
        return None
    if not pairs:
        return Expression("null::varchar", "str")
    literals = [(_literal(old), "null" if new is None else _literal(new)) for old, new in pairs]
    if any(None in pair for pair in literals):
        return None
    cases = " ".join(f"when {old} then {new}" for old, new in literals)
    return Expression(f"(case {value.sql} {cases} end)", "str")


def _cast(value: Expression, step: Step) -> Expression | None:
    if step.value == "str":
        return _as_str(value)
    if step.value == "float" and value.kind == "int":
        return Expression(f"({value.sql})::double", "float")
    if step.value == "bool" and value.kind == "int":
        return Expression(f"(({value.sql}) <> 0)", "bool")
    return value if step.value == value.kind else None


def _format(value: Expression, step: Step) -> Expression | None:
    before, _, after = step.value.partition("{}")
    string = _as_str(value)
    if string is None or not step.value.isprintable():
        return None
    return Expression(f"({quote(before)} || {string.sql} || {quote(after)})", "str")


def _as_str(value: Expression) -> Expression | None:
    """Return SQL for Python's ``str`` of a value, with bools in lower case as `Col` has them."""
    if value.kind == "str":
        return value
    if value.kind == "null":
        return Expression("null::varchar", "str")
    if value.kind == "bool":
        return Expression(f"(case {value.sql} when true then 'true' when false then 'false' end)", "str")
    if value.kind == "float":
        return Expression(f"(case when not isnan({value.sql}) then {_float_str(value.sql)} end)", "str")
    return (
        Expression(f"(({value.sql})::varchar)", "str") if value.kind in {"int", "decimal", "date"} else None
    )


def is_exact_integer(sql: str) -> str:
    """Return SQL that checks whether a float is written like an integer."""
    return f"({sql} = trunc({sql}) and abs({sql}) < {EXACT_INTEGERS})"


def _float_str(sql: str) -> str:
    """Return SQL for the one form of a float as a string: an integral one is written like an integer."""
    return f"case when {is_exact_integer(sql)} then ({sql})::bigint::varchar else ({sql})::varchar end"


def _float_json(sql: str) -> str:
    # from 16 digits on to_json writes zeros where the tracker's encoder writes an exponent; NaN is above all numbers
    return (
        f"case when {is_exact_integer(sql)} then ({sql})::bigint::varchar when abs({sql}) < 1e16 "
        f"then to_json({sql})::varchar when isfinite({sql}) then ({sql})::varchar end"
    )


def _localise(value: Any, role: Role, zone: tzinfo) -> Any:
    """Return a time with its zone, where it has none; a string is a time only where a time goes."""
    if isinstance(value, str) and role == "time" and not value.lstrip("-").isdecimal():
        try:
            return parse_datetime(value, zone)
        except ValueError as error:
            raise ValueError(f"{error}; use col(…).to_datetime(format=…)") from None
    if zone is not UTC and isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=zone)
    return value


def _iso_sql(sql: str) -> str:
    return f"strftime({sql}, '%Y-%m-%dT%H:%M:%S.%fZ')"


def _to_milliseconds(value: Any) -> int | None:
    if value is None:
        return None
    timestamp = milliseconds(value)
    if not -(2**63) <= timestamp < 2**63:
        raise ValueError(f"{timestamp} is out of range for a time")
    return timestamp


_STEPS: dict[str, Callable[[Expression, Step], Expression | None]] = {
    "default": _default,
    "map": _map,
    "cast": _cast,
    "format": _format,
}
_WRITERS: dict[Role, Callable[[Any], Any]] = {
    "json": dumps,
    "string": text,
    "key": key_text,
    "time": _to_milliseconds,
}
