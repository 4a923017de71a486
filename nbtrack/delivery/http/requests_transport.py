"""Requests through code of the user: a `requests.Session`, or methods of a subclass of an emitter."""

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from nbtrack.common import lifecycle
from nbtrack.common.clock import monotonic
from nbtrack.common.wording import without_credentials
from nbtrack.delivery.http.exchange import no_sigpipe
from nbtrack.delivery.http.transport import (
    JSON_TYPE,
    MAX_REPLY_BYTES,
    TLS_RETRY_SECONDS,
    TransportProtocol,
    find_portal,
    limit_timeout,
)
from nbtrack.delivery.models import Reply
from nbtrack.delivery.retry import parse_retry_after


def renew_connections(session: Any) -> None:
    """Replace the connections of a session that a child inherited; the parent's are neither used nor closed."""
    for adapter in getattr(session, "adapters", {}).values():
        with contextlib.suppress(Exception):
            if hasattr(adapter, "__setstate__"):
                # what requests does with a pickled adapter: the same settings, new pools
                for pool in (adapter.poolmanager, *adapter.proxy_manager.values()):
                    lifecycle.leak(pool)
                adapter.__setstate__(adapter.__getstate__())
            else:
                adapter.close()


def is_patched() -> bool:
    """Check whether `requests` is patched at this moment, as libraries do that mock requests in tests."""
    if "requests" not in sys.modules:
        return False
    import requests.adapters  # noqa: PLC0415 - loaded already

    session = requests.Session
    return (
        session.send.__module__ != session.__module__
        or session.get_adapter.__module__ != session.__module__
        or requests.adapters.HTTPAdapter.send.__module__ != requests.adapters.__name__
    )


class PatchableTransport:
    """A transport that gives way to `requests` while a test has patched it, so that the test sees what is sent.

    Parameters
    ----------
    own : TransportProtocol
        Sends otherwise.
    through_requests : callable
        Takes a session, and returns a transport over it.
    """

    def __init__(
        self, own: TransportProtocol, through_requests: "Callable[[Any], RequestsTransport]"
    ) -> None:
        self._own = own
        self._through_requests = through_requests

    def post(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        """POST a JSON body given in parts."""
        return self._choose().post(parts, anonymous=anonymous, budget=budget)

    def get(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        """GET with a query string."""
        return self._choose().get(query, anonymous=anonymous, budget=budget)

    def close(self) -> None:
        """Close the connections."""
        self._own.close()

    def _choose(self) -> TransportProtocol:
        if not is_patched():
            return self._own
        import requests  # noqa: PLC0415 - loaded already

        return self._through_requests(requests.Session())


class MethodTransport:
    """Requests through the `http_post` and `http_get` of a subclass, as the reference calls them.

    Parameters
    ----------
    post : callable
        Takes the body as a str.
    get : callable
        Takes the payload as a dict.
    """

    def __init__(self, post: Callable[[str], Any], get: Callable[[dict[str, str]], Any]) -> None:
        self._post, self._get = post, get

    def post(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        """POST a JSON body given in parts."""
        del anonymous  # the method decides on headers
        body = b"".join(parts).decode()
        return _call(lambda: self._post(body), budget)

    def get(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        """GET with a query string."""
        del anonymous
        payload = dict(parse_qsl(query, keep_blank_values=True))
        return _call(lambda: self._get(payload), budget)

    def close(self) -> None:
        """Do nothing: the methods own their connections."""


def _call(method: Callable[[], Any], budget: float | None) -> Reply:
    started = monotonic()

    def request() -> Reply:
        try:
            result = method()
        except Exception as error:  # noqa: BLE001 - the user's code
            return _as_failure(error)
        status = getattr(result, "status_code", result)
        if isinstance(status, int) and status > 0:
            return Reply(status)
        return Reply(error=f"no reply: the method returned {result!r}"[:200])

    return replace(within(budget, request), elapsed=monotonic() - started)


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

        reply = within(budget, request)
        return replace(reply, elapsed=monotonic() - started)


def within(seconds: float | None, request: Callable[[], Reply]) -> Reply:
    """Make a request that may take longer: timeouts of requests bound each wait, not all of them together."""
    if seconds is None:
        return request()
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
    if type(error).__name__ == "SSLError":
        return Reply(
            error=f"TLS: {without_credentials(str(error))}"[:300], retry_after=TLS_RETRY_SECONDS, unsent=True
        )
    return Reply(error=type(error).__name__, unsent=type(error).__name__ == "ConnectTimeout")
