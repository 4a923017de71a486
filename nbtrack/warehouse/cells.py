"""The cells of enriched events, from strings to their types; a cell that does not convert is null, and counted."""

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nbtrack.protocol import ENRICHED_COLUMNS, ColumnType
from nbtrack.warehouse.payloads import read_time

_DECIMAL = pa.decimal128(38, 9)
ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "uuid": pa.string(),
    "json": pa.string(),
    "timestamp": pa.timestamp("ms", "UTC"),
    "integer": pa.int64(),
    "flag": pa.bool_(),
    "number": pa.float64(),
    "decimal": _DECIMAL,
}
"""The type of a column; integers have 64 bits, since older data holds larger ones than a pipeline writes now."""
_FLAGS = {"1": True, "0": False, "true": True, "false": False}


def type_of(column: str) -> pa.DataType:
    """Return the Arrow type of one of the 131 columns."""
    return ARROW_TYPES[ENRICHED_COLUMNS[column]]


def convert_column(name: str, strings: pa.Array, bad_cells: Counter[str]) -> pa.Array:
    """Return a column of strings in its type.

    Parameters
    ----------
    name
        The column.
    strings
        Its cells; those that are empty are null.
    bad_cells
        Number of cells that do not convert, by column; added to.
    """
    kind = ENRICHED_COLUMNS[name]
    if kind in {"string", "uuid", "json"}:
        return strings
    try:
        return _CASTS[kind](strings)
    except (pa.ArrowException, ValueError):
        return convert_values(name, strings.to_pylist(), bad_cells)


def convert_values(name: str, values: list[Any], bad_cells: Counter[str]) -> pa.Array:
    """Return values, of strings or of JSON, as a column in its type; see `convert_column`."""
    read = _READERS.get(ENRICHED_COLUMNS[name], str)
    cells: list[Any] = []
    for value in values:
        if value is None or value == "":
            cells.append(None)
            continue
        try:
            cells.append(read(value))
        except (ValueError, TypeError, ArithmeticError):
            bad_cells[name] += 1
            cells.append(None)
    return pa.array(cells, type_of(name))


def _cast_timestamp(strings: pa.Array) -> pa.Array:
    return strings.cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC"))


def _cast_flag(strings: pa.Array) -> pa.Array:
    one = pc.equal(strings, "1")
    if not pc.all(pc.or_(one, pc.equal(strings, "0"))).as_py() and strings.null_count < len(strings):
        raise ValueError("not a flag")
    return one


_CASTS: Mapping[ColumnType, Callable[[pa.Array], pa.Array]] = {
    "timestamp": _cast_timestamp,
    "flag": _cast_flag,
    "integer": lambda strings: strings.cast(pa.int64()),
    "number": lambda strings: strings.cast(pa.float64()),
    "decimal": lambda strings: strings.cast(_DECIMAL),
}


def _read_timestamp(value: Any) -> int:
    time = read_time(value)
    if time is None:
        raise ValueError("not a time")
    return time


def _read_integer(value: Any) -> int:
    number = int(value)
    if not -(2**63) <= number < 2**63 or (isinstance(value, float) and value != number):
        raise ValueError("not an integer of 64 bits")
    return number


def _read_flag(value: Any) -> bool:
    return (
        value
        if isinstance(value, bool)
        else _FLAGS[str(value).lower()]
        if str(value).lower() in _FLAGS
        else _fail()
    )


def _fail() -> bool:
    raise ValueError("not a flag")


def _read_decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite() or number != number.quantize(Decimal("1e-9")):
        raise ValueError("more digits than a decimal(38, 9) holds")
    return number


_READERS: Mapping[ColumnType, Callable[[Any], Any]] = {
    "timestamp": _read_timestamp,
    "integer": _read_integer,
    "flag": _read_flag,
    "number": float,
    "decimal": _read_decimal,
}
