"""From an event with placeholders and the columns of the data to one SQL query that returns each row's event as bytes."""

import base64
import json
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import pyarrow as pa

from nbtrack.bulk.duckdb import quote, uuid_sql
from nbtrack.bulk.encoding.arrow import column_name, list_names
from nbtrack.bulk.encoding.event_ids import id_number_sql
from nbtrack.bulk.encoding.expressions import (
    Expression,
    Role,
    express,
    json_sql,
    key_sql,
    number_columns,
    string_sql,
    time_sql,
)
from nbtrack.bulk.encoding.validation import (
    UNDECIDABLE,
    UUID_PATTERN,
    contract_sql,
    self_describing_parts,
    sql_conditions,
)
from nbtrack.common.errors import NbtrackError
from nbtrack.common.wording import near_matches
from nbtrack.template import Col, columns_of
from nbtrack.tracker.plan import Plan
from nbtrack.tracker.rendering import INTEGERS, TIMESTAMPS, JsonNode, render, render_json
from nbtrack.values import encode

POSITION = "__nbtrack_row"
"""The column that holds each row's position in the source."""
_MAX_SQL_COLUMNS = 150
"""Columns of an event beyond which Python writes its JSON."""
_BASE64_GROUP = 3
"""Bytes that base64 encodes together."""


class TemplateError(NbtrackError, ValueError):
    """The event does not fit the data; the message names the column, and what is there instead.

    Examples
    --------
    >>> import pandas as pd
    >>> from nbtrack import col
    >>> from nbtrack.bulk import preview
    >>> from nbtrack.tracker import PageView
    >>> preview(pd.DataFrame({"id": [1], "address": ["https://acme.com"]}), PageView(col("adress")))
    Traceback (most recent call last):
    nbtrack.bulk.TemplateError: the data has no column 'adress' (did you mean 'address'?); it has: id, address
    """


@dataclass(frozen=True, slots=True)
class Precomputed:
    """A placeholder that Python evaluates, into a column of its own.

    Parameters
    ----------
    col, role
        The placeholder, and where its value goes.
    key
        The key of the payload whose value it is; None inside JSON and in a row's key.
    name
        Name of the new column.
    """

    col: Col
    role: Role
    key: str | None
    name: str


@dataclass(frozen=True, slots=True)
class PrecomputedJson:
    """A pair with JSON inside that Python writes, into a column of its own.

    Parameters
    ----------
    node
        The JSON with its placeholders.
    name
        Name of the new column.
    """

    node: JsonNode
    name: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it uses."""
        return columns_of([self.node.tree])

    def write(self, tree: Any) -> str:
        """Return a filled tree as the string of the pair."""
        return render_json(tree, self.node.base64)


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A query over chunks of rows; equal to itself only, since each is written once.

    Parameters
    ----------
    sql
        Returns five columns: ``event``, the event's JSON followed by a comma; ``id``, 64 bits that distinguish its id
        from others, NULL for a row without a key; ``time``, its Unix timestamp in milliseconds, NULL if it has none;
        ``valid``, true if the row certainly follows all contracts and schemas; ``row_hash``, a hash of the row's values
        and position.
    precomputed, precomputed_json
        The columns that must be added to the chunk first.
    columns
        Indexes of the columns that the query reads; None for all.
    """

    sql: str
    precomputed: tuple[Precomputed, ...] = ()
    precomputed_json: tuple[PrecomputedJson, ...] = ()
    columns: tuple[int, ...] | None = None


class AnyCompiler(Protocol):
    """What an encoder needs to know of the events of a run."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that must be read."""

    @property
    def has_time(self) -> bool:
        """Whether the time of the events comes from a column."""

    @property
    def time_columns(self) -> frozenset[str]:
        """Columns that are used as times."""

    @property
    def required(self) -> Collection[str]:
        """Keys that must have a value in each row."""

    @property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Schemas that rows are checked against, by URI."""

    @property
    def number_columns(self) -> Mapping[str, str]:
        """Columns whose strings become numbers, with their decimal signs."""

    def compile(
        self, schema: pa.Schema, objects: frozenset[str] = frozenset(), plain: frozenset[str] = frozenset()
    ) -> Statement:
        """Return the statement for chunks of a schema."""


def check_columns(names: Sequence[str], columns: Sequence[str], hint: str = "") -> None:
    """Raise if the event or the key uses a column that the data does not have, or has more than once.

    Raises
    ------
    TemplateError
        With the nearest names.
    """
    counts = Counter(names)
    for name in columns:
        if counts[name] > 1:
            raise TemplateError(f"the data has more than one column called {name!r}; rename them first")
    missing = [name for name in columns if name not in counts]
    if not missing:
        return
    hints = []
    for name in missing:
        near = near_matches(name, names, 3)
        hints.append(f"{name!r}" + (f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""))
    raise TemplateError(
        f"the data has no column {', '.join(hints)}; it has: {list_names(names) or 'none'}{hint and '; '}{hint}"
    )


class Compiler:
    """Compiles one plan for chunks of any column types.

    Parameters
    ----------
    plan
        The event's description.
    key
        Columns that identify a row; empty if its content and position do.
    namespace
        Namespace of the ids.
    constants
        Keys with one value for all rows of the run, such as ``dtm`` and ``stm``, if the event has none for them.
    required
        Keys that must have a value in each row.
    schemas
        Schemas that the event's data and entities must follow, by URI; others are not checked.
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
        self.required: Collection[str] = frozenset(required)
        self.schemas: Mapping[str, Mapping[str, Any]] = schemas or {}
        self.columns = tuple(dict.fromkeys([*plan.columns(), *key]))
        times = [value for key, value in plan.pairs if key in TIMESTAMPS and isinstance(value, Col)]
        self.time_columns = frozenset(col.name for col in times)
        self.has_time = isinstance(dict(plan.pairs).get("ttm"), Col)
        self.number_columns = number_columns(
            [value.tree for _, value in plan.pairs if isinstance(value, JsonNode)]
        )
        self._statements: dict[tuple[pa.Schema, frozenset[str], frozenset[str]], Statement] = {}

    def compile(
        self, schema: pa.Schema, objects: frozenset[str] = frozenset(), plain: frozenset[str] = frozenset()
    ) -> Statement:
        """Return the statement for chunks of a schema.

        Parameters
        ----------
        schema
            Schema of prepared columns: see `nbtrack.bulk.encoding.arrow.prepare_columns`.
        objects
            Columns whose values are Python objects.
        plain
            Those of `number_columns` whose strings SQL reads as Python does.
        """
        identity = (schema, objects, plain)
        if identity not in self._statements:
            self._statements[identity] = _StatementWriter(self, *identity).write()
        return self._statements[identity]


class StoredEventsCompiler:
    """In place of a compiler, for failed rows: their events are complete already."""

    columns = ("event_id", "payload")
    has_time = False
    time_columns: frozenset[str] = frozenset()
    number_columns: Mapping[str, str] = MappingProxyType({})
    required: Collection[str] = ()
    _STATEMENT = Statement(
        "select c1 || ',' as event, md5_number_lower(coalesce(c0, c1)) as id, null::bigint as time, true as valid, "
        "hash(c0, c1) as row_hash from chunk"
    )

    def __init__(self) -> None:
        self.schemas: Mapping[str, Mapping[str, Any]] = {}

    def compile(
        self,
        schema: pa.Schema,  # noqa: ARG002 - all chunks are alike
        objects: frozenset[str] = frozenset(),  # noqa: ARG002
        plain: frozenset[str] = frozenset(),  # noqa: ARG002
    ) -> Statement:
        """Return the statement."""
        return self._STATEMENT


class _StatementWriter:
    """Writes one statement."""

    def __init__(
        self, compiler: Compiler, schema: pa.Schema, objects: frozenset[str], plain: frozenset[str]
    ) -> None:
        self._compiler, self._objects, self._plain = compiler, objects, plain
        self._types = schema.types
        self._indexes = {name: index for index, name in enumerate(schema.names)}
        self._precomputed: dict[tuple[str, Any, Role, str | None], Precomputed] = {}
        self._precomputed_json: list[PrecomputedJson] = []
        # DuckDB takes seconds to plan hundreds of expressions, and the time grows faster than their number
        self._is_wide = len(compiler.columns) > _MAX_SQL_COLUMNS
        self._conditions: list[str] = []
        self._time = "null::bigint"

    def write(self) -> Statement:
        constant: dict[str, str] = dict(self._compiler.constants)
        strings: list[str] = []  # SQL
        pairs = dict(self._compiler.plan.pairs)
        own_id = pairs.pop("eid", None)
        for key, value in pairs.items():
            if isinstance(value, Col):
                strings.append(self._field_sql(key, value, constant.pop(key, None)))
                continue
            if isinstance(value, JsonNode):
                self._add_schema_conditions(value)
                if columns_of([value.tree]):
                    strings += self._json_field_sql(key, value)
                    continue
            constant |= render({key: value})
            if key == "ttm" and "ttm" in constant:
                self._time = f"{constant['ttm']}::bigint"
        head = quote(json.dumps(constant, ensure_ascii=False, separators=(",", ":"))[:-1])
        sql = self._query(head, [*strings, "'},'"], own_id)
        if not self._is_wide:
            return Statement(sql, tuple(self._precomputed.values()))
        columns = tuple(self._read_indexes())
        return Statement(sql, tuple(self._precomputed.values()), tuple(self._precomputed_json), columns)

    def _read_indexes(self) -> Sequence[int]:
        """Return the columns that the query reads: all, or of a wide event those outside of JSON."""
        if not self._is_wide:
            return range(len(self._types))
        flat = [value for _, value in self._compiler.plan.pairs if isinstance(value, Col)]
        names = dict.fromkeys([*(col.name for col in flat), *self._compiler.key])
        return [self._indexes[name] for name in names]

    def _query(self, head: str, body: list[str], own_id: Col | None) -> str:
        """Return the query of an event: first the constant pairs, then its id, then what differs by row."""
        id_ = f"coalesce({self._value_sql(own_id, 'string', 'eid')}, '')" if own_id is not None else None
        if id_ is not None:
            self._conditions.append(f"regexp_full_match({id_}, '{UUID_PATTERN}')")
        key = [f"coalesce({self._value_sql(Col(name), 'key')}, '')" for name in self._compiler.key]
        names = map(column_name, self._read_indexes())
        extra = [column.name for column in self._precomputed.values()]
        extra += [column.name for column in self._precomputed_json]
        row = ", ".join([*names, *extra, POSITION])
        rest = f"{self._time} as time, {self._valid_sql()} as valid, hash({row}) as row_hash"
        if id_ is not None:
            event = _concat([head, """',"eid":'""", f"to_json({id_})::varchar", *body])
            # S608 here and below: every name and string in the query was quoted where it was put in
            return f"select {event} as event, nullif(md5_number_lower({id_}), md5_number_lower('')) as id, {rest} from chunk"  # noqa: S608
        begin = [head, """',"eid":"'""", uuid_sql("number"), "'\"'"]
        bits = "(number & 18446744073709551615::uhugeint)::ubigint"
        if key:
            number = id_number_sql(self._compiler.namespace, f"to_json([{', '.join(key)}])::varchar")
            complete = " and ".join(f"{value} <> ''" for value in key)
            inner = f"select *, {number} as number from chunk"  # noqa: S608
            return f"select {_concat([*begin, *body])} as event, case when {complete} then {bits} end as id, {rest} from ({inner})"  # noqa: S608
        number = id_number_sql(
            self._compiler.namespace, f"""'["' || {POSITION} || '",' || to_json(body) || ']'"""
        )
        inner = f"select {_concat(body)} as body, {POSITION}, {rest} from chunk"  # noqa: S608
        middle = f"select body, {number} as number, time, valid, row_hash from ({inner})"  # noqa: S608
        return f"select {_concat([*begin, 'body'])} as event, {bits} as id, time, valid, row_hash from ({middle})"  # noqa: S608

    def _valid_sql(self) -> str:
        if not self._conditions:
            return "true"
        return f"coalesce({' and '.join(dict.fromkeys(self._conditions))}, false)"

    def _express(self, col: Col, *, json: bool = True) -> Expression | None:
        if col.name in self._objects:
            return None
        index = self._indexes[col.name]
        # a flat field distinguishes "20" from "20.0", and JSON does not
        decimal = number_columns([col]).get(col.name)
        plain = json and col.name in self._plain and decimal == self._compiler.number_columns[col.name]
        return express(col, column_name(index), self._types[index], plain=plain)

    def _value_sql(self, col: Col, role: Role, key: str | None = None) -> str:
        """Return SQL for a placeholder in a role: an expression, or the name of a precomputed column."""
        expression = self._express(col, json=role == "json")
        if expression is not None:
            sql = {"json": json_sql, "string": string_sql, "key": key_sql, "time": time_sql}[role](expression)
            if sql is not None:
                return sql
        identity: tuple[str, Any, Role, str | None] = (col.name, col.steps, role, key)
        try:
            column = self._precomputed.get(identity)
        except TypeError:  # a step holds something that cannot be hashed
            identity = (col.name, id(col), role, key)
            column = self._precomputed.get(identity)
        if column is None:
            column = Precomputed(col, role, key, f"__nbtrack_{len(self._precomputed)}")
            self._precomputed[identity] = column
        return column.name

    def _field_sql(self, key: str, col: Col, default: str | None) -> str:
        """Return SQL for a pair of the payload with the comma before it; empty where the row has no value."""
        prefix = quote(f",{json.dumps(key)}:")
        if key in TIMESTAMPS:
            time = self._value_sql(col, "time", key)
            if key == "ttm" or self._time.startswith("null"):
                self._time = time
            string = f"({time})::varchar"
            if default is not None:
                string = f"coalesce({string}, {quote(default)})"
            return f"""coalesce({prefix} || '"' || {string} || '"', '')"""
        # an integral float is written as an integer in a field of integers, as `render_value` does
        string = self._value_sql(col, "key" if key in INTEGERS else "string", key)
        expression = self._express(col, json=False)
        if expression is not None:
            self._conditions += contract_sql(key, expression, string)
        if key in self._compiler.required:
            self._conditions.append(f"coalesce({string}, '') <> ''")
        return f"coalesce(case when {string} <> '' then {prefix} || to_json({string})::varchar end, '')"

    def _add_schema_conditions(self, node: JsonNode) -> None:
        """Add when the data and entities inside a pair certainly follow their schemas."""
        for uri, data in self_describing_parts(node.tree):
            if uri in self._compiler.schemas and self._is_wide:
                self._conditions += UNDECIDABLE
            elif uri in self._compiler.schemas:
                self._conditions += sql_conditions(self._compiler.schemas[uri], data, self._express)

    def _json_field_sql(self, key: str, node: JsonNode) -> list[str]:
        """Return SQL of the strings that make up a pair with JSON inside."""
        if self._is_wide:
            column = PrecomputedJson(node, f"__nbtrack_json_{len(self._precomputed_json)}")
            self._precomputed_json.append(column)
            return [quote(f',"{key}":'), f"to_json({column.name})::varchar"]
        parts = split_json(node.tree)
        prefix = f',"{key}":'
        if not node.base64:
            return [quote(prefix), f"to_json({_concat([self._part_sql(part) for part in parts])})::varchar"]
        head = b""
        if parts and isinstance(parts[0], bytes):
            # base64 encodes groups of three bytes, so whole groups of what is constant are encoded once
            end = len(parts[0]) // _BASE64_GROUP * _BASE64_GROUP
            while end and not _is_boundary(parts[0], end):
                end -= _BASE64_GROUP
            head, parts[0] = parts[0][:end], parts[0][end:]
        constant = base64.urlsafe_b64encode(head).decode()
        rest = _concat([self._part_sql(part) for part in parts if isinstance(part, Col) or part])
        encoded = f"replace(replace(base64(encode({rest})), '+', '-'), '/', '_')"
        return [quote(prefix + chr(34) + constant), encoded, "'\"'"]

    def _part_sql(self, part: bytes | Col) -> str:
        return self._value_sql(part, "json") if isinstance(part, Col) else quote(part.decode())


def split_json(tree: Any) -> list[bytes | Col]:
    """Split a JSON tree into its constant JSON text and the placeholders between; no two texts are neighbours.

    Examples
    --------
    >>> from nbtrack.template import col
    >>> split_json({"a": 1, "b": [col("x"), 2]})
    [b'{"a":1,"b":[', col('x'), b',2]}']
    """
    merged: list[bytes | Col] = []
    for part in _split(tree):
        if merged and isinstance(part, bytes) and isinstance(merged[-1], bytes):
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def _split(tree: Any) -> list[bytes | Col]:
    if isinstance(tree, Col):
        return [tree]
    if not columns_of([tree]):
        return [encode(tree)]
    parts: list[bytes | Col] = []
    if isinstance(tree, Mapping):
        for index, (name, value) in enumerate(tree.items()):
            # the name as JSON writes it: taken from an object with this one member
            member = encode({name: 0})[1:-2]
            parts += [b"," if index else b"{", member, *_split(value)]
        return [*parts, b"}"]
    for index, value in enumerate(tree):
        parts += [b"," if index else b"[", *_split(value)]
    return [*parts, b"]"]


def _is_boundary(utf8: bytes, index: int) -> bool:
    """Check whether UTF-8 may be cut before the byte at an index."""
    return index >= len(utf8) or utf8[index] & 0xC0 != 0x80  # noqa: PLR2004 - a continuation byte


def _concat(strings: Sequence[str]) -> str:
    """Return SQL that joins strings at once: ``||`` would copy what is on its left once more for each."""
    return f"concat({', '.join(strings)})"
