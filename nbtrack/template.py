"""Placeholders for the values of columns in the event of a backfill: ``col()``."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

__all__ = ["Col", "col"]

CastName = Literal["str", "int", "float", "bool"]
StepName = Literal["default", "map", "cast", "format"]
CASTS: Mapping[str, Callable[[Any], Any]] = {"str": str, "int": int, "float": float, "bool": bool}
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
        return f"col({self.name!r})" + "".join(
            f".{step.name}({dict(step.value) if step.name == 'map' else step.value!r})" for step in self.steps
        )

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


def columns_of(value: Any) -> tuple[str, ...]:
    """Return the columns of the placeholders in nested dicts, lists and tuples, once each, in order."""
    return tuple(dict.fromkeys(column.name for column in _find_cols(value)))


def is_missing(value: Any) -> bool:
    """Check whether a value is missing: None, NaN, NaT or NA."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in {"NaTType", "NAType"}


def _find_cols(value: Any) -> Iterator[Col]:
    if isinstance(value, Col):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _find_cols(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _find_cols(item)


def _apply(step: Step, value: Any) -> Any:
    if step.name == "map":
        return next((new for old, new in step.value if old == value), None)
    if step.name == "cast":
        return _cast(step.value, value)
    if step.name == "format":
        return step.value.replace("{}", _to_str(value))
    return value


def _cast(kind: str, value: Any) -> Any:
    if kind == "str":
        return _to_str(value)
    if kind == "bool" and isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise ValueError(f"{value!r} is not a bool; use yes/no, true/false or 1/0")
    return CASTS[kind](value)


def _to_str(value: Any) -> str:
    # bools as SQL writes them, so that tracking a row and sending it in bulk give the same event
    return str(value).lower() if isinstance(value, bool) else str(value)
