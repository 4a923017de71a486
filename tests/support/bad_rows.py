"""Bad rows as pipelines write them, and the requests inside of some."""

import base64
import json
import struct
from typing import Any

RAW = {
    "vendor": "com.snowplowanalytics.snowplow",
    "version": "tp2",
    "contentType": "application/json",
    "loaderName": "ssc-3.4.0-kinesis",
    "encoding": "UTF-8",
    "hostname": "c.example",
    "timestamp": "2026-03-01T10:11:40.000Z",
    "ipAddress": "203.0.113.7",
    "useragent": "UA/1",
    "refererUri": None,
    "headers": ["Cookie: sp=secret"],
    "userId": "2b6ad2c6-0d3f-4f0e-8f4e-0f3d2a1b4c5d",
}
EVENT_ID = "6f1c7e0e-1111-4222-8333-444455551b10"
SCHEMA = "iglu:com.acme/thing/jsonschema/1-0-0"
PROCESSOR = {"artifact": "snowplow-enrich-kinesis", "version": "6.10.0"}


def bad_row(kind: str, version: str, failure: Any, payload: Any, **more: Any) -> dict[str, Any]:
    data = {"processor": PROCESSOR, "failure": failure, "payload": payload, **more}
    return {
        "schema": f"iglu:com.snowplowanalytics.snowplow.badrows/{kind}/jsonschema/{version}",
        "data": data,
    }


def parameters(**data: Any) -> dict[str, str]:
    """Return the payload of a self-describing event whose data is as given."""
    event = {
        "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
        "data": {"schema": SCHEMA, "data": data},
    }
    return {
        "e": "ue", "p": "web", "tv": "js-3.0.0", "eid": EVENT_ID, "dtm": "1772359872345", "stm": "1772359890345",
        "ue_px": base64.urlsafe_b64encode(json.dumps(event).encode()).decode().rstrip("="),
    }  # fmt: skip


def schema_violation(given: dict[str, Any], *, version: str = "2-0-1", path: str = "$.n") -> dict[str, Any]:
    """Return the bad row of an event whose `n` is not an integer."""
    pairs: Any = [{"name": name, "value": value} for name, value in given.items()]
    report = {
        "message": f"{path}: string found, integer expected", "path": path, "keyword": "type", "targets": ["string", "integer"],
    }  # fmt: skip
    message = {"schemaKey": SCHEMA, "error": {"error": "ValidationError", "dataReports": [report]}}
    failure = {"timestamp": "2026-03-01T10:11:41.000Z", "messages": [message]}
    raw = {**RAW, "parameters": given if version == "1-0-0" else pairs}
    enriched = {"event_id": given.get("eid", EVENT_ID), "app_id": given.get("aid")}
    return bad_row("schema_violations", version, failure, {"raw": raw, "enriched": enriched})


def collector_payload(body: str | None, query: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    origin = {name: value for name, value in RAW.items() if name not in {"userId", "loaderName"}}
    pairs = [{"name": name, "value": value} for name, value in (query or {}).items()]
    return {
        **origin,
        "querystring": pairs,
        "body": body,
        "collector": "ssc",
        "networkUserId": RAW["userId"],
        **more,
    }


_NUMBERS = {
    "ipAddress": 100, "timestamp": 200, "encoding": 210, "collector": 220, "useragent": 300, "refererUri": 310, "path": 320,
    "querystring": 330, "body": 340, "headers": 350, "contentType": 360, "hostname": 400, "networkUserId": 410,
}  # fmt: skip


def thrift(members: dict[str, Any]) -> str:
    """Return a request as a collector hands it on: the base64 of Thrift's binary protocol."""
    raw = b""
    for name, value in members.items():
        if isinstance(value, list):
            items = b"".join(struct.pack(">i", len(item.encode())) + item.encode() for item in value)
            raw += struct.pack(">bhbi", 15, _NUMBERS[name], 11, len(value)) + items
        elif isinstance(value, int):
            raw += struct.pack(">bhq", 10, _NUMBERS[name], value)
        else:
            raw += struct.pack(">bhi", 11, _NUMBERS[name], len(value.encode())) + value.encode()
    return base64.b64encode(raw + b"\0").decode()
