"""URLs of collectors: the reference's rules, and credentials kept apart from what is stored."""

import base64
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from nbtrack.common.wording import hide_credentials
from nbtrack.protocol import GET_PATH, POST_PATH

HttpProtocol = Literal["http", "https"]
Method = Literal["get", "post"]
PROTOCOLS = ("http", "https")
MAX_PORT = 65_535


def check_collector_options(method: str, protocol: str, path: str | None) -> None:
    """Raise unless method, protocol and path can be those of a collector."""
    if method not in ("get", "post"):
        raise ValueError(f"method must be 'get' or 'post', got {method!r}")
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol must be 'http' or 'https', got {protocol!r}")
    if not isinstance(path, str | None):
        raise TypeError(f"path must be a str such as '/com.acme/tp2', got {path!r}")


def base_uri(endpoint: str, protocol: str = "https", port: int | None = None) -> str:
    """Return a collector's base URL.

    Parameters
    ----------
    endpoint : str
        Host, optionally with port and leading path; a scheme in it wins over `protocol`.
    protocol : str
        "http" or "https".
    port : int, optional
        Appended to the host.

    Raises
    ------
    TypeError
        If the endpoint is not a str.
    ValueError
        If the endpoint has no host, the protocol is unknown or the port out of range.

    Examples
    --------
    >>> base_uri("c.example.com/", port=8080)
    'https://c.example.com:8080'
    """
    if not endpoint:
        raise ValueError(
            "endpoint is missing: give the collector's host or URL, such as 'https://sp.acme.com'"
        )
    if not isinstance(endpoint, str):
        raise TypeError(
            "endpoint must be the collector's host or URL as a str, such as 'https://sp.acme.com' or the `url` of a "
            f"LocalCollector, got {endpoint!r}"
        )
    scheme, separator, rest = endpoint.partition("://")
    if not separator:
        scheme, rest = protocol, scheme
    rest = rest.rstrip("/")
    scheme = scheme.lower()
    if scheme not in PROTOCOLS:
        raise ValueError(f"endpoint must start with http:// or https://, got {scheme}://")
    # the reference accepts digits as a str, too
    if port is not None and not (str(port).isdecimal() and 0 < int(port) <= MAX_PORT):
        raise ValueError(f"port must be between 1 and {MAX_PORT}, got {port!r}")
    host, slash, path = rest.partition("/")
    uri = f"{scheme}://{host}{f':{port}' if port is not None else ''}{slash}{path}"
    parts = urlsplit(uri)
    try:
        port_number = parts.port
    except ValueError:
        raise ValueError(
            f"invalid port in endpoint {hide_credentials(endpoint)!r}: a port is a number up to {MAX_PORT}"
        ) from None
    # http:/sp.acme.com would be a host called http, with no port after its colon
    if (
        not parts.hostname
        or parts.netloc.endswith(":")
        or port_number == 0
        or any(character.isspace() for character in parts.netloc)
    ):
        raise ValueError(
            f"no host in endpoint {hide_credentials(endpoint)!r}; an endpoint looks like 'https://sp.acme.com'"
        )
    _check_base_url(endpoint, parts)
    return uri


def _check_base_url(endpoint: str, parts: SplitResult) -> None:
    shown = repr(hide_credentials(endpoint))
    if parts.query or "?" in endpoint:
        raise ValueError(
            f"endpoint {shown} contains a query; give the base URL, such as 'https://sp.acme.com'"
        )
    if parts.fragment or "#" in endpoint:
        raise ValueError(
            f"endpoint {shown} contains a fragment; give the base URL, such as 'https://sp.acme.com'"
        )
    if parts.path.endswith("/tp2") or parts.path == GET_PATH:
        raise ValueError(
            f"endpoint {shown} contains the path of requests; give the base URL, and another path as `path`"
        )


def split_credentials(uri: str) -> tuple[str, dict[str, str]]:
    """Take user and password out of a URL.

    Returns
    -------
    tuple of str and dict
        The URL without them, and the Authorization header they make.

    Examples
    --------
    >>> split_credentials("https://u:p@c.example.com")
    ('https://c.example.com', {'Authorization': 'Basic dTpw'})
    """
    parts = urlsplit(uri)
    secret, separator, host = parts.netloc.rpartition("@")
    if not separator:
        return uri, {}
    token = base64.b64encode(unquote(secret).encode()).decode("ascii")
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {token}"}


def default_path(method: str) -> str:
    """Return the path that Snowplow's collectors use for a method."""
    return GET_PATH if method == "get" else POST_PATH
