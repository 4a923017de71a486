"""The live page and its stream of news."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from nbtrack.collector.events.queries import counts, export_rows
from nbtrack.collector.server.nbtrack_routes import GuardedHandler
from nbtrack.protocol import FIELDS

ASSETS = Path(__file__).parents[2] / "assets" / "live"
TYPES = {
    ".html": "text/html; charset=UTF-8",
    ".js": "text/javascript; charset=UTF-8",
    ".css": "text/css; charset=UTF-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# rows of one message, rows a page is ever sent to catch up, and seconds between messages
MESSAGE = 500
CATCH_UP = 5_000
PAUSE = 0.1
ALIVE = 15.0


class Page(GuardedHandler):
    """The page itself, at ``/micro/ui/``; it gives the token in the address a cookie to live in."""

    def get(self) -> None:
        """Answer."""
        if "token" in self.request.query_arguments:
            guard = self.state.guard
            self.set_cookie(guard.cookie, guard.token, httponly=True, samesite="Lax", path="/")
        if self.request.path.endswith("/ui/") and "token" not in self.request.query_arguments:
            send_asset(self, "index.html")
        else:
            # relative, so that it holds behind a proxy that adds to the path
            self.set_status(302)
            self.set_header("Location", {"/": "micro/ui/", "/micro/ui": "ui/"}.get(self.request.path, "./"))
            self.finish()

    head = get

    def refuse(self, status: int, reason: str) -> None:
        """Answer a person."""
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(f"nbtrack: {reason}\n")


class Asset(RequestHandler):
    """Scripts and styles: the same for everybody, so nobody is asked who they are."""

    def get(self, name: str) -> None:
        """Answer."""
        if (ASSETS / name).is_file() and name != "index.html":
            send_asset(self, name)
        else:
            self.set_status(404)
            self.finish()


def send_asset(handler: RequestHandler, name: str) -> None:
    """Answer with a file of the page."""
    path = ASSETS / name
    handler.clear_header("Server")
    handler.set_header("Content-Type", TYPES[path.suffix])
    handler.set_header("Content-Security-Policy", POLICY)
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Cache-Control", "no-cache")
    handler.finish(path.read_bytes())


class Fields(GuardedHandler):
    """Which column a payload's key fills."""

    def get(self) -> None:
        """Answer."""
        self.write_json({key: spec.column for key, spec in FIELDS.items() if spec.column})


class Stream(GuardedHandler):
    """News as server-sent events: counts, minutes and the rows that are new."""

    async def get(self) -> None:
        """Send until the page is gone."""
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("X-Accel-Buffering", "no")
        database = self.state.database
        epoch, row = self._place()
        first = True
        try:
            while not self.state.stop.is_set():
                if epoch != database.epoch:
                    epoch, row = database.epoch, 0
                skipped = max(0, database.last - row - CATCH_UP)
                row += skipped
                rows = export_rows(
                    database, good=None, schema="", event_id="", after=row, limit=MESSAGE, newest=False
                )
                lines = rows.split(b"\n") if rows else []
                row = orjson.loads(lines[-1])[0] if lines else row
                behind = row < database.last and bool(lines)
                await self._send(epoch, row, lines, 0 if first and row == 0 else skipped)
                first = False
                if not behind:
                    while not await self.state.news(ALIVE) and not self.state.stop.is_set():
                        self.write(b": still here\n\n")
                        await self.flush()
                # a page draws no more often than this, and others want the loop too
                await asyncio.sleep(PAUSE)
        except (StreamClosedError, asyncio.CancelledError):  # the page is gone, or the collector ends
            return

    def _place(self) -> tuple[int, int]:
        """Take up where the page says it was."""
        said = self.request.headers.get("Last-Event-ID", "")
        epoch, _, row = said.partition("-")
        return (int(epoch), int(row)) if epoch.isdigit() and row.isdigit() else (self.state.database.epoch, 0)

    async def _send(self, epoch: int, row: int, lines: list[bytes], skipped: int) -> None:
        database = self.state.database
        state = {
            **counts(database),
            "repeats": database.repeats,
            "epoch": epoch,
            "skipped": skipped,
            "minutes": {str(minute): counted for minute, counted in database.minutes.copy().items()},
        }
        head = orjson.dumps(state)[:-1]
        self.write(b'id: %d-%d\ndata: %b,"rows":[%b]}\n\n' % (epoch, row, head, b",".join(lines)))
        self.state.touched = time.monotonic()
        await self.flush()


def routes(
    shared: dict[str, Any],
) -> list[tuple[str, type[RequestHandler]] | tuple[str, type[RequestHandler], Any]]:
    """List the paths."""
    return [
        (r"/(?:micro/ui/?)?", Page, shared),
        (r"/micro/ui/([a-z]+\.(?:js|css|svg))", Asset),
        ("/nbtrack/fields", Fields, shared),
        ("/nbtrack/stream", Stream, shared),
    ]
