"""Preparing Arrow tables for SQL: types that SQL reads alike everywhere, and names without a meaning to SQL."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""The first day of the year 1 and the last one of 9999, in days since 1970."""
_MAX_NAMES = 30
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
"""How many of a unit make a second; all 64-bit numbers of nanoseconds are between the years 1 and 9999."""


def column_name(index: int) -> str:
    """Return the name in SQL of a column by its position: to SQL ``A`` and ``a`` are one, and some names are taken."""
    return f"c{index}"


def list_names(names: Sequence[str]) -> str:
    """Return the names of columns for a message; of a wide DataFrame only the first ones."""
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return f"{', '.join(map(str, names[:_MAX_NAMES]))}{more}"


def drop_far_times(table: pa.Table) -> tuple[pa.Table, dict[int, str]]:
    """Replace times beyond the years 1 to 9999, which neither SQL nor Python can write, by nulls.

    Returns
    -------
    table : Table
        With the nulls.
    reasons : dict of int to str
        Reason by row.
    """
    reasons: dict[int, str] = {}
    for index, field in enumerate(table.schema):
        if (limits := _calendar_limits(field.type)) is None:
            continue
        column = table.column(index)
        numbers = column.cast(pa.int32() if pa.types.is_date32(field.type) else pa.int64())
        far = pc.or_(pc.less(numbers, limits[0]), pc.greater(numbers, limits[1])).fill_null(False)
        if pc.any(far).as_py():
            rows = np.flatnonzero(np.asarray(far))
            reasons |= dict.fromkeys(map(int, rows), f"{field.name}: the time is beyond the years 1 to 9999")
            table = table.set_column(index, field, pc.if_else(far, None, column))
    return table, reasons


def normalise(table: pa.Table) -> pa.Table:
    """Convert columns to types that SQL reads alike everywhere; the values do not change.

    Timestamps lose their zone (they are UTC then), dictionaries and extension types become what they hold.
    """
    for index, field in enumerate(table.schema):
        column = table.column(index)
        type_ = field.type
        if isinstance(type_, pa.BaseExtensionType):
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], type_.storage_type)
            type_ = type_.storage_type
        if pa.types.is_dictionary(type_):
            type_ = type_.value_type
            column = column.cast(type_)
        if pa.types.is_timestamp(type_) and type_.tz is not None:
            type_ = pa.timestamp(type_.unit)
            column = column.cast(pa.int64()).cast(type_)
        if pa.types.is_timestamp(type_) and type_.unit in {"s", "ms"}:
            # SQL would convert them to nanoseconds, which some do not fit
            column = column.cast(pa.timestamp("us"))
        if pa.types.is_duration(type_):
            # Python writes them; SQL only hashes them, and fails on what is stored below a null in larger units
            column = column.cast(pa.duration("us"), safe=False)
        if pa.types.is_float16(type_):
            column = column.cast(pa.float32())
        if pa.types.is_date64(type_):
            column = column.cast(pa.date32())
        if column is not table.column(index):
            table = table.set_column(index, field.name, column)
    return table


def to_python(values: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column as Python objects; structs and maps are dicts."""
    if pa.types.is_map(values.type):
        return [None if pairs is None else dict(pairs) for pairs in values.to_pylist()]
    return list(values.to_pylist())


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


def _calendar_limits(type_: pa.DataType) -> tuple[int, int] | None:
    """Return the first and last stored number of a type of times within the years 1 to 9999; None if all are."""
    if pa.types.is_date32(type_):
        return _FIRST_DAY, _LAST_DAY
    units = 1_000 if pa.types.is_date64(type_) else None
    if pa.types.is_timestamp(type_):
        units = _UNITS.get(type_.unit)
    return None if units is None else (_FIRST_DAY * 86_400 * units, (_LAST_DAY + 1) * 86_400 * units - 1)
