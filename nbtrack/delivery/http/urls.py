"""Collector URIs: the reference's rules, and credentials kept apart from what is stored."""

import base64
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from nbtrack.protocol import GET_PATH, POST_PATH

HttpProtocol = Literal["http", "https"]
Method = Literal["get", "post"]
PROTOCOLS = ("http", "https")
METHODS = ("get", "post")


def check_way(method: str, protocol: str, path: str | None) -> None:
    """Refuse ways to a collector that there are not."""
    if method not in METHODS:
        raise ValueError(f"{method!r} is no method of a collector; use one of {', '.join(METHODS)}.")
    _check_protocol(protocol)
    if not isinstance(path, str | None):
        raise TypeError(f"path must be a text such as /com.acme/tp2, not {path!r}")


def _check_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise ValueError(f"{protocol!r} is no protocol of a collector; use one of {', '.join(PROTOCOLS)}.")


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
    TypeError
        For an endpoint that is no text.
    ValueError
        For an endpoint without a host, an unknown protocol, a port out of range.

    Examples
    --------
    >>> base_uri("c.example.com/", port=8080)
    'https://c.example.com:8080'
    """
    if not endpoint:
        raise ValueError(
            "No endpoint provided: give the collector's host or URL, such as https://sp.acme.com"
        )
    if not isinstance(endpoint, str):
        raise TypeError(
            "the endpoint is the collector's host or URL, a text such as https://sp.acme.com or the url of a "
            f"LocalCollector; got {endpoint!r}"
        )
    scheme, found, rest = endpoint.partition("://")
    if not found:
        scheme, rest = protocol, scheme
    rest = rest.rstrip("/")
    scheme = scheme.lower()
    _check_protocol(scheme)
    # the reference takes a text of digits, too
    if port is not None and not (str(port).isdecimal() and 0 < int(port) < 65_536):  # noqa: PLR2004
        raise ValueError(f"port must be between 1 and 65535, not {port!r}")
    host, slash, path = rest.partition("/")
    uri = f"{scheme}://{host}{f':{port}' if port is not None else ''}{slash}{path}"
    parts = urlsplit(uri)
    try:
        number = parts.port
    except ValueError as error:
        raise ValueError(f"the port in the endpoint {endpoint!r} is none: {error}") from None
    # http:/sp.acme.com would be a host of the name http, with no port after its colon
    if (
        not parts.hostname
        or parts.netloc.endswith(":")
        or number == 0
        or any(letter.isspace() for letter in parts.netloc)
    ):
        raise ValueError(f"No host in the endpoint {endpoint!r}; it looks like https://sp.acme.com")
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
