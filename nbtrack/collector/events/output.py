"""What a collector prints while it runs: its good events on standard output, and a line for each event on standard error."""

import sys
from collections.abc import Iterable

import orjson

from nbtrack.collector.events.database import ValidatedRequest
from nbtrack.collector.events.enrichment import TIMESTAMPS, Source, enrich, flatten
from nbtrack.collector.events.text import enriched_line
from nbtrack.common.wording import iso_time


class EventOutput:
    """Writes events as they are stored.

    Parameters
    ----------
    form : str
        ``tsv``, ``json`` or ``none``.
    log_events : bool
        Whether standard error has a line for each event.
    """

    def __init__(self, form: str, log_events: bool) -> None:
        self._form, self._log_events = form, log_events

    def write(self, requests: Iterable[ValidatedRequest]) -> None:
        """Write the events of requests that were stored."""
        if self._form == "none" and not self._log_events:
            return
        for validated in requests:
            if validated.failure is not None and self._log_events:
                reasons = "; ".join(map(str, validated.failure.reasons))
                sys.stderr.write(f"BAD  {validated.failure.kind} {reasons}\n")
            for event, result in zip(validated.events, validated.results, strict=True):
                columns = enrich(Source(event, validated.request))
                if self._log_events:
                    name = columns.get("event_name") or columns.get("event") or "event"
                    line = f"{name} id:{columns['event_id']} app_id:{columns.get('app_id', '')} ({result.schema})"
                    why = "" if result.failure is None else " " + "; ".join(map(str, result.failure.reasons))
                    sys.stderr.write(f"{'GOOD' if result.failure is None else 'BAD '} {line}{why}\n")
                if result.failure is None and self._form == "tsv":
                    sys.stdout.write(enriched_line(columns) + "\n")
                elif result.failure is None and self._form == "json":
                    named = {
                        name: iso_time(value) if name in TIMESTAMPS else value
                        for name, value in flatten(columns).items()
                    }
                    sys.stdout.write(orjson.dumps(named).decode() + "\n")
        sys.stdout.flush()
        sys.stderr.flush()
