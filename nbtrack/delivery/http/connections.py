"""Kept connections to one server, directly or through a proxy; each is open within a deadline, name lookup included."""

import base64
import contextlib
import os
import re
import select
import socket
import ssl
import weakref
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from nbtrack.common.clock import monotonic
from nbtrack.delivery.http.errors import ConnectTimeoutError, InvalidReplyError, ProxyError
from nbtrack.delivery.http.exchange import read_head
from nbtrack.delivery.http.resolver import resolve

SAFE_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"
"""Characters of a URL that are not quoted, as `requests` has it."""
BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
DEFAULT_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}
CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
MIN_SECONDS = 0.001
"""A timeout of 0 would mean "do not wait at all" to a socket."""


def load_modules(url: str, proxies: Mapping[str, str] | None = None) -> None:
    """Import what requests to a URL need, so that no import happens on a sending thread.

    A child that is forked during an import never gets the import lock, which nobody in it releases.
    """
    "a".encode("idna")  # host names are encoded with it
    if url.startswith("https:"):
        import certifi  # noqa: F401, PLC0415
    if not urlsplit(url).netloc.isascii():
        import idna  # noqa: F401, PLC0415
    if proxies is not None or _names_a_proxy():
        import requests.utils  # noqa: F401, PLC0415

        with contextlib.suppress(ModuleNotFoundError):
            import socks  # noqa: F401, PLC0415


class Connections:
    """Connections to one server, kept open between requests; as many as threads use at once.

    Proxy and certificates come from the environment by the rules of `requests`, unless they are given.

    Parameters
    ----------
    url : str
        URL of the server.
    size : int
        Most connections to keep while idle.
    proxies : mapping of str to str, optional
        Proxy of each scheme, in place of the environment's.
    verify : bool or str
        Whether to check certificates, or the file or folder of those to trust.

    Raises
    ------
    OSError
        If the file of certificates is missing.
    """

    def __init__(
        self,
        url: str,
        size: int,
        *,
        proxies: Mapping[str, str] | None = None,
        verify: bool | str = True,
    ) -> None:
        self._size = size
        self._idle: list[socket.socket] = []
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host, self._port = _ascii_host(parts.hostname or ""), _port_of(parts)
        self._proxy = _find_proxy(url, proxies)
        self._verify = verify
        self._context = _trust(verify) if self._secure else None
        self._forwarded = (
            self._proxy is not None and not self._secure and self._proxy.scheme in {"http", "https"}
        )
        # a plain proxy needs credentials with each request, a tunnelling one when the tunnel is opened
        self.headers = _proxy_headers(self._proxy) if self._proxy and self._forwarded else {}
        weakref.finalize(self, _close_all, self._idle)

    def take(self, deadline: float) -> tuple[socket.socket, bool]:
        """Return an open connection, and whether it is a kept one.

        Parameters
        ----------
        deadline : float
            When to give up connecting, on the monotonic clock.
        """
        while (idle := self._take_idle()) is not None:
            if not _is_closed(idle):
                return idle, True
            idle.close()
        try:
            return self._open(deadline), False
        except ssl.SSLError:
            raise
        except TimeoutError as error:
            raise ConnectTimeoutError(str(error)) from error

    def _take_idle(self) -> socket.socket | None:
        """Take the one used last: the others may age, and be closed by the server."""
        try:
            return self._idle.pop()
        except IndexError:  # not checked before: another thread may be quicker
            return None

    def _open(self, deadline: float) -> socket.socket:
        proxy = self._proxy
        if proxy is None:
            sock = _connect(self._host, self._port, deadline)
        elif proxy.scheme in {"http", "https"}:
            sock = self._connect_to_proxy(proxy, deadline)
        else:
            sock = _connect_through_socks(proxy, self._host, self._port, deadline)
        try:
            if self._context is None:
                return sock
            return _start_tls(self._context, sock, self._host, deadline)
        except BaseException:
            sock.close()
            raise

    def _connect_to_proxy(self, proxy: SplitResult, deadline: float) -> socket.socket:
        host = _ascii_host(proxy.hostname or "")
        try:
            sock = _connect(host, _port_of(proxy), deadline)
        except TimeoutError as error:
            raise ProxyError("connecting to the proxy timed out") from error
        except OSError as error:
            raise ProxyError(f"cannot connect to the proxy ({error})") from error
        try:
            if proxy.scheme == "https":
                sock = _start_tls(_trust(self._verify), sock, host, deadline)
            if not self._forwarded:
                self._open_tunnel(sock, proxy, deadline)
        except BaseException:
            sock.close()
            raise
        return sock

    def _open_tunnel(self, sock: socket.socket, proxy: SplitResult, deadline: float) -> None:
        host = f"[{self._host}]" if ":" in self._host else self._host
        target = f"{host}:{self._port}"
        lines = [
            f"CONNECT {target} HTTP/1.1",
            f"Host: {target}",
            *(f"{name}: {value}" for name, value in _proxy_headers(proxy).items()),
        ]
        sock.settimeout(max(MIN_SECONDS, deadline - monotonic()))
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        try:
            status = read_head(sock, deadline)
        except InvalidReplyError as error:
            raise ProxyError(str(error)) from error
        if not 200 <= status < 300:  # noqa: PLR2004
            raise ProxyError(f"the proxy refused the connection with HTTP {status}")

    def give_back(self, connection: socket.socket) -> None:
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
        parts = urlsplit(url)
        target = _quote(parts.path or "/")
        if parts.query:
            target += f"?{_quote(parts.query)}"
        return f"{parts.scheme}://{host_header(url)}{target}" if self._forwarded else target


def _quote(text: str) -> str:
    """Quote what a URL cannot hold; a percent sign only where it begins no escape, as `requests` does."""
    return quote(text, safe=SAFE_CHARACTERS.replace("%", "") if BAD_ESCAPE.search(text) else SAFE_CHARACTERS)


def host_header(url: str) -> str:
    """Return a URL's host, and its port unless it is the scheme's own; without credentials."""
    parts = urlsplit(url)
    host = _ascii_host(parts.hostname or "")
    host = f"[{host}]" if ":" in host else host
    return host if _port_of(parts) == DEFAULT_PORTS.get(parts.scheme) else f"{host}:{parts.port}"


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first address that accepts; those that remain share the time that is left."""
    addresses = resolve(host, port, deadline - monotonic())
    last: OSError = OSError(f"host name {host} has no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError("connecting took too long")
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(max(MIN_SECONDS, left / (len(addresses) - index)))
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last


def _start_tls(context: ssl.SSLContext, sock: socket.socket, host: str, deadline: float) -> socket.socket:
    sock.settimeout(max(MIN_SECONDS, deadline - monotonic()))
    return context.wrap_socket(sock, server_hostname=host.rstrip("."))


def _trust(verify: bool | str) -> ssl.SSLContext:
    """Return a TLS context with the certificates that `requests` would use."""
    if verify is False:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    variable, path = "", verify if isinstance(verify, str) else ""
    for name in () if path else CERTIFICATE_VARIABLES:
        if os.environ.get(name):
            variable, path = name, os.environ[name]
            break
    if not path:
        import certifi  # noqa: PLC0415 - only where nothing else is named

        path = certifi.where()
    if not Path(path).exists():
        source = f" (named by {variable})" if variable else ""
        raise FileNotFoundError(f"no such file of CA certificates: {path}{source}")
    if Path(path).is_dir():
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


def _is_closed(sock: socket.socket) -> bool:
    """Check whether the server closed an idle connection, or sent what nobody asked for."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


def _ascii_host(host: str) -> str:
    """Return a host name as it is looked up; international names in their ASCII form, as `requests` does."""
    if host.isascii():
        return host
    import idna  # noqa: PLC0415 - rarely needed

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"invalid host name {host!r}: {error}") from None


def _port_of(parts: SplitResult) -> int:
    return parts.port or DEFAULT_PORTS.get(parts.scheme, 80)


def _find_proxy(url: str, proxies: Mapping[str, str] | None) -> SplitResult | None:
    if proxies is None and not _names_a_proxy():
        return None
    import requests.utils  # noqa: PLC0415 - slow to load, and only behind a proxy

    known = dict(requests.utils.get_environ_proxies(url)) if proxies is None else dict(proxies)
    proxy = requests.utils.select_proxy(url, known)
    if not proxy:
        return None
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError(f"unknown kind of proxy: {parts.scheme}")
    return parts


def _names_a_proxy() -> bool:
    if os.name == "nt" or os.uname().sysname == "Darwin":
        return True  # the system's settings may name one
    return any(name.lower().endswith("_proxy") and value for name, value in os.environ.items())


def _connect_through_socks(proxy: SplitResult, host: str, port: int, deadline: float) -> socket.socket:
    try:
        import socks  # noqa: PLC0415 - an optional dependency, as of requests
    except ModuleNotFoundError:
        raise ProxyError("a SOCKS proxy needs the package PySocks: pip install pysocks") from None
    kind = socks.SOCKS4 if proxy.scheme.startswith("socks4") else socks.SOCKS5
    sock: socket.socket = socks.socksocket()
    sock.set_proxy(  # type: ignore[attr-defined]
        kind,
        proxy.hostname,
        _port_of(proxy),
        rdns=proxy.scheme in {"socks5h", "socks4a"},
        username=unquote(proxy.username) if proxy.username else None,
        password=unquote(proxy.password) if proxy.password else None,
    )
    sock.settimeout(max(MIN_SECONDS, deadline - monotonic()))
    try:
        sock.connect((host, port))
    except (socks.ProxyConnectionError, socks.GeneralProxyError) as error:
        sock.close()
        raise ProxyError(f"SOCKS proxy: {error}") from error
    return sock


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    token = base64.b64encode(secret.encode()).decode("ascii")
    return {"Proxy-Authorization": f"Basic {token}"}


def _close_all(connections: list[socket.socket]) -> None:
    for connection in connections:
        connection.close()
    connections.clear()
