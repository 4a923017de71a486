"""Kept connections to one server; urllib3 opens them, and is loaded with this module."""

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
    """Connections to one server, kept open between requests; as many as threads use at once.

    Proxy and certificates come from the environment by the rules of `requests`.

    Parameters
    ----------
    url : str
        URL of the server.
    size : int
        Most connections to keep while idle.
    """

    def __init__(self, url: str, size: int) -> None:
        self._size = size
        self._idle: list[HTTPConnection] = []
        proxy = _find_proxy(url)
        self._forwarded = proxy is not None and urlsplit(url).scheme == "http"
        self._create = _connection_factory(url, proxy)
        # a plain proxy needs credentials with each request, a tunnelling one when the tunnel is opened
        self.headers = _proxy_headers(proxy) if self._forwarded else {}
        weakref.finalize(self, _close_all, self._idle)

    def take(self, timeout: float) -> tuple[HTTPConnection, bool]:
        """Return an open connection, and whether it is a kept one.

        Parameters
        ----------
        timeout : float
            Seconds to connect.
        """
        while (idle := self._take_idle()) is not None:
            if idle.is_connected:
                return idle, True
            idle.close()
        connection = self._create(timeout)
        try:
            connection.connect()
        except (OSError, HTTPError) as error:
            connection.close()
            if connection.proxy is not None and not connection.has_connected_to_proxy:
                raise ProxyError("cannot connect to the proxy", error) from error
            raise
        return connection, False

    def _take_idle(self) -> HTTPConnection | None:
        """Take the one used last: the others may age, and be closed by the server."""
        try:
            return self._idle.pop()
        except IndexError:  # not checked before: another thread may be quicker
            return None

    def give_back(self, connection: HTTPConnection) -> None:
        """Keep a connection for the next request."""
        if len(self._idle) < self._size:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the idle connections."""
        _close_all(self._idle)

    def target_of(self, url: str) -> str:
        """Return the target of the request line: the whole URL for a plain proxy, else path and query."""
        quoted = requests.utils.requote_uri(url)
        if self._forwarded:
            return quoted
        parts = urlsplit(quoted)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _find_proxy(url: str) -> Url | None:
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    if not proxy:
        return None
    return parse_url(proxy if "://" in proxy else f"http://{proxy}")


def _connection_factory(url: str, proxy: Url | None) -> Callable[[float], HTTPConnection]:
    """Return a function that creates a connection, not yet open, with a timeout to connect."""
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

    def create(timeout: float) -> HTTPConnection:
        options: dict[str, Any] = {
            "timeout": timeout,
            "proxy": proxy,
            "proxy_config": ProxyConfig(None, False, None, None),
        }
        proxy_port = proxy.port or (443 if proxy.scheme == "https" else 80)
        if not secure and proxy.scheme != "https":
            return HTTPConnection(proxy.host or "", proxy_port, **options)
        connection = HTTPSConnection(proxy.host or "", proxy_port, **options, **trust)
        if secure:
            connection.set_tunnel(host, port, _proxy_headers(proxy), proxy.scheme or "http")
        return connection

    return create


def _proxy_headers(proxy: Url | None) -> dict[str, str]:
    user, password = requests.utils.get_auth_from_url(proxy.url) if proxy is not None else ("", "")
    return dict(urllib3.make_headers(proxy_basic_auth=f"{user}:{password}")) if user else {}


def _close_all(connections: list[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
    connections.clear()
