"""What `transport` needs of urllib3 and requests; loaded with the first request."""

import functools
import http.client
import io
import os
import re
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests.certs
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
    chain: list[BaseException] = [fault]
    while (inner := getattr(chain[-1], "original_error", None) or chain[-1].__cause__) is not None:
        if inner in chain:
            break
        chain.append(inner)
    kinds = tuple(type(one) for one in chain)
    if any(issubclass(kind, SSLError) for kind in kinds):
        return Cause(f"TLS: {text}", tls=True)
    if any(issubclass(kind, ProxyError) for kind in kinds):
        return Cause(f"proxy: {text}")
    if isinstance(fault, NameResolutionError):
        return Cause("the host's name was not found")
    if isinstance(fault, ConnectTimeoutError):
        return Cause("no connection in time")
    if isinstance(fault, NewConnectionError):
        refused = any(issubclass(kind, ConnectionRefusedError) for kind in kinds)
        return Cause("connection refused" if refused else text, refused=refused)
    if isinstance(fault, ReadTimeoutError | TimeoutError):
        return Cause("no reply in time")
    stale = isinstance(fault, ProtocolError) and any(
        isinstance(one, ConnectionError) for one in (*fault.args, *chain)
    )
    return Cause(text, stale=stale)


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
        return self._stream.readinto(buffer)  # type: ignore[attr-defined, no-any-return]

    def close(self) -> None:
        self._stream.close()
        super().close()


def _response(sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
    return http.client.HTTPResponse(DeadlineSocket(sock), **options)  # type: ignore[arg-type]


class _Plain(HTTPConnection):
    response_class = staticmethod(_response)  # type: ignore[assignment]


class _Secure(HTTPSConnection):
    response_class = staticmethod(_response)  # type: ignore[assignment]


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


def manager(url: str, size: int) -> urllib3.PoolManager:
    """Make the pools for a URL, with proxy and certificates from the environment as `requests` has them."""
    certificates = (
        os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or requests.certs.where()
    )
    options: dict[str, Any] = {"maxsize": size, "block": False, "cert_reqs": "CERT_REQUIRED"}
    options["ca_cert_dir" if os.path.isdir(certificates) else "ca_certs"] = certificates  # noqa: PTH112
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    pools: urllib3.PoolManager
    if proxy:
        proxy = requests.utils.prepend_scheme_if_needed(proxy, "http")
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


@functools.lru_cache(maxsize=64)
def limits(connect: float, read: float) -> urllib3.Timeout:
    """Give urllib3's form of two timeouts."""
    return urllib3.Timeout(connect=connect, read=read)
