"""Property values and entities of a header: expressions evaluated in the user's namespace after the cell."""

import ast
import types
from collections.abc import Mapping
from typing import Any

from nbtrack.runtime import events
from nbtrack.tracker import SelfDescribingJson

_OBJECTS = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)


def evaluate_property(text: str, user_ns: Mapping[str, Any]) -> Any:
    """Return the value of ``key=text``.

    A literal is itself; an expression that names something is evaluated; anything else is the text as written, so
    that ``source=nycflights13``, ``day=2024-01-31`` and ``url=https://…`` need no quotes.

    Raises
    ------
    Exception
        Whatever the user's expression raises, but NameError: an unknown name is a word.

    Examples
    --------
    >>> evaluate_property("len(df)", {"df": [1, 2]}), evaluate_property("feature-x", {}), evaluate_property("3", {})
    (2, 'feature-x', 3)
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return text
    try:
        return ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if not any(isinstance(node, ast.Name) for node in ast.walk(tree)):
        return text  # 2024-10-12 is a date to whoever wrote it, not 2002
    try:
        value = eval(compile(tree, "<%%track>", "eval"), dict(user_ns))  # noqa: S307 - the user's own expression, in the user's own namespace
    except NameError:
        return text
    return text if isinstance(value, _OBJECTS) else value


def evaluate_entity(text: str, user_ns: Mapping[str, Any]) -> list[SelfDescribingJson]:
    """Return the entities of an expression: a self-describing JSON, a DataFrame (its shape), or a list of these.

    Raises
    ------
    Exception
        Whatever the user's expression raises.
    TypeError
        When it gives something else.
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
        f"-e takes a SelfDescribingJson, a dict with schema and data, a DataFrame, or a list of these; "
        f"not {type(value).__name__}"
    )
