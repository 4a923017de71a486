"""Requests in Pyodide: the browser's `fetch`, and XMLHttpRequest for code that cannot wait."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbtrack.common.arguments import check_headers
from nbtrack.common.clock import monotonic
from nbtrack.common.wording import without_credentials
from nbtrack.delivery.http.transport import (
    JSON_TYPE,
    MAX_REPLY_BYTES,
    TIMEOUT,
    Headers,
    find_portal,
)
from nbtrack.delivery.models import Reply
from nbtrack.delivery.retry import parse_retry_after
from nbtrack.protocol import POST_PATH

HINT = "the collector cannot be reached from this page, or does not allow its origin (CORS)"
REDIRECTED = "the collector redirects: give the URL that it redirects to"


def can_send_now() -> bool:
    """Check whether there are requests that block: in a page and in a worker, not in Node."""
    import js  # noqa: PLC0415 - only in Pyodide

    return hasattr(js, "XMLHttpRequest")


class FetchTransport:
    """Requests to one collector through the browser, which owns connections, certificates and proxies.

    Cookies are neither sent nor kept. The page's origin needs the collector's consent (CORS), as for Snowplow's
    JavaScript tracker.

    Parameters
    ----------
    base_url, path, headers, timeout
        As of `Transport`; a request ends after the sum of both timeouts.
    """

    def __init__(
        self,
        base_url: str,
        *,
        path: str = POST_PATH,
        headers: Headers = None,
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        self.url = base_url.rstrip("/") + path
        self._headers = headers
        self._timeout = timeout

    async def post_async(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        """POST a JSON body given in parts; other code runs meanwhile."""
        return await self._fetch("POST", self.url, b"".join(parts), anonymous, budget)

    async def get_async(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        """GET with a query string; other code runs meanwhile."""
        return await self._fetch("GET", f"{self.url}?{query}", None, anonymous, budget)

    def post(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        """POST a JSON body given in parts, and block until the reply."""
        return self._request("POST", self.url, b"".join(parts), anonymous, budget)

    def get(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        """GET with a query string, and block until the reply."""
        return self._request("GET", f"{self.url}?{query}", None, anonymous, budget)

    def close(self) -> None:
        """Do nothing: the connections are the browser's."""

    async def _fetch(
        self, method: str, url: str, body: bytes | None, anonymous: bool, budget: float | None
    ) -> Reply:
        import js  # noqa: PLC0415 - only in Pyodide
        from pyodide.ffi import JsException, to_js  # noqa: PLC0415

        started = monotonic()
        headers = self._list_headers(body, anonymous)
        if isinstance(headers, Reply):
            return headers
        options: dict[str, Any] = {
            "method": method,
            "headers": headers,
            "credentials": "omit",
            "cache": "no-store",
            # of a redirection that is followed, nobody could tell whether the body went along
            "redirect": "manual",
            "signal": js.AbortSignal.timeout(self._milliseconds(budget)),
        }
        if body is not None:
            options["body"] = body
        try:
            response = await js.fetch(url, to_js(options, dict_converter=js.Object.fromEntries))
            if response.type == "opaqueredirect":
                reply = Reply(error=REDIRECTED)
            else:
                received = (await response.arrayBuffer()).to_bytes()[:MAX_REPLY_BYTES]
                reply = _as_reply(int(response.status), received, response.headers.get("retry-after"))
        except JsException as error:
            reply = _as_failure(error)
        return replace(reply, elapsed=monotonic() - started)

    def _request(
        self, method: str, url: str, body: bytes | None, anonymous: bool, budget: float | None
    ) -> Reply:
        import js  # noqa: PLC0415 - only in Pyodide
        from pyodide.ffi import JsException, to_js  # noqa: PLC0415

        started = monotonic()
        headers = self._list_headers(body, anonymous)
        if isinstance(headers, Reply):
            return headers
        if not can_send_now():
            return Reply(error="requests that block do not exist here", unsent=True)
        request = js.XMLHttpRequest.new()
        try:
            request.open(method, url, False)
            for name, value in headers.items():
                request.setRequestHeader(name, value)
            with contextlib.suppress(JsException):  # a page, unlike a worker, allows no timeout here
                request.timeout = self._milliseconds(budget)
            request.send(to_js(body))
            if request.responseURL and request.responseURL != url:
                reply = Reply(error=REDIRECTED)
            else:
                received = str(request.responseText).encode()[:MAX_REPLY_BYTES]
                reply = _as_reply(int(request.status), received, request.getResponseHeader("retry-after"))
        except JsException as error:
            reply = _as_failure(error)
        return replace(reply, elapsed=monotonic() - started)

    def _list_headers(self, body: bytes | None, anonymous: bool) -> dict[str, str] | Reply:
        try:
            extra: Mapping[str, Any] = (self._headers() if callable(self._headers) else self._headers) or {}
            check_headers(extra)
        except Exception as error:  # noqa: BLE001 - the user's function
            return Reply(error=f"headers: {type(error).__name__}", unsent=True)
        headers = {
            name: value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in extra.items()
        }
        if body is not None:
            headers["Content-Type"] = JSON_TYPE
        if anonymous:
            headers["SP-Anonymous"] = "*"
        return headers

    def _milliseconds(self, budget: float | None) -> int:
        seconds = sum(self._timeout)
        return max(1, round((seconds if budget is None else min(seconds, budget)) * 1000))


def _as_reply(status: int, body: bytes, retry_after: str | None) -> Reply:
    return Reply(
        status=status,
        error=find_portal(status, body),
        body=body,
        retry_after=parse_retry_after(str(retry_after) if retry_after else None),
    )


def _as_failure(error: Any) -> Reply:
    """Describe a request without a reply; a browser tells no page why there was none."""
    if error.name == "TimeoutError":
        return Reply(error="reply timed out")
    cause = getattr(getattr(error, "cause", None), "code", None)
    text = without_credentials(f"{error.name}: {error.message}")[:200]
    # Node tells why
    return Reply(
        error=f"{text} ({cause or HINT})", refused=cause == "ECONNREFUSED", unsent=cause == "ECONNREFUSED"
    )
