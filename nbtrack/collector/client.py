"""The client of a running collector: what Python asks over HTTP."""

from __future__ import annotations

import importlib
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nbtrack.collector.page_address import find_page_address
from nbtrack.common.arguments import check_callables, check_counts, check_numbers, is_http_url
from nbtrack.common.collector_address import TOKEN_HEADER
from nbtrack.common.current_session import find_registry
from nbtrack.common.errors import NbtrackError, show_under
from nbtrack.common.wording import near_matches

if TYPE_CHECKING:
    import pandas as pd

    from nbtrack.collector.events.database import StoredEvent
    from nbtrack.plans import PlanCoverage, TrackingPlan

PAGE = 10_000
"""Events of one request."""
MAX_NEWEST = 10_000
NEAR_SCHEMA = 0.8
"""How similar a schema must be to be suggested."""
FORGET_TIMEOUT = 600.0
MAX_WAIT = 20.0
"""Seconds that one request may wait for events."""
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Uses no proxy: the collector is on this machine or behind a tunnel."""


class CollectorError(NbtrackError, RuntimeError):
    """The collector rejected a request; the message is its own.

    Examples
    --------
    >>> from nbtrack.collector import CollectorClient, LocalCollector
    >>> with LocalCollector() as collector:
    ...     CollectorClient(collector.url, "a wrong token").counts()
    Traceback (most recent call last):
    nbtrack.collector.CollectorError: the collector at http://127.0.0.1:... replied: the collector's token is required: ...
    """


class CollectorClient:
    """A client of a running collector.

    Parameters
    ----------
    url : str
        Such as ``http://127.0.0.1:9090``.
    token : str
        Without it the collector only accepts events and allows no reading, unless it is an open one.
    timeout : float
        Seconds to wait for a response; 10 by default.

    Examples
    --------
    >>> from nbtrack.collector import CollectorClient
    >>> client = CollectorClient("http://127.0.0.1:9090", "secret")
    >>> client.page_url
    'http://127.0.0.1:9090/micro/ui?token=secret'
    """

    def __init__(self, url: str, token: str = "", *, timeout: float = 10) -> None:
        # a private collector has no address until it runs
        if not isinstance(url, str) or (url and not is_http_url(url)):
            raise ValueError(f"url must be a collector's URL such as http://127.0.0.1:9090, got {url!r}")
        self._url, self._token, self._timeout = url.rstrip("/"), token or "", timeout

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._url or 'not started'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return

    @property
    def url(self) -> str:
        """The URL that trackers send to."""
        return self._url

    @property
    def token(self) -> str:
        """The token that allows reading."""
        return self._token

    @property
    def page_url(self) -> str:
        """The URL of the live page for a browser, with the token: through the Jupyter server's proxy where there is one."""
        return find_page_address(self.url).with_token(self.token)

    def allow_hosts(self, hosts: Iterable[str]) -> None:
        """Let the live page be opened under these host names, too, such as a proxy's; ``*`` allows all.

        Parameters
        ----------
        hosts : iterable of str
            Without a scheme or a port. They hold until the collector ends.

        Examples
        --------
        >>> from nbtrack.collector import LocalCollector
        >>> with LocalCollector() as collector:
        ...     collector.allow_hosts(["hub.acme.com"])
        """
        self._request_json("POST", "hosts", body={"hosts": list(hosts)})

    def counts(self) -> dict[str, int]:
        """Return how many events were received: ``{"total": …, "good": …, "bad": …}``."""
        summary = self.summary()
        return {name: summary[name] for name in ("total", "good", "bad")}

    def summary(self) -> dict[str, Any]:
        """Return the counts, the latest events and the latest failed ones.

        Returns
        -------
        dict
            ``url, total, good, bad, repeats``, ``last`` and ``last_bad``: each at most 20 of ``{time, event_id,
            schema, good, reasons}``, newest first; time is a Unix timestamp in milliseconds.
        """
        return {**self._request_json("GET", "summary"), "url": self.url}

    def by_schema(self) -> pd.DataFrame:
        """Return counts by schema as a DataFrame: columns schema, good, bad."""
        import pandas as pd  # noqa: PLC0415 - heavy

        return pd.DataFrame(self.counts_by_schema(), columns=["schema", "good", "bad"])

    def counts_by_schema(self) -> list[dict[str, Any]]:
        """Return counts by schema as a list of ``{"schema": …, "good": …, "bad": …}``, the most frequent first.

        Examples
        --------
        >>> from nbtrack.collector import LocalCollector
        >>> with LocalCollector() as collector:
        ...     collector.counts_by_schema()
        []
        """
        counts: list[dict[str, Any]] = self._request_json("GET", "by_schema")
        return counts

    def wait_for(
        self,
        n: int | None = None,
        *,
        schema: str | None = None,
        event_id: str | None = None,
        bad: int | None = None,
        timeout: float = 10,
    ) -> int:
        """Wait until events have arrived.

        Parameters
        ----------
        n : int, optional
            How many good events; 1 if nothing else is given.
        schema : str, optional
            Count only events of this schema; ``*`` stands for any characters.
        event_id : str, optional
            Count only this event.
        bad : int, optional
            How many failed events to wait for as well.
        timeout : float
            Seconds; 10 by default.

        Returns
        -------
        int
            How many good events match; with ``bad`` alone, how many failed ones.

        Raises
        ------
        TimeoutError
            If they did not arrive in time. The message says what arrived instead, and why events failed.
        """
        check_counts(n=n, bad=bad)
        check_numbers(timeout=timeout)
        deadline = time.monotonic() + timeout
        expected = [(good, count) for good, count in ((True, n), (False, bad)) if count is not None]
        chosen = _choose(schema, event_id)
        matching = 0
        for good, count in reversed(expected or [(True, 1)]):
            query = {"n": count, "good": int(good), **chosen}
            while True:
                left = max(0.0, deadline - time.monotonic())
                query["timeout"] = min(left, MAX_WAIT)
                response = self._request_json("GET", "wait", query, timeout=left + self._timeout)
                matching = int(response["found"])
                if matching >= count:
                    break
                if time.monotonic() >= deadline:
                    what = [
                        "good" if good else "failed",
                        schema or "",
                        f"event {event_id}" if event_id else "",
                    ]
                    raise TimeoutError(self._describe_timeout(matching, count, what))
        return matching

    def _describe_timeout(self, matching: int, count: int, what: list[str]) -> str:
        summary = self.summary()
        totals = f"{summary['good']} good and {summary['bad']} failed"
        lines = [f"{matching} of {count} {' '.join(filter(None, what))} events arrived; in all {totals}"]
        for event in summary["last"]:
            if not event["good"]:
                lines += [f"  {event['schema'] or 'request'}: {reason}" for reason in event["reasons"][:5]]
        return "\n".join(lines)

    def events(
        self,
        schema: str | None = None,
        event_id: str | None = None,
        columns: Iterable[str] | None = None,
        limit: int | None = None,
        *,
        name: str | None = None,
        app_id: str | None = None,
        session: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
    ) -> pd.DataFrame:
        """Return the good events as a DataFrame, oldest first.

        Parameters
        ----------
        schema, event_id : str, optional
            Only these events; ``*`` in a schema stands for any characters.
        columns : iterable of str, optional
            Only these columns; that of a schema that no event has is filled with None. By default, every column that
            some event has.
        limit : int, optional
            Only the newest so many.
        name : str, optional
            Only events whose schema has this name, such as ``page_view``.
        app_id, session : str, optional
            Only events of this application, or of this session (``domain_sessionid``).
        since, until : datetime or str, optional
            Only events that arrived at or after the first, and before the second; ISO 8601, in UTC unless it says
            otherwise.

        Returns
        -------
        pandas.DataFrame
            Columns of ``atomic.events``, ``unstruct_event_…`` and ``contexts_…`` as Snowplow's analytics SDK names
            them; timestamps in UTC.

        Raises
        ------
        ValueError
            If no event of the schema has arrived, but one of a schema with a similar name.
        """
        from nbtrack.collector.dataframes import events_frame  # noqa: PLC0415 - heavy

        chosen = _choose(
            schema, event_id, name=name, app_id=app_id, session=session, since=since, until=until
        )
        frame = events_frame(self._pages(chosen | {"good": 1}, limit), columns)
        if frame.empty and (schema or name) and "*" not in f"{schema}{name}":
            self._check_schema(schema, name)
        return frame

    def _check_schema(self, schema: str | None, name: str | None) -> None:
        """Raise for a schema, or its name, that is probably misspelt: there are events of a similar one."""
        stored = [uri for uri in self._request_json("GET", "known_schemas")["schemas"] if uri]
        names = sorted({uri.split("/")[1] for uri in stored if "/" in uri})
        uri = schema if not schema or schema.startswith("iglu:") else f"iglu:{schema}"
        for kind, wanted, known in (("schema", uri, stored), ("schema name", name, names)):
            near = near_matches(wanted, known, cutoff=NEAR_SCHEMA) if wanted and wanted not in known else []
            if near:
                raise ValueError(f"no event of {kind} {wanted}; did you mean {near[0]}?")

    def bad(self, limit: int | None = None) -> pd.DataFrame:
        """Return the failed events as a DataFrame, a row for each reason, oldest first.

        Parameters
        ----------
        limit : int, optional
            Only the newest so many events.

        Returns
        -------
        pandas.DataFrame
            Columns time, event_id, schema, kind, field, path, reason, keyword, nearest, payload.
        """
        from nbtrack.collector.dataframes import bad_frame  # noqa: PLC0415 - heavy

        return bad_frame(self._pages({"good": 0}, limit))

    def findings(self, limit: int | None = None) -> pd.DataFrame:
        """Return what does not match the specifications of the collector's tracking plan, oldest first.

        Parameters
        ----------
        limit : int, optional
            Only the newest so many events.

        Returns
        -------
        pandas.DataFrame
            A row for each finding: time, event_id, specification (its name), specification_id, schema, path, message.
        """
        from nbtrack.collector.dataframes import findings_frame  # noqa: PLC0415 - heavy

        return findings_frame(self._pages({"findings": 1}, limit))

    def coverage(self, plan: TrackingPlan | str | Path) -> PlanCoverage:
        """Return how many good events have arrived of each event specification of a tracking plan.

        Parameters
        ----------
        plan : TrackingPlan, str or pathlib.Path
            The plan, or its folder.
        """
        from nbtrack.collector.events.enrichment import specification_of  # noqa: PLC0415 - heavy
        from nbtrack.plans import PlanCoverage, TrackingPlan, read_tracking_plan  # noqa: PLC0415 - as above

        found = PlanCoverage(plan if isinstance(plan, TrackingPlan) else read_tracking_plan(plan))
        for events in self._pages({"good": 1}):
            found.add(specification_of(event.payload or {}) for event in events)
        return found

    def failed(self) -> Any:
        """Return the failed events with their payloads, to be repaired and sent again; needs the extra ``backfill``.

        Returns
        -------
        nbtrack.warehouse.FailedEvents
            As of `nbtrack.read_failed`.
        """
        # it stands on this module, so that this one cannot name it
        return importlib.import_module("nbtrack.warehouse").read_failed(self)

    def sql(self, query: str) -> pd.DataFrame:
        """Return the result of a SQL query over the good events; needs the extra ``backfill``.

        The events are copied into a DuckDB database in memory, so that a query can change nothing; the copy is kept, up to
        256 MB, and the next query only adds what arrived since. Its tables are ``events``,
        with the columns of ``atomic.events`` and one for each schema; one view for each self-describing event, named as the
        event (``cell_run``), with its properties as columns beside time, event_id, app_id, session and user_id, or as one
        column of JSON, ``data``, where no schema is known here; and ``failed``, as `bad` returns it.

        Parameters
        ----------
        query : str
            SQL as DuckDB has it.

        Returns
        -------
        pandas.DataFrame
            The rows of the result.

        Raises
        ------
        ValueError
            If the query cannot be run, with the names of the tables.
        ModuleNotFoundError
            If the packages of the extra ``backfill`` are missing.
        """
        # it stands on this module, so that this one cannot name it
        module = importlib.import_module("nbtrack.warehouse.answers")
        result: pd.DataFrame = module.query_collector(self, query, find_registry())
        return result

    def good_events(self, *, after: int = 0) -> Iterator[StoredEvent]:
        """Yield the good events as they are stored, oldest first.

        Parameters
        ----------
        after : int, default 0
            Only those with a higher number in the database.
        """
        return chain.from_iterable(self._pages({"good": 1, "after": after}))

    def failed_events(self) -> Iterator[StoredEvent]:
        """Yield the failed events as they are stored, oldest first."""
        return chain.from_iterable(self._pages({"good": 0}))

    def payloads(
        self,
        *,
        good: bool | None = None,
        event_id: str | None = None,
        schema: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, str]]:
        """Return the events as their trackers sent them, oldest first.

        Parameters
        ----------
        good : bool, optional
            Only good or only failed ones.
        event_id : str, optional
            Only this event.
        schema : str, optional
            Only events of this schema.
        limit : int, optional
            Only the newest so many.
        """
        chosen = _choose(schema, event_id) | {"good": "" if good is None else int(good)}
        return [event.payload for events in self._pages(chosen, limit) for event in events if event.payload]

    def failures(self, limit: int | None = None, *, session: str | None = None) -> dict[str, list[str]]:
        """Return why events failed, by event id; `bad` has more about each reason.

        Parameters
        ----------
        limit : int, optional
            Only the newest so many events.
        session : str, optional
            Only events of this session (``domain_sessionid``).
        """
        reasons: dict[str, list[str]] = {}
        for events in self._pages(_choose(None, None, session=session) | {"good": 0}, limit):
            for event in events:
                if event.payload and (event_id := event.payload.get("eid")):
                    reasons[event_id] = [
                        f"{reason['path'] or reason['field']}: {reason['message']}"
                        for reason in event.reasons
                    ]
        return reasons

    def forget(
        self,
        *,
        app_id: str | None = None,
        session: str | None = None,
        before: datetime | str | None = None,
    ) -> int:
        """Delete events for good, and return their number.

        Parameters
        ----------
        app_id, session : str, optional
            Those of this application, or of this session (``domain_sessionid``).
        before : datetime or str, optional
            Those that arrived before this time; ISO 8601, in UTC unless it says otherwise.

        Raises
        ------
        CollectorError
            If nothing is named.
        """
        body = {"app_id": app_id, "session": session, "before": _milliseconds("before", before)}
        return int(self._request_json("POST", "forget", body=body, timeout=FORGET_TIMEOUT)["removed"])

    def reset(self) -> None:
        """Delete all events."""
        self._request_json("POST", "reset", body={})

    def register(self, schema: Mapping[str, Any]) -> str:
        """Add a schema to this collector while it runs, and return its URI.

        Raises
        ------
        CollectorError
            If the schema cannot be used.
        """
        return str(self._request_json("POST", "schemas", body=schema)["uri"])

    def export(self, path: str | Path) -> int:
        """Write the good events to a file, and return their number.

        Parameters
        ----------
        path : path
            Ending in ``.parquet``, ``.tsv`` (131 columns, as a pipeline's enriched events), ``.csv`` or
            ``.ndjson``/``.json``.

        Raises
        ------
        ValueError
            For any other ending.
        """
        from nbtrack.collector.exports import export  # noqa: PLC0415 - heavy

        return export(self._pages({"good": 1}), Path(path))

    def subscribe(self, callback: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call a function with the summary whenever something changed, at most 4 times a second.

        It is called on a thread of its own, until the returned function is called.
        """
        check_callables(callback=callback)
        if callback is None:
            raise TypeError("callback must be a function, got None")
        stop = threading.Event()

        def follow() -> None:
            seen = None
            while not stop.is_set():
                try:
                    summary = self.summary()
                    state = (summary["epoch"], summary["total"], summary["repeats"])
                    if state != seen:
                        seen = state
                        callback(summary)
                except (OSError, CollectorError):
                    pass  # unreachable for a moment or for good: ending this is up to the subscriber
                stop.wait(0.25)

        threading.Thread(target=follow, name="nbtrack-collector-summary", daemon=True).start()
        return stop.set

    def _pages(self, query: Mapping[str, Any], limit: int | None = None) -> Iterator[list[StoredEvent]]:
        """Yield events a page at a time, oldest first."""
        check_counts(limit=limit)
        if limit is not None and limit <= MAX_NEWEST:
            yield self._read_page({**query, "limit": limit, "newest": 1})
            return
        pages: Iterator[list[StoredEvent]] = self._all_pages(query)
        if limit is None:
            yield from pages
            return
        events = deque(chain.from_iterable(pages), maxlen=limit)
        yield list(events)

    def _all_pages(self, query: Mapping[str, Any]) -> Iterator[list[StoredEvent]]:
        # the next page is requested while this one is used
        with ThreadPoolExecutor(1, thread_name_prefix="nbtrack-pages") as executor:
            events = self._read_page({"after": 0, **query, "limit": PAGE})
            while events:
                following = (
                    executor.submit(self._read_page, {**query, "limit": PAGE, "after": events[-1].id})
                    if len(events) == PAGE
                    else None
                )
                yield events
                events = following.result() if following is not None else []

    def _read_page(self, query: Mapping[str, Any]) -> list[StoredEvent]:
        from nbtrack.collector.pages import read_page  # noqa: PLC0415 - heavy

        return read_page(self._request("GET", f"requests?{urllib.parse.urlencode(query)}"))

    def _request_json(
        self,
        method: str,
        name: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        path = f"{name}?{urllib.parse.urlencode(query)}" if query else name
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self._request(method, path, data, timeout))

    def _request(
        self, method: str, path: str, data: bytes | None = None, timeout: float | None = None
    ) -> bytes:
        if not self.url:
            raise ConnectionError(
                f"{self!r}: call start() first, or use it in a with statement: with LocalCollector() as collector"
            )
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            f"{self.url}/nbtrack/{path}", data, {TOKEN_HEADER: self.token}, method=method
        )
        try:
            with OPENER.open(request, timeout=timeout or self._timeout) as response:
                body: bytes = response.read()
        except urllib.error.HTTPError as error:
            with error:
                body = error.read()
            try:
                reason = json.loads(body)["error"]
            except (ValueError, LookupError, TypeError):
                reason = f"HTTP {error.code}"
            raise CollectorError(f"the collector at {self.url} replied: {reason}") from None
        except (urllib.error.URLError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise ConnectionError(
                f"cannot reach the collector at {self.url} ({reason}); is it running?"
            ) from None
        return body


def _choose(
    schema: str | None,
    event_id: str | None,
    *,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    **texts: str | None,
) -> dict[str, Any]:
    """Check what chooses events, and return it as a query."""
    texts |= {"schema": schema, "event_id": event_id}
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} must be a str, got {value!r}")
    times = {"since": _milliseconds("since", since), "until": _milliseconds("until", until)}
    return {name: value for name, value in (texts | times).items() if value is not None}


def _milliseconds(name: str, moment: datetime | str | None) -> int | None:
    """Return a time as a Unix timestamp in milliseconds."""
    if moment is None:
        return None
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        raise TypeError(f"{name} must be a datetime or a str in ISO 8601, got {moment!r}")
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


show_under("nbtrack.collector", [CollectorClient, CollectorError])
