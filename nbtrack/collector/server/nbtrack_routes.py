"""What nbtrack's own clients ask the collector: paths below ``/nbtrack``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson
from tornado.web import RequestHandler

from nbtrack.collector.events.queries import by_schema, counts, export_rows, matching, summary
from nbtrack.collector.server.micro_requests import Body, misfit
from nbtrack.schemas import BadSchema

if TYPE_CHECKING:
    from nbtrack.collector.server.app import State

MAX_WAIT = 25.0


class GuardedHandler(RequestHandler):
    """Answers JSON to those who have the token."""

    changes = False

    def initialize(self, state: State) -> None:
        """Take what all handlers share."""
        self.state = state

    def set_default_headers(self) -> None:
        """Say nothing of the server, and let nobody keep or guess at the answer."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")

    def prepare(self) -> None:
        """Refuse whoever has no right to the answer."""
        guard = self.state.guard
        if not guard.host_allowed(self.request):
            self.refuse(403, "this host name is not allowed; see the setting for allowed hosts")
        elif not guard.token_given(self.request):
            self.refuse(401, "the collector's token is needed: open the address it printed")
        elif self.changes and not guard.same_origin(self.request):
            self.refuse(403, "another site's page may not do this")
        else:
            self.state.touched = time.monotonic()

    def refuse(self, status: int, reason: str) -> None:
        """Answer with an error."""
        self.set_status(status)
        self.write_json({"error": reason})

    def write_json(self, value: Any) -> None:
        """Answer."""
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(orjson.dumps(value))

    def json_body(self, kind: Body | None = None) -> dict[str, Any]:
        """Read the request's JSON object; an empty one stands for no body, and for one that was refused."""
        try:
            value = orjson.loads(self.request.body or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            self.refuse(400, "a JSON object is expected")
            return {}
        wrong = misfit(kind, value) if kind else ""
        if wrong:
            self.refuse(400, wrong)
            return {}
        return value

    def number(self, name: str, default: float, most: float) -> float:
        """Read a number of the query, held between 0 and a bound; what is none counts as the default."""
        try:
            value = float(self.get_query_argument(name, str(default)))
        except ValueError:
            return default
        return min(max(value, 0.0), most) if value == value else default  # noqa: PLR0124 - NaN is not itself

    def options(self, *_path: str) -> None:
        """Answer with nothing: no other site's page may read."""
        self.set_status(200)
        self.finish()


class Summary(GuardedHandler):
    """Counts and the newest events."""

    def get(self) -> None:
        """Answer."""
        self.write_json(summary(self.state.database) | {"url": f"http://{self.request.host}"})


class BySchema(GuardedHandler):
    """Counts by schema."""

    def get(self) -> None:
        """Answer."""
        self.write_json(by_schema(self.state.database))


class Wait(GuardedHandler):
    """Answers when enough events are there, or after a while with how many are."""

    async def get(self) -> None:
        """Answer."""
        want = self.number("n", 1, 2**53)
        schema, event_id = self.get_query_argument("schema", ""), self.get_query_argument("event_id", "")
        good = {"1": True, "0": False}.get(self.get_query_argument("good", ""))
        deadline = time.monotonic() + self.number("timeout", 10, MAX_WAIT)
        while True:
            found = matching(self.state.database, good=good, schema=schema, event_id=event_id)
            left = deadline - time.monotonic()
            if found >= want or left <= 0:
                break
            await self.state.news(left)
        self.write_json({"found": found, **counts(self.state.database)})


class Rows(GuardedHandler):
    """A page of stored events as JSON lines, oldest first."""

    def get(self) -> None:
        """Answer."""
        good = {"1": True, "0": False}.get(self.get_query_argument("good", ""))
        lines = export_rows(
            self.state.database,
            good=good,
            schema=self.get_query_argument("schema", ""),
            event_id=self.get_query_argument("event_id", ""),
            after=int(self.number("after", 0, 2**53)),
            limit=int(self.number("limit", 1000, 10_000)),
            newest=self.get_query_argument("newest", "") == "1",
        )
        self.set_header("Content-Type", "application/x-ndjson")
        self.finish(lines)


class Reset(GuardedHandler):
    """Deletes all events."""

    changes = True

    def post(self) -> None:
        """Delete."""
        self.state.database.reset()
        self.state.changed()
        self.write_json(counts(self.state.database))


class Schemas(GuardedHandler):
    """Takes a schema for this collector's run."""

    changes = True

    def post(self) -> None:
        """Register."""
        body = self.json_body()
        if self._finished:
            return
        try:
            self.write_json({"uri": self.state.registry.register(body)})
        except BadSchema as error:
            self.refuse(422, str(error))


class Presence(GuardedHandler):
    """Notes a kernel that uses this collector, or that it left."""

    changes = True

    def post(self) -> None:
        """Note."""
        body = self.json_body()
        pid, action = body.get("pid"), body.get("action", "join")
        if isinstance(pid, int) and action == "join":
            self.state.kernels[pid] = str(body.get("started", ""))
        elif isinstance(pid, int):
            self.state.kernels.pop(pid, None)
        if not self._finished:
            self.write_json({"kernels": len(self.state.kernels)})


class Stop(GuardedHandler):
    """Ends the collector."""

    changes = True

    def post(self) -> None:
        """End."""
        self.write_json({"stopping": True})
        self.state.stop.set()


def routes(shared: dict[str, Any]) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """List the paths."""
    handlers = {
        "summary": Summary, "by_schema": BySchema, "wait": Wait, "rows": Rows, "reset": Reset, "schemas": Schemas,
        "presence": Presence, "stop": Stop,
    }  # fmt: skip
    return [(f"/nbtrack/{name}", handler, shared) for name, handler in handlers.items()]
