"""The JSON form of any value: one rule for ``track()`` and for ``backfill``.

========================================  ==========================================================
value                                     JSON form
========================================  ==========================================================
NaN, infinities                           null, or an error with ``nan="raise"``
pandas NaT and NA                         null
int of any size                           number
Decimal                                   number (with a point when it has decimals)
datetime, pandas Timestamp, datetime64    text in UTC, ``2026-01-31T12:30:00.000000Z``; no zone means UTC
date; time                                text, ``2026-01-31``; ``12:30:00``
timedelta, timedelta64                    number of seconds
UUID, Path                                text
Enum                                      the form of its value
bytes, bytearray, memoryview              text, standard base64
set, frozenset                            list, in the order of its members' JSON
dataclass, mapping                        object; keys become texts as ``json`` makes them
list, tuple, range, deque, numpy array    list
numpy scalar                              the form of ``.item()``
lone surrogates in text                   U+FFFD
DataFrame, Series and their like          TypeError with a hint
========================================  ==========================================================
"""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import orjson

from nbtrack.template import Col

__all__ = ["dumps", "jsonable", "milliseconds", "text"]

Nan = Literal["null", "raise"]
Encoder = Callable[[Any], Any]
MAX_DEPTH = 254
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TABLES = frozenset({"pandas", "polars", "pyarrow", "duckdb", "dask", "pyspark"})
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def encode(value: Any, encoder: Encoder | None = None, nan: Nan = "null") -> bytes:
    """Write a value as `dumps` does, and give the UTF-8 bytes."""
    if encoder is None and nan == "null":
        try:
            return orjson.dumps(value, jsonable, _OPTIONS)
        except (TypeError, RecursionError):
            pass  # the slow way below knows more types, or words the error better
    tree = _tree(value, (), (), encoder, nan)
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def dumps(value: Any, *, encoder: Encoder | None = None, nan: Nan = "null") -> str:
    """Write a value as compact JSON, non-ASCII characters kept.

    Parameters
    ----------
    value : Any
        What to write; the module's table tells the form of each type.
    encoder : callable, optional
        Asked first for a value that JSON itself does not know; its answer is written in the value's place.
        When it raises TypeError, the table's form is used.
    nan : {"null", "raise"}, default "null"
        What becomes of NaN and the infinities.

    Returns
    -------
    str
        Valid JSON, and valid as UTF-8.

    Raises
    ------
    TypeError
        For a value without a JSON form; the message holds its JSON path.
    ValueError
        For cyclic data, nesting beyond 254 levels, and NaN with ``nan="raise"``.

    Examples
    --------
    >>> dumps({"when": datetime(2026, 1, 31, 12), "ratio": float("nan"), "name": "Zoë"})
    '{"when":"2026-01-31T12:00:00.000000Z","ratio":null,"name":"Zoë"}'
    """
    return encode(value, encoder, nan).decode()


def jsonable(value: Any, *, nan: Nan = "null") -> Any:
    """Give the tree of str, int, float, bool, None, list and dict that a value is in JSON.

    Parameters
    ----------
    value : Any
        See the module's table.
    nan : {"null", "raise"}, default "null"
        What becomes of NaN and the infinities.

    Raises
    ------
    TypeError, ValueError
        As `dumps`.

    Examples
    --------
    >>> jsonable({"price": Decimal("9.90"), "tags": {"b", "a"}})
    {'price': 9.9, 'tags': ['a', 'b']}
    """
    return _tree(value, (), (), None, nan)


def text(value: Any, *, nan: Nan = "null") -> str:
    """Give the text that a value is in a flat payload, where every value is a text.

    Numbers and truth values read as ``str`` writes them (``True``, ``1.0``), everything else as its JSON
    form; None, NaN and the infinities read as the empty text, which a payload leaves out.

    Parameters
    ----------
    value : Any
        See the module's table.
    nan : {"null", "raise"}, default "null"
        What becomes of NaN and the infinities.

    Returns
    -------
    str
        The text.

    Raises
    ------
    TypeError, ValueError
        As `dumps`.

    Examples
    --------
    >>> text(True), text(2.5), text([1, "a"]), text(None)
    ('True', '2.5', '[1,"a"]', '')
    """
    if type(value) is str and value.isascii():
        return value
    plain = jsonable(value, nan=nan)
    if isinstance(plain, str):
        return plain
    if plain is None:
        return ""
    return str(plain) if isinstance(plain, int | float) else dumps(plain)


def milliseconds(value: Any) -> int:
    """Give a moment as whole milliseconds since 1970 in UTC.

    Parameters
    ----------
    value : int, float, datetime, pandas Timestamp, numpy scalar or Decimal
        A number is milliseconds already; a datetime without a zone is taken as UTC.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For NaN, NaT and infinities.

    Examples
    --------
    >>> milliseconds(datetime(1970, 1, 1, 0, 0, 1)), milliseconds(1500.9)
    (1000, 1500)
    """
    if isinstance(value, datetime) and value == value:  # noqa: PLR0124 - NaT is a datetime that is not itself
        return (_aware(value) - _EPOCH) // _MILLISECOND
    if isinstance(value, date) and not isinstance(value, datetime):
        return milliseconds(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if (numpy := sys.modules.get("numpy")) is not None and isinstance(value, numpy.datetime64):
        if numpy.isnat(value):
            raise ValueError("a moment is wanted, and got NaT")
        return int(value.astype("datetime64[us]").astype("int64")) // 1000
    if (numpy is not None and isinstance(value, numpy.number)) or isinstance(value, int | float | Decimal):
        if not math.isfinite(value):
            raise ValueError(f"a moment is wanted, and got {value!r}")
        return int(value)
    if type(value).__name__ == "NaTType":
        raise ValueError("a moment is wanted, and got NaT")
    raise TypeError(f"milliseconds since 1970 or a datetime is wanted, and got {value!r}")


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _tree(
    value: Any, above: tuple[int, ...], path: tuple[Any, ...], encoder: Encoder | None, nan: Nan
) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return _leaf(value, path, nan)
    if id(value) in above:
        raise ValueError(f"{_where(path)} holds itself: JSON has no form for cyclic data")
    if len(above) >= MAX_DEPTH:
        raise ValueError(f"data is nested deeper than {MAX_DEPTH} levels, at {_where(path[:3])}…")
    above = (*above, id(value))
    if isinstance(value, dict):
        return {_key(k, path): _tree(v, above, (*path, k), encoder, nan) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_tree(v, above, (*path, i), encoder, nan) for i, v in enumerate(value)]
    step = _plain(value, path) if encoder is None else _encoded(value, path, encoder)
    return _tree(step, above, path, encoder, nan)


def _encoded(value: Any, path: tuple[Any, ...], encoder: Encoder) -> Any:
    try:
        return encoder(value)
    except TypeError as error:  # it does not know the type: the table's form is used, if it has one
        try:
            return _plain(value, path)
        except TypeError:
            raise error from None


def _leaf(value: Any, path: tuple[Any, ...], nan: Nan) -> Any:
    if isinstance(value, Enum):
        return _leaf(value.value, path, nan)
    if isinstance(value, str):
        return _clean(str(value))
    if isinstance(value, float):
        return _number(float(value), path, nan)
    return int(value) if type(value) is not bool and value is not None else value


def _number(value: float, path: tuple[Any, ...], nan: Nan) -> float | None:
    if math.isfinite(value):
        return value
    if nan == "raise":
        raise ValueError(f"{_where(path)} is {value!r}, which JSON cannot hold")
    return None


def _clean(value: str) -> str:
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain(value: Any, path: tuple[Any, ...]) -> Any:  # noqa: C901, PLR0911 - the table, one line a row
    """Take one step from a foreign value towards JSON."""
    if type(value).__name__ in {"NaTType", "NAType"}:
        return None
    match value:
        case datetime():
            return _aware(value).replace(tzinfo=None).isoformat(timespec="microseconds")[:26] + "Z"
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return float(value) if not value.is_finite() or value.as_tuple().exponent < 0 else int(value)  # type: ignore[operator] # an int when finite
        case Enum():
            return value.value
        case UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case AbstractSet():
            return sorted((jsonable(v) for v in value), key=json.dumps)
        case Mapping():
            return dict(value)
        case Sequence():
            return list(value)
    if is_dataclass(value) and not isinstance(value, type | Col):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    return _foreign(value, path)


def _foreign(value: Any, path: tuple[Any, ...]) -> Any:
    # there is no path where nobody loaded its module, which would be a tenth of the tracker's import
    if (pathlib := sys.modules.get("pathlib")) is not None and isinstance(value, pathlib.PurePath):
        return str(value)
    if (numpy := sys.modules.get("numpy")) is not None and isinstance(value, numpy.generic | numpy.ndarray):
        if value.dtype.kind in "mM":
            return value.astype(f"{value.dtype.kind}8[us]").tolist()
        if value.dtype.kind != "c":
            return value.tolist()
    if isinstance(value, Col):
        raise TypeError(
            f"{value!r} at {_where(path)} stands for a column and has no value of its own: "
            "give the event to nbtrack.backfill, which fills it in for each row"
        )
    name = type(value).__qualname__
    if type(value).__module__.partition(".")[0] in _TABLES and name not in {"Period", "Interval"}:
        raise TypeError(
            f"{_where(path)} is a {name}, not one value: for an event a row use nbtrack.backfill, "
            "for its content in one event give it as a list (to_list(), to_dict('records'))"
        )
    if name in {"Period", "Interval"}:
        return str(value)
    raise TypeError(f"{_where(path)} is a {name}, which has no JSON form: convert it, or give a json_encoder")


def _key(key: Any, path: tuple[Any, ...]) -> str:
    if isinstance(key, str) and not isinstance(key, Enum):
        return _clean(str(key))
    try:
        plain = jsonable(key)
    except TypeError:
        plain = []
    if isinstance(plain, list | dict):
        raise TypeError(f"a key at {_where(path)} is {key!r}, which cannot name a member of a JSON object")
    return plain if isinstance(plain, str) else json.dumps(plain)


def _where(path: tuple[Any, ...]) -> str:
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)
