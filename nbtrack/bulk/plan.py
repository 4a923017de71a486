"""Everything about a backfill but its data: made once, then the same in every thread and on every machine."""

import dataclasses
import hashlib
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, tzinfo
from typing import Any, Literal, get_args

from nbtrack.bulk.encoding.compiler import AnyCompiler, Compiler, TemplateError, check_columns
from nbtrack.bulk.encoding.encoder import UNLIMITED, Encoder, Limits
from nbtrack.bulk.encoding.validation import self_describing_parts
from nbtrack.bulk.sources.chunks import Source
from nbtrack.common.arguments import check_at_least, check_headers, check_integers, check_positive
from nbtrack.common.collector_address import TOKEN_HEADER, find_token
from nbtrack.common.current_session import CollectorTarget, find_marimo_kernel, find_registry, find_target
from nbtrack.common.home import find_home
from nbtrack.delivery.encoding import ENVELOPE_BYTES
from nbtrack.delivery.http.urls import base_uri, split_credentials
from nbtrack.schemas import Registry
from nbtrack.template import Col, Step, find_zone
from nbtrack.tracker import Event, Subject
from nbtrack.tracker import plan as description
from nbtrack.tracker.events.fields import PayloadField
from nbtrack.tracker.rendering import JsonNode

OnInvalid = Literal["skip", "raise", "send"]
OnDuplicate = Literal["report", "send", "first", "last", "drop_all", "raise"]
OnMissingTime = Literal["skip", "send", "raise"]
MAX_BODY_BYTES = 900_000
CONNECTIONS = 4
GIVE_UP_AFTER = 300.0
_BODY_LIMIT = 1_048_576
"""Bytes beyond which a collector answers 200 and loses the body."""


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What each row becomes, and how it is sent; picklable, for engines that send from many machines.

    Returned by `make_plan`.

    Attributes
    ----------
    event : nbtrack.tracker.plan.Plan
        The event's description, with placeholders.
    key : tuple of str
        Columns that identify a row.
    namespace : uuid.UUID
        Namespace of the ids.
    constants : mapping
        ``dtm`` and ``stm`` of the run.
    required : tuple of str
        Keys of the payload that each row must have.
    schemas : mapping
        The schemas that rows are checked against, by URI.
    unknown_schemas : tuple of str
        URIs that no registry has: their data is not checked.
    target : CollectorTarget
        The collector.
    on_invalid : {"skip", "raise", "send"}
        What to do with rows that break a contract or a schema.
    on_duplicate : {"report", "send", "first", "last", "drop_all", "raise"}
        What to do with rows that share an event id.
    on_missing_time : {"skip", "send", "raise"}
        What to do with rows without a time, if the event takes it from a column.
    zone : tzinfo or None
        Time zone of times without one; None if UTC is assumed.
    connections : int
        Most requests at once.
    max_body_bytes : int
        Size limit of a request.
    rate, byte_rate : float or None
        Most events and bytes per second.
    give_up_after : float
        Seconds without a successful request after which the run ends.

    Raises
    ------
    TemplateError
        If all rows would have the same event id, or there are two sources of ids.
    TypeError, ValueError
        If an option has a wrong type, or is out of range.

    Examples
    --------
    >>> import pickle
    >>> from nbtrack import col
    >>> from nbtrack.tracker import PageView
    >>> plan = make_plan(PageView(col("address")), ["id", "address"], key="id", send=False)
    >>> plan.key, pickle.loads(pickle.dumps(plan)).fingerprint == plan.fingerprint
    (('id',), True)
    """

    event: description.Plan
    key: tuple[str, ...]
    namespace: uuid.UUID
    constants: Mapping[str, str]
    required: tuple[str, ...]
    schemas: Mapping[str, Mapping[str, Any]]
    unknown_schemas: tuple[str, ...]
    target: CollectorTarget
    zone: tzinfo | None = None
    on_invalid: OnInvalid = "skip"
    on_duplicate: OnDuplicate = "report"
    on_missing_time: OnMissingTime = "skip"
    connections: int = CONNECTIONS
    max_body_bytes: int = MAX_BODY_BYTES
    rate: float | None = None
    byte_rate: float | None = None
    give_up_after: float = GIVE_UP_AFTER

    def __post_init__(self) -> None:
        """Check the options."""
        for name, value, choices in (
            ("on_invalid", self.on_invalid, get_args(OnInvalid)),
            ("on_duplicate", self.on_duplicate, get_args(OnDuplicate)),
            ("on_missing_time", self.on_missing_time, get_args(OnMissingTime)),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
        check_integers(connections=self.connections, max_body_bytes=self.max_body_bytes)
        check_at_least(1, connections=self.connections)
        if not ENVELOPE_BYTES < self.max_body_bytes <= _BODY_LIMIT:
            raise ValueError(
                f"max_body_bytes must be between {ENVELOPE_BYTES + 1} (one event) and {_BODY_LIMIT:,} (a collector drops "
                f"larger bodies), got {self.max_body_bytes:,}"
            )
        check_positive(rate=self.rate, byte_rate=self.byte_rate)
        if self.give_up_after is None:
            raise TypeError("give_up_after must be a number of seconds, got None; math.inf waits without end")
        check_at_least(0, give_up_after=self.give_up_after)
        own_id = dict(self.event.pairs).get("eid")
        if own_id is not None and not isinstance(own_id, Col):
            raise TemplateError(
                "event_id= is the same for all rows; use event_id=col(…), or key=[…] for ids made from columns"
            )
        if own_id is not None and self.key:
            raise TemplateError("the event has event_id=col(…), so key= must not be given: use one of them")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the event and the key use, once each."""
        return tuple(dict.fromkeys([*self.event.columns(), *self.key]))

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that the event id is made from; none if it is made from content and position."""
        own_id = dict(self.event.pairs).get("eid")
        return self.key if own_id is None else (own_id.name,)

    @property
    def limits(self) -> Limits:
        """Limits of bodies: with a rate, a body is at most what may be sent in a second."""
        event_bytes = self.max_body_bytes - ENVELOPE_BYTES
        body_bytes = event_bytes if self.byte_rate is None else max(1, min(event_bytes, int(self.byte_rate)))
        return Limits(body_bytes, event_bytes, UNLIMITED if self.rate is None else max(1, int(self.rate)))

    @property
    def fingerprint(self) -> str:
        """A string that differs for another event or other options, but not for another time or collector."""
        import duckdb  # noqa: PLC0415 - the hashes of rows depend on its version

        options = (self.on_invalid, self.on_duplicate, self.on_missing_time, str(self.zone))
        parts = (self.event.pairs, self.key, self.namespace.hex, options, duckdb.__version__)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def compiler(self) -> Compiler:
        """Return a compiler of the plan's event, to be shared by all threads of a run."""
        return Compiler(
            self.event,
            self.key,
            self.namespace,
            self.constants,
            required=self.required,
            schemas=self.schemas,
        )

    def encoder(self, compiler: AnyCompiler) -> Encoder:
        """Return an encoder, for one thread."""
        return Encoder(
            compiler,
            self.limits,
            send_invalid=self.on_invalid == "send",
            send_without_time=self.on_missing_time == "send",
            zone=self.zone or UTC,
        )

    def for_task(self, tasks: int, max_connections: int) -> "BackfillPlan":
        """Return the plan of one of `tasks` tasks that run at once: its part of the rates, and fewer connections."""
        return dataclasses.replace(
            self,
            connections=min(max_connections, self.connections),
            rate=None if self.rate is None else self.rate / tasks,
            byte_rate=None if self.byte_rate is None else self.byte_rate / tasks,
        )


@dataclass(frozen=True, slots=True)
class Untyped:
    """How the strings of a source without types, such as a CSV file, become other values.

    A placeholder that the event converts itself stays as it is. Others become a number, a bool or parsed JSON where the
    schema of their property asks for it, or where the type of the column was inferred.

    Parameters
    ----------
    decimal : str
        Decimal sign of numbers.
    types : mapping
        Inferred types of columns: ``int``, ``float``, ``bool`` or ``datetime``.
    """

    decimal: str = "."
    types: Mapping[str, str] = field(default_factory=dict)

    def convert(self, plan: description.Plan, schemas: Mapping[str, Mapping[str, Any]]) -> description.Plan:
        """Return the event with the conversions."""
        return description.Plan(
            [(key, self._convert_value(key, value, schemas)) for key, value in plan.pairs]
        )

    def _convert_value(self, key: str, value: Any, schemas: Mapping[str, Mapping[str, Any]]) -> Any:
        if isinstance(value, Col):
            return value if key == "eid" else self._convert_col(value, {})
        if not isinstance(value, JsonNode):
            return value
        tree = dict(value.tree)
        data = tree.get("data")
        if isinstance(data, list | tuple):
            tree["data"] = [self._convert_part(part, schemas) for part in data]
        else:
            tree["data"] = self._convert_part(data, schemas)
        return dataclasses.replace(value, tree=tree)

    def _convert_part(self, part: Any, schemas: Mapping[str, Mapping[str, Any]]) -> Any:
        if not isinstance(part, Mapping) or "data" not in part:
            return part
        return {**part, "data": self._convert_tree(part["data"], schemas.get(str(part.get("schema")), {}))}

    def _convert_tree(self, tree: Any, schema: Any) -> Any:
        schema = schema if isinstance(schema, Mapping) else {}
        if isinstance(tree, Col):
            return self._convert_col(tree, schema)
        if isinstance(tree, Mapping):
            properties = schema.get("properties", {})
            return {name: self._convert_tree(value, properties.get(name)) for name, value in tree.items()}
        if isinstance(tree, list | tuple):
            return [self._convert_tree(value, schema.get("items")) for value in tree]
        return tree

    def _convert_col(self, col: Col, schema: Mapping[str, Any]) -> Col:
        if any(step.name in _CONVERSIONS for step in col.steps):
            return col
        declared = schema.get("type", ())
        types = ({declared} if isinstance(declared, str) else set(declared)) - {"null"}
        inferred = self.types.get(col.name)
        steps = col.steps
        if (types and types <= {"integer", "number"}) or (not types and inferred in {"int", "float"}):
            steps = (*steps, Step("to_number", (self.decimal, None)))
        elif types == {"boolean"} or (not types and inferred == "bool"):
            steps = (*steps, Step("cast", "bool"))
        elif types and types <= {"array", "object"}:
            steps = (*steps, Step("parse_json", None))
        elif not types and inferred == "datetime":
            steps = (*steps, Step("to_datetime", (None, None, "ms")))
        return Col(col.name, steps)


_CONVERSIONS = frozenset({"cast", "format", "map", "to_number", "to_datetime", "parse_json"})
SENDING_OPTIONS = frozenset(field.name for field in fields(BackfillPlan) if field.default is not MISSING) - {
    "zone"
}


def make_plan(
    event: Event,
    names: Sequence[str] | None,
    *,
    key: str | Sequence[str] = (),
    collector: Any = None,
    headers: Mapping[str, str] | None = None,
    send: bool = True,
    namespace: str | uuid.UUID | None = None,
    subject: Subject | None = None,
    app_id: str | None = "backfill",
    tracker_namespace: str = "nbtrack",
    encode_base64: bool = True,
    registry: Registry | None = None,
    tz: tzinfo | str | None = None,
    untyped: Untyped | None = None,
    hint: str = "",
    **sending: Any,
) -> BackfillPlan:
    """Return the plan of a backfill; the parameters are those of `nbtrack.bulk.backfill`.

    Parameters
    ----------
    event : Event
        The event, with placeholders.
    names : sequence of str or None
        Columns of the data; None if they are not known.
    key, collector, headers, namespace, subject, app_id, tracker_namespace, encode_base64, registry, tz
        See `nbtrack.bulk.backfill`.
    untyped : Untyped, optional
        If the data holds only strings: how they become numbers, bools and times.
    hint : str, default ""
        What to try if a column is missing.
    send : bool, default True
        Whether a collector is needed.
    **sending
        How to send, and what to do with which rows: the fields of `BackfillPlan` from ``on_invalid`` on.

    Returns
    -------
    BackfillPlan
        The plan, for `send_batches`.

    Raises
    ------
    TemplateError
        If the event does not fit the columns.
    TypeError
        If `event` is not an event.
    ValueError
        If an option is out of range.
    RuntimeError
        If no collector is known, or sending is disabled.

    Examples
    --------
    >>> from nbtrack import col
    >>> from nbtrack.tracker import PageView
    >>> make_plan(PageView(col("adress")), ["id", "address"], send=False)
    Traceback (most recent call last):
    nbtrack.bulk.TemplateError: the data has no column 'adress' (did you mean 'address'?); it has: id, address
    """
    if not isinstance(event, Event):
        raise TypeError(
            "event must be an event, such as SelfDescribing(SelfDescribingJson(…)) with col(…) where a row's value goes, "
            f"got {type(event).__name__}"
        )
    if unknown_options := sending.keys() - SENDING_OPTIONS:
        raise TypeError(
            f"unknown option {unknown_options.pop()!r}; options are: {', '.join(sorted(SENDING_OPTIONS))}"
        )
    _check_type("subject", subject, Subject, "Subject()")
    _check_type("registry", registry, Registry, "Registry(['schemas'])")
    pairs = description.describe(
        event,
        tracker_subject=subject or Subject(),
        app_id=app_id,
        namespace=tracker_namespace,
        encode_base64=encode_base64,
    )
    schemas, unknown_schemas = _find_schemas(pairs, registry or find_registry() or Registry())
    if untyped is not None:
        pairs = untyped.convert(pairs, schemas)
    now = str(time.time_ns() // 1_000_000)
    plan = BackfillPlan(
        event=pairs,
        key=_key_names(key),
        namespace=make_namespace(event, namespace),
        constants={"dtm": now, "stm": now},
        required=_required_keys(event),
        schemas=schemas,
        unknown_schemas=unknown_schemas,
        target=find_collector(collector, headers) if send else CollectorTarget(""),
        zone=None if tz is None else find_zone(tz),
        **sending,
    )
    if names is not None:
        check_columns(names, plan.columns, hint)
    return plan


def plan_source(event: Event, source: Source, **options: Any) -> BackfillPlan:
    """Return the plan for the rows of a source; the options are those of `make_plan`."""
    names = None if source.names is None else [*source.names, *source.index_names]
    untyped = Untyped(source.decimal, source.types) if source.untyped else None
    return make_plan(event, names, untyped=untyped, hint=source.hint, **options)


def make_namespace(event: Event, named: str | uuid.UUID | None = None) -> uuid.UUID:
    """Return the namespace of a run's event ids: made from a name, or from the event's schema or class.

    Parameters
    ----------
    event : Event
        What rows become.
    named : str or uuid.UUID, optional
        A name, or the namespace itself.

    Returns
    -------
    uuid.UUID
        The namespace, for `make_event_id`.

    Examples
    --------
    >>> import uuid
    >>> from nbtrack.tracker import SelfDescribing, SelfDescribingJson
    >>> event = SelfDescribing(SelfDescribingJson("iglu:com.acme/order/jsonschema/1-0-0", {}))
    >>> make_namespace(event) == uuid.uuid5(uuid.NAMESPACE_URL, "iglu:com.acme/order/jsonschema/1-0-0")
    True
    """
    if isinstance(named, uuid.UUID):
        return named
    if not isinstance(named, str | None):
        raise TypeError(f"namespace must be a str or a uuid.UUID, got {named!r}")
    schema = event.event_json.schema if event.event_json is not None else type(event).__name__
    return uuid.uuid5(uuid.NAMESPACE_URL, named or str(schema))


def find_collector(collector: Any, headers: Mapping[str, str] | None = None) -> CollectorTarget:
    """Return the collector to send to, with the headers of each request.

    Parameters
    ----------
    collector
        A URL, a running `LocalCollector`, ``"local"``, or None for the session's.
    headers
        Headers of each request.

    Raises
    ------
    RuntimeError
        If it is None and no session runs, or if ``NBTRACK_DISABLED`` is set.
    """
    check_headers(headers or {})
    target = _find_target(collector)
    return dataclasses.replace(target, headers={**target.headers, **(headers or {})})


def _find_target(collector: Any) -> CollectorTarget:
    if os.environ.get("NBTRACK_DISABLED", "").strip() not in {"", "0"}:
        raise RuntimeError("NBTRACK_DISABLED is set, so nothing may be sent; unset it to run a backfill")
    if isinstance(collector, str) and collector == "local":
        return _find_local_target()
    if collector is not None:
        # a LocalCollector has a URL once it runs, and a token that lets one read its validation results
        url, headers = split_credentials(base_uri(getattr(collector, "url", None) or collector))
        return _with_token(CollectorTarget(url, headers), getattr(collector, "token", None))
    if (target := find_target()) is None:
        raise RuntimeError(
            "no collector to send to: pass collector=URL, or start a session ("
            + ("" if find_marimo_kernel() is not None else "%load_ext nbtrack in a notebook, ")
            + "nbtrack.start() in a script)"
        )
    return _with_token(target)


def _find_local_target() -> CollectorTarget:
    """Return the session's local collector: a backfill does not start one."""
    target = find_target()
    if target is None or not target.local:
        reason = "no session runs" if target is None else f"the session sends to {target.url}"
        raise RuntimeError(
            f'collector="local" needs a session with a local collector, and {reason}; call nbtrack.start(), or pass a '
            "running LocalCollector() or a URL"
        )
    return _with_token(target)


def _with_token(target: CollectorTarget, token: str | None = None) -> CollectorTarget:
    """Return a collector with the header that lets it return validation results, if it is one of this user's."""
    if token is not None:
        return _add_token(target, token)
    if TOKEN_HEADER in target.headers:
        return target
    # a collector of this machine listens at the number; another program may be what the name leads to
    for url in (target.url, target.url.replace("//localhost:", "//127.0.0.1:", 1)):
        if token := find_token(url, find_home()):
            return _add_token(dataclasses.replace(target, url=url), token)
    return target


def _add_token(target: CollectorTarget, token: str) -> CollectorTarget:
    return dataclasses.replace(target, headers={**target.headers, TOKEN_HEADER: token})


def _key_names(key: Any) -> tuple[str, ...]:
    if key is None:
        return ()
    names = tuple(key) if isinstance(key, Iterable) and not isinstance(key, str | Col) else (key,)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"key must be names of columns, such as key=['order_id'], got {key!r}")
    return names


def _check_type(name: str, value: Any, type_: type, example: str) -> None:
    if value is not None and not isinstance(value, type_):
        raise TypeError(f"{name} must be a {type_.__name__}, such as {example}, got {value!r}")


def _find_schemas(
    plan: description.Plan, registry: Registry
) -> tuple[dict[str, Mapping[str, Any]], tuple[str, ...]]:
    """Return the schemas of the event's data and entities, and the URIs that the registry does not have."""
    schemas: dict[str, Mapping[str, Any]] = {}
    unknown: list[str] = []
    for _, value in plan.pairs:
        if not isinstance(value, JsonNode):
            continue
        for uri, _ in self_describing_parts(value.tree):
            if uri in registry:
                schemas[uri] = registry.find(uri)
            else:
                unknown.append(uri)
    return schemas, tuple(dict.fromkeys(unknown))


def _required_keys(event: Event) -> tuple[str, ...]:
    """Return the keys of the payload that the event's class requires."""
    if event.event_json is not None:
        return ()
    members = [value for class_ in type(event).__mro__ for value in vars(class_).values()]
    return tuple(
        dict.fromkeys(pair.key for pair in members if isinstance(pair, PayloadField) and pair.required)
    )
