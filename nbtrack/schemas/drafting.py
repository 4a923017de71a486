"""A first schema from a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrack.schemas.compiling import UUID
from nbtrack.schemas.keys import parse_uri
from nbtrack.schemas.linter import SELF_DESCRIBING

if TYPE_CHECKING:
    import pandas as pd

LENGTHS = (16, 32, 64, 128, 255, 512, 1024, 2048, 4096, 8192, 65_535)
INTEGERS = (
    (0, 100),
    (0, 65_535),
    (0, 2**31 - 1),
    (-(2**31), 2**31 - 1),
    (0, 2**63 - 1),
    (-(2**63), 2**63 - 1),
)
FEW = 12
REPEATED = 3
DEEPEST = 8


def draft_schema(df: pd.DataFrame, uri: str) -> dict[str, Any]:
    """Draft a schema for events or entities made of a frame's columns.

    Bounds are the next round number above what the frame holds, so that tomorrow's values fit. Columns without a gap
    are required. It is a draft: read the descriptions and bounds before releasing it.

    Parameters
    ----------
    df : pandas.DataFrame
        Or anything with ``to_pandas()``, such as a polars frame.
    uri : str
        The name it shall have.

    Returns
    -------
    dict
        A self-describing schema that keeps the linter's rules.

    Raises
    ------
    ValueError
        When the text is no Iglu URI, or two columns have the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> schema = draft_schema(pd.DataFrame({"quantity": [1, 2]}), "iglu:com.acme/order/jsonschema/1-0-0")
    >>> schema["properties"]["quantity"]["type"]
    'integer'
    """
    frame = getattr(df, "to_pandas", lambda: df)()
    if not hasattr(frame, "columns"):
        raise TypeError(f"draft_schema wants a frame, such as pandas.DataFrame(…), not a {type(df).__name__}")
    key = parse_uri(uri)
    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        raise ValueError("two columns have the same name")
    properties, required = {}, []
    for position, name in enumerate(names):
        column = frame.iloc[:, position]
        values = [_plain(value) for value in column.dropna()]
        body = _describe(values)
        if len(values) == len(column) and values:
            required.append(name)
        else:
            _allow_null(body)
        properties[name] = {"description": f"Column {name}", **body}
    schema: dict[str, Any] = {
        "$schema": SELF_DESCRIBING,
        "description": f"Drafted from a frame of {len(frame)} rows",
        "self": {"vendor": key.vendor, "name": key.name, "format": key.format, "version": key.version},
        "type": "object",
        "properties": properties,
    }
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema


def _plain(value: Any) -> Any:
    """Give the JSON form of a cell."""
    if hasattr(value, "isoformat"):
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def _allow_null(body: dict[str, Any]) -> None:
    kinds = body["type"]
    body["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
    if "enum" in body:
        body["enum"] = [*body["enum"], None]


def _describe(values: list[Any], depth: int = 0) -> dict[str, Any]:
    kinds = {type(value) for value in values}
    if kinds and kinds <= {int, float}:
        # a gap in a column of whole numbers makes them floats
        whole = kinds == {int} or (kinds == {float} and all(value.is_integer() for value in values))
        return _integers([int(value) for value in values]) if whole else _numbers(values)
    if values and all(hasattr(value, "isoformat") for value in values):
        moments = all(hasattr(value, "hour") for value in values)
        return {"type": "string", "format": "date-time" if moments else "date", "maxLength": 64}
    if kinds == {list} and depth < DEEPEST:
        return _lists(values, depth)
    if kinds == {dict} and depth < DEEPEST:
        return _objects(values, depth)
    return {"type": "boolean"} if kinds == {bool} else _texts([str(value) for value in values])


def _lists(values: list[list[Any]], depth: int) -> dict[str, Any]:
    inner = [item for value in values for item in value]
    items = _describe([item for item in inner if item is not None], depth + 1)
    if None in inner:
        _allow_null(items)
    return {"type": "array", "items": items}


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
        inner = [value[name] for value in values if value.get(name) is not None]
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


def _texts(values: list[str]) -> dict[str, Any]:
    if values and all(UUID.fullmatch(value) for value in values):
        return {"type": "string", "format": "uuid", "maxLength": 36}
    longest = max(map(len, values), default=0)
    distinct = sorted(set(values))
    if values and len(distinct) <= FEW and len(values) >= REPEATED * len(distinct):
        return {"type": "string", "enum": distinct}
    return {
        "type": "string",
        "maxLength": next((length for length in LENGTHS if length >= longest), LENGTHS[-1]),
    }
