"""The pipeline: one thread that validates events and stores them, a group of requests at a time."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from nbtrack.collector.events.adapters import Request, RequestRejected, unpack
from nbtrack.collector.events.bad_rows import BadRow, add_nearest, internal_error, sentence
from nbtrack.collector.events.database import Database, ValidatedRequest
from nbtrack.collector.events.validation import EventValidator
from nbtrack.plans.checks import PlanChecks
from nbtrack.schemas import Registry

LOG = logging.getLogger("nbtrack.collector")
GROUP_REQUESTS = 256
"""Requests of one commit."""
GROUP_ROWS = 5_000
"""Rows after which a commit is due."""
CONVERT_SECONDS = 1.0
"""Seconds before the first reply that the conversion of an earlier version's events may take; the rest is done beside."""
PRUNE_SECONDS = 60.0
"""Seconds between two looks at what is too old or too much."""
DAY = 86_400_000


class Retention(NamedTuple):
    """How long events are kept.

    Attributes
    ----------
    days : float
        Older events are deleted.
    max_per_source : int
        Events that one application may have of one schema.
    """

    days: float = 30
    max_per_source: int = 500_000


@dataclass(slots=True)
class _Group:
    """Requests of one commit, and the futures that wait for it."""

    requests: list[ValidatedRequest] = field(default_factory=list)
    futures: list[Future[ValidatedRequest]] = field(default_factory=list)
    rows: int = 0

    def is_full(self) -> bool:
        return len(self.requests) >= GROUP_REQUESTS or self.rows >= GROUP_ROWS


class Pipeline:
    """Validates requests in the order they came, and resolves each one's future after its events are committed.

    Parameters
    ----------
    database : Database
    registry : Registry
    lenient_lengths : bool
    checks : PlanChecks or None
        The specifications of a tracking plan.
    retention : Retention or None
        None keeps everything.
    on_commit : callable
        Called after each commit with its requests, on the pipeline's thread.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        *,
        lenient_lengths: bool = False,
        checks: PlanChecks | None = None,
        retention: Retention | None = None,
        on_commit: Callable[[list[ValidatedRequest]], None] = lambda _requests: None,
    ) -> None:
        self._database = database
        self._registry = registry
        self._lenient_lengths = lenient_lengths
        self._checks = checks
        self._retention = retention
        self._on_commit = on_commit
        self._inbox: queue.SimpleQueue[tuple[Request, Future[ValidatedRequest]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="nbtrack-pipeline", daemon=True)

    def start(self) -> None:
        """Start the thread; what a second converts of an earlier version's events can be read from the first reply on."""
        deadline = time.monotonic() + CONVERT_SECONDS
        while self._convert() and time.monotonic() < deadline:
            pass
        self._thread.start()

    def submit(self, request: Request) -> Future[ValidatedRequest]:
        """Hand in a request; the future is done when its events are stored."""
        future: Future[ValidatedRequest] = Future()
        self._inbox.put((request, future))
        return future

    def close(self) -> None:
        """Finish what was handed in, then stop."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        running = True
        chores = self._chores()
        while running:
            wait = next(chores)
            try:
                item = self._inbox.get(timeout=wait)
            except queue.Empty:
                continue
            group = _Group()
            while item is not None:
                request, future = item
                validated = self.validate(request)
                group.requests.append(validated)
                group.futures.append(future)
                group.rows += len(validated.events) or 1
                if group.is_full():
                    break
                try:
                    item = self._inbox.get_nowait()
                except queue.Empty:
                    break
            running = item is not None
            if group.requests:
                self._commit(group)

    def _convert(self) -> bool:
        """Convert some events of an earlier version, and return whether there are more."""
        try:
            has_more = self._database.convert_old_events()
        except Exception:
            LOG.exception("could not convert the database of an earlier version")
            return False
        self._on_commit([])
        return has_more

    def _chores(self) -> Iterator[float]:
        """Do a step of what must be done besides, and yield how many seconds the next one can wait for a request."""
        while self._convert():
            yield 0
        while True:
            if self._retention is not None:
                try:
                    before = time.time_ns() // 1_000_000 - int(self._retention.days * DAY)
                    for removed in self._database.prune(before, self._retention.max_per_source):
                        if removed:
                            self._on_commit([])
                        yield 0
                except Exception:
                    LOG.exception("could not delete old events")
            ends = time.monotonic() + PRUNE_SECONDS
            while (left := ends - time.monotonic()) > 0:
                yield left

    def _commit(self, group: _Group) -> None:
        try:
            self._database.write(group.requests)
        except Exception as error:  # noqa: BLE001 - the disk may be full; the tracker must learn of it and keep its events
            LOG.error("could not store %d events: %s", group.rows, error)  # noqa: TRY400 - one line is enough
            for future in group.futures:
                future.set_exception(error)
            return
        self._on_commit(group.requests)
        for future, validated in zip(group.futures, group.requests, strict=True):
            future.set_result(validated)

    def validate(self, request: Request) -> ValidatedRequest:
        """Return a request with its events and their validation results."""
        try:
            unpacked = unpack(request, self._registry)
            validator = EventValidator(
                self._registry, lenient_lengths=self._lenient_lengths, checks=self._checks
            )
            results = validator.validate_all(unpacked.events)
            return ValidatedRequest(request, unpacked.events, results, unpacked.form, unpacked.payload)
        except RequestRejected as rejected:
            return ValidatedRequest(request, failure=rejected.failure)
        except Exception as error:
            LOG.exception("internal error while reading a request")
            return ValidatedRequest(request, failure=internal_error(error))


def summarise(
    validated: ValidatedRequest, suggest: Callable[[str], Sequence[str]], limit: int = 10
) -> dict[str, Any]:
    """Return the reply for a client that asked for the validation result: counts, and the first reasons and notes.

    Parameters
    ----------
    validated : ValidatedRequest
    suggest : callable
        Returns schemas that are similar to one.
    limit : int
        Failed events, reasons, notes and findings that are named.
    """
    if validated.failure is not None:
        why = _sentences(validated.failure, suggest, limit)
        return {
            "good": 0,
            "bad": 1,
            "reasons": why,
            "failed": [],
            "notes": [],
            "unmatched": 0,
            "findings": [],
        }
    bad = unmatched = 0
    reasons: list[str] = []
    failed: list[dict[str, Any]] = []
    notes: list[str] = []
    findings: list[str] = []
    for event, result in zip(validated.events, validated.results, strict=True):
        if result.notes and len(notes) < limit:
            notes += result.notes
        if result.findings:
            unmatched += 1
            findings += [finding["message"] for finding in result.findings[: limit - len(findings)]]
        if result.failure is None:
            continue
        bad += 1
        if len(failed) < limit:
            own = _sentences(result.failure, suggest, limit)
            failed.append({"event_id": event.get("eid"), "schema": result.schema, "reasons": own})
            reasons += own
    good = len(validated.events) - bad
    return {
        "good": good, "bad": bad, "reasons": reasons[:limit], "failed": failed, "notes": notes[:limit],
        "unmatched": unmatched, "findings": findings,
    }  # fmt: skip


def _sentences(failure: BadRow, suggest: Callable[[str], Sequence[str]], limit: int) -> list[str]:
    reasons = add_nearest([asdict(reason) for reason in failure.reasons[:limit]], suggest)
    return [sentence(reason["field"], reason["path"], reason["message"]) for reason in reasons]
