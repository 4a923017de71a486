"""One HTTP request: big bodies, kept connections, no cookies, no exceptions for network faults."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from nbtrack._version import __version__
from nbtrack.common.arguments import check_headers
from nbtrack.delivery.retry import parse_retry_after
from nbtrack.protocol import POST_PATH

if TYPE_CHECKING:
    from nbtrack.delivery.http.connections import Connections
    from nbtrack.delivery.http.exchange import Answer

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]] | None

JSON_TYPE = "application/json; charset=utf-8"
TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and to read a whole reply."""
TLS_RETRY_SECONDS = 30.0
"""A certificate does not mend itself in a second."""
REPLY_BYTES = 65_536
WEB_PAGE = (b"<!doctype html", b"<html")
KEPT_METHOD = frozenset({307, 308})
MAX_REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one request.

    Attributes
    ----------
    status
        HTTP status; None when no reply came.
    error
        Why no collector answered, in a few words without credentials; None when one did.
    retry_after
        Seconds the server asked to wait, if it did.
    elapsed
        Seconds the request took.
    body
        The first bytes of the reply, at most 64 KiB.
    refused
        The failure was quick and plain (nobody listens there), so a cheap probe may follow soon.
    """

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    elapsed: float = 0.0
    body: bytes = b""
    refused: bool = False


class Transport:
    """Requests to one collector over kept connections.

    Parameters
    ----------
    base_url
        Scheme, host, port and maybe a leading path, as "https://c.example.com".
    path
        Path of the endpoint below it.
    method
        "post" or "get": what `send` uses.
    headers
        Extra headers, or a function that gives them for each request (a token that changes).
    timeout
        Seconds to connect, and to read a whole reply.
    pool
        Connections kept; requests may be made from as many threads.

    Notes
    -----
    Proxies and certificates come from the environment by the rules of `requests`. Cookies are not kept: a
    collector's cookie would give all events one network user id.

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
        method: str = "post",
        headers: Headers = None,
        timeout: tuple[float, float] = TIMEOUT,
        pool: int = 1,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.url = self.base_url + path
        self.method = method
        self._headers = headers
        self._standard = {
            "Host": _host_of(self.base_url),
            "Accept-Encoding": "identity",
            "User-Agent": f"py-nbtrack/{__version__}",
        }
        self._timeout = timeout
        self._pool = pool
        self._connections: Connections | None = None
        self._opening = threading.Lock()

    def post(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        """POST a JSON body given in parts.

        Parameters
        ----------
        parts
            The body's pieces in order.
        anonymous
            Ask the collector not to keep IP address and cookies (``SP-Anonymous: *``).
        budget
            Seconds left for it all; shortens the timeouts.
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
        started = time.monotonic()
        try:
            extra = (self._headers() if callable(self._headers) else self._headers) or {}
            check_headers(extra)
        except Exception as fault:  # noqa: BLE001 - the user's function
            return Reply(error=f"headers: {type(fault).__name__}")
        own = {}
        if method == "POST":
            own["Content-Type"] = JSON_TYPE
            own["Content-Length"] = str(sum(map(len, parts)))
        if anonymous:
            own["SP-Anonymous"] = "*"
        headers = merge_headers(self._standard, extra, own)
        reply = Reply()
        for _ in range(MAX_REDIRECTS + 1):
            reply, location = self._once(method, url, parts, headers, budget)
            target = urljoin(url, location or "")
            if reply.status not in KEPT_METHOD or not location or not _same_server(url, target):
                break
            url = target
        return replace(reply, elapsed=time.monotonic() - started)

    def _once(
        self,
        method: str,
        url: str,
        parts: Sequence[bytes | memoryview],
        headers: Mapping[str, str | bytes],
        budget: float | None,
    ) -> tuple[Reply, str | None]:
        # urllib3 and requests load here: 0.2 s that an import of ours must not take
        from nbtrack.delivery.http import errors as causes  # noqa: PLC0415
        from nbtrack.delivery.http import exchange  # noqa: PLC0415

        connect, read = (
            max(0.01, min(limit, budget)) if budget is not None else limit for limit in self._timeout
        )
        for last in (False, True):
            connection, reused = None, False
            try:
                connections = self._open()
                target = connections.target_of(url)
                head = exchange.write_head(method, target, {**headers, **connections.headers})
                connection, reused = connections.take(connect)
                answer = exchange.ask(connection.sock, head, parts, read, REPLY_BYTES)
            except causes.FAULTS as fault:
                if connection is not None:
                    connection.close()
                cause = causes.explain(fault)
                # A kept connection that the server closed meanwhile: try once on a fresh one.
                if cause.stale and reused and not last:
                    continue
                slow = TLS_RETRY_SECONDS if cause.tls else None
                return Reply(error=cause.text, refused=cause.refused, retry_after=slow), None
            except BaseException:
                if connection is not None:
                    connection.close()
                raise
            if answer.reusable:
                connections.give_back(connection)
            else:
                connection.close()
            return _understand(answer), answer.headers.get("location")
        raise AssertionError  # pragma: no cover

    def _open(self) -> "Connections":
        from nbtrack.delivery.http.connections import Connections  # noqa: PLC0415

        with self._opening:
            if self._connections is None:
                self._connections = Connections(self.base_url, self._pool)
            return self._connections


def _understand(answer: "Answer") -> Reply:
    return Reply(
        status=answer.status,
        error=find_portal(answer.status, answer.body),
        body=answer.body,
        retry_after=parse_retry_after(answer.headers.get("retry-after")),
    )


def merge_headers(*several: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """Merge headers, of which the later ones count, whatever the case of their names."""
    merged = {name.lower(): (name, value) for headers in several for name, value in headers.items()}
    return dict(merged.values())


def find_portal(status: int, body: bytes) -> str | None:
    """Tell a 2xx that is no delivery: the sign-in page of a train's network answers for everybody.

    Collectors answer a POST with "ok" and a GET with a picture.
    """
    if 200 <= status < 300 and body[:100].lstrip().lower().startswith(WEB_PAGE):  # noqa: PLR2004
        return f"HTTP {status} with a web page: no collector, perhaps the network's sign-in page"
    return None


def _same_server(url: str, target: str) -> bool:
    old, new = urlsplit(url), urlsplit(target)
    return (old.scheme, old.hostname, old.port) == (new.scheme, new.hostname, new.port)


def _host_of(url: str) -> str:
    """Give what stands between a URL's scheme and its path, without credentials and the scheme's own port."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return host.removesuffix(":443" if parts.scheme == "https" else ":80")
