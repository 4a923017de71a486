"""The paths that trackers send to, as a Snowplow collector has them."""

import asyncio
import base64
import logging
import time
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
from tornado.web import RequestHandler, stream_request_body

from nbtrack.collector.events.adapters import ANONYMOUS, MAX_BODY, Request
from nbtrack.collector.events.pipeline import summarise
from nbtrack.collector.server.auth import AccessPolicy
from nbtrack.collector.server.state import State
from nbtrack.common.collector_address import VALIDATION_HEADER
from nbtrack.protocol import SNOWPLOW_VENDOR

LOG = logging.getLogger("nbtrack.collector")
MAX_IN_FLIGHT = 64 * 1024 * 1024
"""Bytes of all requests that have no reply yet; more get a 503, which trackers retry."""
PIXEL = base64.b64decode("R0lGODlhAQABAPAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
COOKIE_LIFE = timedelta(days=365)
PERSONAL_HEADERS = {"x-forwarded-for", "x-real-ip", "cookie"}
"""Not kept for an anonymous request."""


def allow_origin(handler: RequestHandler) -> None:
    """Let the page that sent the request read the response."""
    handler.set_header("Access-Control-Allow-Origin", handler.request.headers.get("Origin") or "*")
    handler.set_header("Access-Control-Allow-Credentials", "true")


def allow_sending(handler: RequestHandler) -> None:
    """Let pages of any site send: the response to a browser's preflight request."""
    allow_origin(handler)
    handler.set_header("Access-Control-Allow-Headers", "Content-Type, SP-Anonymous")
    handler.set_header("Access-Control-Max-Age", "3600")


@stream_request_body
class TrackerHandler(RequestHandler):
    """Accepts events by POST, by GET and from a pixel's URL."""

    # the response depends on the request alone
    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "OPTIONS")

    def initialize(self, state: State, policy: AccessPolicy) -> None:
        self.state, self.policy = state, policy
        self._chunks: list[bytes] = []
        self._size = 0
        self._held = 0
        self._is_rejected = False

    def set_default_headers(self) -> None:
        """Allow pages of any site to send, with their cookie."""
        self.clear_header("Server")
        allow_origin(self)

    def data_received(self, chunk: bytes) -> None:
        """Collect the body up to the limits of one request and of all, and only count what comes after them."""
        self._size += len(chunk)
        is_full = self.state.bytes_in_flight + len(chunk) > MAX_IN_FLIGHT
        if self._size > MAX_BODY or is_full or self._is_rejected:
            self._is_rejected = self._is_rejected or (is_full and self._size <= MAX_BODY)
            self._release()
        else:
            self._chunks.append(chunk)
            self._held += len(chunk)
            self.state.bytes_in_flight += len(chunk)

    def on_finish(self) -> None:
        self._release()

    def on_connection_close(self) -> None:
        self._release()

    def _release(self) -> None:
        """Release what is held of the body."""
        self._chunks.clear()
        self.state.bytes_in_flight -= self._held
        self._held = 0

    def options(self, *_path: str) -> None:
        allow_sending(self)
        self.finish()

    async def post(self, vendor: str = "", version: str = "") -> None:
        # a pixel's URL accepts no body
        if not vendor or self._size > MAX_BODY or self._is_rejected:
            self.set_status(404 if not vendor else 413 if self._size > MAX_BODY else 503)
            if self._is_rejected:
                self.set_header("Retry-After", "1")
            await self.finish()
            return
        await self._submit(vendor, version)

    async def get(self, vendor: str = SNOWPLOW_VENDOR, version: str = "tp1") -> None:
        await self._submit(vendor, version)

    async def head(self, vendor: str = SNOWPLOW_VENDOR, version: str = "tp1") -> None:
        await self._submit(vendor, version)

    async def _submit(self, vendor: str, version: str) -> None:
        self.state.touch()
        path = self.state.paths.get(f"/{vendor}/{version}", "")
        if path:
            _, vendor, version = path.split("/")
        request = self._read_request(vendor, version)
        try:
            validated = await asyncio.wrap_future(self.state.pipeline.submit(request))
        except Exception:  # noqa: BLE001 - SQLite's errors; they are logged where they happen
            self.set_status(503)
            await self.finish("could not store")
            return
        if self.request.headers.get(VALIDATION_HEADER) and self.policy.may_read(self.request):
            self.set_header("Content-Type", "application/json")
            reply = await self.state.read(summarise, validated, self.state.registry.suggest)
            await self.finish(orjson.dumps(reply))
        elif self.request.method == "POST":
            self.set_header("Content-Type", "text/plain; charset=UTF-8")
            await self.finish("ok")
        else:
            self.set_header("Content-Type", "image/gif")
            self.set_header("Cache-Control", "no-cache, no-store, must-revalidate")
            await self.finish(PIXEL)

    def _read_request(self, vendor: str, version: str) -> Request:
        headers = self.request.headers
        is_anonymous = "SP-Anonymous" in headers
        lines = [
            f"{name}: {value}"
            for name, value in headers.get_all()
            if not (is_anonymous and name.lower() in PERSONAL_HEADERS)
        ]
        forwarded = headers.get("X-Forwarded-For", "").split(",")[0].strip()
        return Request(
            time=time.time_ns() // 1_000_000,
            method=self.request.method or "GET",
            vendor=vendor,
            version=version,
            query=self.request.query,
            content_type=headers.get("Content-Type"),
            headers=lines,
            ip="unknown" if is_anonymous else forwarded or self.request.remote_ip,
            useragent=headers.get("User-Agent"),
            referer=headers.get("Referer"),
            nuid=self._network_user_id(is_anonymous=is_anonymous),
            hostname=self.request.host_name,
            body=b"".join(self._chunks),
            campaigns=self.state.campaigns,
        )

    def _network_user_id(self, *, is_anonymous: bool) -> str:
        """Return the network user id of the query, the cookie or a new one, and set the cookie."""
        if is_anonymous:
            if "sp" in self.request.cookies:
                self._set_network_user_id("", datetime.fromtimestamp(0, UTC))
            return ANONYMOUS
        cookie = self.request.cookies.get("sp")
        argument = self.request.query_arguments.get("nuid", [b""])[0].decode("utf-8", "replace")
        nuid = argument or (cookie.value if cookie else "")
        try:
            nuid = str(uuid.UUID(nuid))
        except ValueError:
            nuid = str(uuid.uuid4())
        self._set_network_user_id(nuid, datetime.now(UTC) + COOKIE_LIFE)
        return nuid

    def _set_network_user_id(self, nuid: str, until: datetime) -> None:
        expires = format_datetime(until, usegmt=True)
        self.add_header(
            "Set-Cookie", f"sp={nuid}; Expires={expires}; Path=/; Secure; HttpOnly; SameSite=None"
        )

    def log_exception(self, *args: Any) -> None:
        """Keep the log to one line."""
        LOG.warning("%s %s: %s", self.request.method, self.request.path, args[1])


class PlainHandler(RequestHandler):
    """Replies with the same text to everybody."""

    SUPPORTED_METHODS = ("GET", "HEAD", "OPTIONS", "POST")

    def initialize(self, status: int = 200, text: str = "ok") -> None:
        self._status, self._text = status, text

    def prepare(self) -> None:
        self.clear_header("Server")
        if self.request.method == "OPTIONS":
            allow_sending(self)
            self.finish()
            return
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.set_status(self._status)
        self.finish(self._text)
