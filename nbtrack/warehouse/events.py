"""Failed events: what one is, and how each kind of bad row and each line of the failed stream becomes one."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import parse_qsl

from nbtrack.protocol import ENRICHED_COLUMNS, FIELDS, SNOWPLOW_VENDOR
from nbtrack.warehouse import payloads
from nbtrack.warehouse.payloads import Origin, Payload
from nbtrack.warehouse.thrift import read_thrift

Recoverable = Literal["yes", "partly", "no"]
ATOMIC = f"iglu:{SNOWPLOW_VENDOR}/atomic/jsonschema/"
_BAD_ROW = re.compile(r"iglu:[a-zA-Z0-9_.-]*badrows/(?P<kind>[a-zA-Z0-9_-]+)/jsonschema/(?P<version>[0-9-]+)")
_PATH_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")
_FIELD_COUNT = len(ENRICHED_COLUMNS)
_WORDS = {
    "INVALID_SCHEMAVER": "the version in the URI of the schema is invalid",
    "INVALID_IGLUURI": "the URI of the schema is not an Iglu URI",
    "INVALID_DATA_PAYLOAD": "not self-describing JSON",
    "INVALID_SCHEMA": "the schema is invalid",
}
_MAX_VALUE = 200
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class FailureReason:
    """Why an event failed.

    Attributes
    ----------
    reason : str
        What is wrong.
    schema : str or None
        URI of the schema that was violated or is missing.
    field : str or None
        Key, column, path within the data, or name of an enrichment.
    value : object
        What was found there; None if it is not known.

    Examples
    --------
    >>> FailureReason("'eur' is not one of 'EUR' or 'USD'", field="$.currency", value="eur").rule
    "… is not one of 'EUR' or 'USD'"
    """

    reason: str
    schema: str | None = None
    field: str | None = None
    value: Any = None

    def __post_init__(self) -> None:
        for name in ("reason", "schema", "field"):
            object.__setattr__(self, name, _as_text(getattr(self, name)))

    @property
    def rule(self) -> str:
        """The reason without the value, to be counted by."""
        return rule_of(self.reason)


def rule_of(reason: str) -> str:
    """Return a reason without the value that it quotes.

    Examples
    --------
    >>> rule_of("integer expected, 'x' found"), rule_of("'eur' is not one of 'EUR' or 'USD'")
    ('integer expected', "… is not one of 'EUR' or 'USD'")
    >>> rule_of("-5 found, at least 0 expected")
    '… found, at least 0 expected'
    """
    return _NUMBER_FIRST.sub(r"\1…\2", _QUOTED_FIRST.sub(r"\1…", _QUOTED_LAST.sub("", reason)))


_QUOTED_FIRST = re.compile(r"""^([$][^ ]*: |)('[^']*'|"[^"]*")(?= )""")
_NUMBER_FIRST = re.compile(r"^([$][^ ]*: |)-?[0-9][0-9.,]*((?: characters| items|) found, )")
_QUOTED_LAST = re.compile(r", ('.*'|[0-9,]+ characters) found$", re.DOTALL)


@dataclass(slots=True)
class FailedEvent:
    """One failed event, or one request that no event could be read from.

    Attributes
    ----------
    kind : str
        Kind of the bad row, such as ``schema_violations``; ``failed_event`` for a line of the failed stream.
    version : str
        Version of its schema.
    reasons : list of FailureReason
        Why it failed.
    payload : dict or None
        The payload by payload key, with ``ue_pr`` and ``co`` decoded; None if it cannot be recovered.
    recoverable : {"yes", "partly", "no"}
        Whether the payload holds all that the tracker sent.
    why_not : str
        Why not all of it.
    lost : list of str
        What a replay cannot keep.
    derived_time : bool
        Whether the true time of the payload is the derived time of the event: its tracker sent none.
    event_id, app_id, event_name, tracker : str or None
        Of the event.
    failed_at, collector_tstamp : int or None
        When it failed, and when it arrived; Unix timestamps in milliseconds.
    processor : str
        What made the bad row.
    part : int
        Position in its request.
    recoveries : int
        How often it was tried to be recovered before.
    file : str
        Where it was read.
    line : int
        Its line, from 1.
    raw : str
        What was read, if no payload can be recovered.

    Examples
    --------
    >>> reason = FailureReason("must be an integer, 'x' found", field="vid", value="x")
    >>> failed = FailedEvent("enrichment_failures", reasons=[reason], payload={"e": "pv", "vid": "x"}, recoverable="yes")
    >>> failed.reasons[0].field, failed.payload
    ('vid', {'e': 'pv', 'vid': 'x'})
    """

    kind: str
    version: str = ""
    reasons: list[FailureReason] = field(default_factory=list)
    payload: Payload | None = None
    recoverable: Recoverable = "no"
    why_not: str = ""
    lost: list[str] = field(default_factory=list)
    derived_time: bool = False
    event_id: str | None = None
    app_id: str | None = None
    event_name: str | None = None
    tracker: str | None = None
    failed_at: int | None = None
    collector_tstamp: int | None = None
    processor: str = ""
    part: int = 0
    recoveries: int = 0
    file: str = ""
    line: int = 0
    raw: str = field(default="", repr=False)

    def set_payload(self, recovered: payloads.Recovered) -> None:
        """Take over a payload, and the event's fields in it."""
        payload = self.payload = recovered.payload
        self.lost += recovered.lost
        self.derived_time = recovered.derived_time
        self.event_id = _as_text(payload.get("eid")) or self.event_id
        self.app_id, self.tracker = _as_text(payload.get("aid")), _as_text(payload.get("tv"))
        event = payloads.event_of(payload)
        schema = str(event.get("schema")) if event else ""
        self.event_name = schema.split("/")[1] if schema.count("/") > 1 else _as_text(payload.get("e"))
        self.recoverable = "yes" if payload.get("e") else "partly"
        if not payload.get("e"):
            self.why_not = "the payload has no event type"


ODD_SHAPE = (TypeError, ValueError, KeyError, AttributeError, IndexError)
"""What reading raises where a value is not of the type that its schema asks for."""


MAX_RECOVERIES = 2**31 - 1


def describe_shape(error: Exception) -> str:
    """Return why nothing can be read from a row of another shape."""
    return f"not as its schema says ({type(error).__name__}: {error})"


def _as_text(value: Any) -> str | None:
    """Return a string; another value as JSON, since rows are grouped by it."""
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


def read_bad_row(document: Any, text: str) -> list[FailedEvent]:
    """Return the failed events of a bad row; of an unknown kind, one with the text alone.

    Parameters
    ----------
    document
        The bad row, parsed.
    text
        The line that it was read from.
    """
    data = document.get("data") if isinstance(document, dict) else None
    match = _BAD_ROW.match(str(document.get("schema", ""))) if isinstance(document, dict) else None
    if match is None or not isinstance(data, dict):
        if isinstance(document, dict) and document.keys() >= {"line", "errors"}:
            why = "a bad row of the batch pipeline before R118, which is not read"
            return [FailedEvent("batch_era", why_not=why, raw=text)]
        return [FailedEvent("unknown", why_not="not a bad row", raw=text)]
    kind = match["kind"]
    first = FailedEvent(kind, match["version"], raw=text)
    processor = data.get("processor")
    if isinstance(processor, dict):
        first.processor = f"{processor.get('artifact', '')} {processor.get('version', '')}".strip()
    failure = data.get("failure")
    if isinstance(failure, dict):
        first.failed_at = payloads.read_time(failure.get("timestamp"))
    try:
        return _KINDS.get(kind, _read_unknown)(first, data, failure)
    except ODD_SHAPE as error:
        return [FailedEvent(kind, match["version"], why_not=describe_shape(error), raw=text)]


def read_failed_columns(columns: Mapping[str, Any], text: str = "") -> FailedEvent:
    """Return the failed event of a line of the failed stream, whose reasons are entities.

    Parameters
    ----------
    columns
        Values by column, as `nbtrack.warehouse.payloads.from_columns` takes them.
    text
        The line.
    """
    event = FailedEvent("failed_event", raw=text)
    recovered = payloads.from_columns(columns)
    payload = recovered.payload
    derived = payloads.read_document(columns.get("derived_contexts"))
    derived = derived.get("data") if isinstance(derived, dict) else None
    entities: list[Any] = []
    whole = True
    for entity in derived if isinstance(derived, list) else ():
        if not str(entity.get("schema", "")).startswith(payloads.FAILURE):
            continue
        data = entity.get("data") or {}
        event.failed_at = event.failed_at or payloads.read_time(data.get("timestamp"))
        event.version = event.version or str(entity["schema"]).rpartition("/")[2]
        name = f"{data.get('componentName', '')} {data.get('componentVersion', '')}".strip()
        event.processor = event.processor or name
        event.reasons += list(_entity_reasons(data))
        whole = _restore(payload, data, entities) and whole
    payloads.add_entities(payload, entities)
    if "ue_pr" in payload or "ue_px" in payload:
        payload.setdefault("e", "ue")
    if columns.get("event_id"):
        payload.setdefault("eid", str(columns["event_id"]))
    event.collector_tstamp = payloads.read_time(columns.get("collector_tstamp"))
    event.set_payload(recovered)
    if event.recoverable == "yes" and not whole:
        event.recoverable, event.why_not = "partly", "what failed is not in the entities"
    return event


def _restore(payload: Payload, data: Mapping[str, Any], entities: list[Any]) -> bool:
    """Put back what an entity of a failure took out of an event; return whether it holds it."""
    errors = [error for error in data.get("errors") or () if isinstance(error, dict)]
    sources = {str(error.get("source", "")) for error in errors}
    found, schema = data.get("data"), data.get("schema")
    failure = str(data.get("failureType", ""))
    if failure.startswith("EnrichmentError") or "derived_contexts" in sources:
        return True
    if found is None:
        return False
    if schema is not None and str(schema).startswith(ATOMIC):
        if not isinstance(found, dict):
            return False
        for name, value in found.items():
            key = name if name in FIELDS else payloads.KEYS_OF_COLUMNS.get(name)
            if key is not None:
                payload[key] = str(value)
        return True
    if failure == "NotJSON" and isinstance(found, dict):
        for name, value in found.items():
            payload["ue_pr" if name.startswith("unstruct") else "co"] = str(value)
        return True
    document = found if schema is None else {"schema": schema, "data": found}
    if any(source.startswith("unstruct") or source in {"ue_px", "ue_pr"} for source in sources):
        payloads.add_event(payload, document)
    else:
        entities.append(document)
    return True


def _entity_reasons(data: Mapping[str, Any]) -> Iterator[FailureReason]:
    schema, found = data.get("schema"), data.get("data")
    failure = str(data.get("failureType", ""))
    for given in data.get("errors") or [{}]:
        error = given if isinstance(given, dict) else {"message": given}
        message = str(error.get("message", failure))
        path = error.get("path")
        if failure == "ResolutionError":
            yield FailureReason(_missing_schema(error), schema)
        elif failure.startswith("EnrichmentError"):
            yield FailureReason(message, schema, failure.partition(": ")[2] or None)
        elif path is not None:
            yield FailureReason(message, schema, path, _shorten(_look_up(found, path)))
        else:
            yield FailureReason(message, schema, error.get("source"), _shorten(found))


def _read_event(event: FailedEvent, data: Mapping[str, Any], failure: Any) -> list[FailedEvent]:
    """Read one event with its own parameters: `schema_violations` and `enrichment_failures`."""
    raw = data["payload"]["raw"]
    enriched = data["payload"].get("enriched") or {}
    parameters = _pairs(raw.get("parameters"))
    origin = _origin(raw, "userId")
    event.collector_tstamp = origin.time
    event_id = enriched.get("event_id") or payloads.make_id(event.raw)
    event.set_payload(payloads.from_parameters(parameters, origin, str(event_id)))
    event.reasons += _reasons(failure, dict(parameters), event.payload)
    return [event]


def _read_request(event: FailedEvent, data: Mapping[str, Any], failure: Any) -> list[FailedEvent]:
    """Read a request, which may hold many events: `tracker_protocol_violations` and `adapter_failures`."""
    request = data["payload"]
    event.reasons += _reasons(failure, {}, None)
    return _read_parts(event, request, _pairs(request.get("querystring")), request.get("body"))


def _read_parts(
    event: FailedEvent, request: Mapping[str, Any], query: list[tuple[str, Any]], body: str | None
) -> list[FailedEvent]:
    origin = _origin(request, "networkUserId")
    event.collector_tstamp = origin.time
    if request.get("vendor") == "com.snowplowanalytics.iglu":
        parts = _webhook_parts(dict(query), body)
    elif request.get("vendor") not in {None, SNOWPLOW_VENDOR} and body:
        event.why_not = f"a webhook of {request['vendor']}, whose body is not a tracker's payload"
        return [event]
    else:
        parts = _tracker_parts(query, body)
    if not parts:
        event.why_not = "no payload can be read from the request"
        return [event]
    events = []
    for part, parameters in enumerate(parts):
        one = replace(event, part=part, reasons=list(event.reasons), lost=[])
        one.set_payload(payloads.from_parameters(parameters, origin, payloads.make_id(event.raw, part)))
        events.append(one)
    return events


def _tracker_parts(query: list[tuple[str, Any]], body: str | None) -> list[list[tuple[str, Any]]]:
    """Return the parameters of each event of a request; those of the query are in all of them, and win."""
    if not body:
        return [query] if query else []
    try:
        document = json.loads(body)
    except ValueError:
        return []
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list):
        return []
    return [[*item.items(), *query] for item in data if isinstance(item, dict)]


def _webhook_parts(query: dict[str, Any], body: str | None) -> list[list[tuple[str, Any]]]:
    """Return the event of Iglu's webhook: the schema is in the query, or the body is self-describing."""
    schema = query.pop("schema", None)
    document: Any = query
    if body:
        try:
            document = json.loads(body)
        except ValueError:
            document = dict(parse_qsl(body, keep_blank_values=True))
    if schema is None and isinstance(document, dict) and {"schema", "data"} <= document.keys():
        schema, document = document["schema"], document["data"]
    if schema is None:
        return []
    payload: Payload = {}
    payloads.add_event(payload, {"schema": schema, "data": document})
    given = {key: value for key, value in query.items() if key in FIELDS}
    event = {"e": "ue", "p": "app", "tv": "com.snowplowanalytics.iglu-v1"}
    return [list((event | given | {"ue_pr": json.dumps(payload["ue_pr"])}).items())]


def _read_thrift_row(event: FailedEvent, data: Mapping[str, Any], failure: Any) -> list[FailedEvent]:
    message = (failure or {}).get("message") or {}
    reason = message.get("error") or message.get("expectation") or "not a request of a collector"
    event.reasons.append(FailureReason(str(reason), None, message.get("payloadField")))
    request = read_thrift(str(data.get("payload", "")))
    if request is None:
        event.why_not = "the request cannot be decoded"
        return [event]
    path = str(request.get("path", "")).strip("/").split("/")
    if len(path) > 1:
        request["vendor"] = path[0]
    query = parse_qsl(str(request.get("querystring") or ""), keep_blank_values=True)
    return _read_parts(event, request, list(query), request.get("body") or None)


def _read_size(event: FailedEvent, data: Mapping[str, Any], failure: Any) -> list[FailedEvent]:
    size, limit = failure.get("actualSizeBytes", 0), failure.get("maximumAllowedSizeBytes", 0)
    event.reasons.append(FailureReason(f"{size:,} bytes, at most {limit:,}"))
    event.why_not = "the payload was cut"
    cut = str(data.get("payload", "")).split("\t")
    if len(cut) > list(ENRICHED_COLUMNS).index("event_id"):
        columns = dict(zip(ENRICHED_COLUMNS, cut, strict=False))
        event.event_id, event.app_id = columns["event_id"] or None, columns["app_id"] or None
        event.collector_tstamp = payloads.read_time(columns["collector_tstamp"])
    return [event]


def _read_loader_line(event: FailedEvent, data: Mapping[str, Any], failure: Any) -> list[FailedEvent]:
    """Read `loader_parsing_error`: the line of an enriched event."""
    errors = data.get("errors") or [failure]
    for error in errors if isinstance(errors, list) else [errors]:
        event.reasons += list(_loader_parsing_reasons(error))
    fields = str(data.get("payload", "")).rstrip("\r\n").split("\t")
    if len(fields) != _FIELD_COUNT:
        event.why_not = f"{len(fields)} fields, {_FIELD_COUNT} expected"
        return [event]
    return [_with_columns(event, dict(zip(ENRICHED_COLUMNS, fields, strict=True)))]


def _loader_parsing_reasons(error: Any) -> Iterator[FailureReason]:
    error = error if isinstance(error, dict) else {"message": str(error)}
    if error.get("type") == "FieldNumberMismatch":
        yield FailureReason(f"{error.get('fieldCount')} fields, {_FIELD_COUNT} expected")
    elif isinstance(error.get("errors"), list):
        for inner in error["errors"]:
            yield FailureReason(
                str(inner.get("message") or inner.get("type")), None, inner.get("key"), inner.get("value")
            )
    else:
        yield FailureReason(str(error.get("message") or error.get("type") or "not an enriched event"))


def _read_loader_event(event: FailedEvent, data: Mapping[str, Any], failure: Any) -> list[FailedEvent]:
    """Read `loader_iglu_error`, `loader_runtime_error`, `snowflake_error` and `relay_failure`: a whole enriched event."""
    for error in _loader_errors(data, failure):
        event.reasons.append(_loader_reason(error))
    columns = data.get("payload") if isinstance(data.get("payload"), dict) else None
    columns = columns or data.get("event") or data.get("enrichedEvent")
    if isinstance(columns, dict) and "eventStruct" in columns:
        columns = columns["eventStruct"]
    if not isinstance(columns, dict) or "event_id" not in columns:
        event.why_not = "the event is not in the row"
        return [event]
    return [_with_columns(event, columns)]


def _loader_errors(data: Mapping[str, Any], failure: Any) -> list[Any]:
    errors = next((data[name] for name in ("errors", "failures", "error") if data.get(name)), failure)
    if isinstance(errors, dict) and isinstance(errors.get("message"), dict):
        errors = errors["message"]
    return errors if isinstance(errors, list) else [errors]


def _loader_reason(error: Any) -> FailureReason:
    if not isinstance(error, dict):
        return FailureReason(str(error))
    if isinstance(error.get("valueError"), dict):
        inner = error["valueError"]
        return FailureReason(str(inner.get("message")), None, inner.get("column"), inner.get("value"))
    schema = error.get("schemaKey") or error.get("schemaCriterion")
    if "expected" in error:
        return FailureReason(f"{error['expected']} expected", schema, error.get("key"), error.get("value"))
    inner = error.get("error")
    if isinstance(inner, dict):
        return next(_schema_reasons(schema, inner, None, {}))
    text = error.get("messageText") or error.get("message") or inner or json.dumps(error)
    return FailureReason(str(text), schema, error.get("key"), error.get("value"))


def _with_columns(event: FailedEvent, columns: Mapping[str, Any]) -> FailedEvent:
    event.collector_tstamp = payloads.read_time(columns.get("collector_tstamp"))
    event.failed_at = event.failed_at or event.collector_tstamp
    event.set_payload(payloads.from_columns(columns))
    return event


def _read_recovery(event: FailedEvent, data: Mapping[str, Any], failure: Any) -> list[FailedEvent]:
    inner = data.get("payload")
    inner = json.loads(inner) if isinstance(inner, str) else inner
    events = read_bad_row(inner, event.raw)
    outer = FailureReason(f"recovery failed: {(failure or {}).get('error', 'unknown reason')}")
    for one in events:
        one.reasons.append(outer)
        # True is an int, and JSON has larger ones than a column
        count = data.get("recoveries")
        one.recoveries = count if type(count) is int and 0 <= count <= MAX_RECOVERIES else 0
    return events


def _read_text(event: FailedEvent, data: Mapping[str, Any], failure: Any) -> list[FailedEvent]:  # noqa: ARG001 - as the others
    """Read the kinds that hold a text: its form is not known."""
    failure = failure if isinstance(failure, dict) else {}
    errors = failure.get("errors") or [
        failure.get("error") or failure.get("errorMessage") or "unknown reason"
    ]
    for error in errors if isinstance(errors, list) else [errors]:
        message = error.get("message") if isinstance(error, dict) else error
        event.reasons.append(FailureReason(str(message)))
    event.why_not = _TEXT_KINDS.get(event.kind, "the payload is a text of an unknown form")
    return [event]


def _read_unknown(event: FailedEvent, data: Mapping[str, Any], failure: Any) -> list[FailedEvent]:  # noqa: ARG001 - as the others
    event.why_not = "nbtrack does not know this kind of bad row"
    return [event]


_TEXT_KINDS = {
    "event_forwarding_error": "the event is in the warehouse already, and only its forwarding failed",
}
_KINDS: Mapping[str, Callable[[FailedEvent, Mapping[str, Any], Any], list[FailedEvent]]] = {
    "schema_violations": _read_event,
    "enrichment_failures": _read_event,
    "tracker_protocol_violations": _read_request,
    "adapter_failures": _read_request,
    "collector_payload_format_violation": _read_thrift_row,
    "size_violation": _read_size,
    "loader_parsing_error": _read_loader_line,
    "loader_iglu_error": _read_loader_event,
    "loader_runtime_error": _read_loader_event,
    "snowflake_error": _read_loader_event,
    "relay_failure": _read_loader_event,
    "recovery_error": _read_recovery,
    "loader_recovery_error": _read_text,
    "event_forwarding_error": _read_text,
    "generic_error": _read_text,
}


def _pairs(parameters: Any) -> list[tuple[str, Any]]:
    """Return parameters: a list of names and values, an object in the oldest version, or a query string."""
    if isinstance(parameters, str):
        return list(parse_qsl(parameters, keep_blank_values=True))
    if isinstance(parameters, dict):
        return list(parameters.items())
    return [(str(item["name"]), item.get("value")) for item in parameters or () if isinstance(item, dict)]


def _origin(request: Mapping[str, Any], nuid: str) -> Origin:
    return Origin(
        payloads.read_time(request.get("timestamp")),
        request.get("ipAddress"),
        request.get("useragent"),
        request.get("refererUri"),
        request.get(nuid),
    )


def _reasons(failure: Any, parameters: Mapping[str, Any], payload: Payload | None) -> list[FailureReason]:
    """Return the reasons of a row; one of another shape is named, since the payload is worth more than its reason."""
    reasons: list[FailureReason] = []
    messages = failure.get("messages") if isinstance(failure, dict) else None
    for message in messages if isinstance(messages, list) else ():
        try:
            reasons += list(
                _message_reasons(
                    message if isinstance(message, dict) else {"error": message}, parameters, payload
                )
            )
        except ODD_SHAPE:
            reasons.append(FailureReason("a reason that is not as its schema says", value=_shorten(message)))
    return reasons


def _message_reasons(
    message: Mapping[str, Any], parameters: Mapping[str, Any], payload: Payload | None
) -> Iterator[FailureReason]:
    schema, error = message.get("schemaKey"), message.get("error")
    if isinstance(error, dict):
        yield from _schema_reasons(schema, error, payload, parameters)
    elif "enrichment" in message:
        enrichment = message["enrichment"] or {}
        inner = message.get("message")
        text = inner.get("error") if isinstance(inner, dict) else inner
        if isinstance(inner, dict) and isinstance(text, dict):
            yield from _schema_reasons(inner.get("schemaKey"), text, payload, parameters)
        else:
            text = text or (inner or {}).get("expectation") or inner
            yield FailureReason(str(text), enrichment.get("schemaKey"), enrichment.get("identifier"))
    elif "schemaCriterion" in message:
        text = f"{schema} found, {message['schemaCriterion']} expected"
        yield FailureReason(text, schema, None, message["schemaCriterion"])
    elif "json" in message:
        yield FailureReason(_WORDS.get(str(error), str(error)), None, None, _shorten(message["json"]))
    else:
        text = message.get("expectation") or error or json.dumps(dict(message))
        yield FailureReason(str(text), schema, message.get("field"), _shorten(message.get("value")))


def _schema_reasons(
    schema: Any, error: Mapping[str, Any], payload: Payload | None, parameters: Mapping[str, Any]
) -> Iterator[FailureReason]:
    if error.get("error") == "ResolutionError":
        yield FailureReason(_missing_schema(error), schema)
        return
    if issues := error.get("schemaIssues"):
        for issue in issues:
            text = issue.get("message") if isinstance(issue, dict) else issue
            yield FailureReason(f"the schema itself is invalid: {text}", schema)
        return
    for report in error.get("dataReports") or ({"message": error.get("error", "invalid")},):
        path = report.get("path")
        value = None
        if str(schema).startswith(ATOMIC):
            name = str(path or "").removeprefix("$.")
            path = name
            value = parameters.get(name, parameters.get(payloads.KEYS_OF_COLUMNS.get(name, "")))
        elif payload is not None:
            value = find_value(payload, schema, path)
        yield FailureReason(str(report.get("message")), schema, path, _shorten(value))


def _missing_schema(error: Mapping[str, Any]) -> str:
    places = []
    for place in error.get("lookupHistory") or ():
        errors = ", ".join(sorted({str(each.get("error")) for each in place.get("errors") or ()}))
        places.append(f"{place.get('repository') or place.get('repostitory')}: {errors}")
    return f"schema not found ({'; '.join(places)})" if places else "schema not found"


def find_value(payload: Payload, schema: Any, path: Any) -> Any:
    """Return the value at a path in the data of a schema: of the event, or of the first entity that has it."""
    event = payloads.event_of(payload)
    for document in ([event] if event else []) + payloads.entities_of(payload):
        if isinstance(document, dict) and document.get("schema") == schema:
            value = _look_up(document.get("data"), path)
            if value is not None:
                return value
    return None


def _look_up(data: Any, path: Any) -> Any:
    """Return what is at a JSON path such as ``$.items[0].price``; None if there is nothing."""
    if path is None:
        return None
    text = str(path).removeprefix("$")
    for match in _PATH_PART.finditer(text):
        name = match[1] or match[3]
        try:
            data = data[int(match[2])] if match[2] is not None else data[name]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _shorten(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str) and len(value) > _MAX_VALUE:
        return f"{value[:_MAX_VALUE]}…"
    return value


def merge_same(events: Iterable[FailedEvent]) -> list[FailedEvent]:
    """Return events with the bad row and the line of the failed stream that are of one event as one.

    An event of the failed stream also is a bad row, which holds what the tracker sent; the line holds all reasons.
    """
    events = list(events)
    ids = {id(event): event.event_id for event in events}
    lines: dict[str, FailedEvent] = {}
    for event in events:
        if event.kind == "failed_event" and ids[id(event)]:
            lines.setdefault(str(ids[id(event)]), event)
    merged: list[FailedEvent] = []
    dropped: set[int] = set()
    for event in events:
        line = (
            lines.get(str(event.event_id))
            if event.kind in {"schema_violations", "enrichment_failures"}
            else None
        )
        if line is None:
            continue
        known = {(reason.schema, reason.field) for reason in event.reasons}
        event.reasons += [reason for reason in line.reasons if (reason.schema, reason.field) not in known]
        dropped.add(id(line))
    merged += [event for event in events if id(event) not in dropped]
    return merged
