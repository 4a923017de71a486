"""The session's own events and entities: names and shapes, never content."""

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from nbtrack import protocol
from nbtrack.tracker import SelfDescribingJson

CELL_RUN = protocol.iglu(protocol.OWN_VENDOR, "cell_run")
LOST_RUN = protocol.iglu(protocol.OWN_VENDOR, "cell_run", "1-1-0")
"""Schema of a run whose kernel died: only it needs the later version, which a pipeline may not have yet."""
CELL_RUNS = (CELL_RUN, LOST_RUN)
ANALYSIS = protocol.iglu(protocol.OWN_VENDOR, "analysis")
DATAFRAME = protocol.iglu(protocol.OWN_VENDOR, "dataframe")
NOTEBOOK = protocol.iglu(protocol.OWN_VENDOR, "notebook")
LATER_NOTEBOOK = protocol.iglu(protocol.OWN_VENDOR, "notebook", "1-1-0")
"""Schema of notebooks with one of `LATER_HOSTS`: only they need the later version, which a pipeline may not have yet."""
NOTEBOOKS = (NOTEBOOK, LATER_NOTEBOOK)
LATER_HOSTS = frozenset({"console", "execute", "jupyterlite", "marimo", "nbclassic", "nbconvert", "voila"})
KERNEL = protocol.iglu(protocol.OWN_VENDOR, "kernel")
PARENT_EVENT = protocol.iglu(protocol.SNOWPLOW_VENDOR, "parent_event")
CLIENT_SESSION = protocol.iglu(protocol.SNOWPLOW_VENDOR, "client_session", "1-0-2")

NAME_LENGTH, KEY_LENGTH, TEXT_LENGTH, VALUE_LENGTH, CODE_LENGTH = 255, 128, 1024, 4096, 65_535
MOST_PROPERTIES, MOST_ITEMS = 100, 20
LONGEST_INTEGER = 10_000  # bits


def describe_frame(value: object, role: str) -> dict[str, Any] | None:
    """Return the shape of a DataFrame, computing nothing; None for anything else.

    Parameters
    ----------
    value
        Anything. Known are pandas and polars frames and series, Arrow tables and batches, Spark and Dask frames, the
        latter two and lazy polars frames without a number of rows: counting them would run them.
    role
        ``in``, ``out`` or ``other``.

    Examples
    --------
    >>> describe_frame([1, 2], "in") is None
    True
    """
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if library not in _SHAPES:
        return None
    try:
        shape = _SHAPES[library](value)
    except Exception:  # noqa: BLE001 - a DataFrame whose shape cannot be read must not raise into the user's code
        return None
    if shape is None:
        return None
    rows, columns = shape
    return {"role": role, "library": library, "rows": rows, "columns": columns}


def _shape_eager(value: Any) -> tuple[int | None, int] | None:
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple) or not hasattr(value, "dtypes" if len(shape) > 1 else "dtype"):
        return None
    return int(shape[0]), int(shape[1]) if len(shape) > 1 else 1


def _shape_polars(value: Any) -> tuple[int | None, int] | None:
    if type(value).__name__ == "LazyFrame":
        return None, len(value.collect_schema().names())
    return _shape_eager(value)


def _shape_arrow(value: Any) -> tuple[int | None, int] | None:
    if not hasattr(value, "num_rows") or not hasattr(value, "num_columns"):
        return None
    return int(value.num_rows), int(value.num_columns)


def _shape_lazy(value: Any) -> tuple[int | None, int] | None:
    columns = getattr(value, "columns", None)
    return (None, len(columns)) if columns is not None else None


_SHAPES = {
    "pandas": _shape_eager,
    "polars": _shape_polars,
    "pyarrow": _shape_arrow,
    "pyspark": _shape_lazy,
    "dask": _shape_lazy,
    "dask_expr": _shape_lazy,
}


def frame_entity(shape: Mapping[str, Any]) -> SelfDescribingJson:
    """Wrap what `describe_frame` gave into an entity."""
    return SelfDescribingJson(DATAFRAME, {key: value for key, value in shape.items() if value is not None})


def list_properties(pairs: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Return properties in the form of the schemas: names with strings, numbers or booleans; None is left out."""
    listed = [
        {"name": str(name)[:KEY_LENGTH], "value": shown}
        for name, value in pairs
        if (shown := show_value(value)) is not None
    ]
    return listed[:MOST_PROPERTIES]


def show_value(value: Any) -> Any:  # noqa: PLR0911 - a table, one line a kind
    """Return what a property sends for a value.

    A frame becomes its shape; any object that is no text, number, boolean, date or short list of these becomes the
    name of its class: content is not sent by accident.

    Examples
    --------
    >>> show_value(0.5), show_value(True), show_value([1, "a"]), show_value(object())
    (0.5, True, '1, a', '<object>')
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:VALUE_LENGTH]
    if isinstance(value, (int, float)):
        return _show_number(value)
    if (plain := _show_plain(value)) is not None:
        return plain
    if (
        isinstance(value, (list, tuple))
        and len(value) <= MOST_ITEMS
        and all(_is_short(item) for item in value)
    ):
        return ", ".join(str(show_value(item)) for item in value)[:VALUE_LENGTH]
    shape = describe_frame(value, "other")
    if shape is not None:
        return f"{shape['library']} {shape['rows'] if shape['rows'] is not None else '?'}x{shape['columns']}"
    return f"<{type(value).__name__}>"


def _show_number(value: Any) -> str | float | None:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if abs(value) < 2**63:
        return int(value)
    # Python refuses to write the digits of a very long one
    return str(value) if value.bit_length() < LONGEST_INTEGER else f"<{type(value).__name__}>"


def _show_plain(value: Any) -> Any:
    """Return numpy and Decimal numbers, dates and UUIDs as JSON values; None for anything else."""
    kind = type(value)
    module = kind.__module__.partition(".")[0]
    if module == "datetime" or (module == "pandas" and kind.__name__ in {"Timestamp", "Timedelta"}):
        return value.isoformat() if hasattr(value, "isoformat") else str(value)
    if module in {"decimal", "uuid", "fractions"}:
        return str(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        item = value.item()
        return show_value(item) if isinstance(item, (bool, int, float, str)) else str(value)[:VALUE_LENGTH]
    return None


def _is_short(value: Any) -> bool:
    return isinstance(value, (str, int, float)) or _show_plain(value) is not None


def drop_unknown(data: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not known, so that payloads stay small."""
    return {key: value for key, value in data.items() if value is not None}
