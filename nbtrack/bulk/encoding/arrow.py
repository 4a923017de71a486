"""Preparing the columns of a chunk: Arrow types that SQL reads alike everywhere, and Python objects for all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta, tzinfo
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""The first day of the year 1 and the last one of 9999, in days since 1970."""
_MAX_NAMES = 30
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""How many of a unit make a second."""
_INFINITE = 2**63 - 1
"""SQL reads this number of nanoseconds, and its negative, as infinity."""
_EXACT_DIGITS = 15
"""Decimals with so many digits are exact as doubles."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a value that has no form; its reason."""

    reason: str


@dataclass(slots=True)
class Columns:
    """The columns of a chunk, as SQL and Python read them.

    Parameters
    ----------
    table
        Columns of types that SQL reads alike everywhere; null for those in `objects`.
    objects
        Python objects of the other columns.
    reasons
        Why a row cannot be sent, by row.
    repaired
        Rows with strings that were not valid UTF-8.
    naive
        Columns of times without a zone.
    """

    table: pa.Table
    objects: dict[str, list[Any]]
    reasons: dict[int, str] = field(default_factory=dict)
    repaired: set[int] = field(default_factory=set)
    naive: set[str] = field(default_factory=set)


def column_name(index: int) -> str:
    """Return the name in SQL of a column by its position: to SQL ``A`` and ``a`` are one, and some names are taken."""
    return f"c{index}"


def list_names(names: Sequence[str]) -> str:
    """Return the names of columns for a message; of a wide DataFrame only the first ones."""
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return f"{', '.join(map(str, names[:_MAX_NAMES]))}{more}"


def prepare_columns(table: pa.Table, objects: Mapping[str, list[Any]], zone: tzinfo = UTC) -> Columns:
    """Convert the columns of a chunk to types that SQL reads alike everywhere, or to Python objects; no value changes.

    Parameters
    ----------
    table
        The columns; those in `objects` are ignored.
    objects
        Columns that are Python objects already.
    zone
        Time zone of times without one.
    """
    columns = Columns(table, dict(objects))
    arrays: list[Any] = []
    changed = False
    for index, name in enumerate(table.column_names):
        column = table.column(index)
        if name in columns.objects:
            array = pa.nulls(len(column)) if not pa.types.is_null(column.type) else column
        else:
            array = _prepare_column(name, column, columns, zone)
        changed = changed or array is not column
        arrays.append(array)
    if changed:
        columns.table = pa.table(arrays, names=table.column_names)
    return columns


def _prepare_column(name: str, column: pa.ChunkedArray, columns: Columns, zone: tzinfo) -> Any:
    column = _unwrap(column)
    type_ = column.type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return _repair_strings(column, columns)
    if pa.types.is_float16(type_):
        return column.cast(pa.float32())
    if pa.types.is_date64(type_):
        column = column.cast(pa.date32())
    if pa.types.is_date(type_):
        return _drop_far(name, column, columns)
    if pa.types.is_timestamp(type_):
        if type_.tz is None:
            columns.naive.add(name)
        column = _drop_far(name, _floor_infinite(column), columns)
        return _to_utc(name, column, columns, zone)
    if _is_plain(type_):
        return column
    columns.objects[name] = _to_objects(column, columns)
    return pa.nulls(len(column))


def _is_plain(type_: pa.DataType) -> bool:
    """Check whether SQL reads a type as it is."""
    is_ = pa.types
    if is_.is_decimal128(type_):
        return bool(type_.precision <= _EXACT_DIGITS and 0 <= type_.scale <= type_.precision)
    return bool(
        is_.is_boolean(type_) or is_.is_integer(type_) or is_.is_floating(type_) or is_.is_null(type_)
    )


def _unwrap(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values of dictionaries, run-length encoded columns, and extension types without a meaning of their own."""
    type_ = column.type
    if pa.types.is_dictionary(type_):
        return _unwrap(
            pa.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], type_.value_type)
        )
    if pa.types.is_run_end_encoded(type_):
        chunks = [pc.run_end_decode(chunk) for chunk in column.chunks]
        return _unwrap(pa.chunked_array(chunks, type_.value_type))
    if isinstance(type_, pa.BaseExtensionType) and type_.extension_name != "arrow.uuid":
        chunks = [chunk.storage for chunk in column.chunks]
        storage = pa.chunked_array(chunks, type_.storage_type)
        return storage.cast(pa.bool_()) if type_.extension_name == "arrow.bool8" else _unwrap(storage)
    return column


def _repair_strings(column: pa.ChunkedArray, columns: Columns) -> pa.ChunkedArray:
    """Replace bytes that are not UTF-8 by U+FFFD, as the tracker does."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        raw = column.cast(pa.large_binary()).to_pylist()
        strings = [None if value is None else value.decode(errors="replace") for value in raw]
        pairs = enumerate(zip(raw, strings, strict=True))
        columns.repaired |= {row for row, (value, string) in pairs if string and string.encode() != value}
        return pa.chunked_array([pa.array(strings, pa.large_string())])
    return column


def _floor_infinite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return times in microseconds, if SQL would read one of them as infinite; seconds and milliseconds always."""
    type_ = column.type
    if type_.unit == "us":
        return column
    if type_.unit != "ns":
        return column.cast(pa.timestamp("us", type_.tz), safe=False) if _fits(column, type_) else column
    numbers = column.cast(pa.int64())
    limits = pc.min_max(numbers).as_py()
    if limits["min"] is None or (limits["min"] > -_INFINITE and limits["max"] < _INFINITE):
        return column
    # towards the past, as a datetime is cut to microseconds
    floored = [None if value is None else value // 1_000 for value in numbers.to_pylist()]
    return pa.chunked_array([pa.array(floored, pa.int64()).cast(pa.timestamp("us", type_.tz))])


def _fits(column: pa.ChunkedArray, type_: pa.DataType) -> bool:
    limits = pc.min_max(column.cast(pa.int64())).as_py()
    largest = max(abs(limits["min"] or 0), abs(limits["max"] or 0))
    return bool(largest * (_UNITS["us"] // _UNITS[type_.unit]) < 2**63)


def _drop_far(name: str, column: pa.ChunkedArray, columns: Columns) -> pa.ChunkedArray:
    """Replace times beyond the years 1 to 9999, which neither SQL nor Python can write, by nulls with a reason."""
    type_ = column.type
    if pa.types.is_date32(type_):
        first, last, numbers = _FIRST_DAY, _LAST_DAY, column.cast(pa.int32())
    elif type_.unit == "ns":
        return column
    else:
        day = 86_400 * _UNITS[type_.unit]
        first, last, numbers = _FIRST_DAY * day, (_LAST_DAY + 1) * day - 1, column.cast(pa.int64())
    far = pc.or_(pc.less(numbers, first), pc.greater(numbers, last)).fill_null(False)
    if not pc.any(far).as_py():
        return column
    rows = map(int, np.flatnonzero(np.asarray(far)))
    columns.reasons |= dict.fromkeys(rows, f"{name}: the time is beyond the years 1 to 9999")
    column = pc.if_else(far, pa.scalar(None, type_), column)
    return column if type_ == pa.date32() or type_.unit == "us" else column.cast(pa.timestamp("us", type_.tz))


def _to_utc(name: str, column: pa.ChunkedArray, columns: Columns, zone: tzinfo) -> pa.ChunkedArray:
    """Return times in UTC without a zone, which SQL reads alike everywhere."""
    type_ = column.type
    naive = pa.timestamp(type_.unit)
    if type_.tz is not None:
        return column.cast(pa.int64()).cast(naive)
    if zone is UTC:
        return column
    earliest, latest = (
        pc.assume_timezone(column, str(zone), ambiguous=which, nonexistent=which)
        for which in ("earliest", "latest")
    )
    differ = pc.not_equal(earliest, latest).fill_null(False)
    if pc.any(differ).as_py():
        rows = map(int, np.flatnonzero(np.asarray(differ)))
        columns.reasons |= dict.fromkeys(rows, f"{name}: the local time occurs twice or never in {zone}")
    return earliest.cast(pa.int64()).cast(naive)


def _to_objects(column: pa.ChunkedArray, columns: Columns) -> list[Any]:
    """Return the values of a column as Python objects; structs and maps are dicts."""
    try:
        values = column.to_pylist()
    except Exception:  # noqa: BLE001 - one value without a form must not cost the others
        values = [_to_object(scalar, row, columns) for row, scalar in enumerate(column)]
    if pa.types.is_map(column.type):
        return [_to_dict(pairs) if isinstance(pairs, list) else pairs for pairs in values]
    if pa.types.is_interval(column.type):
        return [None if value is None else _to_timedelta(value) for value in values]
    return list(values)


def _to_object(scalar: pa.Scalar, row: int, columns: Columns) -> Any:
    if not scalar.is_valid:
        return None
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        columns.repaired.add(row)
        return _decode(scalar)
    except Exception as error:  # noqa: BLE001 - Arrow has many kinds
        if pa.types.is_duration(scalar.type):
            return scalar.value / _UNITS[scalar.type.unit]
        return Unreadable(f"value cannot be read: {error}")


def _decode(scalar: pa.Scalar) -> Any:
    """Return a scalar as Python object, with U+FFFD for bytes in strings that are not UTF-8."""
    type_ = scalar.type
    if not scalar.is_valid:
        return None
    if pa.types.is_struct(type_):
        return {name: _decode(value) for name, value in scalar.items()}
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return [_decode(value) for value in scalar]
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return scalar.as_buffer().to_pybytes().decode(errors="replace")
    return scalar.as_py()


def _to_dict(pairs: list[Any]) -> Any:
    try:
        members = dict(pairs)
    except TypeError:
        return Unreadable("a key of the map is not a string or number")
    return members if len(members) == len(pairs) else Unreadable("the map has a key twice")


def _to_timedelta(interval: Any) -> Any:
    if interval.months:
        return Unreadable("an interval of months has no fixed length")
    return timedelta(days=interval.days, microseconds=interval.nanoseconds // 1_000)


def join_chunks(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array, without a copy where it is one already."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def string_buffers(strings: pa.Array) -> tuple[Any, memoryview]:
    """Return where each string begins (and one past the end), and the bytes of all, without copying them."""
    if isinstance(strings, pa.ChunkedArray):
        strings = join_chunks(strings)
    if not len(strings):
        return np.zeros(1, np.int64), memoryview(b"")
    if pa.types.is_string_view(strings.type):
        strings = strings.cast(pa.large_string())
    width = np.int64 if pa.types.is_large_string(strings.type) else np.int32
    _, offsets, data = strings.buffers()
    window = slice(strings.offset, strings.offset + len(strings) + 1)
    starts = np.frombuffer(offsets, dtype=width)[window].astype(np.int64)
    return starts, memoryview(data) if data is not None else memoryview(b"")
