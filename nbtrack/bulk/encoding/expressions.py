"""What a column's values become in a payload, said in SQL; where SQL cannot say it, in Python.

The meaning is that of `nbtrack.values` and of `Col.evaluate`: SQL is used only where it gives the same texts, which a
property test holds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from nbtrack.template import Col, Step, is_missing
from nbtrack.values import dumps, milliseconds, text

Role = Literal["json", "text", "moment"]
Check = Callable[[Any], None]
Kind = Literal["str", "int", "float", "bool", "date", "timestamp", "null"]

_EXACT_DIGITS = 15  # decimals of so many digits are exact as doubles
_MOST_CASES = 64
_FAR = 10**15  # milliseconds, some 30,000 years
_MOST_KNOWN = 100_000  # texts remembered for one column of one chunk
_PYTHON_TYPES: dict[Kind, type] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True, slots=True)
class Expression:
    """SQL with the kind of value it gives; NULL where the row has none."""

    sql: str
    kind: Kind


def quote(text_: str) -> str:
    """Write a text as an SQL literal."""
    return "'" + text_.replace("'", "''") + "'"


def express(col: Col, name: str, kind: pa.DataType) -> Expression | None:
    """Say a placeholder in SQL, over a column of that name there; None where only Python gives its meaning."""
    found = _read(name, kind)
    for step in col.steps:
        if found is None:
            return None
        found = _STEPS[step.name](found, step)
    return found


def write_json(value: Expression) -> str:
    """Give SQL for the JSON of a value, ``null`` for none."""
    sql = value.sql
    written = {
        "str": f"to_json({sql})::varchar",
        "int": f"({sql})::varchar",
        # beyond 16 digits to_json writes zeros where the tracker's encoder writes an exponent
        "float": f"case when not isfinite({sql}) then null when abs({sql}) < 1e16 then to_json({sql})::varchar "
        f"else ({sql})::varchar end",
        "bool": f"case {sql} when true then 'true' when false then 'false' end",
        "date": f"'\"' || ({sql})::varchar || '\"'",
        "timestamp": f"'\"' || {_iso(sql)} || '\"'",
        "null": "'null'",
    }[value.kind]
    return f"coalesce({written}, 'null')"


def write_text(value: Expression) -> str:
    """Give SQL for the text of a value in a flat payload, NULL or empty for none."""
    sql = value.sql
    return {
        "str": sql,
        "int": f"({sql})::varchar",
        "float": f"case when isfinite({sql}) then ({sql})::varchar end",
        "bool": f"case {sql} when true then 'True' when false then 'False' end",
        "date": f"({sql})::varchar",
        "timestamp": _iso(sql),
        "null": "null::varchar",
    }[value.kind]


def write_moment(value: Expression) -> str | None:
    """Give SQL for whole milliseconds since 1970 as a BIGINT, NULL for none; None where SQL cannot."""
    if value.kind == "timestamp":
        # epoch_ms rounds, and // cuts towards zero: moved far to the right, it cuts towards the past
        return f"((epoch_us({value.sql}) + {_FAR}000) // 1000 - {_FAR})"
    if value.kind == "date":
        return f"epoch_ms(({value.sql})::timestamp)"
    if value.kind in {"int", "null"}:
        return f"({value.sql})::bigint"
    return None


def compute(
    col: Col, values: Iterable[Any], role: Role, check: Check | None = None
) -> tuple[pa.Array, dict[int, str]]:
    """Give what a placeholder becomes in Python, one a row, and the reasons of the rows that have none.

    Parameters
    ----------
    col
        The placeholder.
    values
        Its column's values as Python objects, ``n`` of them.
    role
        Where the value goes.
    check
        Raises ValueError for a value that may not go there.

    Returns
    -------
    written : Array of string, or of int64 for a moment, length n
        NULL where the value has no form, or is none.
    faults : dict of int to str
        Reason by row.
    """
    write = _WRITERS[role]
    written: list[Any] = []
    faults: dict[int, str] = {}
    known: dict[str, Any] = {}
    for row, value in enumerate(values):
        if type(value) is str and value in known:
            written.append(known[value])
            continue
        try:
            made = col.evaluate(value)
            if check is not None:
                check(made)
            form = write(made)
        except (TypeError, ValueError, OverflowError, RecursionError, ArithmeticError) as error:
            faults[row] = f"{col.name}: {error}"
            written.append(None)
            continue
        written.append(form)
        if type(value) is str and len(known) < _MOST_KNOWN:
            known[value] = form
    return pa.array(written, pa.int64() if role == "moment" else pa.string()), faults


def _read(name: str, kind: pa.DataType) -> Expression | None:  # noqa: PLR0911 - a table, one line a type
    is_ = pa.types
    if is_.is_string(kind) or is_.is_large_string(kind) or is_.is_string_view(kind):
        return Expression(name, "str")
    if is_.is_boolean(kind):
        return Expression(name, "bool")
    if is_.is_integer(kind):
        return Expression(name, "int")
    if is_.is_floating(kind):
        double = name if is_.is_float64(kind) else f"({name})::double"
        return Expression(f"(case when not isnan({double}) then {double} end)", "float")
    if is_.is_date(kind):
        return Expression(name, "date")
    if is_.is_timestamp(kind):
        return Expression(name, "timestamp")
    if is_.is_decimal(kind) and kind.precision <= _EXACT_DIGITS and kind.scale >= 0:
        return (
            Expression(f"({name})::double", "float") if kind.scale else Expression(f"({name})::bigint", "int")
        )
    return Expression("null", "null") if is_.is_null(kind) else None


def _default(value: Expression, step: Step) -> Expression | None:
    constant: Any = step.value
    if is_missing(constant):
        return value
    kind = value.kind
    if kind == "null":
        kind = next((k for k, t in _PYTHON_TYPES.items() if type(constant) is t), "null")
    if not isinstance(constant, str | bool | int | float) or type(constant) is not _PYTHON_TYPES.get(kind):
        return None
    literal = _literal(constant)
    return None if literal is None else Expression(f"coalesce({value.sql}, {literal})", kind)


def _literal(constant: str | bool | float) -> str | None:
    """Write a constant in SQL; None where SQL has no literal for it."""
    if isinstance(constant, str):
        return quote(constant) if constant.isprintable() else None
    if isinstance(constant, float):
        return f"({constant!r})::double" if abs(constant) < float("inf") else f"'{constant!r}'::double"
    return repr(constant) if -(2**63) < constant < 2**63 else None


def _map(value: Expression, step: Step) -> Expression | None:
    pairs = [(old, None if is_missing(new) else new) for old, new in step.value]
    if value.kind != "str" or len(pairs) > _MOST_CASES:
        return None
    if any(type(old) is not str or type(new) not in {str, type(None)} for old, new in pairs):
        return None
    if not pairs:
        return Expression("null::varchar", "str")
    written = [(_literal(old), "null" if new is None else _literal(new)) for old, new in pairs]
    if any(None in pair for pair in written):
        return None
    cases = " ".join(f"when {old} then {new}" for old, new in written)
    return Expression(f"(case {value.sql} {cases} end)", "str")


def _cast(value: Expression, step: Step) -> Expression | None:
    if step.value == "str":
        return _as_text(value)
    if step.value == "float" and value.kind == "int":
        return Expression(f"({value.sql})::double", "float")
    if step.value == "bool" and value.kind == "int":
        return Expression(f"(({value.sql}) <> 0)", "bool")
    return value if step.value == value.kind else None


def _format(value: Expression, step: Step) -> Expression | None:
    before, _, after = step.value.partition("{}")
    shown = _as_text(value)
    if shown is None or not step.value.isprintable():
        return None
    return Expression(f"({quote(before)} || {shown.sql} || {quote(after)})", "str")


def _as_text(value: Expression) -> Expression | None:
    """Say Python's ``str`` of a value, truth in lower case, as `Col` does."""
    if value.kind == "str":
        return value
    if value.kind == "null":
        return Expression("null::varchar", "str")
    if value.kind == "bool":
        return Expression(f"(case {value.sql} when true then 'true' when false then 'false' end)", "str")
    return Expression(f"(({value.sql})::varchar)", "str") if value.kind in {"int", "float", "date"} else None


def _iso(sql: str) -> str:
    return f"strftime({sql}, '%Y-%m-%dT%H:%M:%S.%fZ')"


def _whole_moment(value: Any) -> int | None:
    if value is None:
        return None
    found = milliseconds(value)
    if not -(2**63) <= found < 2**63:
        raise ValueError(f"{found} is no moment: it is out of range")
    return found


_STEPS: dict[str, Callable[[Expression, Step], Expression | None]] = {
    "default": _default,
    "map": _map,
    "cast": _cast,
    "format": _format,
}
_WRITERS: dict[Role, Callable[[Any], Any]] = {
    "json": dumps,
    "text": text,
    "moment": _whole_moment,
}
