"""Property values and entities of a header: expressions evaluated in the user's namespace after the cell."""

import ast
import re
import types
from collections.abc import Mapping
from typing import Any

from nbtrack.runtime import events
from nbtrack.tracker import SelfDescribingJson

_EXPRESSION = re.compile(r"[(\[{'\"\s]")
_OBJECTS = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)


def evaluate_property(text: str, user_ns: Mapping[str, Any]) -> Any:
    """Return the value of ``key=text``.

    A literal is its value, and an expression is evaluated. A plain word that is neither is the string as written, so that
    ``source=nycflights13``, ``day=2024-01-31`` and ``url=https://…`` need no quotes. A plain word has no bracket, quote or
    blank: anything else is an expression, and what is wrong with it is an error, never a string that is sent.

    Raises
    ------
    BaseException
        What the user's expression raises, of any class; a SyntaxError or NameError only for what is no plain word.

    Examples
    --------
    >>> evaluate_property("len(df)", {"df": [1, 2]}), evaluate_property("feature-x", {}), evaluate_property("3", {})
    (2, 'feature-x', 3)
    """
    is_word = not _EXPRESSION.search(text)
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        if is_word:
            return text
        raise
    try:
        return ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if is_word and not any(isinstance(node, ast.Name) for node in ast.walk(tree)):
        return text  # 2024-10-12 is a date to its author, not 2002
    try:
        value = eval(compile(tree, "<%%track>", "eval"), dict(user_ns))  # noqa: S307 - the user's own expression, in the user's own namespace
    except NameError:
        if is_word:
            return text
        raise
    return text if is_word and isinstance(value, _OBJECTS) else value


def evaluate_entity(text: str, user_ns: Mapping[str, Any]) -> list[SelfDescribingJson]:
    """Return the entities of an expression: a self-describing JSON, a DataFrame (its shape), or a list of these.

    Raises
    ------
    Exception
        Whatever the user's expression raises.
    TypeError
        If it is something else.
    """
    return _as_entities(eval(compile(text.strip(), "<%%track>", "eval"), dict(user_ns)))  # noqa: S307 - as above


def _as_entities(value: Any) -> list[SelfDescribingJson]:
    if isinstance(value, SelfDescribingJson):
        return [value]
    if isinstance(value, Mapping) and {"schema", "data"} <= value.keys():
        return [SelfDescribingJson(value["schema"], value["data"])]
    if isinstance(value, (list, tuple)):
        return [entity for item in value for entity in _as_entities(item)]
    if shape := events.describe_frame(value, "other"):
        return [events.frame_entity(shape)]
    raise TypeError(
        "-e takes a SelfDescribingJson, a dict with schema and data, a DataFrame, or a list of these, "
        f"got {type(value).__name__}"
    )
