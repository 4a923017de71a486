"""All that a backfill is but its data: made once, then the same in every thread and on every machine."""

import hashlib
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, get_args

from nbtrack.bulk.destination import find_collector
from nbtrack.bulk.encoding.compiler import Compiler, check_columns
from nbtrack.bulk.encoding.encoder import ANY_NUMBER, Encoder, Limits
from nbtrack.bulk.encoding.validation import documents
from nbtrack.common.arguments import check_at_least, check_integers, check_positive
from nbtrack.common.current_session import CollectorTarget, find_registry
from nbtrack.delivery.encoding import ENVELOPE_BYTES
from nbtrack.schemas import Registry
from nbtrack.template import Col
from nbtrack.tracker import Event, Subject
from nbtrack.tracker import plan as description
from nbtrack.tracker.events.base import Pair

OnInvalid = Literal["skip", "raise", "send"]
OnDuplicate = Literal["report", "send"]
MAX_BODY_BYTES = 900_000
CONNECTIONS = 4
GIVE_UP_AFTER = 300.0
_MOST_BYTES = 1_048_576  # beyond it, a collector answers 200 and loses the body


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What to make of each row, and how to send it; picklable, for engines that send from many machines.

    Made by `make_plan`.

    Attributes
    ----------
    event : nbtrack.tracker.plan.Plan
        The event's description, with placeholders.
    key : tuple of str
        Columns that identify a row.
    namespace : uuid.UUID
        Of the ids.
    constants : mapping
        ``dtm`` and ``stm`` of the run.
    required : tuple of str
        Payload keys that each row must have.
    schemas : mapping
        Those that rows are checked against, by URI.
    unknown_schemas : tuple of str
        URIs that no registry knows: what they describe is not checked.
    target : CollectorTarget
        The collector.
    on_invalid : {"skip", "raise", "send"}
        What becomes of rows that break a contract or a schema.
    on_duplicate : {"report", "send"}
        Whether rows that share an id make the report not ok.
    connections : int
        Requests under way at once, at most.
    max_body_bytes : int
        Size of a request.
    rate, byte_rate : float or None
        Most events and bytes a second.
    give_up_after : float
        Seconds without a body taken after which the run ends.

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
    on_invalid: OnInvalid = "skip"
    on_duplicate: OnDuplicate = "report"
    connections: int = CONNECTIONS
    max_body_bytes: int = MAX_BODY_BYTES
    rate: float | None = None
    byte_rate: float | None = None
    give_up_after: float = GIVE_UP_AFTER

    def __post_init__(self) -> None:
        """Refuse options that are out of range."""
        for name, value, choice in (
            ("on_invalid", self.on_invalid, get_args(OnInvalid)),
            ("on_duplicate", self.on_duplicate, get_args(OnDuplicate)),
        ):
            if value not in choice:
                raise ValueError(f"{name} is one of {', '.join(choice)}, not {value!r}")
        check_integers(connections=self.connections, max_body_bytes=self.max_body_bytes)
        check_at_least(1, connections=self.connections)
        if not ENVELOPE_BYTES < self.max_body_bytes <= _MOST_BYTES:
            raise ValueError(
                f"max_body_bytes must be between {ENVELOPE_BYTES + 1} (one event) and {_MOST_BYTES:,} (a collector drops "
                f"larger bodies), not {self.max_body_bytes:,}"
            )
        check_positive(rate=self.rate, byte_rate=self.byte_rate)
        if self.give_up_after is None:
            raise TypeError("give_up_after must be a number of seconds, not None: math.inf waits without end")
        check_at_least(0, give_up_after=self.give_up_after)

    def compiler(self) -> Compiler:
        """Give a compiler of the plan's event."""
        return Compiler(
            self.event,
            self.key,
            self.namespace,
            self.constants,
            required=self.required,
            schemas=self.schemas,
        )

    def encoder(self, compiler: Compiler) -> Encoder:
        """Give an encoder, for one thread."""
        return Encoder(compiler, self.limits, send_invalid=self.on_invalid == "send")

    @property
    def limits(self) -> Limits:
        """Limits of bodies: where a rate is set, a body is at most what may leave in a second."""
        whole = self.max_body_bytes - ENVELOPE_BYTES
        body = whole if self.byte_rate is None else max(1, min(whole, int(self.byte_rate)))
        events = ANY_NUMBER if self.rate is None else max(1, int(self.rate))
        return Limits(body, whole, events)

    @property
    def fingerprint(self) -> str:
        """Tell this template from others, whatever the moment and the collector."""
        import duckdb  # noqa: PLC0415 - the hashes of rows are those of its version

        parts = (self.event.pairs, self.key, self.namespace.hex, self.on_invalid, duckdb.__version__)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


_SENDING = frozenset(one.name for one in fields(BackfillPlan) if one.default is not MISSING)


def make_plan(
    event: Event,
    names: Sequence[str],
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
    **sending: Any,
) -> BackfillPlan:
    """Make the plan of a backfill; `nbtrack.bulk.backfill` tells of the parameters.

    Parameters
    ----------
    event : Event
        With placeholders.
    names : sequence of str
        Columns of the data.
    key, collector, headers, namespace, subject, app_id, tracker_namespace, encode_base64, registry
        See `nbtrack.bulk.backfill`.
    send : bool, default True
        Whether a collector is needed.
    **sending
        How to send, and what becomes of which rows: the fields of `BackfillPlan` from ``on_invalid`` on.

    Returns
    -------
    BackfillPlan
        For `send_batches`.

    Raises
    ------
    TemplateError
        When the event does not fit the columns.
    TypeError
        When `event` is no event.
    ValueError
        For an option that is out of range.
    RuntimeError
        When no collector is known, or sending is switched off.

    Examples
    --------
    >>> from nbtrack import col
    >>> from nbtrack.tracker import PageView
    >>> make_plan(PageView(col("adress")), ["id", "address"], send=False)
    Traceback (most recent call last):
    nbtrack.bulk.encoding.compiler.TemplateError: the data has no column 'adress' (did you mean 'address'?); it has: id, address
    """
    if not isinstance(event, Event):
        raise TypeError(
            "backfill wants the event one would track, such as SelfDescribing(SelfDescribingJson(…)) with col(…) where a "
            f"row's value goes; not {type(event).__name__}"
        )
    if unknown_options := sending.keys() - _SENDING:
        raise TypeError(
            f"there is no option {unknown_options.pop()!r} here; there are: {', '.join(sorted(_SENDING))}"
        )
    _check_kinds(
        subject=(subject, Subject, "Subject()"), registry=(registry, Registry, "Registry(['schemas'])")
    )
    pairs = description.describe(
        event,
        tracker_subject=subject or Subject(),
        app_id=app_id,
        namespace=tracker_namespace,
        encode_base64=encode_base64,
    )
    known, unknown = _find_schemas(pairs, registry or find_registry() or Registry())
    now = str(time.time_ns() // 1_000_000)
    plan = BackfillPlan(
        event=pairs,
        key=_name_columns(key),
        namespace=make_namespace(event, namespace),
        constants={"dtm": now, "stm": now},
        required=_required_keys(event),
        schemas=known,
        unknown_schemas=unknown,
        target=find_collector(collector, headers) if send else CollectorTarget(""),
        **sending,
    )
    check_columns(list(names), plan.compiler().wanted)
    return plan


def make_namespace(event: Event, named: str | uuid.UUID | None = None) -> uuid.UUID:
    """Give the namespace of a run's ids: of a name, else of the event's schema, or of its class.

    Parameters
    ----------
    event : Event
        What rows become.
    named : str or uuid.UUID, optional
        A name, or the namespace itself.

    Returns
    -------
    uuid.UUID
        For `make_event_id`.

    Examples
    --------
    >>> from nbtrack.tracker import SelfDescribing, SelfDescribingJson
    >>> event = SelfDescribing(SelfDescribingJson("iglu:com.acme/order/jsonschema/1-0-0", {}))
    >>> make_namespace(event) == uuid.uuid5(uuid.NAMESPACE_URL, "iglu:com.acme/order/jsonschema/1-0-0")
    True
    """
    if isinstance(named, uuid.UUID):
        return named
    if not isinstance(named, str | None):
        raise TypeError(f"namespace must be a name or a uuid.UUID, not {named!r}")
    schema = event.event_json.schema if event.event_json is not None else type(event).__name__
    return uuid.uuid5(uuid.NAMESPACE_URL, named or str(schema))


def _name_columns(key: Any) -> tuple[str, ...]:
    if isinstance(key, str):
        return (key,)
    names = (
        ()
        if key is None
        else tuple(key)
        if isinstance(key, Iterable) and not isinstance(key, Col)
        else (key,)
    )
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"key must name columns, such as key=['order_id'], not {key!r}")
    return names


def _check_kinds(**given: tuple[Any, type, str]) -> None:
    for name, (value, kind, example) in given.items():
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name} must be a {kind.__name__}, such as {example}, not {value!r}")


def _find_schemas(
    plan: description.Plan, registry: Registry
) -> tuple[dict[str, Mapping[str, Any]], tuple[str, ...]]:
    """Give the schemas of the event's data and entities, and the URIs of those that are not known."""
    known: dict[str, Mapping[str, Any]] = {}
    unknown: list[str] = []
    for _, value in plan.pairs:
        if not isinstance(value, description.JsonNode):
            continue
        for uri, _ in documents(value.tree):
            if uri in registry:
                known[uri] = registry.find(uri)
            else:
                unknown.append(uri)
    return known, tuple(dict.fromkeys(unknown))


def _required_keys(event: Event) -> tuple[str, ...]:
    """Name the payload keys that the event's class requires."""
    if event.event_json is not None:
        return ()
    found = [value for kind in type(event).__mro__ for value in vars(kind).values()]
    return tuple(dict.fromkeys(pair.key for pair in found if isinstance(pair, Pair) and pair.required))
