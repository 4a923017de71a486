"""The JSON form of any value: one rule for ``track()`` and for ``backfill``.

| value | JSON form |
| --- | --- |
| NaN, infinities | null, or an error with ``nan="raise"`` |
| pandas NaT and NA | null |
| int of any size | number |
| float, Decimal | number; an integral one below 2**53 like an int (``1.0`` is ``1``) |
| datetime, pandas Timestamp, datetime64 | string in UTC, ``2026-01-31T12:30:00.000000Z``; no zone means UTC |
| date; time | string, ``2026-01-31``; ``12:30:00`` |
| timedelta, timedelta64 | number of seconds |
| UUID, Path | string |
| Enum | as its value |
| bytes, bytearray, memoryview | string, standard base64 |
| set, frozenset | list, sorted by the JSON of its members |
| dataclass, mapping | object; keys become strings as ``json`` makes them |
| list, tuple, range, deque, numpy array | list |
| numpy scalar | as its ``.item()`` |
| lone surrogates in strings | U+FFFD |
| DataFrame, Series and similar | TypeError with a hint |
"""

import base64
import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from nbtrack.common.payload_json import orjson
from nbtrack.template import Col, is_exact_integer, parse_datetime, to_str

__all__ = ["dumps", "jsonable", "key_text", "milliseconds", "text"]

Nan = Literal["null", "raise"]
Encoder = Callable[[Any], Any]
MAX_DEPTH = 254
_DIGITS = re.compile(r"-?[0-9]{1,18}")
_INTEGRAL = re.compile(rb"(?:^|[:,\[])-?[0-9]+[.]0(?:$|[,}\]])")
"""An integral float in compact JSON; a string with such a number between commas looks like it."""
_ENDS_LIKE_INTEGRAL = re.compile(rb"[.]0(?:$|[,}\]])")
"""How one ends. The search for this begins with a constant, and takes a tenth of the time of the other."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TABLES = frozenset({"pandas", "polars", "pyarrow", "duckdb", "dask", "pyspark"})
_OPTIONS = 0 if orjson is None else orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def encode(value: Any, encoder: Encoder | None = None, nan: Nan = "null") -> bytes:
    """Return a value as JSON, as `dumps` does, in UTF-8."""
    if encoder is None and nan == "null" and orjson is not None:
        try:
            data = orjson.dumps(value, jsonable, _OPTIONS)
            # many strings have ".0", as versions do, and few end so in front of what ends a number
            if not _ENDS_LIKE_INTEGRAL.search(data) or not _INTEGRAL.search(data):
                return data
            return orjson.dumps(jsonable(value))
        except (TypeError, RecursionError):
            pass  # the slower way below knows more types, or has the better message
    tree = _tree(value, (), (), encoder, nan)
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def dumps(value: Any, *, encoder: Encoder | None = None, nan: Nan = "null") -> str:
    """Return a value as compact JSON, with non-ASCII characters as they are.

    Parameters
    ----------
    value : Any
        The value; the table of this module lists the form of each type.
    encoder : callable, optional
        Called for a value that JSON itself does not know; its result is written in place of the value.
        If it raises TypeError, the form of the table is used.
    nan : {"null", "raise"}, default "null"
        What NaN and the infinities become: null, or an error.

    Returns
    -------
    str
        Valid JSON, which can be encoded as UTF-8.

    Raises
    ------
    TypeError
        If a value has no JSON form; the message names its JSON path.
    ValueError
        If data is cyclic or nested deeper than 254 levels, and for NaN with ``nan="raise"``.

    Examples
    --------
    >>> from datetime import datetime
    >>> dumps({"when": datetime(2026, 1, 31, 12), "ratio": float("nan"), "name": "Zoë"})
    '{"when":"2026-01-31T12:00:00.000000Z","ratio":null,"name":"Zoë"}'
    """
    return encode(value, encoder, nan).decode()


def jsonable(value: Any, *, nan: Nan = "null") -> Any:
    """Return a value as its JSON tree of str, int, float, bool, None, list and dict.

    Parameters
    ----------
    value : Any
        The value; see the table of this module.
    nan : {"null", "raise"}, default "null"
        What NaN and the infinities become: null, or an error.

    Raises
    ------
    TypeError, ValueError
        As `dumps` does.

    Examples
    --------
    >>> from decimal import Decimal
    >>> jsonable({"price": Decimal("9.90"), "tags": {"b", "a"}})
    {'price': 9.9, 'tags': ['a', 'b']}
    """
    return _tree(value, (), (), None, nan)


def text(value: Any, *, nan: Nan = "null") -> str:
    """Return a value as the string of a flat field of a payload.

    Numbers and bools are written as ``str`` does (``True``, ``1.0``), everything else as its JSON form; None, NaN and the
    infinities become the empty string, which a payload leaves out.

    Parameters
    ----------
    value : Any
        The value; see the table of this module.
    nan : {"null", "raise"}, default "null"
        What NaN and the infinities become: null, or an error.

    Returns
    -------
    str
        The string.

    Raises
    ------
    TypeError, ValueError
        As `dumps` does.

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
    if isinstance(plain, int) and not _is_integer(value):
        plain = float(value if isinstance(value, float) or hasattr(value, "dtype") else plain)
    return str(plain) if isinstance(plain, int | float) else dumps(plain)


def key_text(value: Any, *, nan: Nan = "null") -> str:
    """Return a value as the string that an event id is made from, as a backfill does for the columns of its key.

    A number has one form, whatever its type: integral floats are written like integers, and decimals keep their digits.
    Other values are written as `text` does; a missing one is the empty string.

    Parameters
    ----------
    value : Any
        See the table of this module.
    nan : {"null", "raise"}, default "null"
        What NaN and the infinities become: null, or an error.

    Returns
    -------
    str
        The string, for `nbtrack.bulk.make_event_id`.

    Examples
    --------
    >>> from decimal import Decimal
    >>> key_text(1.0), key_text(1), key_text(2.5), key_text(Decimal("1.10")), key_text("o-1"), key_text(None)
    ('1', '1', '2.5', '1.10', 'o-1', '')
    """
    plain = jsonable(value, nan=nan)
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return to_str(value if isinstance(value, Decimal) else plain)
    return text(value, nan=nan)


def milliseconds(value: Any) -> int:
    """Return a time as a Unix timestamp in milliseconds.

    Parameters
    ----------
    value : int, float, datetime, date, pandas Timestamp, numpy scalar, Decimal or str
        A number is taken as milliseconds, also as a string of digits; other strings as ISO 8601. A time without a zone is
        taken as UTC.

    Raises
    ------
    TypeError
        If it is anything else.
    ValueError
        If it is NaN, NaT or infinite, or a string that is not a time.

    Examples
    --------
    >>> from datetime import datetime
    >>> milliseconds(datetime(1970, 1, 1, 0, 0, 1)), milliseconds(1500.9)
    (1000, 1500)
    """
    if isinstance(value, datetime) and value == value:  # noqa: PLR0124 - NaT is a datetime that does not equal itself
        return (_to_utc(value) - _EPOCH) // _MILLISECOND
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else milliseconds(parse_datetime(value))
    if isinstance(value, date) and not isinstance(value, datetime):
        return milliseconds(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if (numpy := sys.modules.get("numpy")) is not None and isinstance(value, numpy.datetime64):
        if numpy.isnat(value):
            raise ValueError("time is missing: got NaT")
        return int(value.astype("datetime64[us]").astype("int64")) // 1000
    is_number = (numpy is not None and isinstance(value, numpy.number)) or isinstance(
        value, int | float | Decimal
    )
    if is_number and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError(f"time must be finite, got {value!r}")
        return int(value)
    if type(value).__name__ == "NaTType":
        raise ValueError("time is missing: got NaT")
    raise TypeError(f"time must be a datetime or milliseconds since 1970, got {value!r}")


def _to_utc(time_: datetime) -> datetime:
    return time_.replace(tzinfo=UTC) if time_.tzinfo is None else time_.astimezone(UTC)


def _tree(
    value: Any, above: tuple[int, ...], path: tuple[Any, ...], encoder: Encoder | None, nan: Nan
) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return _leaf(value, path, nan)
    if id(value) in above:
        raise ValueError(f"{_where(path)} contains itself: cyclic data has no JSON form")
    if len(above) >= MAX_DEPTH:
        raise ValueError(f"data is nested deeper than {MAX_DEPTH} levels, at {_where(path[:3])}…")
    above = (*above, id(value))
    if isinstance(value, dict):
        return {
            _key(key, path): _tree(item, above, (*path, key), encoder, nan) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_tree(item, above, (*path, index), encoder, nan) for index, item in enumerate(value)]
    step = _plain(value, path) if encoder is None else _convert_by(value, path, encoder)
    return _tree(step, above, path, encoder, nan)


def _convert_by(value: Any, path: tuple[Any, ...], encoder: Encoder) -> Any:
    try:
        return encoder(value)
    except TypeError as error:  # it does not know the type: the form of the table is used, if there is one
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


def _number(value: float, path: tuple[Any, ...], nan: Nan) -> float | int | None:
    if math.isfinite(value):
        return int(value) if is_exact_integer(value) else value
    if nan == "raise":
        raise ValueError(f"{_where(path)} is {value!r}, which has no JSON form")
    return None


def _is_integer(value: Any) -> bool:
    """Check whether a value is an integer by its type, and not only integral."""
    if isinstance(value, Enum):
        return _is_integer(value.value)
    if isinstance(value, Decimal):
        return not isinstance(exponent := value.as_tuple().exponent, int) or exponent >= 0
    numpy = sys.modules.get("numpy")
    return isinstance(value, int) or (numpy is not None and isinstance(value, numpy.integer | numpy.bool_))


def _clean(value: str) -> str:
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain(value: Any, path: tuple[Any, ...]) -> Any:  # noqa: C901, PLR0911 - the table, one line a row
    """Convert a value by one step towards JSON."""
    if type(value).__name__ in {"NaTType", "NAType"}:
        return None
    match value:
        case datetime():
            return _to_utc(value).replace(tzinfo=None).isoformat(timespec="microseconds")[:26] + "Z"
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
            return sorted(map(jsonable, value), key=json.dumps)
        case Mapping():
            return dict(value)
        case Sequence():
            return list(value)
    if is_dataclass(value) and not isinstance(value, type | Col):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return _plain_foreign(value, path)


def _plain_foreign(value: Any, path: tuple[Any, ...]) -> Any:
    # a path exists only if its module is loaded; importing it would be a tenth of the tracker's import time
    if (pathlib := sys.modules.get("pathlib")) is not None and isinstance(value, pathlib.PurePath):
        return str(value)
    if (numpy := sys.modules.get("numpy")) is not None and isinstance(value, numpy.generic | numpy.ndarray):
        if value.dtype.kind in "mM":
            return value.astype(f"{value.dtype.kind}8[us]").tolist()
        if value.dtype.kind != "c":
            return value.tolist()
    if isinstance(value, Col):
        raise TypeError(
            f"{value!r} at {_where(path)} is a placeholder without a value; pass the event to nbtrack.backfill, which "
            "replaces it for each row"
        )
    name = type(value).__qualname__
    if type(value).__module__.partition(".")[0] in _TABLES and name not in {"Period", "Interval"}:
        raise TypeError(
            f"{_where(path)} is a {name}, not a single value; use nbtrack.backfill for one event per row, or pass its "
            "content as a list (to_list(), to_dict('records'))"
        )
    if name in {"Period", "Interval"}:
        return str(value)
    raise TypeError(f"{_where(path)} is a {name}, which has no JSON form; convert it, or pass a json_encoder")


def _key(key: Any, path: tuple[Any, ...]) -> str:
    if isinstance(key, str) and not isinstance(key, Enum):
        return _clean(str(key))
    try:
        plain = jsonable(key)
    except TypeError:
        plain = []
    if isinstance(plain, list | dict):
        raise TypeError(f"a key at {_where(path)} is {key!r}, which cannot be a key of a JSON object")
    return plain if isinstance(plain, str) else json.dumps(plain)


def _where(path: tuple[Any, ...]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
