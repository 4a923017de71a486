"""The paths below ``/nbtrack``, which nbtrack's own clients use."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from tornado.web import RequestHandler

from nbtrack.collector.events.adapters import PayloadForm, Request
from nbtrack.collector.events.bad_rows import add_nearest, sentence
from nbtrack.collector.events.database import EventFilter, StoredEvent
from nbtrack.collector.server.auth import AuthenticatedHandler
from nbtrack.schemas import BadSchema

MAX_WAIT = 25.0
"""Seconds that a request may wait for events."""
MAX_PAGE = 10_000
"""Events of one response."""


class Summary(AuthenticatedHandler):
    """Counts and the latest events."""

    async def get(self) -> None:
        summary = self.state.database.summary()
        for name in ("last", "last_bad", "last_repeats"):
            summary[name] = await self.state.read(self._show, summary[name])
        self.write_json(summary | {"url": f"http://{self.request.host}"})

    def _show(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        suggest = self.state.registry.suggest
        return [
            event
            | {
                "reasons": [
                    *(
                        sentence(reason["field"], reason["path"], reason["message"])
                        for reason in add_nearest(event["reasons"], suggest)
                    ),
                    *(f"tracking plan: {finding}" for finding in event["findings"]),
                ]
            }
            for event in events
        ]


class BySchema(AuthenticatedHandler):
    """Counts by schema."""

    async def get(self) -> None:
        self.write_json(await self.state.read(self.state.database.count_by_schema))


class KnownSchemas(AuthenticatedHandler):
    """The schemas of stored events, and those that are similar to one."""

    async def get(self) -> None:
        schemas = await self.state.read(self.state.database.schemas)
        self.write_json({"schemas": schemas})


class ChoosingHandler(AuthenticatedHandler):
    """Base class of the handlers whose query chooses events."""

    def chosen_events(self) -> EventFilter:
        """Return what the query chooses."""
        get = self.get_query_argument
        return EventFilter(
            {"1": True, "0": False}.get(get("good", "")),
            schema=get("schema", ""),
            name=get("name", ""),
            event_id=get("event_id", ""),
            app_id=get("app_id", ""),
            session=get("session", ""),
            since=self._time_argument("since"),
            until=self._time_argument("until"),
            after=int(self.number_argument("after", 0, 2**53)),
            only_findings=get("findings", "") == "1",
        )

    def _time_argument(self, name: str) -> int | None:
        if not self.get_query_argument(name, ""):
            return None
        return int(self.number_argument(name, 0, 2**53))


class Wait(ChoosingHandler):
    """Replies when enough events have arrived, or after a while with how many have."""

    async def get(self) -> None:
        expected = self.number_argument("n", 1, 2**53)
        chosen = self.chosen_events()
        deadline = time.monotonic() + self.number_argument("timeout", 10, MAX_WAIT)
        while True:
            count = await self.state.read(self.state.database.count_matching, chosen)
            left = deadline - time.monotonic()
            if count >= expected or left <= 0:
                break
            await self.state.wait_for_commit(left)
        self.write_json({"found": count, **self.state.database.counts()})


class Rows(ChoosingHandler):
    """A page of stored events as lines of JSON, oldest first, for pages and for clients of earlier versions.

    A line is ``[id, good, schema, failure, notes, payload, request]`` with the request as ``[time, vendor, version,
    method, ip, useragent, referer, nuid, hostname]``.
    """

    async def get(self) -> None:
        events = await self.state.read(
            self.state.database.read,
            self.chosen_events(),
            limit=int(self.number_argument("limit", 1000, MAX_PAGE)),
            newest=self.get_query_argument("newest", "") == "1",
        )
        self.set_header("Content-Type", "application/x-ndjson")
        self.finish(b"\n".join(event_line(event, self.state.registry.suggest) for event in events))


class Requests(ChoosingHandler):
    """A page of stored events by the requests they came in, oldest first; bodies are passed on as they are."""

    async def get(self) -> None:
        limit = int(self.number_argument("limit", 1000, MAX_PAGE))
        body = await self.state.read(self._read, self.chosen_events(), limit)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(body)

    def _read(self, chosen: EventFilter, limit: int) -> bytes:
        newest = self.get_query_argument("newest", "") == "1"
        documents = []
        for stored in self.state.database.read_requests(chosen, limit=limit, newest=newest):
            is_readable = stored.form is not PayloadForm.UNREADABLE
            head = {
                "request": request_fields(stored.request),
                "form": stored.form,
                "ids": [row for row, _ in stored.places],
                "positions": [position for _, position in stored.places],
                "results": {
                    str(row): (schema, failure and self._explain(failure), notes and orjson.loads(notes))
                    for row, (schema, failure, notes) in stored.results.items()
                },
            }
            payload = stored.payload if is_readable else b"null"
            documents.append(b'%b,"payload":%b}' % (orjson.dumps(head)[:-1], payload))
        return b"[%b]" % b",".join(documents)

    def _explain(self, failure: str) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(failure)
        document["reasons"] = add_nearest(document["reasons"], self.state.registry.suggest)
        return document


def event_line(event: StoredEvent, suggest: Callable[[str], Sequence[str]]) -> bytes:
    """Return an event as a line of JSON."""
    failure = event.failure and event.failure | {"reasons": add_nearest(event.reasons, suggest)}
    request = event.request
    origin = [
        request.time, request.vendor, request.version, request.method, request.ip, request.useragent, request.referer,
        request.nuid, request.hostname,
    ]  # fmt: skip
    return orjson.dumps(
        [event.id, int(event.good), event.schema, failure, event.notes or None, event.payload, origin]
    )


def request_fields(request: Request) -> dict[str, Any]:
    """Return what a client needs of a request to fill an event's columns."""
    names = (
        "time",
        "method",
        "vendor",
        "version",
        "ip",
        "useragent",
        "referer",
        "nuid",
        "hostname",
        "campaigns",
    )
    return {name: getattr(request, name) for name in names}


class Reset(AuthenticatedHandler):
    """Deletes all events."""

    changes = True

    async def post(self) -> None:
        self.write_json(await self.state.reset())


class Forget(AuthenticatedHandler):
    """Deletes the events of an application, of a session, or from before a time."""

    changes = True

    async def post(self) -> None:
        body = self.json_body()
        if body is None:
            return
        app_id, session, before = body.get("app_id"), body.get("session"), body.get("before")
        texts_are_fine = all(isinstance(text, str | None) for text in (app_id, session))
        if (
            not texts_are_fine
            or not isinstance(before, int | None)
            or body.keys() - {"app_id", "session", "before"}
        ):
            self.reject(400, "app_id and session must be strings, before a Unix timestamp in milliseconds")
            return
        if not (app_id or session or before):
            self.reject(400, "one of app_id, session and before is required")
            return
        chosen = EventFilter(app_id=app_id or "", session=session or "", until=before)
        removed = await self.state.read(self.state.database.forget, chosen)
        self.state.notify()
        self.write_json({"removed": removed, **self.state.database.counts()})


class Schemas(AuthenticatedHandler):
    """Adds a schema for as long as this collector runs."""

    changes = True

    def post(self) -> None:
        schema = self.json_body()
        if schema is None:
            return
        try:
            self.write_json({"uri": self.state.registry.register(schema)})
        except BadSchema as error:
            self.reject(422, str(error))


class Hosts(AuthenticatedHandler):
    """Adds host names by which the collector may be addressed."""

    changes = True

    def post(self) -> None:
        body = self.json_body()
        if body is None:
            return
        hosts = body.get("hosts")
        if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
            self.reject(400, "hosts must be a list of host names")
            return
        self.policy.hosts.update(host.lower() for host in hosts)
        self.write_json({"hosts": sorted(self.policy.hosts)})


class Presence(AuthenticatedHandler):
    """Notes that a kernel uses this collector, or no longer does."""

    changes = True

    def post(self) -> None:
        body = self.json_body()
        if body is None:
            return
        pid = body.get("pid")
        if isinstance(pid, int):
            if body.get("action", "join") == "join":
                self.state.kernels[pid] = str(body.get("started", ""))
            else:
                self.state.kernels.pop(pid, None)
        self.write_json({"kernels": len(self.state.kernels)})


class Stop(AuthenticatedHandler):
    """Stops the collector."""

    changes = True

    def post(self) -> None:
        self.write_json({"stopping": True})
        self.state.stop.set()


def routes(shared: dict[str, Any]) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """Return the paths and their handlers."""
    handlers = {
        "summary": Summary, "by_schema": BySchema, "wait": Wait, "rows": Rows, "requests": Requests, "reset": Reset,
        "forget": Forget, "schemas": Schemas, "known_schemas": KnownSchemas,
        "hosts": Hosts, "presence": Presence, "stop": Stop,
    }  # fmt: skip
    return [(f"/nbtrack/{name}", handler, shared) for name, handler in handlers.items()]
