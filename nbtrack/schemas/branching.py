"""Branching: how many subschemas a schema may apply to one place in data, which bounds the time of a validation."""

from typing import Any

UNBOUNDED = 1_000_000_000
"""More than any limit."""
AT_SAME_PLACE = ("allOf", "anyOf", "oneOf", "not", "dependencies", "$ref")
"""Keywords whose schemas apply where the schema itself does."""
BELOW = ("items", "additionalItems", "properties", "additionalProperties")
"""Keywords of which one schema at most applies to each member or item."""


class Branching:
    """Counts the subschemas that may apply to one place.

    Alternatives within alternatives multiply: 24 levels of two, each by a reference to the next, are 16 million.

    Parameters
    ----------
    root : any
        The schema, with references into itself.

    Examples
    --------
    >>> Branching({"anyOf": [{"type": "string"}, {"type": "null"}]}).count(depth=0)
    3
    """

    def __init__(self, root: Any) -> None:
        self._root = root
        self._counts: dict[tuple[int, int], int] = {}

    def count(self, depth: int) -> int:
        """Return how many subschemas apply at most to a place in data of so many levels, and on the way there."""
        return self._count(self._root, depth)

    def deepest(self, limit: int, depth: int) -> int:
        """Return the levels of data, at most `depth`, for which no more than `limit` subschemas apply; -1 for none."""
        while depth >= 0 and self.count(depth) > limit:
            depth -= 1
        return depth

    def _count(self, schema: Any, depth: int) -> int:
        if not isinstance(schema, dict):
            return 1
        key = id(schema), depth
        if key not in self._counts:
            # a schema that leads to itself without going deeper has no end
            self._counts[key] = UNBOUNDED
            same = [
                part for name in AT_SAME_PLACE if name in schema for part in self._parts(name, schema[name])
            ]
            total = 1 + sum(self._count(part, depth) for part in same)
            if depth:
                below = [part for name in BELOW if name in schema for part in self._parts(name, schema[name])]
                total += max((self._count(part, depth - 1) for part in below), default=0)
                patterns = self._parts("patternProperties", schema.get("patternProperties"))
                total += sum(self._count(part, depth - 1) for part in patterns)
            self._counts[key] = min(total, UNBOUNDED)
        return self._counts[key]

    def _parts(self, keyword: str, value: Any) -> list[Any]:
        if keyword == "$ref":
            return [resolve(self._root, value)] if isinstance(value, str) else []
        if isinstance(value, list):
            return value
        if not isinstance(value, dict):
            return []
        is_by_name = keyword in {"properties", "patternProperties", "dependencies"}
        return list(value.values()) if is_by_name else [value]


def resolve(root: Any, reference: str) -> Any:
    """Return what a reference into a schema leads to; None if that is nothing."""
    node = root
    for part in filter(None, reference.removeprefix("#").split("/")):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        else:
            return None
    return node


def extent_of(data: Any) -> tuple[int, int]:
    """Return how many levels data has, and how many values.

    Examples
    --------
    >>> extent_of(1), extent_of({"items": [{"price": 1}, {"price": 2}]})
    ((0, 1), (3, 6))
    """
    levels, values, inside = 0, 1, [data]
    while inside := [outer for outer in inside if isinstance(outer, dict | list)]:
        levels += 1
        inside = [
            inner for outer in inside for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        values += len(inside)
    return levels, values
