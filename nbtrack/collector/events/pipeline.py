"""The one thread that checks events and writes them, a group of requests at a time."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from nbtrack.collector.events.adapters import SINK_LIMITS, Refused, Request, unpack
from nbtrack.collector.events.bad_rows import Failure, Reason
from nbtrack.collector.events.database import Database, Row, event_row, request_row
from nbtrack.collector.events.validation import Checker, Verdict
from nbtrack.schemas import Registry

log = logging.getLogger("nbtrack.collector")
# requests of one commit, and rows after which a commit is due
GROUP_REQUESTS = 256
GROUP_ROWS = 5_000


@dataclass(slots=True)
class Answer:
    """What is known about a request once its events are on disk."""

    events: list[tuple[str | None, Verdict]] = field(default_factory=list)
    failure: Failure | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give the reply for a client that asked for the verdict."""
        if self.failure is not None:
            return {"good": 0, "bad": 1, "reasons": [str(r) for r in self.failure.reasons], "events": []}
        events = [
            {
                "event_id": event_id,
                "schema": verdict.schema,
                "good": verdict.failure is None,
                "reasons": []
                if verdict.failure is None
                else [str(reason) for reason in verdict.failure.reasons],
                "notes": verdict.notes,
            }
            for event_id, verdict in self.events
        ]
        good = sum(1 for event in events if event["good"])
        return {"good": good, "bad": len(events) - good, "reasons": [], "events": events}


class Pipeline:
    """Checks requests in the order they came and answers each after its events are committed.

    Parameters
    ----------
    database : Database
    registry : Registry
    strict_lengths : bool
    changed : callable
        Called after each commit, on the pipeline's thread.
    """

    def __init__(
        self, database: Database, registry: Registry, *, strict_lengths: bool, changed: Callable[[], None]
    ) -> None:
        self.database = database
        self.registry = registry
        self._strict = strict_lengths
        self._changed = changed
        self._inbox: queue.SimpleQueue[tuple[Request, Future[Answer]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="nbtrack-pipeline", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, request: Request) -> Future[Answer]:
        """Hand in a request; the future is done when its events are on disk."""
        answer: Future[Answer] = Future()
        self._inbox.put((request, answer))
        return answer

    def close(self) -> None:
        """Finish what was handed in, then stop."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        running = True
        while running:
            group = [self._inbox.get()]
            requests: list[Row] = []
            events: list[Row] = []
            done: list[tuple[Future[Answer], Answer]] = []
            while group:
                item = group.pop()
                if item is None:
                    running = False
                    break
                done.append((item[1], self._process(item[0], requests, events)))
                if len(done) < GROUP_REQUESTS and len(events) < GROUP_ROWS:
                    try:
                        group.append(self._inbox.get_nowait())
                    except queue.Empty:
                        break
            if done:
                self._commit(requests, events, done)

    def _commit(
        self, requests: list[Row], events: list[Row], done: list[tuple[Future[Answer], Answer]]
    ) -> None:
        try:
            self.database.write(requests, events)
        except Exception as error:  # noqa: BLE001 - the disk may be full; the tracker must hear of it and keep its events
            log.error("could not store %d events: %s", len(events), error)  # noqa: TRY400 - one line is enough
            for future, _ in done:
                future.set_exception(error)
            return
        self._changed()
        for future, answer in done:
            future.set_result(answer)

    def _process(self, request: Request, requests: list[Row], rows: list[Row]) -> Answer:
        number = self.database.next_request()
        try:
            events = unpack(request, self.registry)
            checker = Checker(self.registry, strict_lengths=self._strict)
            answer = Answer()
            size = request.size()
            if size > min(SINK_LIMITS.values()):
                # a collector splits a body per event, so only an event too large by itself is lost
                sizes = [sum(map(len, event.values())) + 8 * len(event) for event in events]
            else:
                sizes = [0] * len(events)
            made = []
            for event, bytes_of_it in zip(events, sizes, strict=True):
                verdict = checker.check(event, bytes_of_it)
                answer.events.append((event.get("eid"), verdict))
                made.append(event_row(request, number, event, verdict))
        except Refused as refused:
            answer, made = (
                Answer(failure=refused.failure),
                [self._failed_row(request, number, refused.failure)],
            )
        except Exception as error:
            log.exception("a request could not be read")
            failure = Failure(
                "generic_error", {"errors": [f"{type(error).__name__}: {error}"]}, [Reason(str(error))]
            )
            answer, made = Answer(failure=failure), [self._failed_row(request, number, failure)]
        requests.append(request_row(request, number, keep_body=answer.failure is not None))
        rows += made
        return answer

    @staticmethod
    def _failed_row(request: Request, number: int, failure: Failure) -> Row:
        import orjson  # noqa: PLC0415

        text = orjson.dumps(failure.as_dict()).decode()
        return (number, request.time, False, None, None, None, None, None, text, None)
