"""The placeholder behind ``col()``: where a row's value goes in an event of a backfill."""

from __future__ import annotations

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
    """One thing done to a column's value on its way into the event."""

    name: StepName
    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Col:
    """A column's value, to be filled in for each row; made by `col`.

    Attributes
    ----------
    name : str
        The column's name in the frame.
    steps : tuple of Step
        What is done to its value, in order.

    Raises
    ------
    TypeError
        When it is used as if it were the value: compared, counted, printed or asked for its truth.

    Examples
    --------
    >>> amount = col("total").cast("float").default(0.0)
    >>> amount.evaluate("9.90"), amount.evaluate(None)
    (9.9, 0.0)
    >>> amount > 5
    Traceback (most recent call last):
    TypeError: col('total').cast('float').default(0.0) stands for a column and has no value of its own: give the event to nbtrack.backfill, which fills it in for each row
    """

    name: str
    steps: tuple[Step, ...] = field(default=())

    def default(self, value: Any) -> Col:
        """Put a value where the row has none (None, NaN, NaT or NA).

        Parameters
        ----------
        value : Any
            What to put there.

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

    def map(self, table: Mapping[Any, Any]) -> Col:
        """Replace the value by what a table holds for it; a value that is not in it becomes null.

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
            If `table` is no mapping.

        Examples
        --------
        >>> col("tier").map({"g": "gold", "s": "silver"}).evaluate("g")
        'gold'
        """
        if not isinstance(table, Mapping):
            raise TypeError(f"map of {self!r} wants a mapping, and got {table!r}")
        return self._then("map", tuple(table.items()))

    def cast(self, kind: CastName) -> Col:
        """Turn the value into a ``"str"``, ``"int"``, ``"float"`` or ``"bool"``.

        A float is cut towards zero by ``"int"``; texts such as ``"yes"`` and ``"0"`` are read by ``"bool"``.

        Parameters
        ----------
        kind : {"str", "int", "float", "bool"}
            The type's name.

        Returns
        -------
        Col
            A new placeholder.

        Raises
        ------
        ValueError
            For another name.

        Examples
        --------
        >>> col("n").cast("int").evaluate("17"), col("paid").cast("bool").evaluate("yes")
        (17, True)
        """
        if kind not in CASTS:
            raise ValueError(f"cast of {self!r} wants one of {', '.join(CASTS)}, and got {kind!r}")
        return self._then("cast", kind)

    def format(self, pattern: str) -> Col:
        """Put the value's text where ``{}`` stands in a pattern.

        Parameters
        ----------
        pattern : str
            A text with one ``{}`` in it.

        Returns
        -------
        Col
            A new placeholder.

        Raises
        ------
        ValueError
            For a pattern with none, or more than one.

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
            raise ValueError(f"format of {self!r} wants a pattern with one {{}} in it, and got {pattern!r}")
        return self._then("format", pattern)

    def evaluate(self, value: Any) -> Any:
        """Give what one row's value becomes: the meaning of the steps.

        Parameters
        ----------
        value : Any
            What the row holds in the column.

        Returns
        -------
        Any
            What goes into the event; None where there is nothing.

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
        """Tell whether another is a placeholder for the same column with the same steps, since ``==`` is refused.

        Examples
        --------
        >>> col("total").cast("float").same_as(col("total"))
        False
        """
        return isinstance(other, Col) and (self.name, self.steps) == (other.name, other.steps)

    def _then(self, name: StepName, value: Any) -> Col:
        return Col(self.name, (*self.steps, Step(name, value)))

    def __repr__(self) -> str:
        """Show the call that makes it."""
        return f"col({self.name!r})" + "".join(
            f".{s.name}({dict(s.value) if s.name == 'map' else s.value!r})" for s in self.steps
        )

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            f"{self!r} stands for a column and has no value of its own: give the event to nbtrack.backfill, "
            "which fills it in for each row"
        )

    __str__ = __bool__ = __iter__ = __len__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __eq__ = __ne__ = __contains__ = __getitem__ = __int__ = __float__ = __index__ = __format__ = _refuse
    __hash__ = object.__hash__


def col(name: str) -> Col:
    """Stand for the value of a column in an event given to ``nbtrack.backfill``.

    Parameters
    ----------
    name : str
        The column's name.

    Returns
    -------
    Col
        A placeholder that setters and events accept in place of a value. Its methods ``default``, ``map``,
        ``cast`` and ``format`` each return a new one.

    Raises
    ------
    TypeError
        If `name` is not a text.

    Examples
    --------
    >>> col("price").cast("float").default(0.0)
    col('price').cast('float').default(0.0)
    """
    if not isinstance(name, str):
        raise TypeError(
            f"col wants a column's name, a text, and got {name!r}: a column of a frame that is called so is "
            f"col({str(name)!r})"
        )
    return Col(name)


def columns_of(value: Any) -> tuple[str, ...]:
    """Name the columns that the placeholders in nested dicts, lists and tuples ask for, once each, in order."""
    return tuple(dict.fromkeys(c.name for c in _cols(value)))


def is_missing(value: Any) -> bool:
    """Tell whether a cell of a frame holds nothing: None, NaN, NaT or NA."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in {"NaTType", "NAType"}


def _cols(value: Any) -> Iterator[Col]:
    if isinstance(value, Col):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _cols(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _cols(item)


def _apply(step: Step, value: Any) -> Any:
    if step.name == "map":
        return next((new for old, new in step.value if old == value), None)
    if step.name == "cast":
        return _cast(step.value, value)
    if step.name == "format":
        return step.value.replace("{}", _text(value))
    return value


def _cast(kind: str, value: Any) -> Any:
    if kind == "str":
        return _text(value)
    if kind == "bool" and isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise ValueError(f"{value!r} is no truth value: use yes/no, true/false or 1/0")
    return CASTS[kind](value)


def _text(value: Any) -> str:
    # SQL's spelling of truth, so that a row sent one by one reads as one sent in bulk
    return str(value).lower() if isinstance(value, bool) else str(value)
