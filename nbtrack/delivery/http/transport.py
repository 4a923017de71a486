"""HTTP requests to one collector: large bodies, kept connections, no cookies, no exceptions for network errors."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from nbtrack._version import __version__
from nbtrack.common.arguments import check_headers
from nbtrack.common.clock import monotonic
from nbtrack.delivery.http.connections import Connections, host_header
from nbtrack.delivery.http.errors import REQUEST_ERRORS, describe_failure
from nbtrack.delivery.http.exchange import Response, no_sigpipe, send_request, write_head
from nbtrack.delivery.models import Reply
from nbtrack.delivery.retry import parse_retry_after
from nbtrack.protocol import POST_PATH

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]] | None

JSON_TYPE = "application/json; charset=utf-8"
TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and to read a whole reply."""
TLS_RETRY_SECONDS = 30.0
"""A certificate is not replaced within a second."""
MAX_REPLY_BYTES = 65_536
WEB_PAGE = (b"<!doctype html", b"<html")
METHOD_KEEPING_REDIRECTS = frozenset({307, 308})
MAX_REDIRECTS = 3


class TransportProtocol(Protocol):
    """What a sender needs of a transport; none of the methods raises for network errors."""

    def post(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        """POST a body."""

    def get(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        """GET with a query."""

    def close(self) -> None:
        """Close the connections."""


class Transport:
    """Requests to one collector over kept connections.

    Parameters
    ----------
    base_url : str
        Scheme, host, port and optionally a leading path, such as "https://c.example.com".
    path : str
        Path of the endpoint below it.
    headers : mapping or callable, optional
        Extra headers, or a function that returns them for each request (a token that changes).
    timeout : tuple of float
        Seconds to connect, and to read a whole reply.
    pool : int
        Connections to keep; requests may be made from as many threads.
    proxies : mapping of str to str, optional
        Proxy of each scheme, in place of the environment's.
    verify : bool or str
        Whether to check certificates, or the file or folder of those to trust.

    Notes
    -----
    Proxies and certificates come from the environment by the rules of `requests`. Cookies are not kept: a collector's
    cookie would give all events one network user id.

    Examples
    --------
    >>> transport = Transport("http://127.0.0.1:9", timeout=(0.2, 0.2))
    >>> transport.post([b"{}"]).status is None
    True
    >>> transport.close()
    """

    def __init__(
        self,
        base_url: str,
        *,
        path: str = POST_PATH,
        headers: Headers = None,
        timeout: tuple[float, float] = TIMEOUT,
        pool: int = 1,
        proxies: Mapping[str, str] | None = None,
        verify: bool | str = True,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.url = self.base_url + path
        self._headers = headers
        self._standard_headers = {
            "Host": host_header(self.base_url),
            "Accept-Encoding": "identity",
            "User-Agent": f"py-nbtrack/{__version__}",
        }
        self._timeout = timeout
        self._pool = pool
        self._proxies = proxies
        self._verify = verify
        self._connections: Connections | None = None
        self._opening = threading.Lock()

    def post(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        """POST a JSON body given in parts.

        Parameters
        ----------
        parts : sequence of bytes
            The body, in order.
        anonymous : bool
            Whether to ask the collector not to keep IP address and cookies (``SP-Anonymous: *``).
        budget : float, optional
            Seconds left for everything; shortens the timeouts.
        """
        return self._request("POST", self.url, parts, anonymous, budget)

    def get(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        """GET with a query string; see `post` for the other parameters."""
        return self._request("GET", f"{self.url}?{query}", (), anonymous, budget)

    def close(self) -> None:
        """Close the kept connections."""
        connections, self._connections = self._connections, None
        if connections is not None:
            connections.close()

    def _request(
        self,
        method: str,
        url: str,
        parts: Sequence[bytes | memoryview],
        anonymous: bool,
        budget: float | None,
    ) -> Reply:
        started = monotonic()
        deadline = math.inf if budget is None else started + budget
        try:
            extra = (self._headers() if callable(self._headers) else self._headers) or {}
            check_headers(extra)
        except Exception as error:  # noqa: BLE001 - the user's function
            return Reply(error=f"headers: {type(error).__name__}", unsent=True)
        own = {}
        if method == "POST":
            own["Content-Type"] = JSON_TYPE
            own["Content-Length"] = str(sum(map(len, parts)))
        if anonymous:
            own["SP-Anonymous"] = "*"
        headers = merge_headers(self._standard_headers, extra, own)
        reply = Reply()
        for _ in range(MAX_REDIRECTS + 1):
            reply, location = self._request_once(method, url, parts, headers, deadline)
            target = urljoin(url, location or "")
            if (
                reply.status not in METHOD_KEEPING_REDIRECTS
                or not location
                or not _is_same_server(url, target)
            ):
                break
            url = target
        return replace(reply, elapsed=monotonic() - started)

    def _request_once(
        self,
        method: str,
        url: str,
        parts: Sequence[bytes | memoryview],
        headers: Mapping[str, str | bytes],
        deadline: float,
    ) -> tuple[Reply, str | None]:
        connect_timeout, read_timeout = self._timeout
        for last in (False, True):
            connection, reused = None, False
            try:
                connections = self._open()
                target = connections.target_of(url)
                head = write_head(method, target, {**headers, **connections.headers})
                with no_sigpipe():
                    connection, reused = connections.take(min(deadline, monotonic() + connect_timeout))
                    response = send_request(
                        connection,
                        head,
                        parts,
                        timeout=read_timeout,
                        deadline=deadline,
                        max_body=MAX_REPLY_BYTES,
                    )
            except REQUEST_ERRORS as error:
                if connection is not None:
                    connection.close()
                failure = describe_failure(error)
                # the server may have closed a kept connection meanwhile: try once on a fresh one
                if failure.stale and reused and not last:
                    continue
                retry_after = TLS_RETRY_SECONDS if failure.tls else None
                return Reply(
                    error=failure.text,
                    refused=failure.refused,
                    retry_after=retry_after,
                    unsent=connection is None,
                ), None
            except BaseException:
                if connection is not None:
                    connection.close()
                raise
            if response.reusable:
                connections.give_back(connection)
            else:
                connection.close()
            return _as_reply(response), response.headers.get("location")
        raise AssertionError  # pragma: no cover

    def _open(self) -> Connections:
        with self._opening:
            if self._connections is None:
                self._connections = Connections(
                    self.base_url, self._pool, proxies=self._proxies, verify=self._verify
                )
            return self._connections


def limit_timeout(timeout: tuple[float, float], budget: float | None) -> tuple[float, float]:
    """Return the seconds to connect and to read, each within the budget."""
    if budget is None:
        return timeout
    connect, read = timeout
    return max(0.01, min(connect, budget)), max(0.01, min(read, budget))


def _as_reply(response: Response) -> Reply:
    return Reply(
        status=response.status,
        error=find_portal(response.status, response.body),
        body=response.body,
        retry_after=parse_retry_after(response.headers.get("retry-after")),
    )


def merge_headers(*several: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """Merge headers; later ones win, whatever the case of their names."""
    merged = {name.lower(): (name, value) for headers in several for name, value in headers.items()}
    return dict(merged.values())


def find_portal(status: int, body: bytes) -> str | None:
    """Return why a 2xx is no delivery, or None if it is one.

    Collectors reply to a POST with "ok" and to a GET with an image; the sign-in page of a public network replies to
    every request.
    """
    if 200 <= status < 300 and body[:100].lstrip().lower().startswith(WEB_PAGE):  # noqa: PLR2004
        return f"HTTP {status} with a web page: not a collector, perhaps the network's sign-in page"
    return None


def _is_same_server(url: str, target: str) -> bool:
    old, new = urlsplit(url), urlsplit(target)
    return (old.scheme, old.hostname, old.port) == (new.scheme, new.hostname, new.port)
