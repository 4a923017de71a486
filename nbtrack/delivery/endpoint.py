"""Collector URIs: the reference's rules, and credentials kept apart from what is stored."""

import base64
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from nbtrack.protocol import GET_PATH, POST_PATH

HttpProtocol = Literal["http", "https"]
Method = Literal["get", "post"]
PROTOCOLS = ("http", "https")
METHODS = ("get", "post")


def base_uri(endpoint: str, protocol: str = "https", port: int | None = None) -> str:
    """Make the collector's base URI.

    Parameters
    ----------
    endpoint
        Host, maybe with port and leading path; a scheme in it wins over `protocol`.
    protocol
        "http" or "https".
    port
        Added to the host.

    Raises
    ------
    ValueError
        For an endpoint without a host, an unknown protocol, a port out of range.

    Examples
    --------
    >>> base_uri("c.example.com/", port=8080)
    'https://c.example.com:8080'
    """
    if not endpoint:
        raise ValueError("No endpoint provided.")
    scheme, found, rest = endpoint.rstrip("/").partition("://")
    if not found:
        scheme, rest = protocol, scheme
    scheme = scheme.lower()
    if scheme not in PROTOCOLS:
        raise ValueError(f"{scheme!r} is no protocol of a collector; use one of {', '.join(PROTOCOLS)}.")
    if port is not None and not 0 < port < 65_536:  # noqa: PLR2004
        raise ValueError(f"port must be between 1 and 65535, not {port}")
    host, slash, path = rest.partition("/")
    uri = f"{scheme}://{host}{f':{port}' if port is not None else ''}{slash}{path}"
    parts = urlsplit(uri)
    # reading the port raises for one that is no number
    if not parts.hostname or parts.port == 0:
        raise ValueError(f"No host in the endpoint {endpoint!r}.")
    return uri


def split_credentials(uri: str) -> tuple[str, dict[str, str]]:
    """Take user and password out of a URI.

    Returns
    -------
    tuple of str and dict
        The URI without them, and the Authorization header they make.

    Examples
    --------
    >>> split_credentials("https://u:p@c.example.com")
    ('https://c.example.com', {'Authorization': 'Basic dTpw'})
    """
    parts = urlsplit(uri)
    secret, found, host = parts.netloc.rpartition("@")
    if not found:
        return uri, {}
    token = base64.b64encode(unquote(secret).encode()).decode("ascii")
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {token}"}


def default_path(method: str) -> str:
    """Give the endpoint's path of a method."""
    return GET_PATH if method == "get" else POST_PATH
