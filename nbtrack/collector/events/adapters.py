"""A request from a tracker, as it came in, and the events inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from nbtrack.collector.events.bad_rows import (
    Failure,
    Reason,
    criterion_mismatch,
    field_problem,
    invalid_json,
    not_iglu,
)
from nbtrack.common.payload_json import MAX_DEPTH, depth_exceeds
from nbtrack.protocol import PAYLOAD_DATA, SNOWPLOW_VENDOR
from nbtrack.schemas import Registry, SchemaNotFound, parse_uri

MAX_BODY = 2 * 1024 * 1024
MAX_PAYLOAD = 1024 * 1024
# what the sinks of a real collector take: beyond it the event is lost there as a size_violation
SINK_LIMITS = {"Amazon SQS": 192_000, "Kinesis, Kafka and NSQ": 1_000_000}
JSON_TYPES = {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
ANONYMOUS = "00000000-0000-0000-0000-000000000000"

Parameters = dict[str, str]


@dataclass(slots=True)
class Request:
    """What the collector keeps of one HTTP request.

    Attributes
    ----------
    time : int
        When it arrived, milliseconds since 1970.
    vendor, version : str
        The two segments of the path; ``tp1`` of Snowplow for ``/i``.
    query : str
        The query string as it came.
    headers : list of str
        ``Name: value`` lines.
    body : bytes
        Empty for a GET.
    """

    time: int
    method: str
    vendor: str
    version: str
    query: str = ""
    content_type: str | None = None
    headers: list[str] = field(default_factory=list)
    ip: str | None = None
    useragent: str | None = None
    referer: str | None = None
    nuid: str | None = None
    hostname: str | None = None
    body: bytes = b""

    @property
    def path(self) -> str:
        """Vendor and version, as the path says them."""
        return f"{self.vendor}/{self.version}"

    def size(self) -> int:
        """Count the bytes a collector would hand to its sink, but for the few of the envelope."""
        return len(self.body) + len(self.query) + sum(map(len, self.headers))


class Refused(Exception):  # noqa: N818 - it is an answer, not an error
    """A whole request fails, with every event in it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.kind)
        self.failure = failure


def unpack(request: Request, registry: Registry) -> list[Parameters]:
    """Give the events of a request, each a flat dict of strings.

    Parameters
    ----------
    request : Request
    registry : Registry
        Has ``payload_data`` and the schemas named by the Iglu webhook.

    Raises
    ------
    Refused
        With the reason, when no event can be read from the request.
    """
    if request.size() > MAX_PAYLOAD:
        raise Refused(oversize(MAX_PAYLOAD, request.size()))
    adapter = ADAPTERS.get(request.path)
    if adapter is None:
        raise Refused(
            field_problem(
                "adapter_failures",
                "vendor/version",
                request.path,
                "vendor/version combination is not supported",
            )
        )
    return adapter(request, registry)


def oversize(limit: int, size: int) -> Failure:
    """Say that a payload is larger than a collector passes on."""
    return Failure(
        "size_violation",
        {
            "maximumAllowedSizeBytes": limit,
            "actualSizeBytes": size,
            "expectation": "oversized collector payload",
        },
        [Reason(f"{size:,} bytes found, at most {limit:,} allowed", keyword="size")],
    )


def _query(request: Request) -> Parameters:
    return dict(parse_qsl(request.query, keep_blank_values=True, max_num_fields=1000))


def _tp1(request: Request, _registry: Registry) -> list[Parameters]:
    try:
        parameters = _query(request)
    except ValueError as error:
        raise Refused(field_problem(PROTOCOL, "querystring", request.query, str(error))) from None
    if not parameters:
        raise Refused(
            field_problem(PROTOCOL, "querystring", None, "empty querystring, expected at least 1 parameter")
        )
    return [parameters]


def _json_body(request: Request, kind: str) -> Any:
    if not request.body:
        raise Refused(field_problem(kind, "body", None, "empty body: not self-describing JSON"))
    said = (request.content_type or "").lower().strip()
    if said not in JSON_TYPES:
        expected = "expected application/json, with or without charset=utf-8"
        raise Refused(field_problem(kind, "contentType", request.content_type, expected))
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise Refused(invalid_json(kind, "body", request.body, str(error))) from None


def _tp2(request: Request, registry: Registry) -> list[Parameters]:
    if not request.body and request.query:
        return _tp1(request, registry)
    document = _json_body(request, PROTOCOL)
    uri, data = describe(document, PROTOCOL)
    if not uri.startswith(PAYLOAD_FAMILY):
        raise Refused(criterion_mismatch(PROTOCOL, uri, PAYLOAD_FAMILY.removesuffix("1-0-") + "1-0-*"))
    try:
        validator = registry.validator(uri)
        if not validator.is_valid(data):
            raise Refused(Failure.of_faults(PROTOCOL, uri, registry.faults(uri, data), field="body"))
    except SchemaNotFound as error:
        raise Refused(Failure.of_missing(PROTOCOL, error, field="body")) from None
    events: list[Parameters] = data
    if request.query:
        given = _query(request)
        return [given | event for event in events]
    return events


def describe(document: Any, kind: str, field_name: str = "body") -> tuple[str, Any]:
    """Take self-describing JSON apart.

    Raises
    ------
    Refused
        When it is none.
    """
    if not isinstance(document, dict) or document.keys() != {"schema", "data"}:
        raise Refused(not_iglu(kind, field_name, document, "INVALID_DATA_PAYLOAD"))
    uri = document["schema"]
    try:
        parse_uri(uri)
    except ValueError:
        raise Refused(not_iglu(kind, field_name, document, "INVALID_IGLUURI")) from None
    return uri, document["data"]


def _iglu(request: Request, _registry: Registry) -> list[Parameters]:
    """Take the Iglu webhook's self-describing JSON, in the body or as a query."""
    kind = "adapter_failures"
    given = _query(request)
    schema = given.pop("schema", None)
    common = {"tv": "com.snowplowanalytics.iglu-v1", "e": "ue", "p": given.pop("p", "srv")}
    common |= {
        key: given.pop(key) for key in ("aid", "eid", "nuid", "ttm", "cv", "url", "cx", "co") if key in given
    }
    if request.body:
        document = _json_body(request, kind)
        if depth_exceeds(request.body):
            raise Refused(invalid_json(kind, "body", request.body, f"nested deeper than {MAX_DEPTH} levels"))
        if schema:
            document = {"schema": schema, "data": document}
        documents = document if isinstance(document, list) else [document]
    elif schema:
        documents = [{"schema": schema, "data": given}]
    else:
        raise Refused(field_problem(kind, "schema", None, "expected a body or the parameter `schema`"))
    if not documents:
        raise Refused(field_problem(kind, "body", "[]", "empty list of events"))
    events = []
    for document in documents:
        uri, data = describe(document, kind)
        envelope = {"schema": UNSTRUCT, "data": {"schema": uri, "data": data}}
        events.append(common | {"ue_pr": orjson.dumps(envelope).decode()})
    return events


PROTOCOL = "tracker_protocol_violations"
PAYLOAD_FAMILY = PAYLOAD_DATA.rpartition("-")[0] + "-"
UNSTRUCT = f"iglu:{SNOWPLOW_VENDOR}/unstruct_event/jsonschema/1-0-0"
ADAPTERS: Mapping[str, Callable[[Request, Registry], list[Parameters]]] = {
    f"{SNOWPLOW_VENDOR}/tp1": _tp1,
    f"{SNOWPLOW_VENDOR}/tp2": _tp2,
    "com.snowplowanalytics.iglu/v1": _iglu,
}
