"""The paths of Snowplow Micro, below ``/micro``, in the forms of its versions 3 and 4."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

import orjson
from tornado.web import RequestHandler

from nbtrack.collector.events.queries import counts
from nbtrack.collector.events.timeline import timeline
from nbtrack.collector.server.micro_requests import Body
from nbtrack.collector.server.micro_responses import Stored, newest
from nbtrack.collector.server.nbtrack_routes import GuardedHandler
from nbtrack.common.wording import iso_time
from nbtrack.schemas import BadSchema, SchemaNotFound, parse_uri

# what one answer holds unless the request says less
MOST = 10_000
HELP = "Path for micro has to be one of: /events /all /good /bad /reset /iglu /timeline /ui"


class All(GuardedHandler):
    """Counts."""

    def get(self) -> None:
        """Answer."""
        self.write_json(counts(self.state.database))

    post = get


class Reset(GuardedHandler):
    """Deletes everything, by GET too, as Micro does."""

    changes = True

    def get(self) -> None:
        """Delete."""
        self.state.database.reset()
        self.state.changed()
        self.write_json(counts(self.state.database))

    post = get


class Filtered(GuardedHandler):
    """A list of events: all by GET, those that the filters in the body name by POST."""

    body: Body

    def get(self) -> None:
        """Give all."""
        self._answer({})

    def post(self) -> None:
        """Give those that the filters name."""
        filters = self.json_body(self.body)
        if not self._finished:
            self._answer(filters)

    def _answer(self, filters: dict[str, Any]) -> None:
        raise NotImplementedError


class Good(Filtered):
    """Good events, newest first."""

    body = "good"

    def _answer(self, filters: dict[str, Any]) -> None:
        events = newest(self.state.database, good=True, schema=_full(filters.get("schema")))
        found = (event.good_event() for event in events if _wanted(event, filters))
        self.write_json(list(islice(found, _limit(filters))))


class Bad(Filtered):
    """Failed events and requests, newest first."""

    body = "bad"

    def _answer(self, filters: dict[str, Any]) -> None:
        vendor, version = filters.get("vendor"), filters.get("version")
        found = (
            event.bad_event()
            for event in newest(self.state.database, good=False)
            if vendor in (None, event.request.vendor) and version in (None, event.request.version)
        )
        self.write_json(list(islice(found, _limit(filters))))


class Events(GuardedHandler):
    """Events in the analytics SDK's form: all by GET, a page by POST."""

    def get(self) -> None:
        """Give good and incomplete events, newest first."""
        rows = newest(self.state.database)
        self.write_json([event.sdk_event() for event in rows if event.payload is not None][:MOST])

    def post(self) -> None:
        """Give a page of those that the filters name."""
        asked = self.json_body("events")
        if self._finished:
            return
        page, size, filters = asked["page"], asked["pageSize"], asked["filters"]
        rows = newest(self.state.database, good=asked.get("validEvents"))
        events = [event.sdk_event() for event in rows if event.payload is not None]
        events = [event for event in events if _passes(event, filters, asked.get("timeRange") or {})]
        sorting = asked.get("sorting") or {}
        column = sorting.get("column")
        if column is not None:
            with_it = sorted(
                (event for event in events if column in event),
                key=lambda event: _sort_key(event[column]),
                reverse=bool(sorting.get("desc")),
            )
            events = with_it + [event for event in events if column not in event]
        first = (page - 1) * size
        self.write_json(
            {
                "events": events[first : first + size],
                "totalPages": -(-len(events) // size),
                "totalItems": len(events),
            }
        )


class Timeline(GuardedHandler):
    """Counts of good and failed events in spans of time."""

    def post(self) -> None:
        """Answer for the buckets asked for."""
        buckets = self.json_body("timeline").get("buckets") or []
        if self._finished:
            return
        try:
            spans = [(_milliseconds(bucket["start"]), _milliseconds(bucket["end"])) for bucket in buckets]
        except (ValueError, OverflowError) as error:
            self.refuse(400, f"a bucket's start or end is no time: {error}")
            return
        points = timeline(self.state.database, spans)
        self.write_json(
            {
                "points": [
                    {"validEvents": good, "failedEvents": bad, "bucket": bucket}
                    for (good, bad), bucket in zip(points, buckets, strict=True)
                ]
            }
        )


class Schema(GuardedHandler):
    """A schema, as this collector finds it."""

    def get(self, vendor: str, name: str, version: str) -> None:
        """Answer."""
        uri = f"iglu:{vendor}/{name}/jsonschema/{version}"
        try:
            parse_uri(uri)
            self.write_json(self.state.registry.find(uri))
        except SchemaNotFound as error:
            now = iso_time()
            history = {"errors": [{"error": "NotFound"}], "attempts": 1, "lastAttempt": now}
            self.set_status(404)
            self.write_json({"value": dict.fromkeys(error.looked, history)})
        except (BadSchema, ValueError) as error:
            self.refuse(404, str(error))


class Unknown(GuardedHandler):
    """Anything else below ``/micro``."""

    def get(self, *_path: str) -> None:
        """Say what there is."""
        self.set_status(404)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(HELP)

    post = put = delete = patch = get


def _limit(filters: dict[str, Any]) -> int:
    limit = filters.get("limit")
    return limit if limit is not None and 0 <= limit <= MOST else MOST


def _full(uri: str | None) -> str:
    """Complete a URI that was given without its scheme, as Micro's documentation does."""
    if not uri:
        return ""
    return uri if uri.startswith("iglu:") else f"iglu:{uri}"


def _wanted(event: Stored, filters: dict[str, Any]) -> bool:
    kind = filters.get("event_type")
    if kind and kind not in {event.kind, (event.payload or {}).get("e")}:
        return False
    contexts = filters.get("contexts") or []
    return all(_full(uri) in event.contexts for uri in contexts)


def _passes(event: dict[str, Any], filters: list[Any], span: dict[str, Any]) -> bool:
    for item in filters:
        column = item["column"]
        values = item.get("values", [item.get("value")])
        text = _text(event.get(column)).lower()
        wanted = [_text(value).lower() for value in values if value is not None]
        if wanted and not any(value in text for value in wanted):
            return False
    when = event["collector_tstamp"]
    start, end = span.get("start"), span.get("end")
    return (not start or when >= start) and (not end or when <= end)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _sort_key(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float) else (1, _text(value))


def _milliseconds(text: Any) -> int:
    if isinstance(text, int):
        return text
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def routes(shared: dict[str, Any]) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """List the paths."""
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
