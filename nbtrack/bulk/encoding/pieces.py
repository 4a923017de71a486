"""JSON trees with placeholders, cut into texts that never vary and what goes between them."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbtrack.template import Col, columns_of
from nbtrack.values import encode


def is_boundary(text: bytes, place: int) -> bool:
    """Tell whether a UTF-8 text may be cut at a place."""
    return place >= len(text) or text[place] & 0xC0 != 0x80  # noqa: PLR2004 - a continuation byte


def split(tree: Any) -> list[bytes | Col]:
    """Split a JSON tree into texts and the placeholders between them; no two texts are neighbours.

    Examples
    --------
    >>> from nbtrack.template import col
    >>> split({"a": 1, "b": [col("x"), 2]})
    [b'{"a":1,"b":[', col('x'), b',2]}']
    """
    return _merge(_split(tree))


def _split(tree: Any) -> list[bytes | Col]:
    if isinstance(tree, Col):
        return [tree]
    if not columns_of([tree]):
        return [encode(tree)]
    pieces: list[bytes | Col] = []
    if isinstance(tree, Mapping):
        for place, (name, value) in enumerate(tree.items()):
            # the key's text as JSON writes it: that of an object with this one member
            member = encode({name: 0})[1:-2]
            pieces += [b"," if place else b"{", member, *_split(value)]
        return [*pieces, b"}"]
    for place, value in enumerate(tree):
        pieces += [b"," if place else b"[", *_split(value)]
    return [*pieces, b"]"]


def _merge(pieces: Sequence[bytes | Col]) -> list[bytes | Col]:
    merged: list[bytes | Col] = []
    for piece in pieces:
        if merged and isinstance(piece, bytes) and isinstance(merged[-1], bytes):
            merged[-1] += piece
        else:
            merged.append(piece)
    return merged
