"""Requests through a `requests.Session` of the user: its cookies, adapters and authentication are theirs."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbtrack.common import lifecycle
from nbtrack.delivery.http.transport import (
    JSON_TYPE,
    MAX_REPLY_BYTES,
    find_portal,
    limit_timeout,
)
from nbtrack.delivery.models import Reply
from nbtrack.delivery.retry import parse_retry_after


def renew_connections(session: Any) -> None:
    """Give a session that a child inherited connections of its own; the parent's are neither used nor closed."""
    for adapter in getattr(session, "adapters", {}).values():
        with contextlib.suppress(Exception):
            if hasattr(adapter, "__setstate__"):
                # what requests does with a pickled adapter: the same settings, new pools
                for pool in (adapter.poolmanager, *adapter.proxy_manager.values()):
                    lifecycle.leak(pool)
                adapter.__setstate__(adapter.__getstate__())
            else:
                adapter.close()


class RequestsTransport:
    """The methods of `Transport` over a `requests.Session`.

    Parameters
    ----------
    session : requests.Session
        Anything with its `post` and `get`.
    base_url : str
        As of `Transport`.
    path : str
        As of `Transport`.
    headers : callable
        Returns the extra headers of each request.
    timeout : tuple of float
        As of `Transport`.
    """

    def __init__(
        self,
        session: Any,
        base_url: str,
        *,
        path: str,
        headers: Callable[[], Mapping[str, str]],
        timeout: tuple[float, float],
    ) -> None:
        self._session = session
        self.url = base_url.rstrip("/") + path
        self._headers = headers
        self._timeout = timeout

    def post(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        """POST a JSON body given in parts."""
        content_type = {"Content-Type": JSON_TYPE}
        return self._request(
            self._session.post, self.url, anonymous, budget, content_type, data=b"".join(parts)
        )

    def get(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        """GET with a query string."""
        return self._request(self._session.get, f"{self.url}?{query}", anonymous, budget, {})

    def close(self) -> None:
        """Leave the session open: it is the user's."""

    def _request(
        self,
        method: Callable[..., Any],
        url: str,
        anonymous: bool,
        budget: float | None,
        headers: dict[str, str],
        **body: bytes,
    ) -> Reply:
        import requests  # noqa: PLC0415 - loaded with the first request, not with nbtrack

        started = time.monotonic()
        timeout = limit_timeout(self._timeout, budget)
        try:
            headers |= self._headers()
            if anonymous:
                headers["SP-Anonymous"] = "*"
            response = method(url, headers=headers, timeout=timeout, allow_redirects=False, **body)
        except requests.ConnectionError as error:
            refused = "refused" in str(error)
            text = "connection refused" if refused else type(error).__name__
            return Reply(error=text, refused=refused, elapsed=time.monotonic() - started)
        except Exception as error:  # noqa: BLE001 - adapters of the user raise what they like
            return Reply(error=type(error).__name__, elapsed=time.monotonic() - started)
        return Reply(
            status=response.status_code,
            error=find_portal(response.status_code, response.content),
            body=response.content[:MAX_REPLY_BYTES],
            retry_after=parse_retry_after(response.headers.get("Retry-After")),
            elapsed=time.monotonic() - started,
        )
