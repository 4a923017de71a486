"""From an event with placeholders, and a frame's columns, to one SQL expression that gives each row's event as bytes."""

import base64
import difflib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nbtrack.bulk import columns
from nbtrack.bulk.columns import Role, identifier, quote
from nbtrack.template import Col, columns_of
from nbtrack.tracker.plan import MOMENTS, JsonNode, Plan, render
from nbtrack.values import encode

POSITION = "__nbtrack_row"
# a UUID's version and variant bits, for version 8: free to use, and filled from an MD5
_KEEP = ((1 << 128) - 1) & ~(0xF << 76) & ~(0x3 << 62)
_VERSION_8 = (0x8 << 76) | (0x2 << 62)
_BASE64_UNIT = 3  # bytes that base64 writes as one group


class TemplateError(ValueError):
    """The event does not fit the frame: the text says which column, where, and what is there instead."""


@dataclass(frozen=True, slots=True)
class Precomputed:
    """A placeholder whose texts Python writes, into a column of its own name."""

    col: Col
    role: Role
    name: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A query over one chunk of rows.

    Parameters
    ----------
    sql
        Gives two columns: ``event``, the event's JSON followed by a comma, and ``id``, the low 64 bits of its id
        (NULL where the event brings its own).
    precomputed
        The columns that must be added to the chunk first.
    """

    sql: str
    precomputed: tuple[Precomputed, ...]


def check_columns(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse an event or a key that asks for a column the frame has not.

    Raises
    ------
    TemplateError
        With the nearest names.
    """
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    hints = []
    for name in missing:
        near = difflib.get_close_matches(name, names, 3)
        hints.append(f"{name!r}" + (f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""))
    raise TemplateError(f"the data has no column {', '.join(hints)}; it has: {', '.join(map(str, names))}")


def make_event_id(namespace: uuid.UUID, key: Sequence[str]) -> uuid.UUID:
    """Give a row's event id, as the SQL of a backfill does; recipe version 1.

    The id is a UUID of version 8, filled from the MD5 of the namespace's 16 bytes followed by the compact JSON list
    of the key columns' texts in UTF-8; the digest is read as a little-endian number.

    Parameters
    ----------
    namespace
        Of the run: ``namespace=``, or made from the event's schema.
    key
        The texts of the key columns' values, in their order: those of `nbtrack.values.text`.

    Examples
    --------
    >>> make_event_id(uuid.NAMESPACE_URL, ["o-1"])
    UUID('…')
    """
    written = namespace.bytes + json.dumps(list(key), ensure_ascii=False, separators=(",", ":")).encode()
    import hashlib  # noqa: PLC0415

    digest = hashlib.md5(written, usedforsecurity=False).digest()
    return uuid.UUID(int=(int.from_bytes(digest, "little") & _KEEP) | _VERSION_8)


class Compiler:
    """Compiles one plan for chunks of any column types.

    Parameters
    ----------
    plan
        The event's description.
    key
        Columns that identify a row; empty for row content and position.
    namespace
        Of the ids.
    constants
        Keys whose value is one for all rows of the run, such as ``dtm`` and ``stm``.
    """

    def __init__(
        self, plan: Plan, key: Sequence[str], namespace: uuid.UUID, constants: Mapping[str, str]
    ) -> None:
        self.plan, self.key, self.namespace, self.constants = plan, tuple(key), namespace, dict(constants)
        self._statements: dict[tuple[pa.Schema, frozenset[str]], Statement] = {}

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns that the event and the key ask for, once each."""
        return tuple(dict.fromkeys([*self.plan.columns(), *self.key]))

    def compile(self, schema: pa.Schema, objects: frozenset[str] = frozenset()) -> Statement:
        """Give the statement for chunks of a schema.

        Parameters
        ----------
        schema
            Of a normalised table: see `nbtrack.bulk.columns.normalise`.
        objects
            Columns whose values are Python objects.
        """
        if (schema, objects) not in self._statements:
            self._statements[schema, objects] = _Writer(self, schema, objects).write()
        return self._statements[schema, objects]


class _Writer:
    """Writes one statement."""

    def __init__(self, compiler: Compiler, schema: pa.Schema, objects: frozenset[str]) -> None:
        self._compiler, self._schema, self._objects = compiler, schema, objects
        self._precomputed: list[Precomputed] = []

    def write(self) -> Statement:
        plan = self._compiler.plan
        fixed: dict[str, str] = dict(self._compiler.constants)
        varying: list[str] = []
        own_id: Any = None
        for key, value in plan.pairs:
            if key == "eid":
                own_id = value
            elif isinstance(value, JsonNode):
                if columns_of([value.tree]):
                    varying.append(self._write_node(key, value))
                else:
                    fixed |= render({key: value})
            elif isinstance(value, Col):
                varying.append(self._write_member(key, value))
            else:
                fixed |= render({key: value})
        head = quote(json.dumps(fixed, ensure_ascii=False, separators=(",", ":"))[:-1])
        if isinstance(own_id, Col):
            id_text, id_bits = self._role(own_id, "text"), "null::ubigint"
        elif own_id is not None:
            raise TemplateError(
                "event_id= is one id for all rows: give event_id=col(…), or key=[…] for ids made from columns"
            )
        else:
            id_text, id_bits = "(number::uuid)::varchar", "(number & 18446744073709551615::uhugeint)::ubigint"
        parts = [head, f"""',"eid":"' || {id_text} || '"'""", *varying, "'},'"]
        number = self._write_number("body" if not self._compiler.key else None)
        if own_id is not None:
            sql = f"select {' || '.join(parts)} as event, {id_bits} as id from chunk"
        elif self._compiler.key:
            sql = f"select {' || '.join(parts)} as event, {id_bits} as id from (select *, {number} as number from chunk)"
        else:
            rest = " || ".join([*varying, "'},'"])
            sql = (
                f"select {head} || ',\"eid\":\"' || {id_text} || '\"' || body as event, {id_bits} as id from "
                f"(select body, {number} as number from (select {rest} as body, {POSITION} from chunk))"
            )
        return Statement(sql, tuple(self._precomputed))

    def _write_number(self, content: str | None) -> str:
        """Give SQL for the 128 bits of the id."""
        if content:
            hashed = f"encode('[\"' || {POSITION} || '\",' || to_json({content}) || ']')"
        else:
            texts = ", ".join(f"coalesce({self._role(Col(name), 'text')}, '')" for name in self._compiler.key)
            hashed = f"encode(to_json([{texts}])::varchar)"
        seed = f"unhex('{self._compiler.namespace.hex}') || {hashed}"
        return f"((md5_number({seed}) & {_KEEP}::uhugeint) | {_VERSION_8}::uhugeint)"

    def _role(self, col: Col, role: Role) -> str:
        """Give SQL for the text of a placeholder in a role."""
        kind = self._schema.field(col.name).type
        found = None if col.name in self._objects else columns.express(col, kind)
        written: str | None = None
        if found is not None:
            written = {
                "json": columns.write_json,
                "text": columns.write_text,
                "moment": columns.write_moment,
            }[role](found)
            if written is None and role == "moment" and found.kind in {"str", "bool"}:
                raise TemplateError(
                    f"{col!r} gives {found.kind} values where a time goes: give datetimes, or milliseconds since 1970"
                )
        if written is None:
            name = f"__nbtrack_{len(self._precomputed)}"
            self._precomputed.append(Precomputed(col, role, name))
            written = identifier(name)
        return written

    def _write_member(self, key: str, col: Col) -> str:
        """Give SQL for a pair of the payload, with its comma in front; empty where the row has no value."""
        if key in MOMENTS:
            return self._optional(key, self._role(col, "moment"), plain=True)
        return self._optional(key, self._role(col, "text"), plain=False)

    def _optional(self, key: str, sql: str, *, plain: bool) -> str:
        member = f"',{json.dumps(key)}:'"
        value = f"""'"' || {sql} || '"'""" if plain else f"to_json({sql})::varchar"
        return f"coalesce(case when {sql} <> '' then {member} || {value} end, '')"

    def _write_node(self, key: str, node: JsonNode) -> str:
        """Give SQL for JSON inside a pair."""
        pieces = _merge(_split(node.tree))
        member = f',"{key}":'
        if not node.base64:
            whole = " || ".join(self._piece(piece) for piece in pieces)
            return f"{quote(member)} || to_json({whole})::varchar"
        head = b""
        if pieces and isinstance(pieces[0], bytes):
            # base64 works on groups of three bytes, so whole groups of what never varies are encoded once
            whole_groups = len(pieces[0]) // _BASE64_UNIT * _BASE64_UNIT
            while whole_groups and not _is_boundary(pieces[0], whole_groups):
                whole_groups -= _BASE64_UNIT
            head, pieces[0] = pieces[0][:whole_groups], pieces[0][whole_groups:]
        fixed = base64.urlsafe_b64encode(head).decode()
        rest = " || ".join(self._piece(piece) for piece in pieces if isinstance(piece, Col) or piece)
        encoded = f"replace(replace(base64(encode({rest})), '+', '-'), '/', '_')"
        return f"{quote(member + chr(34) + fixed)} || {encoded} || '\"'"

    def _piece(self, piece: bytes | Col) -> str:
        return self._role(piece, "json") if isinstance(piece, Col) else quote(piece.decode())


def _is_boundary(text: bytes, place: int) -> bool:
    """Tell whether a UTF-8 text may be cut at a place."""
    return place >= len(text) or text[place] & 0xC0 != 0x80  # noqa: PLR2004 - a continuation byte


def _split(tree: Any) -> list[bytes | Col]:
    """Split a JSON tree into texts and the placeholders between them."""
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
