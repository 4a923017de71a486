"""Adapters: requests of trackers and webhooks, and the events inside them."""

import functools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from nbtrack.collector.events.bad_rows import BadRow, size_violation
from nbtrack.common.payload_json import MAX_DEPTH, depth_exceeds
from nbtrack.protocol import PAYLOAD_DATA, SNOWPLOW_VENDOR, UNSTRUCT_EVENT
from nbtrack.schemas import Registry, SchemaNotFound, parse_uri

MAX_BODY = 2 * 1024 * 1024
MAX_PAYLOAD = 1024 * 1024
JSON_TYPES = {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
ANONYMOUS = "00000000-0000-0000-0000-000000000000"
"""The network user id of an anonymous request."""
MAX_PARAMETERS = 1000

Parameters = dict[str, str]
ENTRY_POINTS = "nbtrack.adapters"
FORM_TYPE = "application/x-www-form-urlencoded"
LOG = logging.getLogger("nbtrack.collector")


class PayloadForm(IntEnum):
    """How the events of a request are kept."""

    UNREADABLE = 0
    """The body of a request that no event could be read from."""
    EVENTS = 1
    """A list of payloads; null is an event that was deleted."""
    BODY = 2
    """The body of a tracker's POST request, unchanged: the schema ``payload_data`` and the list."""


class Unpacked(NamedTuple):
    """The events of a request, and the form in which they are kept."""

    events: list[Parameters]
    form: PayloadForm
    payload: bytes


def events_of(form: PayloadForm, payload: bytes) -> Sequence[Parameters]:
    """Return the events that are kept in a form."""
    document = orjson.loads(payload)
    events: Sequence[Parameters] = document["data"] if form is PayloadForm.BODY else document
    return events


@dataclass(slots=True)
class Request:
    """What the collector keeps of one HTTP request.

    Attributes
    ----------
    time : int
        When it arrived, a Unix timestamp in milliseconds.
    vendor, version : str
        The two segments of the path; ``tp1`` of Snowplow for ``/i``.
    query : str
        The query string, unchanged.
    headers : list of str
        ``Name: value`` lines.
    body : bytes
        Empty for a GET.
    campaigns : bool
        Whether the campaign in a page's URL fills the columns ``mkt_*``.
    """

    time: int
    method: str = "GET"
    vendor: str = ""
    version: str = ""
    query: str = ""
    content_type: str | None = None
    headers: list[str] = field(default_factory=list)
    ip: str | None = None
    useragent: str | None = None
    referer: str | None = None
    nuid: str | None = None
    hostname: str | None = None
    body: bytes = b""
    campaigns: bool = False

    @property
    def path(self) -> str:
        """Vendor and version, as in the URL's path."""
        return f"{self.vendor}/{self.version}"

    def size(self) -> int:
        """Return the bytes that a collector would hand to its sink, except the few of the envelope."""
        return len(self.body) + len(self.query) + sum(map(len, self.headers))


Adapter = Callable[[Request], Iterable[Mapping[str, str]]]
"""What a package offers to unpack its webhooks."""


class RequestRejected(Exception):  # noqa: N818 - it is a result, not an error
    """No event can be read from a request: it fails as a whole."""

    def __init__(self, failure: BadRow) -> None:
        super().__init__(failure.kind)
        self.failure = failure


def unpack(request: Request, registry: Registry) -> Unpacked:
    """Return the events of a request, each a flat dict of strings.

    Parameters
    ----------
    request : Request
    registry : Registry
        Has ``payload_data`` and the schemas that the Iglu webhook names.

    Raises
    ------
    RequestRejected
        If no event can be read from it.
    """
    if request.size() > MAX_PAYLOAD:
        raise RequestRejected(size_violation(MAX_PAYLOAD, request.size()))
    adapter = ADAPTERS.get(request.path)
    own = own_adapters().get(request.path) if adapter is None else None
    if own is not None:
        return _unpack_by(own, request)
    if adapter is None:
        expectation = "vendor/version combination is not supported"
        raise RequestRejected(_adapter_failure().add_input("vendor/version", request.path, expectation))
    events = adapter(request, registry)
    if adapter is _unpack_payload_data and request.body and not request.query:
        return Unpacked(events, PayloadForm.BODY, request.body)
    return Unpacked(events, PayloadForm.EVENTS, orjson.dumps(events))


@functools.cache
def own_adapters() -> Mapping[str, Adapter]:
    """Return the adapters that installed packages offer, by vendor and version of the path.

    Each is an entry point of the group ``nbtrack.adapters`` whose name is ``VENDOR/VERSION``: a function that takes the
    `Request` and returns payloads, dicts of strings as a tracker would send them.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415 - a twentieth of the start, and only webhooks need it

    adapters: dict[str, Adapter] = {}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            adapters[point.name] = point.load()
        except Exception:
            LOG.exception("could not load the adapter %s (%s)", point.name, point.value)
    return adapters


def _unpack_by(adapter: Adapter, request: Request) -> Unpacked:
    try:
        events = [dict(event) for event in adapter(request)]
    except Exception as error:  # noqa: BLE001 - it is somebody else's code
        text = f"the adapter failed ({type(error).__name__}: {error})"
        raise RequestRejected(_adapter_failure().add_input("body", None, text)) from None
    for event in events:
        if not all(isinstance(text, str) for pair in event.items() for text in pair):
            text = "the adapter must return dicts of strings"
            raise RequestRejected(_adapter_failure().add_input("body", None, text))
    if not events:
        raise RequestRejected(_adapter_failure().add_input("body", None, "the adapter returned no events"))
    return Unpacked(events, PayloadForm.EVENTS, orjson.dumps(events))


def parse_query(query: str) -> list[tuple[str, str]]:
    """Return the parameters of a query string; one that has too many is a single parameter without a name."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return [("", query)]


def parse_self_describing(document: Any, report: BadRow, field: str = "body") -> tuple[str, Any]:
    """Return the schema and the data of self-describing JSON.

    Raises
    ------
    RequestRejected
        If it is not self-describing JSON; `report` holds the reason.
    """
    if not isinstance(document, dict) or document.keys() != {"schema", "data"}:
        raise RequestRejected(report.add_not_self_describing(field, document))
    uri = document["schema"]
    try:
        parse_uri(uri)
    except ValueError:
        raise RequestRejected(report.add_invalid_uri(field, document)) from None
    return uri, document["data"]


def _protocol_violation() -> BadRow:
    return BadRow("tracker_protocol_violations")


def _adapter_failure() -> BadRow:
    return BadRow("adapter_failures")


def _query_parameters(request: Request) -> Parameters:
    return dict(parse_qsl(request.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS))


def _unpack_query(request: Request, _registry: Registry) -> list[Parameters]:
    try:
        parameters = _query_parameters(request)
    except ValueError as error:
        report = _protocol_violation().add_input("querystring", request.query, str(error))
        raise RequestRejected(report) from None
    if not parameters:
        expectation = "empty querystring, expected at least 1 parameter"
        raise RequestRejected(_protocol_violation().add_input("querystring", None, expectation))
    return [parameters]


def _json_body(request: Request, report: BadRow) -> Any:
    if not request.body:
        raise RequestRejected(report.add_input("body", None, "empty body: not self-describing JSON"))
    if (request.content_type or "").lower().strip() not in JSON_TYPES:
        expectation = "expected application/json, with or without charset=utf-8"
        raise RequestRejected(report.add_input("contentType", request.content_type, expectation))
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise RequestRejected(report.add_invalid_json("body", request.body, str(error))) from None


def _unpack_payload_data(request: Request, registry: Registry) -> list[Parameters]:
    if not request.body and request.query:
        return _unpack_query(request, registry)
    report = _protocol_violation()
    uri, data = parse_self_describing(_json_body(request, report), report)
    if not uri.startswith(PAYLOAD_FAMILY):
        criterion = PAYLOAD_FAMILY.removesuffix("1-0-") + "1-0-*"
        raise RequestRejected(report.add_unexpected_schema("body", uri, criterion))
    try:
        if not registry.validator(uri).is_valid(data):
            raise RequestRejected(report.add_faults("body", uri, registry.faults(uri, data)))
    except SchemaNotFound as error:
        raise RequestRejected(report.add_unknown_schema("body", error)) from None
    events: list[Parameters] = data
    if request.query:
        common = _query_parameters(request)
        return [common | event for event in events]
    return events


def _form_parameters(body: bytes, report: BadRow) -> Parameters:
    try:
        text = body.decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS))
    except ValueError as error:
        raise RequestRejected(report.add_input("body", None, f"not a form: {error}")) from None


def _unpack_iglu_webhook(request: Request, _registry: Registry) -> list[Parameters]:
    """Return the events of the Iglu webhook: self-describing JSON in the body, or data in the query."""
    report = _adapter_failure()
    parameters = _query_parameters(request)
    body = request.body
    if (request.content_type or "").partition(";")[0].strip().lower() == FORM_TYPE:
        parameters |= _form_parameters(body, report)
        body = b""
    schema = parameters.pop("schema", None)
    common = {"tv": "com.snowplowanalytics.iglu-v1", "e": "ue", "p": parameters.pop("p", "srv")}
    common |= {
        key: parameters.pop(key)
        for key in ("aid", "eid", "nuid", "ttm", "cv", "url", "cx", "co")
        if key in parameters
    }
    if body:
        document = _json_body(request, report)
        if depth_exceeds(request.body):
            error = f"nested deeper than {MAX_DEPTH} levels"
            raise RequestRejected(report.add_invalid_json("body", request.body, error))
        if schema:
            document = {"schema": schema, "data": document}
        documents = document if isinstance(document, list) else [document]
    elif schema:
        documents = [{"schema": schema, "data": parameters}]
    else:
        expectation = "expected a body or the parameter `schema`"
        raise RequestRejected(report.add_input("schema", None, expectation))
    if not documents:
        raise RequestRejected(report.add_input("body", "[]", "empty list of events"))
    events = []
    for document in documents:
        uri, data = parse_self_describing(document, report)
        envelope = {"schema": UNSTRUCT_EVENT, "data": {"schema": uri, "data": data}}
        events.append(common | {"ue_pr": orjson.dumps(envelope).decode()})
    return events


PAYLOAD_FAMILY = PAYLOAD_DATA.rpartition("-")[0] + "-"
ADAPTERS: Mapping[str, Callable[[Request, Registry], list[Parameters]]] = {
    f"{SNOWPLOW_VENDOR}/tp1": _unpack_query,
    f"{SNOWPLOW_VENDOR}/tp2": _unpack_payload_data,
    "com.snowplowanalytics.iglu/v1": _unpack_iglu_webhook,
}
"""By vendor and version of the path: what unpacks the request."""
