"""Why a request failed, in words for a log and without credentials."""

import socket
import ssl
from dataclasses import dataclass

from nbtrack.common.errors import NbtrackError
from nbtrack.common.wording import without_credentials

REQUEST_ERRORS = (OSError, UnicodeError, ValueError)
"""Exceptions that a request can end with."""


class TruncatedReplyError(NbtrackError, OSError):
    """The connection ended within a reply."""


class InvalidReplyError(NbtrackError, OSError):
    """What came back is not HTTP."""


class ProxyError(NbtrackError, OSError):
    """The proxy cannot be reached, or refuses."""


class ConnectTimeoutError(NbtrackError, TimeoutError):
    """There was no connection in time."""


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """Why a request failed.

    Parameters
    ----------
    text : str
        For people, without credentials.
    refused : bool
        Whether the connection was refused.
    stale : bool
        Whether a kept connection may have been closed by the server, so that a fresh one is worth a try.
    tls : bool
        Whether TLS failed; a certificate is not replaced within a second.
    """

    text: str
    refused: bool = False
    stale: bool = False
    tls: bool = False


def describe_failure(error: BaseException) -> RequestFailure:
    """Describe a network error."""
    text = without_credentials(f"{type(error).__name__}: {error}")[:300]
    failure = RequestFailure(text, stale=isinstance(error, ConnectionError))
    if isinstance(error, ssl.SSLError):
        failure = RequestFailure(f"TLS: {text}", tls=True, stale=isinstance(error, ssl.SSLEOFError))
    elif isinstance(error, ProxyError):
        failure = RequestFailure(f"proxy: {text.removeprefix('ProxyError: ')}")
    elif isinstance(error, socket.gaierror):
        failure = RequestFailure("host name not found")
    elif isinstance(error, ConnectionRefusedError):
        failure = RequestFailure("connection refused", refused=True)
    elif isinstance(error, ConnectTimeoutError):
        failure = RequestFailure("connection timed out")
    elif isinstance(error, TimeoutError):
        failure = RequestFailure("reply timed out")
    return failure
