"""Makes the transport of an emitter, with all the credentials it has been given."""

from collections.abc import Mapping
from typing import Any

from nbtrack.delivery.http import urls as uris
from nbtrack.delivery.http.requests_transport import SessionTransport
from nbtrack.delivery.http.transport import TIMEOUT, Headers, Transport
from nbtrack.delivery.terms import Sender


def connect(
    url: str,
    *,
    path: str,
    headers: Headers,
    timeout: float | tuple[float, float] | None,
    session: Any,
    pool: int,
) -> Sender:
    """Make a transport.

    Parameters
    ----------
    url
        Base URL, maybe with user and password in it.
    path
        Path of the endpoint.
    headers
        Extra headers or a function that gives them; they win over the URL's credentials.
    timeout
        Seconds, a pair of them, or None for the defaults.
    session
        A session of the user, or None.
    pool
        Connections kept.
    """
    base, credentials = uris.split_credentials(url)
    given = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    connecting, reading = (limit if one is None else one for one, limit in zip(given, TIMEOUT, strict=True))

    def every() -> Mapping[str, str]:
        return {**credentials, **((headers() if callable(headers) else headers) or {})}

    if session is not None:
        return SessionTransport(session, base, path=path, headers=every, timeout=(connecting, reading))
    return Transport(base, path=path, headers=every, timeout=(connecting, reading), pool=pool)
