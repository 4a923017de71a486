"""Placeholders for the values of columns in the event of a backfill: ``col()``."""

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Literal, NoReturn

__all__ = ["Col", "col"]

CastName = Literal["str", "int", "float", "bool"]
StepName = Literal[
    "default",
    "map",
    "cast",
    "format",
    "to_number",
    "to_datetime",
    "parse_json",
    "strip",
    "lower",
    "upper",
    "truncate",
    "replace",
]
Unit = Literal["s", "ms", "us", "ns"]
CASTS: Mapping[str, Callable[[Any], Any]] = {"str": str, "int": int, "float": float, "bool": bool}
EXACT_INTEGERS = 2**53
"""Integral floats of a smaller magnitude are written like integers."""
_UNITS: Mapping[str, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_MICROSECOND = timedelta(microseconds=1)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})


@dataclass(frozen=True, slots=True)
class Step:
    """One conversion of a column's value."""

    name: StepName
    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Col:
    """A placeholder for a column's value, replaced for each row; returned by `col`.

    Attributes
    ----------
    name : str
        Name of the column.
    steps : tuple of Step
        The conversions of its value, in order.

    Raises
    ------
    TypeError
        If it is used as if it were a value: compared, iterated, converted to str or bool.

    Examples
    --------
    >>> amount = col("total").cast("float").default(0.0)
    >>> amount.evaluate("9.90"), amount.evaluate(None)
    (9.9, 0.0)
    >>> amount > 5
    Traceback (most recent call last):
    TypeError: col('total').cast('float').default(0.0) is a placeholder without a value; pass the event to nbtrack.backfill, which replaces it for each row
    """

    name: str
    steps: tuple[Step, ...] = field(default=())

    def default(self, value: Any) -> "Col":
        """Use a value where the row's is missing (None, NaN, NaT or NA).

        Parameters
        ----------
        value : Any
            The value to use.

        Returns
        -------
        Col
            A new placeholder.

        Examples
        --------
        >>> col("country").default("unknown").evaluate(float("nan"))
        'unknown'
        """
        return self._then("default", value)

    def map(self, table: Mapping[Any, Any]) -> "Col":
        """Replace the value by that of a dict; a value that is not a key of it becomes null.

        Parameters
        ----------
        table : mapping
            New values by old ones.

        Returns
        -------
        Col
            A new placeholder.

        Raises
        ------
        TypeError
            If `table` is not a mapping.

        Examples
        --------
        >>> col("tier").map({"g": "gold", "s": "silver"}).evaluate("g")
        'gold'
        """
        if not isinstance(table, Mapping):
            raise TypeError(f"{self!r}.map(): argument must be a dict, got {table!r}")
        return self._then("map", tuple(table.items()))

    def cast(self, kind: CastName) -> "Col":
        """Convert the value to ``"str"``, ``"int"``, ``"float"`` or ``"bool"``.

        ``"int"`` cuts a float towards zero; ``"bool"`` reads strings such as ``"yes"`` and ``"0"``.

        Parameters
        ----------
        kind : {"str", "int", "float", "bool"}
            Name of the type.

        Returns
        -------
        Col
            A new placeholder.

        Raises
        ------
        ValueError
            If it is another name.

        Examples
        --------
        >>> col("n").cast("int").evaluate("17"), col("paid").cast("bool").evaluate("yes")
        (17, True)
        """
        if kind not in CASTS:
            raise ValueError(f"{self!r}.cast(): type must be one of {', '.join(CASTS)}, got {kind!r}")
        return self._then("cast", kind)

    def format(self, pattern: str) -> "Col":
        """Insert the value, as a string, for the ``{}`` of a pattern.

        Parameters
        ----------
        pattern : str
            A string with one ``{}``.

        Returns
        -------
        Col
            A new placeholder.

        Raises
        ------
        ValueError
            If the pattern has none, or more than one.

        Examples
        --------
        >>> col("order_id").format("order-{}").evaluate(17)
        'order-17'
        """
        if (
            not isinstance(pattern, str)
            or pattern.count("{}") != 1
            or set("{}") & set(pattern.replace("{}", ""))
        ):
            raise ValueError(f"{self!r}.format(): pattern must be a str with one {{}}, got {pattern!r}")
        return self._then("format", pattern)

    def to_number(self, *, decimal: str = ".", thousands: str | None = None) -> "Col":
        """Convert a string to an int or a float; numbers stay as they are.

        Parameters
        ----------
        decimal : str, default "."
            The decimal sign.
        thousands : str, optional
            The sign between groups of digits, which is removed.

        Returns
        -------
        Col
            A new placeholder.

        Raises
        ------
        ValueError
            If a sign is not one character, or both are the same.

        Examples
        --------
        >>> col("total").to_number().evaluate("9.90"), col("n").to_number().evaluate("17")
        (9.9, 17)
        >>> col("total").to_number(decimal=",", thousands=".").evaluate("1.000,50")
        1000.5
        """
        for name, sign in (("decimal", decimal), ("thousands", thousands)):
            if sign is not None and (not isinstance(sign, str) or len(sign) != 1):
                raise ValueError(f"{self!r}.to_number(): {name} must be one character, got {sign!r}")
        if decimal == thousands:
            raise ValueError(f"{self!r}.to_number(): decimal and thousands must differ, got {decimal!r}")
        return self._then("to_number", (decimal, thousands))

    def to_datetime(
        self,
        *,
        format: str | None = None,  # noqa: A002 - as pandas calls it
        tz: tzinfo | str | None = None,
        unit: Unit = "ms",
    ) -> "Col":
        """Convert a string or a number to a datetime; datetimes stay as they are.

        Parameters
        ----------
        format : str, optional
            Format of strings, as for `datetime.strptime`; ISO 8601 by default.
        tz : tzinfo or str, optional
            Time zone of times without one, such as ``"Europe/Paris"``; UTC by default.
        unit : {"s", "ms", "us", "ns"}, default "ms"
            Unit of numbers since 1970.

        Returns
        -------
        Col
            A new placeholder.

        Raises
        ------
        ValueError
            If the unit or the time zone is unknown.

        Examples
        --------
        >>> col("day").to_datetime(format="%d.%m.%Y").evaluate("31.01.2026").isoformat()
        '2026-01-31T00:00:00+00:00'
        >>> col("at").to_datetime(unit="s").evaluate(0).isoformat()
        '1970-01-01T00:00:00+00:00'
        """
        if unit not in _UNITS:
            raise ValueError(f"{self!r}.to_datetime(): unit must be one of {', '.join(_UNITS)}, got {unit!r}")
        return self._then("to_datetime", (format, tz if tz is None else find_zone(tz), unit))

    def parse_json(self) -> "Col":
        """Parse a string as JSON.

        Returns
        -------
        Col
            A new placeholder.

        Examples
        --------
        >>> col("tags").parse_json().evaluate('["new", "sale"]')
        ['new', 'sale']
        """
        return self._then("parse_json", None)

    def strip(self) -> "Col":
        """Remove white space around a string; an empty result counts as missing.

        Returns
        -------
        Col
            A new placeholder.

        Examples
        --------
        >>> col("name").strip().evaluate(" Zoë "), col("name").strip().evaluate("  ")
        ('Zoë', None)
        """
        return self._then("strip", None)

    def lower(self) -> "Col":
        """Convert a string to lower case.

        Returns
        -------
        Col
            A new placeholder.

        Examples
        --------
        >>> col("mail").lower().evaluate("Zoe@ACME.com")
        'zoe@acme.com'
        """
        return self._then("lower", None)

    def upper(self) -> "Col":
        """Convert a string to upper case.

        Returns
        -------
        Col
            A new placeholder.

        Examples
        --------
        >>> col("currency").upper().evaluate("eur")
        'EUR'
        """
        return self._then("upper", None)

    def truncate(self, length: int) -> "Col":
        """Cut a string that is longer than a number of characters.

        Parameters
        ----------
        length : int
            Most characters.

        Returns
        -------
        Col
            A new placeholder.

        Examples
        --------
        >>> col("title").truncate(5).evaluate("Snowplow")
        'Snowp'
        """
        if not isinstance(length, int) or isinstance(length, bool) or length < 1:
            raise ValueError(f"{self!r}.truncate(): length must be an int above 0, got {length!r}")
        return self._then("truncate", length)

    def replace(self, old: str, new: str) -> "Col":
        """Replace a part of a string wherever it occurs.

        Parameters
        ----------
        old : str
            The part.
        new : str
            Its replacement.

        Returns
        -------
        Col
            A new placeholder.

        Raises
        ------
        TypeError
            If one of them is not a str.

        Examples
        --------
        >>> col("phone").replace(" ", "").evaluate("030 12 34")
        '0301234'
        """
        if not isinstance(old, str) or not isinstance(new, str):
            raise TypeError(f"{self!r}.replace(): arguments must be str, got {old!r} and {new!r}")
        return self._then("replace", (old, new))

    def evaluate(self, value: Any) -> Any:
        """Return what the value of one row becomes.

        Parameters
        ----------
        value : Any
            The row's value in the column.

        Returns
        -------
        Any
            The value for the event; None if it is missing.

        Examples
        --------
        >>> col("n").cast("int").format("order-{}").evaluate("17")
        'order-17'
        >>> col("tier").map({"g": "gold"}).default("none").evaluate("x")
        'none'
        """
        for step in self.steps:
            if is_missing(value):
                value = step.value if step.name == "default" else None
            else:
                value = _apply(step, value)
        return None if is_missing(value) else value

    def same_as(self, other: object) -> bool:
        """Check whether another is a placeholder for the same column with the same steps; ``==`` raises.

        Examples
        --------
        >>> col("total").cast("float").same_as(col("total"))
        False
        """
        return isinstance(other, Col) and (self.name, self.steps) == (other.name, other.steps)

    def _then(self, name: StepName, value: Any) -> "Col":
        return Col(self.name, (*self.steps, Step(name, value)))

    def __repr__(self) -> str:
        return f"col({self.name!r})" + "".join(_show(step) for step in self.steps)

    def _raise(self, *_: object) -> NoReturn:
        raise TypeError(
            f"{self!r} is a placeholder without a value; pass the event to nbtrack.backfill, which replaces it for "
            "each row"
        )

    __str__ = __bool__ = __iter__ = __len__ = __lt__ = __le__ = __gt__ = __ge__ = _raise
    __eq__ = __ne__ = __contains__ = __getitem__ = __int__ = __float__ = __index__ = __format__ = _raise
    __hash__ = object.__hash__


def col(name: str) -> Col:
    """Return a placeholder for a column's value, in an event for ``nbtrack.backfill``.

    Parameters
    ----------
    name : str
        Name of the column.

    Returns
    -------
    Col
        A placeholder that events and setters accept in place of a value. Its methods ``default``, ``map``,
        ``cast`` and ``format`` each return a new one.

    Raises
    ------
    TypeError
        If `name` is not a str.

    Examples
    --------
    >>> col("price").cast("float").default(0.0)
    col('price').cast('float').default(0.0)
    """
    if not isinstance(name, str):
        raise TypeError(
            f"col() takes the name of a column as a str, got {name!r}; for a DataFrame's column of that label use "
            f"col({str(name)!r})"
        )
    return Col(name)


def to_str(value: Any) -> str:
    """Return the one form of a value as a string, for keys, `Col.cast` and `Col.format`.

    Bools are in lower case as in JSON, integral floats are written like integers, decimals keep their digits.

    Parameters
    ----------
    value : Any
        A value that is not missing.

    Examples
    --------
    >>> to_str(True), to_str(1.0), to_str(-0.0), to_str(2.5), to_str(Decimal("1.10"))
    ('true', '1', '0', '2.5', '1.10')
    """
    numpy = sys.modules.get("numpy")
    if isinstance(value, bool) or (numpy is not None and isinstance(value, numpy.bool_)):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float) or (numpy is not None and isinstance(value, numpy.floating)):
        number = float(value)
        return str(int(number)) if is_exact_integer(number) else str(number)
    return str(value)


def is_exact_integer(number: float) -> bool:
    """Check whether a float is written like an integer: it is integral, and of a magnitude below 2**53."""
    return -EXACT_INTEGERS < number < EXACT_INTEGERS and number.is_integer()


def find_zone(zone: Any) -> tzinfo:
    """Return a time zone by its name.

    Raises
    ------
    ValueError
        If there is no time zone of that name.
    """
    if isinstance(zone, tzinfo):
        return zone
    if zone == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where a zone is used

    try:
        return ZoneInfo(zone)
    except (TypeError, ValueError, KeyError, OSError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"tz must be a time zone, such as 'Europe/Paris', got {zone!r}") from None


def parse_datetime(text: str, zone: tzinfo = UTC) -> datetime:
    """Return the datetime of an ISO 8601 string; without a zone of its own it is in `zone`.

    Raises
    ------
    ValueError
        If it is another string.
    """
    try:
        if not _ISO_DATE.match(
            text.lstrip()
        ):  # datetime reads digits without signs too, which may mean anything
            raise ValueError  # noqa: TRY301
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"not a time in ISO 8601: {text!r}") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=zone)


def columns_of(value: Any) -> tuple[str, ...]:
    """Return the columns of the placeholders in nested dicts, lists and tuples, once each, in order."""
    return tuple(dict.fromkeys(column.name for column in find_cols(value)))


def is_missing(value: Any) -> bool:
    """Check whether a value is missing: None, NaN, NaT or NA."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in {"NaTType", "NAType"}


def find_cols(value: Any) -> Iterator[Col]:
    """Yield the placeholders in nested dicts, lists and tuples."""
    if isinstance(value, Col):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from find_cols(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from find_cols(item)


def _apply(step: Step, value: Any) -> Any:  # noqa: PLR0911 - a table, one line for each step
    if step.name == "map":
        return next((new for old, new in step.value if old == value), None)
    if step.name == "cast":
        return _cast(step.value, value)
    if step.name == "format":
        return step.value.replace("{}", to_str(value))
    if step.name == "to_number":
        return _to_number(value, *step.value)
    if step.name == "to_datetime":
        return _to_datetime(value, *step.value)
    if step.name == "parse_json":
        return _parse_json(value)
    if step.name in _OF_STRINGS:
        if not isinstance(value, str):
            raise ValueError(f"not a string: {value!r}")
        return _OF_STRINGS[step.name](value, step.value)
    return value


_OF_STRINGS: Mapping[str, Callable[[str, Any], Any]] = {
    "strip": lambda value, _: value.strip() or None,
    "lower": lambda value, _: value.lower(),
    "upper": lambda value, _: value.upper(),
    "truncate": lambda value, length: value[:length],
    "replace": lambda value, pair: value.replace(*pair),
}


def _cast(kind: str, value: Any) -> Any:
    if kind == "str":
        return to_str(value)
    if kind == "bool" and isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise ValueError(f"{value!r} is not a bool; use yes/no, true/false or 1/0")
    return CASTS[kind](value)


def _to_number(value: Any, decimal: str, thousands: str | None) -> Any:
    if not isinstance(value, str):
        if isinstance(value, bool | date):
            raise ValueError(f"not a number: {value!r}")  # noqa: TRY004 - a fault of the row, not of the call
        return value
    text = value.strip()
    if thousands is not None:
        text = text.replace(thousands, "")
    if decimal != ".":
        text = text.replace(".", "\0").replace(decimal, ".")
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    raise ValueError(f"not a number: {value!r}")


def _to_datetime(value: Any, format_: str | None, zone: tzinfo | None, unit: str) -> datetime | None:
    if isinstance(value, str):
        if format_ is not None:
            try:
                time = datetime.strptime(value, format_)  # noqa: DTZ007 - the zone is set below
            except ValueError:
                raise ValueError(f"not a time of the format {format_!r}: {value!r}") from None
        else:
            time = parse_datetime(value, zone or UTC)
    elif isinstance(value, datetime):
        time = value
    elif isinstance(value, date):
        time = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone is set below
    elif isinstance(value, int | float | Decimal) or hasattr(value, "__index__"):
        microseconds = int(value * 10**6) // _UNITS[unit] if unit != "us" else int(value)
        return datetime.fromtimestamp(0, UTC) + _MICROSECOND * microseconds
    else:
        raise ValueError(f"not a time: {value!r}")
    return time if time.tzinfo is not None else time.replace(tzinfo=zone or UTC)


def _parse_json(value: Any) -> Any:
    if not isinstance(value, str | bytes):
        raise ValueError(f"not a string: {value!r}")  # noqa: TRY004 - a fault of the row, not of the call
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"not valid JSON: {error}") from None


def _show(step: Step) -> str:
    """Return the call that adds a step."""
    value = step.value
    if step.name == "map":
        return f".map({dict(value)})"
    if step.name in {"parse_json", "strip", "lower", "upper"}:
        return f".{step.name}()"
    if step.name == "replace":
        return f".replace({value[0]!r}, {value[1]!r})"
    if step.name == "to_number":
        options = {"decimal": (value[0], "."), "thousands": (value[1], None)}
    elif step.name == "to_datetime":
        options = {
            "format": (value[0], None),
            "tz": (value[1] and str(value[1]), None),
            "unit": (value[2], "ms"),
        }
    else:
        return f".{step.name}({value!r})"
    shown = ", ".join(f"{name}={used!r}" for name, (used, default) in options.items() if used != default)
    return f".{step.name}({shown})"
