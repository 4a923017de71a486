"""The paths below ``/nbtrack``, which nbtrack's own clients use."""

import time
from typing import Any

from tornado.web import RequestHandler

from nbtrack.collector.events.database import EventFilter
from nbtrack.collector.server.auth import AuthenticatedHandler
from nbtrack.schemas import BadSchema

MAX_WAIT = 25.0
"""Seconds that a request may wait for events."""
MAX_PAGE = 10_000
"""Events of one response."""


class Summary(AuthenticatedHandler):
    """Counts and the latest events."""

    def get(self) -> None:
        self.write_json(self.state.database.summary() | {"url": f"http://{self.request.host}"})


class BySchema(AuthenticatedHandler):
    """Counts by schema."""

    def get(self) -> None:
        self.write_json(self.state.database.count_by_schema())


class ChoosingHandler(AuthenticatedHandler):
    """Base class of the handlers whose query chooses events."""

    def chosen_events(self) -> EventFilter:
        good = {"1": True, "0": False}.get(self.get_query_argument("good", ""))
        schema, event_id = self.get_query_argument("schema", ""), self.get_query_argument("event_id", "")
        return EventFilter(good, schema, event_id)


class Wait(ChoosingHandler):
    """Replies when enough events have arrived, or after a while with how many have."""

    async def get(self) -> None:
        expected = self.number_argument("n", 1, 2**53)
        chosen = self.chosen_events()
        deadline = time.monotonic() + self.number_argument("timeout", 10, MAX_WAIT)
        while True:
            count = self.state.database.count_matching(chosen)
            left = deadline - time.monotonic()
            if count >= expected or left <= 0:
                break
            await self.state.wait_for_commit(left)
        self.write_json({"found": count, **self.state.database.counts()})


class Rows(ChoosingHandler):
    """A page of stored events as lines of JSON, oldest first."""

    def get(self) -> None:
        lines = self.state.database.read_lines(
            self.chosen_events(),
            after=int(self.number_argument("after", 0, 2**53)),
            limit=int(self.number_argument("limit", 1000, MAX_PAGE)),
            newest=self.get_query_argument("newest", "") == "1",
        )
        self.set_header("Content-Type", "application/x-ndjson")
        self.finish("\n".join(lines))


class Reset(AuthenticatedHandler):
    """Deletes all events."""

    changes = True

    def post(self) -> None:
        self.write_json(self.state.reset())


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
        "summary": Summary, "by_schema": BySchema, "wait": Wait, "rows": Rows, "reset": Reset, "schemas": Schemas,
        "presence": Presence, "stop": Stop,
    }  # fmt: skip
    return [(f"/nbtrack/{name}", handler, shared) for name, handler in handlers.items()]
