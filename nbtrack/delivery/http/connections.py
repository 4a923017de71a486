"""Kept connections to one server: urllib3 opens them; loaded with the first request."""

import os
import weakref
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests.utils
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError, ProxyError
from urllib3.util import Url, parse_url


class Connections:
    """Connections to one server, kept open between requests; as many as threads ask for at once.

    Proxy and certificates come from the environment as `requests` has them.

    Parameters
    ----------
    url
        Of the server.
    size
        How many are kept at most.
    """

    def __init__(self, url: str, size: int) -> None:
        self._size = size
        self._idle: list[HTTPConnection] = []
        proxy = _find_proxy(url)
        self._forwarded = proxy is not None and urlsplit(url).scheme == "http"
        self._make = _find_maker(url, proxy)
        # a plain proxy gets our credentials with each request, another one when it is asked for its tunnel
        self.headers = _proxy_headers(proxy) if self._forwarded else {}
        weakref.finalize(self, _close, self._idle)

    def take(self, timeout: float) -> tuple[HTTPConnection, bool]:
        """Give a connection that is open, and tell whether it is a kept one.

        Parameters
        ----------
        timeout
            Seconds to connect.
        """
        while (kept := self._take_idle()) is not None:
            if kept.is_connected:
                return kept, True
            kept.close()
        made = self._make(timeout)
        try:
            made.connect()
        except (OSError, HTTPError) as fault:
            made.close()
            if made.proxy is not None and not made.has_connected_to_proxy:
                raise ProxyError("the proxy does not answer", fault) from fault
            raise
        return made, False

    def _take_idle(self) -> HTTPConnection | None:
        """Take the one used last: others may age, and be closed by the server."""
        try:
            return self._idle.pop()
        except IndexError:  # asked for, not looked for: another thread may be quicker
            return None

    def give_back(self, connection: HTTPConnection) -> None:
        """Keep a connection for the next request."""
        if len(self._idle) < self._size:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close those that are kept."""
        _close(self._idle)

    def target_of(self, url: str) -> str:
        """Give the request line's target: the whole URL for a plain proxy, else path and query."""
        quoted = requests.utils.requote_uri(url)
        if self._forwarded:
            return quoted
        parts = urlsplit(quoted)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _find_proxy(url: str) -> Url | None:
    found = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    if not found:
        return None
    return parse_url(found if "://" in found else f"http://{found}")


def _find_maker(url: str, proxy: Url | None) -> Callable[[float], HTTPConnection]:
    """Give what makes a connection, not yet open, of a timeout to connect."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    certificates = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    trust: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED"}
    trust["ca_cert_dir" if os.path.isdir(certificates) else "ca_certs"] = certificates  # noqa: PTH112
    if proxy is None:
        return lambda timeout: (
            HTTPSConnection(host, port, timeout=timeout, **trust)
            if secure
            else HTTPConnection(host, port, timeout=timeout)
        )

    def make(timeout: float) -> HTTPConnection:
        way: dict[str, Any] = {
            "timeout": timeout,
            "proxy": proxy,
            "proxy_config": ProxyConfig(None, False, None, None),
        }
        first_port = proxy.port or (443 if proxy.scheme == "https" else 80)
        if not secure and proxy.scheme != "https":
            return HTTPConnection(proxy.host or "", first_port, **way)
        connection = HTTPSConnection(proxy.host or "", first_port, **way, **trust)
        if secure:
            connection.set_tunnel(host, port, _proxy_headers(proxy), proxy.scheme or "http")
        return connection

    return make


def _proxy_headers(proxy: Url | None) -> dict[str, str]:
    user, password = requests.utils.get_auth_from_url(proxy.url) if proxy is not None else ("", "")
    return dict(urllib3.make_headers(proxy_basic_auth=f"{user}:{password}")) if user else {}


def _close(connections: list[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
    connections.clear()
