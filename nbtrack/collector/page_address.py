"""Where a browser finds the live page: at the collector's own address, or through the proxy of a Jupyter server.

A browser on another machine than the kernel cannot open a loopback address. jupyter-server-proxy passes requests on to
it, behind the server's own login. What is needed to write that address stands in the environment that a JupyterHub
gives its servers, and in the file that a Jupyter server writes about itself.
"""

import importlib.util
import ipaddress
import json
import os
import re
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PROXY_FILE = "jupyter-server-proxy.json"
"""Enables jupyter-server-proxy for a server; the package installs it into its environment."""
_LOCAL_NAMES = ("", "localhost")
_ON_BINDER = ("BINDER_LAUNCH_HOST", "BINDER_REPO_URL", "BINDER_REQUEST")


@dataclass(frozen=True, slots=True)
class PageAddress:
    """The address of a collector's live page, for the user's browser.

    Parameters
    ----------
    base : str
        What the page's path is added to: a URL, or a path where the name of the server's host is unknown. The
        collector's own address where no browser reaches it.
    is_proxied : bool
        Whether a Jupyter server passes requests on.
    is_reachable : bool
        Whether a browser is known to reach it.
    hosts : tuple of str
        Host names that the collector must accept; ``*`` for all.
    """

    base: str
    is_proxied: bool = False
    is_reachable: bool = True
    hosts: tuple[str, ...] = ()

    @property
    def has_host(self) -> bool:
        """Whether the base is a URL, not only a path."""
        return not self.base.startswith("/")

    def with_token(self, token: str) -> str:
        """Return the page's URL, which opens it.

        Behind a proxy the token stands in the fragment, which browsers send to nobody: neither the proxy nor the hub
        sees or logs it.

        Parameters
        ----------
        token : str
            The collector's token.

        Examples
        --------
        >>> PageAddress("http://127.0.0.1:9090").with_token("secret")
        'http://127.0.0.1:9090/micro/ui?token=secret'
        >>> PageAddress("https://hub.acme.com/user/ann/proxy/9090", is_proxied=True).with_token("secret")
        'https://hub.acme.com/user/ann/proxy/9090/micro/ui/#token=secret'
        """
        quoted = urllib.parse.quote(token)
        return (
            f"{self.base}/micro/ui/#token={quoted}"
            if self.is_proxied
            else f"{self.base}/micro/ui?token={quoted}"
        )


@dataclass(frozen=True, slots=True)
class _Server:
    """A Jupyter server that browsers on other machines use: its URL, or its path where its host is unknown."""

    base: str
    hosts: tuple[str, ...] = ()


def find_page_address(url: str, template: str | None = None) -> PageAddress:
    """Return where a browser finds the live page of a collector.

    Parameters
    ----------
    url : str
        The collector's own address, such as ``http://127.0.0.1:9090``.
    template : str, optional
        The setting ``page_url``: the address with ``{port}`` in place of the collector's port, and names of environment
        variables in braces.

    Examples
    --------
    >>> find_page_address("http://127.0.0.1:9090", "https://hub.acme.com/user/ann/proxy/{port}/").base
    'https://hub.acme.com/user/ann/proxy/9090'
    """
    parts = urllib.parse.urlsplit(url)
    if template is not None:
        base = fill_template(template, parts.port).rstrip("/")
        return PageAddress(base, is_proxied=True, hosts=_hosts_of(base))
    if not _is_loopback(parts.hostname or ""):
        return PageAddress(url)
    if os.environ.get("KERNEL_GATEWAY"):  # the server is on another machine than the kernel
        return PageAddress(url, is_reachable=False)
    server = _find_remote_server()
    if server is None:
        return PageAddress(url)
    if not _has_proxy():
        return PageAddress(url, is_reachable=False)
    return PageAddress(f"{server.base}/proxy/{parts.port}", is_proxied=True, hosts=server.hosts)


def fill_template(template: str, port: int | None) -> str:
    """Fill the placeholders of a page's address.

    Raises
    ------
    ValueError
        If it names an environment variable that is not set.
    """

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name == "port":
            return str(port or "")
        if name not in os.environ:
            raise ValueError(f"{{{name}}} is neither {{port}} nor an environment variable that is set")
        return os.environ[name]

    # a prefix such as /user/ann/ may stand beside another slash
    scheme, separator, rest = _PLACEHOLDER.sub(fill, template).partition("://")
    return f"{scheme}{separator}{re.sub('/{2,}', '/', rest)}"


def _find_remote_server() -> _Server | None:
    """Return the Jupyter server of this kernel if its browsers may be on other machines."""
    environment = os.environ
    prefix = environment.get("JUPYTERHUB_SERVICE_PREFIX", "").rstrip("/")
    if not prefix:
        return _find_single_server()
    host = environment.get("JUPYTERHUB_HOST", "").rstrip("/")
    public = environment.get("JUPYTERHUB_PUBLIC_URL", "").rstrip("/") or (f"{host}{prefix}" if host else "")
    if public:
        return _Server(public, _hosts_of(public))
    # a Binder does not know its own name, and its browsers are never on its machine
    return _Server(prefix, ("*",) if any(map(environment.get, _ON_BINDER)) else ())


def _find_single_server() -> _Server | None:
    """Return the server without a hub that started this kernel, if it listens for other machines."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    if not parent.isdecimal():
        return None
    try:
        from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415 - only in a kernel of a server

        described = json.loads(Path(jupyter_runtime_dir(), f"jpserver-{parent}.json").read_text("utf-8"))
        host, url, path = (str(described[name]) for name in ("hostname", "url", "base_url"))
    except (ImportError, OSError, ValueError, KeyError, TypeError):
        return None
    if host in _LOCAL_NAMES or _is_loopback(host):
        return None
    if _is_unspecified(host):  # it listens everywhere, and does not say by which name
        return _Server(path.rstrip("/"))
    return _Server(url.rstrip("/"), _hosts_of(url))


def _has_proxy() -> bool:
    """Return whether jupyter-server-proxy is installed: in this environment, or for all servers of this machine."""
    if importlib.util.find_spec("jupyter_server_proxy") is not None:
        return True
    folders = (Path(sys.prefix, "etc"), Path("/usr/local/etc"), Path("/etc"))
    return any((folder / "jupyter" / "jupyter_server_config.d" / _PROXY_FILE).is_file() for folder in folders)


def _hosts_of(url: str) -> tuple[str, ...]:
    host = urllib.parse.urlsplit(url).hostname
    return (host,) if host else ()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_unspecified(host: str) -> bool:
    try:
        return host == "*" or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
