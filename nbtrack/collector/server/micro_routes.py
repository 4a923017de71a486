"""The paths of Snowplow Micro, below ``/micro``, in the formats of its versions 3 and 4."""

from datetime import datetime
from itertools import islice
from typing import Any

import orjson
from tornado.web import RequestHandler

from nbtrack.collector.events.database import EventFilter, StoredEvent
from nbtrack.collector.events.validation import EVENT_TYPES
from nbtrack.collector.server.auth import AuthenticatedHandler
from nbtrack.collector.server.micro_requests import Body, schema_errors
from nbtrack.collector.server.micro_responses import bad_event, good_event, sdk_event
from nbtrack.common.wording import iso_time
from nbtrack.schemas import BadSchema, SchemaNotFound, parse_uri

MAX_EVENTS = 10_000
"""Events of one response unless the request sets a lower limit."""
HELP = "Path for micro has to be one of: /events /all /good /bad /reset /iglu /timeline /ui"


class MicroHandler(AuthenticatedHandler):
    """Base class of the handlers that accept filters as a JSON body."""

    def filters(self, kind: Body) -> dict[str, Any] | None:
        """Return the request's filters; None after rejecting them."""
        body = self.json_body()
        errors = "" if body is None else schema_errors(kind, body)
        if errors:
            self.reject(400, errors)
            return None
        return body


class All(AuthenticatedHandler):
    """Counts."""

    def get(self) -> None:
        self.write_json(self.state.database.counts())

    post = get


class Reset(AuthenticatedHandler):
    """Deletes all events, by GET as well, as Micro does."""

    changes = True

    def get(self) -> None:
        self.write_json(self.state.reset())

    post = get


class Good(MicroHandler):
    """Good events, newest first: all by GET, those that match the filters by POST."""

    def get(self) -> None:
        self._write_matching({})

    def post(self) -> None:
        filters = self.filters("good")
        if filters is not None:
            self._write_matching(filters)

    def _write_matching(self, filters: dict[str, Any]) -> None:
        chosen = EventFilter(good=True, schema=_complete_uri(filters.get("schema")))
        events = (event for event in self.state.database.newest(chosen) if _matches(event, filters))
        self.write_json([good_event(event) for event in islice(events, _limit(filters))])


class Bad(MicroHandler):
    """Failed events and requests, newest first: all by GET, those that match the filters by POST."""

    def get(self) -> None:
        self._write_matching({})

    def post(self) -> None:
        filters = self.filters("bad")
        if filters is not None:
            self._write_matching(filters)

    def _write_matching(self, filters: dict[str, Any]) -> None:
        vendor, version = filters.get("vendor"), filters.get("version")
        events = (
            event
            for event in self.state.database.newest(EventFilter(good=False))
            if vendor in (None, event.request.vendor) and version in (None, event.request.version)
        )
        self.write_json([bad_event(event) for event in islice(events, _limit(filters))])


class Events(MicroHandler):
    """Events in the analytics SDK's form, newest first: all by GET, a page of those that match by POST."""

    def get(self) -> None:
        self.write_json(self._read(EventFilter())[:MAX_EVENTS])

    def post(self) -> None:
        body = self.filters("events")
        if body is None:
            return
        page, size = body["page"], body["pageSize"]
        time_range = body.get("timeRange") or {}
        events = [
            event
            for event in self._read(EventFilter(body.get("validEvents")))
            if _has_values(event, body["filters"]) and _is_within(event, time_range)
        ]
        sorting = body.get("sorting") or {}
        if sorting.get("column") is not None:
            events = _sort(events, sorting["column"], reverse=bool(sorting.get("desc")))
        first = (page - 1) * size
        self.write_json(
            {
                "events": events[first : first + size],
                "totalPages": -(-len(events) // size),
                "totalItems": len(events),
            }
        )

    def _read(self, chosen: EventFilter) -> list[dict[str, Any]]:
        return [sdk_event(event) for event in self.state.database.newest(chosen) if event.payload is not None]


class Timeline(MicroHandler):
    """Counts of good and failed events in spans of time."""

    def post(self) -> None:
        body = self.filters("timeline")
        if body is None:
            return
        buckets = body.get("buckets") or []
        try:
            spans = [(_milliseconds(bucket["start"]), _milliseconds(bucket["end"])) for bucket in buckets]
        except (ValueError, OverflowError) as error:
            self.reject(400, f"invalid start or end of a bucket: {error}")
            return
        counts = self.state.database.count_in_spans(spans)
        points = [
            {"validEvents": good, "failedEvents": bad, "bucket": bucket}
            for (good, bad), bucket in zip(counts, buckets, strict=True)
        ]
        self.write_json({"points": points})


class Schema(AuthenticatedHandler):
    """A schema, as this collector finds it."""

    def get(self, vendor: str, name: str, version: str) -> None:
        uri = f"iglu:{vendor}/{name}/jsonschema/{version}"
        try:
            parse_uri(uri)
            self.write_json(self.state.registry.find(uri))
        except SchemaNotFound as error:
            history = {"errors": [{"error": "NotFound"}], "attempts": 1, "lastAttempt": iso_time()}
            self.set_status(404)
            self.write_json({"value": dict.fromkeys(error.looked, history)})
        except (BadSchema, ValueError) as error:
            self.reject(404, str(error))


class Unknown(AuthenticatedHandler):
    """Any other path below ``/micro``: replies with those that exist."""

    def get(self, *_path: str) -> None:
        self.set_status(404)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(HELP)

    post = put = delete = patch = get


def _limit(filters: dict[str, Any]) -> int:
    limit = filters.get("limit")
    return limit if limit is not None and 0 <= limit <= MAX_EVENTS else MAX_EVENTS


def _complete_uri(uri: str | None) -> str:
    """Add the scheme to a URI without one, as in Micro's documentation."""
    if not uri:
        return ""
    return uri if uri.startswith("iglu:") else f"iglu:{uri}"


def _matches(event: StoredEvent, filters: dict[str, Any]) -> bool:
    event_type = (event.payload or {}).get("e", "")
    if filters.get("event_type") and filters["event_type"] not in {event_type, EVENT_TYPES.get(event_type)}:
        return False
    return all(_complete_uri(uri) in event.entities for uri in filters.get("contexts") or ())


def _has_values(event: dict[str, Any], filters: list[dict[str, Any]]) -> bool:
    for condition in filters:
        values = condition.get("values", [condition.get("value")])
        expected = [_as_text(value).lower() for value in values if value is not None]
        text = _as_text(event.get(condition["column"])).lower()
        if expected and not any(value in text for value in expected):
            return False
    return True


def _is_within(event: dict[str, Any], time_range: dict[str, Any]) -> bool:
    time = event["collector_tstamp"]
    start, end = time_range.get("start"), time_range.get("end")
    return (not start or time >= start) and (not end or time <= end)


def _sort(events: list[dict[str, Any]], column: str, *, reverse: bool) -> list[dict[str, Any]]:
    """Sort events by a column; those without it come last."""
    with_column = [event for event in events if column in event]
    with_column.sort(key=lambda event: _sort_key(event[column]), reverse=reverse)
    return with_column + [event for event in events if column not in event]


def _sort_key(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float) else (1, _as_text(value))


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _milliseconds(time: Any) -> int:
    if isinstance(time, int):
        return time
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def routes(shared: dict[str, Any]) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """Return the paths and their handlers."""
    return [
        ("/micro/all", All, shared),
        ("/micro/good", Good, shared),
        ("/micro/bad", Bad, shared),
        ("/micro/reset", Reset, shared),
        ("/micro/events", Events, shared),
        ("/micro/timeline", Timeline, shared),
        (r"/micro/iglu/([^/]+)/([^/]+)/jsonschema/([^/]+)", Schema, shared),
        (r"/micro(?:/(?!ui(?:/|$)).*)?", Unknown, shared),
    ]
