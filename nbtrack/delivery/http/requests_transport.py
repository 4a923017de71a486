"""Requests through a session the user brings: its cookies, adapters and authentication are theirs."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbtrack.delivery.http.transport import JSON_TYPE, Reply, find_portal
from nbtrack.delivery.retry import parse_retry_after


class SessionTransport:
    """The two methods of `Transport` over a `requests.Session`.

    Parameters
    ----------
    session
        Anything with the `post` and `get` of a session.
    base_url, path, headers, timeout
        As those of `Transport`.
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
        return self._request(
            self._session.post, self.url, anonymous, budget, {"Content-Type": JSON_TYPE}, data=b"".join(parts)
        )

    def get(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        """GET with a query string."""
        return self._request(self._session.get, f"{self.url}?{query}", anonymous, budget, {})

    def close(self) -> None:
        """Leave the closing to the user, whose session it is."""

    def _request(
        self,
        verb: Callable[..., Any],
        url: str,
        anonymous: bool,
        budget: float | None,
        headers: dict[str, str],
        **body: bytes,
    ) -> Reply:
        import requests  # noqa: PLC0415 - with the first request, not with the import

        started = time.monotonic()
        connect, read = (
            max(0.01, min(limit, budget)) if budget is not None else limit for limit in self._timeout
        )
        try:
            headers |= self._headers()
            if anonymous:
                headers["SP-Anonymous"] = "*"
            response = verb(url, headers=headers, timeout=(connect, read), allow_redirects=False, **body)
        except requests.ConnectionError as fault:
            refused = "refused" in str(fault)
            text = "connection refused" if refused else type(fault).__name__
            return Reply(error=text, refused=refused, elapsed=time.monotonic() - started)
        except Exception as fault:  # noqa: BLE001 - adapters of the user raise what they like
            return Reply(error=type(fault).__name__, elapsed=time.monotonic() - started)
        return Reply(
            status=response.status_code,
            error=find_portal(response.status_code, response.content),
            body=response.content[:65_536],
            retry_after=parse_retry_after(response.headers.get("Retry-After")),
            elapsed=time.monotonic() - started,
        )
