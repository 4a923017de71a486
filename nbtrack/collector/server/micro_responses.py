"""Stored events in the formats in which Micro's paths and the live page return them."""

from collections.abc import Sequence
from typing import Any

import orjson

from nbtrack._version import __version__
from nbtrack.collector.events.adapters import MAX_PAYLOAD, Request, parse_query
from nbtrack.collector.events.bad_rows import bad_row_document
from nbtrack.collector.events.database import StoredEvent
from nbtrack.collector.events.enrichment import COLUMNS, flatten
from nbtrack.collector.server.search import columns_of
from nbtrack.common.wording import iso_time
from nbtrack.protocol import SNOWPLOW_VENDOR, iglu

PROCESSOR = {"artifact": "nbtrack-collector", "version": __version__}
FAILURE = iglu(SNOWPLOW_VENDOR, "failure")
"""The entity with the reasons why an event failed."""
JSON_COLUMNS = frozenset({"contexts", "unstruct_event", "derived_contexts"})
STRING_COLUMNS = frozenset({"se_value", "tr_total", "tr_tax", "tr_shipping", "ti_price", "txn_id"})
"""Columns that a bad row writes as strings."""
MAX_VALUE = 512
MAX_HEADER = 8192
"""Characters that the schemas of bad rows allow in a parameter's value and in a header."""


def good_events(events: Sequence[StoredEvent]) -> list[dict[str, Any]]:
    """Return events as Micro's GoodEvent."""
    return [
        {
            "rawEvent": _raw_event(event),
            "eventType": columns.get("event"),
            "schema": event.schema,
            "contexts": event.entities,
            "event": {name: columns.get(name, {} if name in JSON_COLUMNS else None) for name in COLUMNS},
            "incomplete": not event.good,
        }
        for event, columns in zip(events, columns_of(events), strict=True)
    ]


def bad_events(events: Sequence[StoredEvent]) -> list[dict[str, Any]]:
    """Return events and requests as Micro's BadEvent."""
    return [_bad_event(event) for event in events]


def _bad_event(event: StoredEvent) -> dict[str, Any]:
    request = event.request
    headline = (
        "Error while extracting event(s) from collector payload and validating it/them."
        if event.payload is None
        else "Error while validating the event."
    )
    return {
        "collectorPayload": {
            "api": {"vendor": request.vendor, "version": request.version},
            "querystring": [f"{name}={value}" for name, value in parse_query(request.query)],
            "contentType": request.content_type,
            "body": request.body.decode("utf-8", "replace") or None,
            **_origin(request),
        },
        "rawEvent": None if event.payload is None else _raw_event(event),
        "errors": [headline, orjson.dumps(bad_row(event)).decode()],
    }


def bad_row(event: StoredEvent) -> dict[str, Any]:
    """Return a failed event or request as Snowplow's bad row."""
    failure, request = event.failure or {}, event.request
    kind, timestamp = failure.get("kind", "generic_error"), iso_time(request.time)
    if kind == "size_violation":
        beginning = request.body[: MAX_PAYLOAD // 10].decode("utf-8", "replace")
        return bad_row_document(failure, beginning, timestamp, PROCESSOR)
    if event.payload is not None:
        payload = {"enriched": _bad_row_columns(*columns_of([event])), "raw": _raw_payload(event)}
        return bad_row_document(failure, payload, timestamp, PROCESSOR)
    path = {"vendor": request.vendor[:64], "version": request.version[:16]}
    extra = {} if kind == "generic_error" else path
    return bad_row_document(failure, _collector_payload(request), timestamp, PROCESSOR, **extra)


def sdk_events(events: Sequence[StoredEvent]) -> list[dict[str, Any]]:
    """Return events in the analytics SDK's form; a failed one has entities with the reasons."""
    return [
        flatten(columns, schema_version=True) if event.good else _failed_sdk_event(event, columns)
        for event, columns in zip(events, columns_of(events), strict=True)
    ]


def _failed_sdk_event(event: StoredEvent, columns: dict[str, Any]) -> dict[str, Any]:
    failed = {str(reason["field"]).partition("[")[0] for reason in event.reasons}
    if {"cx", "co"} & failed:
        failed.add("contexts")
    if {"ue_px", "ue_pr"} & failed:
        failed.add("unstruct_event")
    for name in failed:
        columns.pop(name, None)
    entities = [{"schema": FAILURE, "data": entity} for entity in _failure_entities(event)]
    columns["derived_contexts"] = {"data": entities}
    return flatten(columns)


def _failure_entities(event: StoredEvent) -> list[dict[str, Any]]:
    return [
        {
            "failureType": "ResolutionError" if reason["keyword"] == "schema" else "ValidationError",
            "errors": [
                {
                    "message": reason["message"],
                    "source": reason["field"],
                    "path": reason["path"],
                    "keyword": reason["keyword"],
                }
            ],
            "schema": reason["schema"],
            "data": None,
            "timestamp": iso_time(event.request.time),
            "componentName": PROCESSOR["artifact"],
            "componentVersion": PROCESSOR["version"],
            "_schema_version": "1-0-0",
        }
        for reason in event.reasons
    ]


def _raw_event(event: StoredEvent) -> dict[str, Any]:
    request = event.request
    return {
        "api": {"vendor": request.vendor, "version": request.version},
        "parameters": event.payload or {},
        "contentType": request.content_type,
        **_origin(request),
    }


def _origin(request: Request) -> dict[str, Any]:
    return {
        "source": {"name": PROCESSOR["artifact"], "encoding": "UTF-8", "hostname": request.hostname},
        "context": {
            "timestamp": iso_time(request.time),
            "ipAddress": request.ip,
            "useragent": request.useragent,
            "refererUri": request.referer,
            "headers": request.headers,
            "userId": request.nuid,
        },
    }


def _raw_payload(event: StoredEvent) -> dict[str, Any]:
    return {
        **_request_fields(event.request),
        "parameters": _shorten((event.payload or {}).items()),
        "loaderName": PROCESSOR["artifact"],
        "userId": event.request.nuid,
    }


def _collector_payload(request: Request) -> dict[str, Any]:
    return {
        **_request_fields(request),
        "querystring": _shorten(parse_query(request.query)),
        "body": request.body.decode("utf-8", "replace") or None,
        "collector": PROCESSOR["artifact"],
        "networkUserId": request.nuid,
    }


def _shorten(parameters: Any) -> list[dict[str, str]]:
    return [{"name": name[:MAX_VALUE], "value": value[:MAX_VALUE]} for name, value in parameters]


def _request_fields(request: Request) -> dict[str, Any]:
    return {
        "vendor": request.vendor[:64],
        "version": request.version[:16],
        "contentType": request.content_type and request.content_type[:256],
        "encoding": "UTF-8",
        "hostname": request.hostname,
        "timestamp": iso_time(request.time),
        "ipAddress": request.ip and request.ip[:128],
        "useragent": request.useragent and request.useragent[:4096],
        "refererUri": request.referer and request.referer[:MAX_HEADER],
        "headers": [line[:MAX_HEADER] for line in request.headers],
    }


def _bad_row_columns(columns: dict[str, Any]) -> dict[str, Any]:
    """Return the columns with the types that the schemas of bad rows require."""
    result: dict[str, Any] = {}
    for name, value in columns.items():
        if isinstance(value, bool):
            result[name] = int(value)
        elif name in JSON_COLUMNS:
            result[name] = orjson.dumps(value).decode()
        else:
            result[name] = str(value) if name in STRING_COLUMNS else value
    return result
