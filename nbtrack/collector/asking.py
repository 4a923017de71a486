"""How a running collector is asked: over HTTP, with its token, its refusals as errors."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from nbtrack.collector.names import TOKEN_HEADER
from nbtrack.common.arguments import check_counts
from nbtrack.common.errors import NbtrackError

PAGE = 5_000
# the collector is on this machine or behind a tunnel; a proxy for the internet has no business here
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class CollectorError(NbtrackError, RuntimeError):
    """The collector refused; the message is its own.

    Examples
    --------
    >>> from nbtrack.collector import CollectorClient, LocalCollector
    >>> with LocalCollector() as collector:
    ...     CollectorClient(collector.url, "a wrong token").counts()
    Traceback (most recent call last):
    nbtrack.collector.asking.CollectorError: the collector at http://127.0.0.1:... answers: the collector's token is needed: ...
    """


class Asking:
    """What `CollectorClient` stands on: the collector's address, and questions to it."""

    def __init__(self, url: str, token: str = "", *, timeout: float = 10) -> None:
        # a private collector has no address until it runs
        if not isinstance(url, str) or not (url.startswith(("http://", "https://")) or not url):
            raise ValueError(f"url must be a collector's address, such as http://127.0.0.1:9090, not {url!r}")
        self._url, self._token, self._timeout = url.rstrip("/"), token or "", timeout

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._url or 'not started'}>"

    @property
    def url(self) -> str:
        """Where trackers send to."""
        return self._url

    @property
    def token(self) -> str:
        """What gives the right to read."""
        return self._token

    def _rows(
        self,
        *,
        good: bool | None = None,
        schema: str | None = None,
        event_id: str | None = None,
        limit: int | None = None,
    ) -> Iterator[list[Any]]:
        check_counts(limit=limit)
        query = {"good": "" if good is None else int(good), **choose_events(schema, event_id)}
        if limit is not None:
            newest = self._lines(query | {"limit": min(limit, 10_000), "newest": 1})
            yield from sorted(newest)
            return
        after = 0
        while True:
            rows = self._lines(query | {"limit": PAGE, "after": after})
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def _lines(self, query: Mapping[str, Any]) -> list[list[Any]]:
        text = self._send("GET", f"rows?{urllib.parse.urlencode(query)}")
        return [json.loads(line) for line in text.split(b"\n") if line]

    def _ask(
        self,
        method: str,
        name: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        address = f"{name}?{urllib.parse.urlencode(query)}" if query else name
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self._send(method, address, data, timeout))

    def _send(
        self, method: str, address: str, data: bytes | None = None, timeout: float | None = None
    ) -> bytes:
        if not self.url:
            raise ConnectionError(
                f"{self!r} does not run: call its start(), or enter it: with LocalCollector() as collector"
            )
        request = urllib.request.Request(  # noqa: S310 - the address is ours
            f"{self.url}/nbtrack/{address}", data, {TOKEN_HEADER: self.token}, method=method
        )
        try:
            with OPENER.open(request, timeout=timeout or self._timeout) as answer:
                text: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            try:
                reason = json.loads(text)["error"]
            except (ValueError, LookupError, TypeError):
                reason = f"HTTP {error.code}"
            raise CollectorError(f"the collector at {self.url} answers: {reason}") from None
        except (urllib.error.URLError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise ConnectionError(
                f"no collector answers at {self.url} ({reason}): it has not started, or has ended"
            ) from None
        return text


def choose_events(schema: str | None, event_id: str | None) -> dict[str, str]:
    """Say in a query which events are meant."""
    for name, value in (("schema", schema), ("event_id", event_id)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} must be a text, not {value!r}")
    return {"schema": schema or "", "event_id": event_id or ""}
