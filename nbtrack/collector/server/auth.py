"""Access to what the collector has received: who may read, and who may change it."""

import hmac
import ipaddress
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler, stream_request_body

from nbtrack.collector.server.state import State
from nbtrack.common.collector_address import TOKEN_HEADER

LOG = logging.getLogger("nbtrack.collector")
MAX_QUESTION = 1024 * 1024
"""Bytes of a body that asks for something."""
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """The rules for every path except those that trackers send to.

    Trackers may send from any page and under any host name: they only write, as with any Snowplow collector. Reading
    requires the token, and a Host header that names this machine, so that a web page whose host name was rebound to
    this machine reads nothing. The token is never kept in a cookie: browsers send those to every port of a host.

    Parameters
    ----------
    token : str
    open : bool
        Whether no token is required; the host is checked nevertheless.
    hosts : set of str
        Host names allowed besides those of this machine; ``*`` allows all. Clients with the token may add some.
    """

    token: str
    open: bool
    hosts: set[str]

    def may_read(self, request: HTTPServerRequest) -> bool:
        """Check whether a request may read what was received."""
        return self.is_host_allowed(request) and self.has_token(request)

    def is_host_allowed(self, request: HTTPServerRequest) -> bool:
        """Check whether the Host header names this collector."""
        try:
            host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
        except ValueError:
            return False
        if host in LOOPBACK or host in self.hosts or "*" in self.hosts:
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def has_token(self, request: HTTPServerRequest) -> bool:
        """Check whether the request carries the token, in a header or in the URL."""
        if self.open:
            return True
        bearer = request.headers.get("Authorization", "")
        tokens = [
            request.headers.get(TOKEN_HEADER, ""),
            bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else "",
            request.query_arguments.get("token", [b""])[0].decode("utf-8", "replace"),
        ]
        return any(hmac.compare_digest(text.encode(), self.token.encode()) for text in tokens)

    @staticmethod
    def is_same_origin(request: HTTPServerRequest) -> bool:
        """Check whether a request comes from the live page or from a program, not from a page of another site."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in {"same-origin", "none"}
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        return urlsplit(origin).netloc == request.headers.get("Host")


@stream_request_body
class AuthenticatedHandler(RequestHandler):
    """Base class of the handlers that reply with JSON to those who have the token.

    Attributes
    ----------
    changes : bool
        Whether its requests change anything, so that pages of other sites must not send them.
    requires_token : bool
        Whether the token is required.
    """

    changes = False
    requires_token = True

    def initialize(self, state: State, policy: AccessPolicy) -> None:
        self.state, self.policy = state, policy
        self._body = bytearray()
        self._is_too_large = False

    def data_received(self, chunk: bytes) -> None:
        """Collect the body up to a limit, and only count what comes after it."""
        self._is_too_large = self._is_too_large or len(self._body) + len(chunk) > MAX_QUESTION
        if self._is_too_large:
            self._body.clear()
        else:
            self._body += chunk

    def set_default_headers(self) -> None:
        """Hide the server's name, and let nobody store the response or guess its type."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")

    def prepare(self) -> None:
        if not self.policy.is_host_allowed(self.request):
            self.reject(
                403, "this host name is not allowed; see the setting page_url and the option allowed_hosts"
            )
        elif self.requires_token and not self.policy.has_token(self.request):
            self.reject(401, "the collector's token is required: open the URL that it printed")
        elif self.changes and not self.policy.is_same_origin(self.request):
            self.reject(403, "a page of another site may not do this")
        else:
            self.state.touch()

    def reject(self, status: int, reason: str) -> None:
        """Reply with an error."""
        self.set_status(status)
        self.write_json({"error": reason})

    def write_json(self, value: Any) -> None:
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(orjson.dumps(value))

    def json_body(self) -> dict[str, Any] | None:
        """Return the request's JSON object, empty where it has no body; None after rejecting anything else."""
        try:
            value = None if self._is_too_large else orjson.loads(bytes(self._body) or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            self.reject(400, "a JSON object is expected")
            return None
        return value

    def number_argument(self, name: str, default: float, maximum: float) -> float:
        """Return a number from the query, limited to 0 and `maximum`; `default` for what is not a number."""
        try:
            value = float(self.get_query_argument(name, str(default)))
        except ValueError:
            return default
        return min(max(value, 0.0), maximum) if value == value else default  # noqa: PLR0124 - NaN is not itself

    def log_exception(self, *args: Any) -> None:
        """Log an exception without the URL's query, which may hold the token."""
        LOG.error("%s %s failed", self.request.method, self.request.path, exc_info=args)

    def options(self, *_path: str) -> None:
        """Reply without headers that would allow a page of another site to read."""
        self.finish()
