"""The paths of Snowplow Micro, below ``/micro``, in the formats of its versions 3 and 4."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from tornado.web import RequestHandler

from nbtrack.collector.events.database import EventFilter, StoredEvent
from nbtrack.collector.server.auth import AuthenticatedHandler
from nbtrack.collector.server.micro_requests import Body, schema_errors
from nbtrack.collector.server.micro_responses import bad_events, good_events, sdk_events
from nbtrack.collector.server.search import Condition, as_text, search
from nbtrack.common.wording import iso_time
from nbtrack.protocol import EVENT_NAMES
from nbtrack.schemas import BadSchema, SchemaNotFound, parse_uri

MAX_EVENTS = 10_000
"""Events of one response unless the request sets a lower limit."""
MAX_COLUMN_EVENTS = 1_000
"""Events whose columns are listed."""
PAGE = 200
"""Events that are read at a time."""
HELP = "Path for micro has to be one of: /events /all /good /bad /reset /iglu /timeline /columns /ui"


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

    async def write_events(
        self,
        chosen: EventFilter,
        show: Callable[[Sequence[StoredEvent]], list[dict[str, Any]]],
        limit: int,
        matches: Callable[[StoredEvent], bool] = lambda _event: True,
    ) -> None:
        """Reply with the newest events that match, a page at a time, so that others are served in between."""
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        pages = self.state.database.pages(chosen, newest=True, size=PAGE)
        separator, count = b"[", 0

        def read() -> list[bytes] | None:
            events = next(pages, None)
            if events is None:
                return None
            shown = show([event for event in events if matches(event)][: limit - count])
            return [orjson.dumps(document) for document in shown]

        while count < limit and (documents := await self.state.read(read)) is not None:
            for document in documents:
                self.write(separator + document)
                separator = b","
            count += len(documents)
            await self.flush()
        self.finish(b"[]" if separator == b"[" else b"]")


class All(AuthenticatedHandler):
    """Counts; a repeat is an event that was received again."""

    def get(self) -> None:
        self.write_json({**self.state.database.counts(), "repeats": self.state.database.repeats})

    post = get


class Reset(AuthenticatedHandler):
    """Deletes all events, by GET as well, as Micro does."""

    changes = True

    async def get(self) -> None:
        self.write_json(await self.state.reset())

    post = get


class Good(MicroHandler):
    """Good events, newest first: all by GET, those that match the filters by POST."""

    async def get(self) -> None:
        await self._write_matching({})

    async def post(self) -> None:
        filters = self.filters("good")
        if filters is not None:
            await self._write_matching(filters)

    async def _write_matching(self, filters: dict[str, Any]) -> None:
        chosen = EventFilter(good=True, schema=_complete_uri(filters.get("schema")))
        await self.write_events(chosen, good_events, _limit(filters), lambda event: _matches(event, filters))


class Bad(MicroHandler):
    """Failed events and requests, newest first: all by GET, those that match the filters by POST."""

    async def get(self) -> None:
        await self._write_matching({})

    async def post(self) -> None:
        filters = self.filters("bad")
        if filters is not None:
            await self._write_matching(filters)

    async def _write_matching(self, filters: dict[str, Any]) -> None:
        vendor, version = filters.get("vendor"), filters.get("version")

        def matches(event: StoredEvent) -> bool:
            return vendor in (None, event.request.vendor) and version in (None, event.request.version)

        await self.write_events(EventFilter(good=False), bad_events, _limit(filters), matches)


class Events(MicroHandler):
    """Events in the analytics SDK's form, newest first: all by GET, a page of those that match by POST."""

    async def get(self) -> None:
        await self.write_events(EventFilter(only_events=True), sdk_events, MAX_EVENTS)

    async def post(self) -> None:
        body = self.filters("events")
        if body is None:
            return
        page, size = body["page"], min(body["pageSize"], MAX_EVENTS)
        time_range = body.get("timeRange") or {}
        try:
            since, until = (
                _milliseconds(time_range[name]) if time_range.get(name) else None for name in ("start", "end")
            )
        except (ValueError, OverflowError) as error:
            self.reject(400, f"invalid start or end of timeRange: {error}")
            return
        chosen = EventFilter(body.get("validEvents"), since=since, until=until, only_events=True)
        sorting = body.get("sorting") or {}
        sort = (sorting["column"], bool(sorting.get("desc"))) if sorting.get("column") else None

        def read() -> tuple[list[dict[str, Any]], int]:
            found = search(
                self.state.database,
                chosen,
                _conditions(body["filters"]),
                sort=sort,
                first=(page - 1) * size,
                size=size,
            )
            return sdk_events(found.events), found.total

        events, total = await self.state.read(read)
        self.write_json({"events": events, "totalPages": max(1, -(-total // size)), "totalItems": total})


class Columns(AuthenticatedHandler):
    """The columns that the newest events fill."""

    async def get(self) -> None:
        def read() -> list[str]:
            events = self.state.database.read(
                EventFilter(only_events=True), limit=MAX_COLUMN_EVENTS, newest=True
            )
            return sorted(set().union(*sdk_events(events)))

        self.write_json(await self.state.read(read))


class Timeline(MicroHandler):
    """Counts of good and failed events in spans of time."""

    async def post(self) -> None:
        body = self.filters("timeline")
        if body is None:
            return
        buckets = body.get("buckets") or []
        try:
            spans = [(_milliseconds(bucket["start"]), _milliseconds(bucket["end"])) for bucket in buckets]
        except (ValueError, OverflowError) as error:
            self.reject(400, f"invalid start or end of a bucket: {error}")
            return
        counts = await self.state.read(self.state.database.count_in_spans, spans)
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
    if filters.get("event_type") and filters["event_type"] not in {event_type, EVENT_NAMES.get(event_type)}:
        return False
    return all(_complete_uri(uri) in event.entities for uri in filters.get("contexts") or ())


def _conditions(filters: list[dict[str, Any]]) -> list[Condition]:
    """Return the filters as conditions; one without values does not count."""
    conditions = []
    for item in filters:
        values = [value for value in item.get("values", [item.get("value")]) if value is not None]
        if values:
            texts = frozenset(as_text(value).lower() for value in values)
            conditions.append(Condition(item["column"], texts))
    return conditions


def _milliseconds(time: Any) -> int:
    if isinstance(time, int):
        return time
    moment = datetime.fromisoformat(time)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def routes(shared: dict[str, Any]) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """Return the paths and their handlers."""
    return [
        ("/micro/all", All, shared),
        ("/micro/good", Good, shared),
        ("/micro/bad", Bad, shared),
        ("/micro/reset", Reset, shared),
        ("/micro/events", Events, shared),
        ("/micro/timeline", Timeline, shared),
        ("/micro/columns", Columns, shared),
        (r"/micro/iglu/([^/]+)/([^/]+)/jsonschema/([^/]+)", Schema, shared),
        (r"/micro(?:/(?!ui(?:/|$)).*)?", Unknown, shared),
    ]
