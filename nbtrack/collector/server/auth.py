"""Who may see what the collector has received."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from nbtrack.collector.names import TOKEN_HEADER

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for everything but a tracker's own paths.

    Trackers may send from any page and under any host name: they only write, as at a real collector. Reading needs
    the token, and a Host header that is ours, so that a page whose name was pointed at this machine reads nothing.

    Parameters
    ----------
    token : str
    open : bool
        Whether no token is needed; the host is checked all the same.
    hosts : frozenset of str
        Host names allowed besides those of this machine. ``*`` allows all.
    port : int
        Part of the cookie's name, as cookies of one host are shared by its ports.
    """

    token: str
    open: bool
    hosts: frozenset[str]
    port: int

    @property
    def cookie(self) -> str:
        """Name of the cookie that holds the token."""
        return f"nbtrack_{self.port}"

    def host_allowed(self, request: HTTPServerRequest) -> bool:
        """Tell whether the Host header names this collector."""
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

    def token_given(self, request: HTTPServerRequest) -> bool:
        """Tell whether the request carries the token: in a header, in the cookie or in the address."""
        if self.open:
            return True
        bearer = request.headers.get("Authorization", "")
        cookie = request.cookies.get(self.cookie)
        given = [
            request.headers.get(TOKEN_HEADER, ""),
            bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else "",
            cookie.value if cookie else "",
            request.query_arguments.get("token", [b""])[0].decode("utf-8", "replace"),
        ]
        return any(hmac.compare_digest(text.encode(), self.token.encode()) for text in given)

    @staticmethod
    def same_origin(request: HTTPServerRequest) -> bool:
        """Tell whether a change is asked for by our own page or by a program, not by another site's page."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in {"same-origin", "none"}
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        return urlsplit(origin).netloc == request.headers.get("Host")
