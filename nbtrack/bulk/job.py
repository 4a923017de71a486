"""A backfill's run: source → encoders → senders → report."""

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nbtrack.bulk.compiler import Compiler, check_columns
from nbtrack.bulk.encoder import Encoded, Encoder
from nbtrack.bulk.report import BackfillReport
from nbtrack.bulk.sender import Outcome, Sender
from nbtrack.bulk.source import CHUNK_ROWS, Chunk, open_source
from nbtrack.delivery.current import Target, find_target
from nbtrack.delivery.endpoint import base_uri, split_credentials
from nbtrack.delivery.envelope import FRAME_BYTES
from nbtrack.delivery.transport import Transport
from nbtrack.tracker import Event, Subject
from nbtrack.tracker.plan import describe

MAX_BODY_BYTES = 900_000
CONNECTIONS = 4


def backfill(
    data: Any,
    event: Event,
    *,
    key: str | Sequence[str] = (),
    collector: str | None = None,
    namespace: str | uuid.UUID | None = None,
    subject: Subject | None = None,
    app_id: str | None = "backfill",
    tracker_namespace: str = "nbtrack",
    encode_base64: bool = True,
    connections: int = CONNECTIONS,
    max_body_bytes: int = MAX_BODY_BYTES,
    on_duplicate: str = "report",
    progress: bool | None = None,
) -> BackfillReport:
    """Send one event a row.

    Parameters
    ----------
    data
        A pandas or polars frame, an Arrow table or reader, the path of a Parquet or CSV file (or a pattern of paths), a
        DuckDB relation, or an iterable of frames.
    event
        The event one would track, with `col()` where a row's value goes.
    key
        Columns that identify a row: the event id is made from them, so that a repeated backfill sends the same ids.
        Without it, and without ``event_id=col(…)``, the id is made from the row's content and position.
    collector
        URL of the collector; the session's where not given.
    namespace
        Keeps ids of different histories apart; made from the event's schema where not given.
    subject
        Whose values hold where the event's own subject has none; ``Subject()`` where not given, never the session's.

    Returns
    -------
    BackfillReport
        Counts, rate, and the rows that failed with the reasons.

    Raises
    ------
    TemplateError
        When the event asks for a column that is not there.
    """
    if os.environ.get("NBTRACK_DISABLED", "").strip() not in {"", "0"}:
        raise RuntimeError(
            "NBTRACK_DISABLED is set: nothing may be sent from here; unset it to run a backfill"
        )
    key = (key,) if isinstance(key, str) else tuple(key)
    source = open_source(data)
    plan = describe(
        event,
        tracker_subject=subject or Subject(),
        app_id=app_id,
        namespace=tracker_namespace,
        encode_base64=encode_base64,
    )
    now = str(time.time_ns() // 1_000_000)
    compiler = Compiler(plan, key, make_namespace(event, namespace), {"dtm": now, "stm": now})
    check_columns(source.names, compiler.wanted)
    target = find_collector(collector)
    transport = Transport(target.url, headers=target.headers, pool=connections)
    run = _Run(compiler, connections, max_body_bytes, transport)
    report = run.report
    report.on_duplicate = on_duplicate
    report.unused = tuple(name for name in source.names if name not in compiler.wanted)
    bar = _make_bar(source.rows, progress)
    started = time.perf_counter()
    try:
        run.execute(source.chunks(compiler.wanted, CHUNK_ROWS), bar)
    finally:
        bar.close()
        transport.close()
        report.seconds = time.perf_counter() - started
    return report


async def backfill_async(data: Any, event: Event, **options: Any) -> BackfillReport:
    """Send one event a row without blocking the event loop; arguments as those of `backfill`."""
    return await asyncio.to_thread(backfill, data, event, **options)


def make_namespace(event: Event, named: str | uuid.UUID | None) -> uuid.UUID:
    """Give the namespace of a run's ids."""
    if isinstance(named, uuid.UUID):
        return named
    schema = event.event_json.schema if event.event_json is not None else type(event).__name__
    return uuid.uuid5(uuid.NAMESPACE_URL, named or str(schema))


def find_collector(url: str | None) -> Target:
    """Give the collector to send to: that of a URL, or the session's.

    Raises
    ------
    RuntimeError
        Without a URL, when no session runs.
    """
    if url is not None:
        address, headers = split_credentials(base_uri(url))
        return Target(address, headers)
    if (target := find_target()) is None:
        raise RuntimeError(
            "backfill does not know where to send: give collector=URL, or start a session (%load_ext nbtrack in a "
            "notebook, nbtrack.start() in a script)"
        )
    return target


class _Run:
    """One run's threads and its accounts."""

    def __init__(
        self, compiler: Compiler, connections: int, max_body_bytes: int, transport: Transport
    ) -> None:
        self.report = BackfillReport()
        self._compiler = compiler
        self._limit = max_body_bytes - FRAME_BYTES
        self._lock = threading.Lock()
        self._ids: list[Any] = []
        self._error: BaseException | None = None
        self._sender = Sender(transport, connections, self._settle)
        self._stopped = threading.Event()

    def execute(self, chunks: Iterator[Chunk], bar: Any) -> None:
        reading = threading.Lock()
        self._bar = bar

        def work() -> None:
            encoder = Encoder(self._compiler, self._limit, self._limit)
            try:
                while not self._stopped.is_set():
                    with reading:
                        chunk = next(chunks, None)
                    if chunk is None:
                        return
                    self._hand_over(encoder.encode(chunk))
            except BaseException as error:  # noqa: BLE001 - raised again on the caller's thread
                self._error = error
                self._stopped.set()
            finally:
                encoder.close()

        encoders = [
            threading.Thread(target=work, name=f"nbtrack-encode-{number}", daemon=True)
            for number in range(min(4, os.cpu_count() or 1))
        ]
        try:
            for thread in encoders:
                thread.start()
            for thread in encoders:
                while thread.is_alive():
                    thread.join(0.1)
            self._sender.finish()
        except KeyboardInterrupt:
            self.report.interrupted = True
        finally:
            self._stopped.set()
            self._sender.stop()
        if self._error is not None:
            raise self._error
        self._count_keys()
        stats = self._sender.stats
        self.report.requests, self.report.retries, self.report.last_error = (
            stats.requests,
            stats.retries,
            stats.last_error,
        )

    def _hand_over(self, encoded: Encoded) -> None:
        with self._lock:
            self.report.rows += encoded.rows
            self.report.skipped += len(encoded.faults)
            self.report.faults |= encoded.faults
            self._ids.append(encoded.ids)
        for body in encoded.bodies:
            if not self._sender.put(body):
                return

    def _settle(self, outcome: Outcome) -> None:
        with self._lock:
            if outcome.reason is None:
                self.report.sent += outcome.body.events
                self.report.bytes += outcome.bytes
            else:
                self.report.failed += outcome.body.events
                self.report.faults |= dict.fromkeys(map(int, outcome.body.rows), outcome.reason)
        self._bar.update(outcome.body.events)

    def _count_keys(self) -> None:
        ids = np.concatenate(self._ids) if self._ids else np.empty(0, np.uint64)
        self.report.repeated_keys = len(ids) - len(np.unique(ids))


def _make_bar(rows: int | None, progress: bool | None) -> Any:
    from tqdm.auto import tqdm  # noqa: PLC0415 - asks what kind of front end this is

    return tqdm(total=rows, unit=" events", unit_scale=True, disable=progress is False, desc="backfill")
