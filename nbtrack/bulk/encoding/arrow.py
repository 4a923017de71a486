"""What is done to a table before SQL reads it: types that it reads alike everywhere, names that are its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # since 1970: those of the years 1 and 9999
_NAMED = 30  # columns; wide frames have thousands
_UNITS = {
    "s": 1,
    "ms": 1_000,
    "us": 1_000_000,
}  # in a second; all of 64 bits of nanoseconds are in these years


def number(place: int) -> str:
    """Name a column in SQL by its place: to SQL ``A`` and ``a`` were one column, and some names are its own."""
    return f"c{place}"


def name_some(names: Sequence[str]) -> str:
    """List columns for a reader: of a wide frame only the first ones."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{', '.join(map(str, names[:_NAMED]))}{more}"


def drop_far(table: pa.Table) -> tuple[pa.Table, dict[int, str]]:
    """Take out the moments beyond the years 1 to 9999, which neither SQL nor Python writes as a time.

    Returns
    -------
    table : Table
        With nulls in their places.
    faults : dict of int to str
        Reason by row.
    """
    faults: dict[int, str] = {}
    for place, field in enumerate(table.schema):
        if (limits := _calendar(field.type)) is None:
            continue
        column = table.column(place)
        numbers = column.cast(pa.int32() if pa.types.is_date32(field.type) else pa.int64())
        far = pc.or_(pc.less(numbers, limits[0]), pc.greater(numbers, limits[1])).fill_null(False)
        if pc.any(far).as_py():
            rows = np.flatnonzero(np.asarray(far))
            faults |= dict.fromkeys(map(int, rows), f"{field.name}: the time is beyond the years 1 to 9999")
            table = table.set_column(place, field, pc.if_else(far, None, column))
    return table, faults


def normalise(table: pa.Table) -> pa.Table:
    """Give columns the types that SQL reads alike everywhere: moments without a zone (in UTC), no dictionaries.

    Extension types become their storage. The values do not change.
    """
    for place, field in enumerate(table.schema):
        column = table.column(place)
        kind = field.type
        if isinstance(kind, pa.BaseExtensionType):
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
            kind = kind.storage_type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
            column = column.cast(kind)
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            kind = pa.timestamp(kind.unit)
            column = column.cast(pa.int64()).cast(kind)
        if pa.types.is_timestamp(kind) and kind.unit in {"s", "ms"}:
            column = column.cast(pa.timestamp("us"))  # SQL would make them nanoseconds, of which not all fit
        if pa.types.is_duration(kind):
            # Python writes them; SQL only hashes them, and trips over what is below a null in larger units
            column = column.cast(pa.duration("us"), safe=False)
        if pa.types.is_float16(kind):
            column = column.cast(pa.float32())
        if pa.types.is_date64(kind):
            column = column.cast(pa.date32())
        if column is not table.column(place):
            table = table.set_column(place, field.name, column)
    return table


def to_python(values: pa.ChunkedArray) -> list[Any]:
    """Give a column's values as Python objects: pickled objects are themselves, structs dicts, maps dicts."""
    if pa.types.is_map(values.type):
        return [None if pairs is None else dict(pairs) for pairs in values.to_pylist()]
    return list(values.to_pylist())


def _calendar(kind: pa.DataType) -> tuple[int, int] | None:
    """Give the first and the last number of a type of moments that is in the years 1 to 9999; None for any."""
    if pa.types.is_date32(kind):
        return _FIRST_DAY, _LAST_DAY
    units = (
        1_000 if pa.types.is_date64(kind) else _UNITS.get(kind.unit) if pa.types.is_timestamp(kind) else None
    )
    return None if units is None else (_FIRST_DAY * 86_400 * units, (_LAST_DAY + 1) * 86_400 * units - 1)
