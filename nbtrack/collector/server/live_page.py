"""The live page, and the stream that keeps it up to date."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from nbtrack.collector.events.bad_rows import sentence
from nbtrack.collector.events.database import EventFilter, StoredEvent
from nbtrack.collector.events.enrichment import enrich_all
from nbtrack.collector.server.auth import AuthenticatedHandler
from nbtrack.collector.server.nbtrack_routes import event_line
from nbtrack.collector.server.search import Condition, Scan
from nbtrack.protocol import EVENT_NAMES, FIELDS

ASSETS = Path(__file__).parents[2] / "assets" / "live"
CONTENT_TYPES = {
    ".html": "text/html; charset=UTF-8",
    ".js": "text/javascript; charset=UTF-8",
    ".css": "text/css; charset=UTF-8",
    ".svg": "image/svg+xml",
}
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
SEARCH_SECONDS = 1.0
"""Seconds after which a search replies with what it found so far."""
LONG_COLUMNS = frozenset({"entities", "reason"})
"""Columns of which a part is enough to match."""
KEYS = {spec.column: key for key, spec in reversed(list(FIELDS.items())) if spec.column}
"""Payload keys by the column that they fill."""
MESSAGE_ROWS = 500
MAX_CATCH_UP = MESSAGE_ROWS
"""Rows that a page is sent of those that came before it, or while it was away; it reads the others where somebody looks."""
MESSAGE_PAUSE = 0.1
"""Seconds between messages: a page draws no more often."""
KEEP_ALIVE = 15.0
"""Seconds after which a message is sent even without news, before a proxy gives up."""


class Page(AuthenticatedHandler):
    """The page itself, at ``/micro/ui/``.

    It is the same for everybody and holds no event. The token in its URL stays in the browser's session storage, which no
    other port and no other site can read; behind a proxy it stands in the URL's fragment, which is sent to nobody.
    """

    requires_token = False

    def get(self) -> None:
        if self.request.path.endswith("/ui/"):
            send_asset(self, "index.html")
            return
        # relative, so that it works behind a proxy that adds to the path
        place = {"/": "micro/ui/", "/micro/ui": "ui/"}.get(self.request.path, "./")
        self.set_status(302)
        self.set_header("Location", f"{place}?{self.request.query}" if self.request.query else place)
        self.finish()

    head = get

    def reject(self, status: int, reason: str) -> None:
        """Reply with an error as plain text, which a person reads."""
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(f"nbtrack: {reason}\n")


class Asset(RequestHandler):
    """Scripts and styles: the same for everybody, so no token is required."""

    def get(self, name: str) -> None:
        if (ASSETS / name).is_file() and name != "index.html":
            send_asset(self, name)
        else:
            self.set_status(404)
            self.finish()


def send_asset(handler: RequestHandler, name: str) -> None:
    """Reply with a file of the page."""
    path = ASSETS / name
    handler.clear_header("Server")
    handler.set_header("Content-Type", CONTENT_TYPES[path.suffix])
    handler.set_header("Content-Security-Policy", CONTENT_POLICY)
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Cache-Control", "no-cache")
    handler.finish(path.read_bytes())


class Fields(AuthenticatedHandler):
    """The column that each payload key fills."""

    def get(self) -> None:
        self.write_json({key: spec.column for key, spec in FIELDS.items() if spec.column})


class Search(AuthenticatedHandler):
    """A page of the events that match the page's filters, searched for, sorted and cut in the database.

    The reply comes after a second at the latest, with what was found so far: the same question goes on with the search.
    """

    async def get(self) -> None:
        where = self._conditions()
        if where is None:
            self.reject(400, "where must be a JSON list of [column, [value, …]]")
            return
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(await self.state.read(self._search, where))

    def _conditions(self) -> list[Condition] | None:
        try:
            pairs = orjson.loads(self.get_query_argument("where", "[]"))
            return [
                Condition(
                    str(column), frozenset(str(value).lower() for value in values), column in LONG_COLUMNS
                )
                for column, values in pairs
            ]
        except (ValueError, TypeError):
            return None

    def _search(self, where: list[Condition]) -> bytes:
        database, get = self.state.database, self.get_query_argument
        size = int(self.number_argument("size", 100, MESSAGE_ROWS))
        first = int(self.number_argument("first", 0, 2**53))
        before = int(self.number_argument("before", database.last + 1, 2**53))
        chosen = EventFilter(
            {"good": True, "bad": False}.get(get("filter", "")),
            since=self._time("since"),
            until=self._time("until"),
            before=before,
        )
        words = tuple(get("q", "").lower().split())
        column, is_descending = get("sort", "time"), get("desc", "1") == "1"
        if not where and not words and column == "time":
            events = database.read(chosen, limit=size, newest=is_descending, offset=first)
            found = total = database.count_matching(chosen)
            is_done = True
        else:
            sort = None if column == "time" and is_descending else (column, is_descending)
            key = (database.epoch, database.removed, chosen, tuple(where), words, sort)
            scan = self.state.scans.get(key, lambda: Scan(database, chosen, where, words, sort, page_values))
            scan.advance(SEARCH_SECONDS)
            events = database.read_ids(scan.page(first, size))
            found, total, is_done = scan.found, scan.searched, scan.is_done
        head = {"found": found, "searched": total, "is_done": is_done, "before": before}
        lines = b",".join(event_line(event, self.state.registry.suggest) for event in events)
        return b'%b,"rows":[%b]}' % (orjson.dumps(head)[:-1], lines)

    def _time(self, name: str) -> int | None:
        return int(self.number_argument(name, 0, 2**53)) if self.get_query_argument(name, "") else None


def page_values(events: Sequence[StoredEvent], names: Sequence[str]) -> Iterator[list[Any]]:
    """Yield what the page shows of events in columns."""
    columns = [_column(events, name) for name in names]
    return ([column[place] for column in columns] for place in range(len(events)))


def _column(events: Sequence[StoredEvent], name: str) -> list[Any]:
    own = OWN_COLUMNS.get(name)
    if own is not None:
        return [own(event) or None for event in events]
    if name.startswith("data."):
        envelopes = enrich_all(events, frozenset({"unstruct_event"})).get("unstruct_event")
        documents = [envelope["data"]["data"] if envelope else None for envelope in envelopes or ()]
        member = name.removeprefix("data.")
        values = [data.get(member) if isinstance(data, dict) else None for data in documents]
        return values or [None] * len(events)
    key = KEYS.get(name, name)
    return [event.payload.get(key) if event.payload else None for event in events]


def _label(event: StoredEvent) -> str:
    event_type = (event.payload or {}).get("e", "")
    if event_type in EVENT_NAMES and event_type != "ue":
        return EVENT_NAMES[event_type]
    if event.schema:
        return event.schema.split("/")[1]
    return str(event.failure["kind"]) if event.failure else "event"


def _reasons(event: StoredEvent) -> str:
    return " · ".join(
        sentence(reason["field"], reason["path"], reason["message"]) for reason in event.reasons
    )


OWN_COLUMNS: Mapping[str, Callable[[StoredEvent], Any]] = {
    "time": lambda event: event.request.time,
    "status": lambda event: "good" if event.good else "failed",
    "event": _label,
    "schema": lambda event: event.schema,
    "entities": lambda event: ", ".join(uri.split("/")[1] for uri in event.entities if "/" in uri),
    "reason": _reasons,
}
"""The page's columns that are no field of the payload."""


class Stream(AuthenticatedHandler):
    """Counts, minutes and new rows, as server-sent events."""

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        # a proxy that passes a stream on piece by piece may pass on compressed pieces without saying so
        self.set_header("Content-Encoding", "identity")
        self.set_header("X-Accel-Buffering", "no")
        database = self.state.database
        epoch, row = self._last_position()
        is_first = True
        try:
            while not self.state.stop.is_set():
                if epoch != database.epoch:
                    epoch, row = database.epoch, 0
                skipped = max(0, database.last - row - MAX_CATCH_UP)
                row += skipped
                chosen = EventFilter(after=row)
                events = await self.state.read(database.read, chosen, limit=MESSAGE_ROWS)
                lines = [event_line(event, self.state.registry.suggest) for event in events]
                row = events[-1].id if events else row
                is_behind = len(events) == MESSAGE_ROWS
                await self._send(epoch, row, lines, 0 if is_first and row == 0 else skipped)
                is_first = False
                if not is_behind:
                    while not await self.state.wait_for_commit(KEEP_ALIVE) and not self.state.stop.is_set():
                        self.write(b": keep-alive\n\n")
                        await self.flush()
                await asyncio.sleep(MESSAGE_PAUSE)
        except (StreamClosedError, asyncio.CancelledError):  # the page was closed, or the collector stops
            return

    def _last_position(self) -> tuple[int, int]:
        """Return the epoch and the row that the page has already."""
        epoch, _, row = self.request.headers.get("Last-Event-ID", "").partition("-")
        return (int(epoch), int(row)) if epoch.isdigit() and row.isdigit() else (self.state.database.epoch, 0)

    async def _send(self, epoch: int, row: int, lines: list[bytes], skipped: int) -> None:
        database = self.state.database
        counts = {
            **database.counts(),
            "repeats": database.repeats,
            "removed": database.removed,
            "epoch": epoch,
            "skipped": skipped,
            "minutes": {str(minute): counted for minute, counted in database.minutes.copy().items()},
        }
        head = orjson.dumps(counts)[:-1]
        self.write(b'id: %d-%d\ndata: %b,"rows":[%b]}\n\n' % (epoch, row, head, b",".join(lines)))
        self.state.touch()
        await self.flush()


def routes(
    shared: dict[str, Any],
) -> list[tuple[str, type[RequestHandler]] | tuple[str, type[RequestHandler], Any]]:
    """Return the paths and their handlers."""
    return [
        (r"/(?:micro/ui/?)?", Page, shared),
        (r"/micro/ui/([a-z]+\.(?:js|css|svg))", Asset),
        ("/nbtrack/fields", Fields, shared),
        ("/nbtrack/search", Search, shared),
        ("/nbtrack/stream", Stream, shared),
    ]
