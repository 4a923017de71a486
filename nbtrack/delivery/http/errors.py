"""Why a request failed, in words for a log and without credentials; loads urllib3."""

import ssl
from dataclasses import dataclass

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from nbtrack.common.errors import NbtrackError
from nbtrack.common.wording import without_credentials

REQUEST_ERRORS = (HTTPError, OSError, UnicodeError, ValueError)
"""Exceptions that a request can end with."""


class TruncatedReplyError(NbtrackError, OSError):
    """The connection ended within a reply."""


class InvalidReplyError(NbtrackError, OSError):
    """What came back is not HTTP."""


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
    chain = _causes(error)
    if _contains(chain, ssl.SSLError, SSLError):
        failure = RequestFailure(f"TLS: {text}", tls=True, stale=isinstance(error, ssl.SSLEOFError))
    elif _contains(chain, ProxyError):
        failure = RequestFailure(f"proxy: {text}")
    elif _contains(chain, NameResolutionError):
        failure = RequestFailure("host name not found")
    elif _contains(chain, NewConnectionError):  # a subclass of ConnectTimeoutError
        refused = _contains(chain, ConnectionRefusedError)
        failure = RequestFailure("connection refused" if refused else text, refused=refused)
    elif _contains(chain, ConnectTimeoutError):
        failure = RequestFailure("connection timed out")
    elif _contains(chain, TimeoutError):
        failure = RequestFailure("reply timed out")
    else:
        failure = RequestFailure(text, stale=isinstance(error, ConnectionError))
    return failure


def _causes(error: BaseException) -> list[BaseException]:
    """List an exception and its causes; urllib3 keeps them in three places."""
    chain = [error]
    for link in chain:
        for cause in (getattr(link, "original_error", None), link.__cause__, *link.args):
            if isinstance(cause, BaseException) and cause not in chain:
                chain.append(cause)
    return chain


def _contains(chain: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(link, kinds) for link in chain)
