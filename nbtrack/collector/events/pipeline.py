"""The pipeline: one thread that validates events and stores them, a group of requests at a time."""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from nbtrack.collector.events.adapters import SINK_LIMITS, Request, RequestRejected, unpack
from nbtrack.collector.events.bad_rows import BadRow, internal_error
from nbtrack.collector.events.database import (
    Database,
    EventRow,
    event_row,
    failed_request_row,
    request_row,
)
from nbtrack.collector.events.validation import EventValidator, ValidationResult
from nbtrack.schemas import Registry

LOG = logging.getLogger("nbtrack.collector")
GROUP_REQUESTS = 256
"""Requests of one commit."""
GROUP_ROWS = 5_000
"""Rows after which a commit is due."""


@dataclass(slots=True)
class SubmitResult:
    """What is known about a request once its events are stored.

    Attributes
    ----------
    events : list of (str or None, ValidationResult)
        Each event's id and validation result.
    failure : BadRow or None
        Why the request failed as a whole.
    """

    events: list[tuple[str | None, ValidationResult]] = field(default_factory=list)
    failure: BadRow | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the reply for a client that asked for the validation result."""
        if self.failure is not None:
            reasons = [str(reason) for reason in self.failure.reasons]
            return {"good": 0, "bad": 1, "reasons": reasons, "events": []}
        events = [
            {
                "event_id": event_id,
                "schema": result.schema,
                "good": result.failure is None,
                "reasons": [str(reason) for reason in result.failure.reasons] if result.failure else [],
                "notes": result.notes,
            }
            for event_id, result in self.events
        ]
        good = sum(1 for event in events if event["good"])
        return {"good": good, "bad": len(events) - good, "reasons": [], "events": events}


@dataclass(slots=True)
class _Group:
    """Requests of one commit: their rows, and the futures that wait for it."""

    requests: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    results: list[tuple[Future[SubmitResult], SubmitResult]] = field(default_factory=list)

    def is_full(self) -> bool:
        return len(self.results) >= GROUP_REQUESTS or len(self.events) >= GROUP_ROWS


class Pipeline:
    """Validates requests in the order they came, and resolves each one's future after its events are committed.

    Parameters
    ----------
    database : Database
    registry : Registry
    strict_lengths : bool
    on_commit : callable
        Called after each commit, on the pipeline's thread.
    """

    def __init__(
        self, database: Database, registry: Registry, *, strict_lengths: bool, on_commit: Callable[[], None]
    ) -> None:
        self._database = database
        self._registry = registry
        self._strict_lengths = strict_lengths
        self._on_commit = on_commit
        self._inbox: queue.SimpleQueue[tuple[Request, Future[SubmitResult]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="nbtrack-pipeline", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, request: Request) -> Future[SubmitResult]:
        """Hand in a request; the future is done when its events are stored."""
        future: Future[SubmitResult] = Future()
        self._inbox.put((request, future))
        return future

    def close(self) -> None:
        """Finish what was handed in, then stop."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        running = True
        while running:
            group = _Group()
            item = self._inbox.get()
            while item is not None:
                request, future = item
                group.results.append((future, self._process(request, group)))
                if group.is_full():
                    break
                try:
                    item = self._inbox.get_nowait()
                except queue.Empty:
                    break
            running = item is not None
            if group.results:
                self._commit(group)

    def _commit(self, group: _Group) -> None:
        try:
            self._database.write(group.requests, group.events)
        except Exception as error:  # noqa: BLE001 - the disk may be full; the tracker must learn of it and keep its events
            LOG.error("could not store %d events: %s", len(group.events), error)  # noqa: TRY400 - one line is enough
            for future, _ in group.results:
                future.set_exception(error)
            return
        self._on_commit()
        for future, result in group.results:
            future.set_result(result)

    def _process(self, request: Request, group: _Group) -> SubmitResult:
        request_id = self._database.next_request()
        try:
            result, rows = self._validate(request, request_id)
        except RequestRejected as rejected:
            result = SubmitResult(failure=rejected.failure)
            rows = [failed_request_row(request, request_id, rejected.failure)]
        except Exception as error:
            LOG.exception("internal error while reading a request")
            failure = internal_error(error)
            result = SubmitResult(failure=failure)
            rows = [failed_request_row(request, request_id, failure)]
        group.requests.append(request_row(request, request_id, keep_body=result.failure is not None))
        group.events += rows
        return result

    def _validate(self, request: Request, request_id: int) -> tuple[SubmitResult, list[EventRow]]:
        events = unpack(request, self._registry)
        validator = EventValidator(self._registry, strict_lengths=self._strict_lengths)
        result, rows = SubmitResult(), []
        # a collector splits a body by events, so only an event that is too large by itself is lost
        is_large = request.size() > min(SINK_LIMITS.values())
        for event in events:
            size = sum(map(len, event.values())) + 8 * len(event) if is_large else 0
            validated = validator.validate(event, size)
            result.events.append((event.get("eid"), validated))
            rows.append(event_row(request, request_id, event, validated))
        return result, rows
