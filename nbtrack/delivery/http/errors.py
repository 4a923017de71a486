"""Why a request failed, in words for a log: without credentials."""

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

from nbtrack.common.wording import without_credentials

FAULTS = (HTTPError, OSError, UnicodeError, ValueError)
"""What a request can end with."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a request failed."""

    text: str
    refused: bool = False
    stale: bool = False
    tls: bool = False


def explain(fault: BaseException) -> Cause:
    """Put a network fault into words, without credentials."""
    text = without_credentials(f"{type(fault).__name__}: {fault}")[:300]
    chain = _chain(fault)
    if _any(chain, ssl.SSLError, SSLError):
        cause = Cause(f"TLS: {text}", tls=True, stale=isinstance(fault, ssl.SSLEOFError))
    elif _any(chain, ProxyError):
        cause = Cause(f"proxy: {text}")
    elif _any(chain, NameResolutionError):
        cause = Cause("the host's name was not found")
    elif _any(chain, NewConnectionError):  # a kind of ConnectTimeoutError to urllib3
        refused = _any(chain, ConnectionRefusedError)
        cause = Cause("connection refused" if refused else text, refused=refused)
    elif _any(chain, ConnectTimeoutError):
        cause = Cause("no connection in time")
    elif _any(chain, TimeoutError):
        cause = Cause("no reply in time")
    else:
        cause = Cause(text, stale=isinstance(fault, ConnectionError))
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
