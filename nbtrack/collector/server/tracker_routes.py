"""What trackers talk to: the paths of a Snowplow collector."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import orjson
from tornado.web import RequestHandler, stream_request_body

from nbtrack.collector.events.adapters import ANONYMOUS, MAX_BODY, Request
from nbtrack.collector.names import VERDICT_HEADER
from nbtrack.protocol import SNOWPLOW_VENDOR

if TYPE_CHECKING:
    from nbtrack.collector.server.app import State

PIXEL = base64.b64decode("R0lGODlhAQABAPAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
COOKIE_LIFE = timedelta(days=365)
STRIPPED = {"x-forwarded-for", "x-real-ip", "cookie"}


def allow_origin(handler: RequestHandler) -> None:
    """Let the page that asks read the answer."""
    handler.set_header("Access-Control-Allow-Origin", handler.request.headers.get("Origin") or "*")
    handler.set_header("Access-Control-Allow-Credentials", "true")


def allow_sending(handler: RequestHandler) -> None:
    """Answer a browser that asks whether a page may send."""
    allow_origin(handler)
    handler.set_header("Access-Control-Allow-Headers", "Content-Type, SP-Anonymous")
    handler.set_header("Access-Control-Max-Age", "3600")


@stream_request_body
class TrackingHandler(RequestHandler):
    """Takes events by POST, by GET and from an image's address."""

    # the answer depends on the request alone
    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "OPTIONS")

    def initialize(self, state: State) -> None:
        """Take what all handlers share."""
        self.state = state
        self._chunks: list[bytes] = []
        self._size = 0

    def set_default_headers(self) -> None:
        """Allow pages of any site to send, with their cookie."""
        self.clear_header("Server")
        allow_origin(self)

    def data_received(self, chunk: bytes) -> None:
        """Collect the body up to the limit, and only count what comes after it."""
        self._size += len(chunk)
        if self._size <= MAX_BODY:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    def options(self, *_path: str) -> None:
        """Answer a browser that asks first."""
        allow_sending(self)
        self.finish()

    async def post(self, vendor: str = "", version: str = "") -> None:
        """Take a body of events; the image's addresses have none."""
        if not vendor:
            self.set_status(404)
            await self.finish()
            return
        if self._size > MAX_BODY:
            self.set_status(413)
            await self.finish()
            return
        await self._take(vendor, version)

    async def get(self, vendor: str = SNOWPLOW_VENDOR, version: str = "tp1") -> None:
        """Take one event from the query."""
        await self._take(vendor, version)

    async def head(self, vendor: str = SNOWPLOW_VENDOR, version: str = "tp1") -> None:
        """Do as GET."""
        await self._take(vendor, version)

    async def _take(self, vendor: str, version: str) -> None:
        wanted = self.request.headers.get(VERDICT_HEADER)
        self.state.touched = time.monotonic()
        request = self._describe(vendor, version)
        try:
            answer = await asyncio.wrap_future(self.state.pipeline.submit(request))
        except Exception:  # noqa: BLE001 - SQLite's errors; they are logged where they happen
            self.set_status(503)
            await self.finish("could not store")
            return
        if wanted:
            self.set_header("Content-Type", "application/json")
            await self.finish(orjson.dumps(answer.as_dict()))
        elif self.request.method == "POST":
            self.set_header("Content-Type", "text/plain; charset=UTF-8")
            await self.finish("ok")
        else:
            self.set_header("Content-Type", "image/gif")
            self.set_header("Cache-Control", "no-cache, no-store, must-revalidate")
            await self.finish(PIXEL)

    def _describe(self, vendor: str, version: str) -> Request:
        headers = self.request.headers
        anonymous = "SP-Anonymous" in headers
        content_type = headers.get("Content-Type")
        lines = [
            f"{name}: {value}"
            for name, value in headers.get_all()
            if not (anonymous and name.lower() in STRIPPED)
        ]
        forwarded = headers.get("X-Forwarded-For", "").split(",")[0].strip()
        return Request(
            time=time.time_ns() // 1_000_000,
            method=self.request.method or "GET",
            vendor=vendor,
            version=version,
            query=self.request.query,
            content_type=content_type,
            headers=lines,
            ip="unknown" if anonymous else forwarded or self.request.remote_ip,
            useragent=headers.get("User-Agent"),
            referer=headers.get("Referer"),
            nuid=self._network_user(anonymous=anonymous),
            hostname=self.request.host_name,
            body=b"".join(self._chunks),
        )

    def _network_user(self, *, anonymous: bool) -> str:
        if anonymous:
            if "sp" in self.request.cookies:
                self._set_network_user("", datetime.fromtimestamp(0, UTC))
            return ANONYMOUS
        cookie = self.request.cookies.get("sp")
        named = self.request.query_arguments.get("nuid", [b""])[0].decode("utf-8", "replace")
        nuid = named or (cookie.value if cookie else "")
        try:
            nuid = str(uuid.UUID(nuid))
        except ValueError:
            nuid = str(uuid.uuid4())
        self._set_network_user(nuid, datetime.now(UTC) + COOKIE_LIFE)
        return nuid

    def _set_network_user(self, nuid: str, until: datetime) -> None:
        expires = format_datetime(until, usegmt=True)
        self.add_header(
            "Set-Cookie", f"sp={nuid}; Expires={expires}; Path=/; Secure; HttpOnly; SameSite=None"
        )

    def log_exception(self, *args: Any) -> None:
        """Keep the log to one line."""
        self.state.log.warning("%s %s: %s", self.request.method, self.request.path, args[1])


class PlainHandler(RequestHandler):
    """Answers the same text to everybody."""

    SUPPORTED_METHODS = ("GET", "HEAD", "OPTIONS", "POST")

    def initialize(self, status: int = 200, text: str = "ok") -> None:
        """Take the answer."""
        self._answer = (status, text)

    def prepare(self) -> None:
        """Answer; a browser that asks first hears yes everywhere."""
        self.clear_header("Server")
        if self.request.method == "OPTIONS":
            allow_sending(self)
            self.finish()
            return
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.set_status(self._answer[0])
        self.finish(self._answer[1])
