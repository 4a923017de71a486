"""What Python asks a running collector."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nbtrack.collector.asking import Asking, CollectorError, choose_events
from nbtrack.common.arguments import check_counts

if TYPE_CHECKING:
    import pandas as pd


class CollectorClient(Asking):
    """A running collector, as Python sees it.

    Parameters
    ----------
    url : str
        Such as ``http://127.0.0.1:9090``.
    token : str
        Without it the collector only takes events and answers no question, unless it is an open one.
    timeout : float
        Seconds to wait for an answer; 10 by default.

    Examples
    --------
    >>> client = CollectorClient("http://127.0.0.1:9090", "secret")
    >>> client.page_url
    'http://127.0.0.1:9090/micro/ui?token=secret'
    """

    @property
    def page_url(self) -> str:
        """Address of the live page, with the token."""
        return f"{self.url}/micro/ui?token={urllib.parse.quote(self.token)}"

    def counts(self) -> dict[str, int]:
        """Count the events: ``{"total": …, "good": …, "bad": …}``."""
        found = self.summary()
        return {name: found[name] for name in ("total", "good", "bad")}

    def summary(self) -> dict[str, Any]:
        """Give counts, the newest events and the newest failed ones.

        Returns
        -------
        dict
            ``url, total, good, bad, repeats``, ``last`` and ``last_bad``: each at most 20 of ``{time, event_id,
            schema, good, reasons}``, newest first, time in milliseconds since 1970.
        """
        return {**self._ask("GET", "summary"), "url": self.url}

    def by_schema(self) -> pd.DataFrame:
        """Count the events by schema: columns schema, good, bad."""
        import pandas as pd  # noqa: PLC0415 - heavy

        return pd.DataFrame(self._ask("GET", "by_schema"), columns=["schema", "good", "bad"])

    def wait_for(
        self,
        n: int | None = None,
        *,
        schema: str | None = None,
        event_id: str | None = None,
        bad: int | None = None,
        timeout: float = 10,
    ) -> int:
        """Wait until events are there.

        Parameters
        ----------
        n : int, optional
            How many good events; 1 when nothing else is asked for.
        schema : str, optional
            Count only events of this schema; ``*`` stands for any text.
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
            When they did not come. The message says what came in their place, and why events failed.
        """
        check_counts(n=n, bad=bad)
        if not isinstance(timeout, int | float):
            raise TypeError(f"timeout must be a number of seconds, not {timeout!r}")
        deadline = time.monotonic() + timeout
        wanted = [(good, count) for good, count in ((True, n), (False, bad)) if count is not None] or [
            (True, 1)
        ]
        found = 0
        chosen = choose_events(schema, event_id)
        for good, count in reversed(wanted):
            query = {"n": count, "good": int(good), **chosen}
            while True:
                left = max(0.0, deadline - time.monotonic())
                answer = self._ask(
                    "GET", "wait", query | {"timeout": min(left, 20)}, timeout=left + self._timeout
                )
                found = int(answer["found"])
                if found >= count:
                    break
                if time.monotonic() >= deadline:
                    raise TimeoutError(
                        self._missed(count, good=good, found=found, schema=schema, event_id=event_id)
                    )
        return found

    def _missed(self, count: int, *, good: bool, found: int, schema: str | None, event_id: str | None) -> str:
        state = self.summary()
        what = " ".join(filter(None, ["good" if good else "bad", schema, event_id and f"event {event_id}"]))
        lines = [f"{found} of {count} {what} events came; in all {state['good']} good and {state['bad']} bad"]
        for event in state["last"]:
            if not event["good"]:
                lines += [f"  {event['schema'] or 'request'}: {reason}" for reason in event["reasons"][:5]]
        return "\n".join(lines)

    def events(
        self,
        schema: str | None = None,
        event_id: str | None = None,
        columns: Iterable[str] | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Give the good events as a frame, oldest first.

        Parameters
        ----------
        schema, event_id : str, optional
            Only these events; ``*`` in a schema stands for any text.
        columns : iterable of str, optional
            Only these columns; that of a schema that no event has is filled with None. By default, every column that some
            event has.
        limit : int, optional
            Only the newest so many.

        Returns
        -------
        pandas.DataFrame
            Columns of ``atomic.events``, ``unstruct_event_…`` and ``contexts_…`` as Snowplow's analytics SDK names
            them; timestamps in UTC.
        """
        from nbtrack.collector.dataframes import events_frame  # noqa: PLC0415 - heavy

        return events_frame(self._rows(good=True, schema=schema, event_id=event_id, limit=limit), columns)

    def bad(self, limit: int | None = None) -> pd.DataFrame:
        """Give the failed events as a frame, a row for each reason, oldest first.

        Returns
        -------
        pandas.DataFrame
            Columns time, event_id, schema, kind, field, path, reason, keyword, nearest, payload.
        """
        from nbtrack.collector.dataframes import bad_frame  # noqa: PLC0415 - heavy

        return bad_frame(self._rows(good=False, limit=limit))

    def payloads(
        self, *, good: bool | None = None, event_id: str | None = None, limit: int | None = None
    ) -> list[dict[str, str]]:
        """Give the events as their trackers sent them, oldest first.

        Parameters
        ----------
        good : bool, optional
            Only good or only failed ones.
        event_id : str, optional
            Only this event.
        limit : int, optional
            At most so many, the newest.
        """
        return [row[5] for row in self._rows(good=good, event_id=event_id, limit=limit) if row[5] is not None]

    def reset(self) -> None:
        """Delete all events."""
        self._ask("POST", "reset", body={})

    def register(self, schema: Mapping[str, Any]) -> str:
        """Add a schema to this collector while it runs; gives its URI.

        Raises
        ------
        CollectorError
            When the schema is not a usable one.
        """
        return str(self._ask("POST", "schemas", body=schema)["uri"])

    def export(self, path: str | Path) -> int:
        """Write the good events to a file and give their number.

        Parameters
        ----------
        path : path
            Ending in ``.parquet``, ``.tsv`` (131 columns, as a pipeline's enriched events) or ``.ndjson``/``.json``.

        Raises
        ------
        ValueError
            For another ending.
        """
        from nbtrack.collector.exports import export  # noqa: PLC0415 - heavy

        return export(self._rows(good=True), Path(path))

    def subscribe(self, callback: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Have a function called with the summary whenever something changed, at most 4 times a second.

        It is called on a thread of its own, and until the returned function is.
        """
        if not callable(callback):
            raise TypeError(f"callback must be a function, not {callback!r}")
        stop = threading.Event()

        def follow() -> None:
            seen = None
            while not stop.is_set():
                try:
                    state = self.summary()
                    mark = (state["epoch"], state["total"], state["repeats"])
                    if mark != seen:
                        seen = mark
                        callback(state)
                except (OSError, CollectorError):
                    pass  # gone for a moment or for good: the subscriber ends this
                stop.wait(0.25)

        threading.Thread(target=follow, name="nbtrack-collector-news", daemon=True).start()
        return stop.set

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return
