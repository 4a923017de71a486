"""Drafts of schemas from DataFrames."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from nbtrack.common.field_formats import UUID
from nbtrack.schemas.keys import parse_uri
from nbtrack.schemas.linter import SELF_DESCRIBING

if TYPE_CHECKING:
    import pandas as pd

LENGTHS = (16, 32, 64, 128, 255, 512, 1024, 2048, 4096, 8192, 65_535)
"""Lengths that a column of strings is rounded up to."""
INTEGERS = (
    (0, 100),
    (0, 65_535),
    (0, 2**31 - 1),
    (-(2**31), 2**31 - 1),
    (0, 2**63 - 1),
    (-(2**63), 2**63 - 1),
)
"""Bounds that a column of integers is rounded up to."""
MAX_ENUM = 12
"""Distinct values of a string column that become an enum …"""
MIN_REPEATS = 3
"""… if each occurs so often on average."""
_MANY = 10**15
"""Numbers from which on all digits say less than the power of ten."""
MAX_DEPTH = 8
"""Levels of nesting that are described; deeper values are strings."""


def draft_schema(df: pd.DataFrame, uri: str, *, enums: bool = False) -> dict[str, Any]:
    """Draft a schema for events or entities whose properties are a DataFrame's columns.

    Bounds are the next round number above the column's values, so that later values fit; the description of each property
    names them. Columns without missing values are required. It is a draft: revise descriptions and bounds before releasing
    it.

    Parameters
    ----------
    df : pandas.DataFrame
        Or anything with ``to_pandas()``, such as a polars frame.
    uri : str
        The schema's URI.
    enums : bool, default False
        Whether strings with few distinct values become enumerations. These would not allow values that come later.

    Returns
    -------
    dict
        A self-describing schema that passes the linter.

    Raises
    ------
    ValueError
        If `uri` is not an Iglu URI, or two columns have the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> schema = draft_schema(pd.DataFrame({"quantity": [1, 2]}), "iglu:com.acme/order/jsonschema/1-0-0")
    >>> schema["properties"]["quantity"]
    {'description': 'Column quantity: 0 to 100', 'type': 'integer', 'minimum': 0, 'maximum': 100}
    """
    frame = getattr(df, "to_pandas", lambda: df)()
    if not hasattr(frame, "columns"):
        raise TypeError(f"df must be a DataFrame, got {type(df).__name__}")
    key = parse_uri(uri)
    names = [str(name) for name in frame.columns]
    if duplicate := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two columns are named {duplicate!r}; rename one of them first")
    properties, required = {}, []
    for position, name in enumerate(names):
        column = frame.iloc[:, position]
        values = [plain for value in column.dropna() if not _is_null(plain := _as_json(value))]
        body = _describe(values) if enums else _without_enums(_describe(values))
        if len(values) == len(column) and values:
            required.append(name)
        else:
            _allow_null(body)
        bounds = describe_bounds(body)
        properties[name] = {"description": f"Column {name}{bounds and f': {bounds}'}", **body}
    schema: dict[str, Any] = {
        "$schema": SELF_DESCRIBING,
        "description": f"Drafted from a DataFrame of {len(frame)} rows",
        "self": {"vendor": key.vendor, "name": key.name, "format": key.format, "version": key.version},
        "type": "object",
        "properties": properties,
    }
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema


def describe_bounds(body: dict[str, Any]) -> str:
    """Return the bounds of a property in words; an empty string if it has none.

    Examples
    --------
    >>> describe_bounds({"type": "string", "maxLength": 2048})
    'at most 2,048 characters'
    """
    bounds = []
    if "minimum" in body:
        bounds.append(f"{_show_number(body['minimum'])} to {_show_number(body['maximum'])}")
    if "maxLength" in body and "format" not in body:
        bounds.append(f"at most {body['maxLength']:,} characters")
    if "enum" in body:
        bounds.append(f"one of {len([value for value in body['enum'] if value is not None])} values")
    return ", ".join(bounds)


def _show_number(number: float) -> str:
    return f"{int(number):,}" if abs(number) < _MANY and number == int(number) else f"{number:g}"


def _without_enums(body: dict[str, Any]) -> dict[str, Any]:
    """Return a description with maximum lengths in place of enumerations."""
    plain = dict(body)
    if "enum" in plain:
        plain |= _string([value for value in plain.pop("enum") if value is not None]) | {"type": body["type"]}
    if "items" in plain:
        plain["items"] = _without_enums(plain["items"])
    if "properties" in plain:
        plain["properties"] = {name: _without_enums(part) for name, part in plain["properties"].items()}
    return plain


def _as_json(value: Any) -> Any:
    """Return the JSON form of a cell, as `nbtrack.values` has it; timestamps and timedeltas as they are."""
    if hasattr(value, "isoformat") or isinstance(value, timedelta):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Decimal):
        is_integer = value.is_finite() and value == value.to_integral_value()
        return int(value) if is_integer else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(value).decode()
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def _is_null(value: Any) -> bool:
    """Check whether a value is sent as null, as NaN and the infinities are."""
    return value is None or (isinstance(value, float) and not isfinite(value))


def _allow_null(body: dict[str, Any]) -> None:
    types = body["type"]
    body["type"] = [*([types] if isinstance(types, str) else types), "null"]
    if "enum" in body:
        body["enum"] = [*body["enum"], None]


def _describe(values: list[Any], depth: int = 0) -> dict[str, Any]:
    groups: dict[str, list[Any]] = {}
    for value in values:
        groups.setdefault(_json_type(value), []).append(value)
    if len(groups) < 2:  # noqa: PLR2004
        return _describe_same_type(values, depth)
    bodies = [_describe_same_type(group, depth) for group in groups.values()]
    if "string" in groups:  # an enum would bind the values of the other types, too
        bodies[list(groups).index("string")] = _string([str(value) for value in groups["string"]])
    merged: dict[str, Any] = {}
    for body in bodies:
        merged |= body
    return {**merged, "type": [body["type"] for body in bodies]}


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | timedelta):
        return "number"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "string"


def _describe_same_type(values: list[Any], depth: int) -> dict[str, Any]:
    types = {type(value) for value in values}
    if values and all(isinstance(value, timedelta) for value in values):
        return _numbers([value.total_seconds() for value in values])
    if types and types <= {int, float}:
        # a missing value in a column of integers makes them floats
        is_integer = types == {int} or (types == {float} and all(value.is_integer() for value in values))
        return _integers([int(value) for value in values]) if is_integer else _numbers(values)
    if values and all(hasattr(value, "isoformat") and hasattr(value, "year") for value in values):
        has_time = all(hasattr(value, "hour") for value in values)
        return {"type": "string", "format": "date-time" if has_time else "date", "maxLength": 64}
    if types == {list} and depth < MAX_DEPTH:
        return _lists(values, depth)
    if types == {dict} and depth < MAX_DEPTH:
        return _objects(values, depth)
    return {"type": "boolean"} if types == {bool} else _strings([str(value) for value in values])


def _lists(values: list[list[Any]], depth: int) -> dict[str, Any]:
    items = [_as_json(item) for value in values for item in value]
    filled = [item for item in items if not _is_null(item)]
    body = _describe(filled, depth + 1)
    if len(filled) < len(items):
        _allow_null(body)
    return {"type": "array", "items": body}


def _numbers(values: list[float]) -> dict[str, Any]:
    bound = max(abs(value) for value in values)
    limit = next((10.0**power for power in range(3, 309, 3) if 10.0**power >= bound), 1.7976931348623157e308)
    return {"type": "number", "minimum": 0 if min(values) >= 0 else -limit, "maximum": limit}


def _integers(values: list[int]) -> dict[str, Any]:
    low, high = min(values), max(values)
    bounds = next((pair for pair in INTEGERS if pair[0] <= low and high <= pair[1]), (low, high))
    return {"type": "integer", "minimum": bounds[0], "maximum": bounds[1]}


def _objects(values: list[dict[str, Any]], depth: int) -> dict[str, Any]:
    names = list(dict.fromkeys(name for value in values for name in value))
    properties, required = {}, []
    for name in names:
        inner = [plain for value in values if name in value and not _is_null(plain := _as_json(value[name]))]
        body = _describe(inner, depth + 1)
        if len(inner) == len(values):
            required.append(name)
        else:
            _allow_null(body)
        properties[name] = {"description": f"Field {name}", **body}
    result: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        result["required"] = required
    return {**result, "additionalProperties": False}


def _strings(values: list[str]) -> dict[str, Any]:
    if values and all(UUID.fullmatch(value) for value in values):
        return {"type": "string", "format": "uuid", "maxLength": 36}
    distinct = sorted(set(values))
    if values and len(distinct) <= MAX_ENUM and len(values) >= MIN_REPEATS * len(distinct):
        return {"type": "string", "enum": distinct}
    return _string(values)


def _string(values: list[str]) -> dict[str, Any]:
    longest = max(map(len, values), default=0)
    return {
        "type": "string",
        "maxLength": next((length for length in LENGTHS if length >= longest), LENGTHS[-1]),
    }
