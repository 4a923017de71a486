"""From an event with placeholders, and a frame's columns, to one SQL expression that gives each row's event as bytes."""

import base64
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nbtrack.bulk.encoding import expressions as columns
from nbtrack.bulk.encoding import validation as checks
from nbtrack.bulk.encoding.arrow import name_some, number
from nbtrack.bulk.encoding.event_ids import write_number
from nbtrack.bulk.encoding.expressions import Expression, Role, quote
from nbtrack.bulk.encoding.pieces import is_boundary, split
from nbtrack.common.errors import NbtrackError
from nbtrack.common.wording import near_matches
from nbtrack.template import Col, columns_of
from nbtrack.tracker.plan import Plan
from nbtrack.tracker.rendering import TIMESTAMPS, JsonNode, render

POSITION = "__nbtrack_row"
_UUID = "[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_BASE64_UNIT = 3  # bytes that base64 writes as one group


class TemplateError(NbtrackError, ValueError):
    """The event does not fit the frame: the text says which column, where, and what is there instead.

    Examples
    --------
    >>> check_columns(["id", "address"], ["adress"])
    Traceback (most recent call last):
    nbtrack.bulk.encoding.compiler.TemplateError: the data has no column 'adress' (did you mean 'address'?); it has: id, address
    """


@dataclass(frozen=True, slots=True)
class Precomputed:
    """A placeholder that Python evaluates, into a column of its own.

    Parameters
    ----------
    col, role
        What, and where it goes.
    key
        The payload's key that it is the value of; None inside JSON and in a row's key.
    name
        Of the column.
    """

    col: Col
    role: Role
    key: str | None
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A query over chunks of rows; equal to itself only, as each is written once.

    Parameters
    ----------
    sql
        Gives five columns: ``event``, the event's JSON followed by a comma; ``id``, 64 bits that tell its id from
        others, NULL for a row without a key; ``moment``, its time in milliseconds since 1970, NULL for none;
        ``sure``, true where the row surely follows all contracts and schemas; ``print``, a hash of the row's values and
        position.
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
        With the nearest names; and for a column whose name another one has too.
    """
    for name in wanted:
        if names.count(name) > 1:
            raise TemplateError(f"the data has more than one column called {name!r}: rename them first")
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    hints = []
    for name in missing:
        near = near_matches(name, names, 3)
        hints.append(f"{name!r}" + (f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""))
    raise TemplateError(f"the data has no column {', '.join(hints)}; it has: {name_some(names) or 'none'}")


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
        Keys whose value is one for all rows of the run, such as ``dtm`` and ``stm``, where the event has none.
    required
        Keys that must have a value in each row.
    schemas
        Those that the event's data and entities must follow, by URI; others are not checked.

    Raises
    ------
    TemplateError
        When the event has one id for all rows.
    """

    def __init__(
        self,
        plan: Plan,
        key: Sequence[str],
        namespace: uuid.UUID,
        constants: Mapping[str, str],
        *,
        required: Collection[str] = (),
        schemas: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.plan, self.key, self.namespace, self.constants = plan, tuple(key), namespace, dict(constants)
        self.required, self.schemas = frozenset(required), schemas or {}
        self._statements: dict[tuple[pa.Schema, frozenset[str]], Statement] = {}
        own_id = dict(plan.pairs).get("eid")
        if own_id is not None and not isinstance(own_id, Col):
            raise TemplateError(
                "event_id= is one id for all rows: give event_id=col(…), or key=[…] for ids made from columns"
            )
        if own_id is not None and self.key:
            raise TemplateError("the event has event_id=col(…) and there is a key too: give one of them")

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns that the event and the key ask for, once each."""
        return tuple(dict.fromkeys([*self.plan.columns(), *self.key]))

    def compile(self, schema: pa.Schema, objects: frozenset[str] = frozenset()) -> Statement:
        """Give the statement for chunks of a schema.

        Parameters
        ----------
        schema
            Of a normalised table: see `nbtrack.bulk.encoding.arrow.normalise`.
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
        self._precomputed: dict[tuple[str, Any, Role, str | None], Precomputed] = {}
        self._sure: list[str] = []
        self._moment = "null::bigint"

    def write(self) -> Statement:
        fixed: dict[str, str] = dict(self._compiler.constants)
        varying: list[str] = []  # SQL of texts
        pairs = dict(self._compiler.plan.pairs)
        own_id = pairs.pop("eid", None)
        for key, value in pairs.items():
            if isinstance(value, Col):
                varying.append(self._write_member(key, value, fixed.pop(key, None)))
                continue
            if isinstance(value, JsonNode):
                self._check_node(value)
                if columns_of([value.tree]):
                    varying += self._write_node(key, value)
                    continue
            fixed |= render({key: value})
            if key == "ttm" and "ttm" in fixed:
                self._moment = f"{fixed['ttm']}::bigint"
        head = quote(json.dumps(fixed, ensure_ascii=False, separators=(",", ":"))[:-1])
        sql = self._write_query(head, [*varying, "'},'"], own_id)
        return Statement(sql, tuple(self._precomputed.values()))

    def _write_query(self, head: str, body: list[str], own_id: Col | None) -> str:
        """Give the query of an event that begins with constants, then has its id, then what varies."""
        text = f"coalesce({self._role(own_id, 'text', 'eid')}, '')" if own_id is not None else None
        if text is not None:
            self._sure.append(f"regexp_full_match({text}, '{_UUID}')")
        texts = [f"coalesce({self._role(Col(name), 'text')}, '')" for name in self._compiler.key]
        places = map(number, range(len(self._schema)))
        read = ", ".join([*places, *(one.name for one in self._precomputed.values()), POSITION])
        rest = f"{self._moment} as moment, {self._write_sure()} as sure, hash({read}) as print"
        if text is not None:
            event = _join([head, """',"eid":'""", f"to_json({text})::varchar", *body])
            # S608 here and below: every name and text in the query is quoted where it was put in
            return f"select {event} as event, nullif(md5_number_lower({text}), md5_number_lower('')) as id, {rest} from chunk"  # noqa: S608
        begin = [head, """',"eid":"'""", "(number::uuid)::varchar", "'\"'"]
        bits = "(number & 18446744073709551615::uhugeint)::ubigint"
        if texts:
            made = write_number(self._compiler.namespace, f"to_json([{', '.join(texts)}])::varchar")
            whole = " and ".join(f"{text} <> ''" for text in texts)
            inner = f"select *, {made} as number from chunk"  # noqa: S608
            return f"select {_join([*begin, *body])} as event, case when {whole} then {bits} end as id, {rest} from ({inner})"  # noqa: S608
        made = write_number(
            self._compiler.namespace, f"""'["' || {POSITION} || '",' || to_json(body) || ']'"""
        )
        inner = f"select {_join(body)} as body, {POSITION}, {rest} from chunk"  # noqa: S608
        middle = f"select body, {made} as number, moment, sure, print from ({inner})"  # noqa: S608
        return f"select {_join([*begin, 'body'])} as event, {bits} as id, moment, sure, print from ({middle})"  # noqa: S608

    def _write_sure(self) -> str:
        return f"coalesce({' and '.join(dict.fromkeys(self._sure))}, false)" if self._sure else "true"

    def _express(self, col: Col) -> Expression | None:
        if col.name in self._objects:
            return None
        place = self._schema.get_field_index(col.name)
        return columns.express(col, number(place), self._schema.field(place).type)

    def _role(self, col: Col, role: Role, key: str | None = None) -> str:
        """Give SQL for the form of a placeholder in a role."""
        found = self._express(col)
        if found is not None:
            write = {"json": columns.write_json, "text": columns.write_text, "moment": columns.write_moment}[
                role
            ]
            written = write(found)
            if written is not None:
                return written
            if found.kind in {"str", "bool"}:
                raise TemplateError(
                    f"{col!r} gives {found.kind} values where a time goes: give datetimes, or milliseconds since 1970"
                )
        same: tuple[str, Any, Role, str | None] = (col.name, col.steps, role, key)
        try:
            known = self._precomputed.get(same)
        except TypeError:  # a step holds something that is no key of a dict
            same = (col.name, id(col), role, key)
            known = self._precomputed.get(same)
        if known is None:
            known = Precomputed(col, role, key, f"__nbtrack_{len(self._precomputed)}")
            self._precomputed[same] = known
        return known.name

    def _write_member(self, key: str, col: Col, otherwise: str | None) -> str:
        """Give SQL for a pair of the payload, with its comma in front; empty where the row has no value."""
        member = quote(f",{json.dumps(key)}:")
        if key in TIMESTAMPS:
            moment = self._role(col, "moment", key)
            if key == "ttm" or self._moment.startswith("null"):
                self._moment = moment
            written = f"({moment})::varchar"
            if otherwise is not None:
                written = f"coalesce({written}, {quote(otherwise)})"
            return f"""coalesce({member} || '"' || {written} || '"', '')"""
        sql = self._role(col, "text", key)
        found = self._express(col)
        if found is not None:
            self._sure += checks.sure_of_text(key, found, sql)
        if key in self._compiler.required:
            self._sure.append(f"coalesce({sql}, '') <> ''")
        return f"coalesce(case when {sql} <> '' then {member} || to_json({sql})::varchar end, '')"

    def _check_node(self, node: JsonNode) -> None:
        """Say when the data inside a pair surely follows its schemas."""
        for uri, data in checks.documents(node.tree):
            if uri in self._compiler.schemas:
                self._sure += checks.sure_of_data(self._compiler.schemas[uri], data, self._express)

    def _write_node(self, key: str, node: JsonNode) -> list[str]:
        """Give SQL of the texts that a pair with JSON inside is made of."""
        pieces = split(node.tree)
        member = f',"{key}":'
        if not node.base64:
            return [quote(member), f"to_json({_join([self._piece(piece) for piece in pieces])})::varchar"]
        head = b""
        if pieces and isinstance(pieces[0], bytes):
            # base64 works on groups of three bytes, so whole groups of what never varies are encoded once
            whole_groups = len(pieces[0]) // _BASE64_UNIT * _BASE64_UNIT
            while whole_groups and not is_boundary(pieces[0], whole_groups):
                whole_groups -= _BASE64_UNIT
            head, pieces[0] = pieces[0][:whole_groups], pieces[0][whole_groups:]
        fixed = base64.urlsafe_b64encode(head).decode()
        rest = _join([self._piece(piece) for piece in pieces if isinstance(piece, Col) or piece])
        encoded = f"replace(replace(base64(encode({rest})), '+', '-'), '/', '_')"
        return [quote(member + chr(34) + fixed), encoded, "'\"'"]

    def _piece(self, piece: bytes | Col) -> str:
        return self._role(piece, "json") if isinstance(piece, Col) else quote(piece.decode())


def _join(texts: Sequence[str]) -> str:
    """Give SQL that joins texts: at once, where ``||`` would copy what is on its left once more for each."""
    return f"concat({', '.join(texts)})"
