"""The failed events of a local collector."""

from collections.abc import Iterator
from typing import Any

from nbtrack.warehouse import payloads
from nbtrack.warehouse.events import FailedEvent, FailureReason, find_value, read_bad_row
from nbtrack.warehouse.payloads import Origin


def read_collector(collector: Any) -> list[FailedEvent]:
    """Return the failed events of a collector, as those of a bad row are."""
    return [event for stored in collector.failed_events() for event in _read(stored)]


def _read(stored: Any) -> Iterator[FailedEvent]:
    failure = stored.failure or {}
    request = stored.request
    if stored.payload is None:
        yield from read_bad_row(_bad_row(stored), "")
        return
    event = FailedEvent(
        str(failure.get("kind", "generic_error")), failed_at=request.time, collector_tstamp=request.time
    )
    event.processor = "nbtrack-collector"
    origin = Origin(request.time, request.ip, request.useragent, request.referer, request.nuid)
    event.set_payload(payloads.from_parameters(stored.payload.items(), origin, payloads.make_id(stored.id)))
    for reason in stored.reasons:
        path = reason["path"] if reason["path"] not in {None, "$"} else None
        value = (
            find_value(event.payload or {}, reason["schema"], path)
            if path
            else stored.payload.get(reason["field"])
        )
        event.reasons.append(
            FailureReason(reason["message"], reason["schema"], path or reason["field"], value)
        )
    yield event


def _bad_row(stored: Any) -> dict[str, Any]:
    """Return a request that failed as a whole, as a bad row with all that it said."""
    request = stored.request
    body = request.body.decode("utf-8", "replace") or None
    failure = stored.failure or {}
    return {
        "schema": f"iglu:com.snowplowanalytics.snowplow.badrows/{failure.get('kind', 'generic_error')}/jsonschema/1-0-0",
        "data": {
            "failure": {"timestamp": request.time, **failure.get("body", {})},
            "payload": {
                "vendor": request.vendor,
                "version": request.version,
                "querystring": request.query,
                "body": body,
                "timestamp": request.time,
                "ipAddress": request.ip,
                "useragent": request.useragent,
                "refererUri": request.referer,
                "networkUserId": request.nuid,
            },
        },
    }
