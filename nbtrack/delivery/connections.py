"""What `transport` needs of urllib3 and requests; loaded with the first request."""

import http.client
import io
import os
import re
import socket
import time
from dataclasses import dataclass
from email.errors import MissingHeaderBodySeparatorDefect
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests.utils
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

SECRET_IN_URL = re.compile(r"//[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a request failed."""

    text: str
    refused: bool = False
    stale: bool = False
    tls: bool = False


def explain(fault: BaseException) -> Cause:
    """Put a network fault into words, without credentials."""
    text = SECRET_IN_URL.sub("//", f"{type(fault).__name__}: {fault}")[:300]
    chain = _chain(fault)
    if _any(chain, SSLError):
        cause = Cause(f"TLS: {text}", tls=True)
    elif _any(chain, ProxyError):
        cause = Cause(f"proxy: {text}")
    elif _any(chain, NameResolutionError):
        cause = Cause("the host's name was not found")
    elif _any(chain, NewConnectionError):  # a kind of ConnectTimeoutError to urllib3
        refused = _any(chain, ConnectionRefusedError)
        cause = Cause("connection refused" if refused else text, refused=refused)
    elif _any(chain, ConnectTimeoutError):
        cause = Cause("no connection in time")
    elif _any(chain, ReadTimeoutError, TimeoutError):
        cause = Cause("no reply in time")
    else:
        cause = Cause(text, stale=isinstance(fault, ProtocolError) and _any(chain, ConnectionError))
    return cause


def _chain(fault: BaseException) -> list[BaseException]:
    """List a fault and what it was made of; urllib3 keeps causes in three places."""
    chain = [fault]
    for one in chain:
        for inner in (getattr(one, "original_error", None), one.__cause__, *one.args):
            if isinstance(inner, BaseException) and inner not in chain:
                chain.append(inner)
    return chain


def _any(chain: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(one, kinds) for one in chain)


class DeadlineSocket:
    """A socket as the reader of one reply sees it: each read gets what is left of the time for all of them.

    A plain timeout starts anew with each byte, so a server that drips a byte a second would hold us for ever.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._limit = sock.gettimeout()

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give the stream `http.client` reads the reply from."""
        deadline = None if self._limit is None else time.monotonic() + self._limit
        return io.BufferedReader(_DeadlineReader(self._sock, deadline))


class _DeadlineReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float | None) -> None:
        self._stream = sock.makefile("rb", buffering=0)
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the reply took too long")
            self._sock.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def begin(self) -> None:
        super().begin()
        # a connection that ends within the headers passes for a whole reply otherwise
        if any(isinstance(one, MissingHeaderBodySeparatorDefect) for one in self.msg.defects):
            raise http.client.BadStatusLine("the reply was cut off")


def _response(sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
    return _Response(DeadlineSocket(sock), **options)  # type: ignore[arg-type]


class _Gathering:
    """Sends the headers of a POST together with the body's first piece: one packet for a small request."""

    _gather = False
    _head = b""

    def request(self, method: str, *arguments: Any, **options: Any) -> None:
        self._gather, self._head = method == "POST", b""
        super().request(method, *arguments, **options)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self._gather:
            self._gather, self._head = False, data
            return
        if self._head:
            data, self._head = b"".join((self._head, data)), b""
        super().send(data)  # type: ignore[misc]


class _Plain(_Gathering, HTTPConnection):
    response_class = staticmethod(_response)  # type: ignore[assignment]


class _Secure(_Gathering, HTTPSConnection):
    response_class = staticmethod(_response)  # type: ignore[assignment]


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


def manager(url: str, size: int) -> urllib3.PoolManager:
    """Make the pools for a URL, with proxy and certificates from the environment as `requests` has them."""
    certificates = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    options: dict[str, Any] = {"maxsize": size, "block": False, "cert_reqs": "CERT_REQUIRED"}
    options["ca_cert_dir" if os.path.isdir(certificates) else "ca_certs"] = certificates  # noqa: PTH112
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    pools: urllib3.PoolManager
    if proxy:
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        user, password = requests.utils.get_auth_from_url(proxy)
        auth = urllib3.make_headers(proxy_basic_auth=f"{user}:{password}") if user else None
        pools = urllib3.ProxyManager(proxy, proxy_headers=auth, **options)
    else:
        pools = urllib3.PoolManager(**options)
    pools.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return pools


def target_of(pool: Any, url: str) -> str:
    """Give the request line's target: the whole URL for a plain proxy, else path and query."""
    if pool.proxy is not None and pool.scheme == "http":
        return url
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def limits(connect: float, read: float) -> urllib3.Timeout:
    """Give urllib3's form of two timeouts."""
    return urllib3.Timeout(connect=connect, read=read)
