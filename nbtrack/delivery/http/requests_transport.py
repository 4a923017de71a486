"""Requests through a `requests.Session` of the user: its cookies, adapters and authentication are theirs."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbtrack.common import lifecycle
from nbtrack.common.clock import monotonic
from nbtrack.delivery.http.exchange import no_sigpipe
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
        started = monotonic()
        timeout = limit_timeout(self._timeout, budget)

        def request() -> Reply:
            try:
                headers.update(self._headers())
                if anonymous:
                    headers["SP-Anonymous"] = "*"
                with no_sigpipe():
                    response = method(url, headers=headers, timeout=timeout, allow_redirects=False, **body)
                return _as_reply(response)
            except Exception as error:  # noqa: BLE001 - adapters of the user raise what they like
                return _as_failure(error)

        reply = request() if budget is None else _within(budget, request)
        return replace(reply, elapsed=monotonic() - started)


def _within(seconds: float, request: Callable[[], Reply]) -> Reply:
    """Make a request that may take longer: timeouts of requests bound each wait, not all of them together."""
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(request()), name="nbtrack-request", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread can be started
        return request()
    thread.join(max(0.0, seconds))
    return replies[0] if replies else Reply(error="reply timed out")


def _as_reply(response: Any) -> Reply:
    return Reply(
        status=response.status_code,
        error=find_portal(response.status_code, response.content),
        body=response.content[:MAX_REPLY_BYTES],
        retry_after=parse_retry_after(response.headers.get("Retry-After")),
    )


def _as_failure(error: Exception) -> Reply:
    if type(error).__name__ == "ConnectionError" and "refused" in str(error):
        return Reply(error="connection refused", refused=True, unsent=True)
    return Reply(error=type(error).__name__, unsent=type(error).__name__ == "ConnectTimeout")
