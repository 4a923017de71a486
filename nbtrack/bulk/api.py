"""The front door: a frame, an event, a report."""

import asyncio
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbtrack.bulk.engines import find_engine, run_engine
from nbtrack.bulk.plan import (
    CONNECTIONS,
    GIVE_UP_AFTER,
    MAX_BODY_BYTES,
    BackfillPlan,
    OnDuplicate,
    OnInvalid,
    make_plan,
)
from nbtrack.bulk.report import BackfillReport
from nbtrack.bulk.sending.dead_letters import DeadLetters
from nbtrack.bulk.sending.local import end_report, send_source
from nbtrack.bulk.sending.state_folder import letters_path, tidy
from nbtrack.bulk.sources.frames import open_source
from nbtrack.schemas import Registry
from nbtrack.tracker import Event, Subject


def backfill(
    data: Any,
    event: Event,
    *,
    key: str | Sequence[str] = (),
    collector: Any = None,
    headers: Mapping[str, str] | None = None,
    namespace: str | uuid.UUID | None = None,
    subject: Subject | None = None,
    app_id: str | None = "backfill",
    tracker_namespace: str = "nbtrack",
    encode_base64: bool = True,
    registry: Registry | None = None,
    dry_run: bool = False,
    on_invalid: OnInvalid = "skip",
    on_duplicate: OnDuplicate = "report",
    rate: float | None = None,
    byte_rate: float | None = None,
    connections: int = CONNECTIONS,
    max_body_bytes: int = MAX_BODY_BYTES,
    give_up_after: float = GIVE_UP_AFTER,
    resume: bool = False,
    ledger: str | Path | bool = True,
    dead_letters: str | Path | None = None,
    progress: bool | None = None,
) -> BackfillReport:
    """Send one event a row, and account for each row.

    Parameters
    ----------
    data : frame, table, path or iterable of frames
        A pandas or polars frame, an Arrow table or reader, the path of a Parquet or CSV file (or a pattern of paths), a
        DuckDB relation, an iterable of frames; or a Dask or Spark frame, which its own engine sends.
    event : Event
        The event one would track, with `col` where a row's value goes.
    key : str or sequence of str, optional
        Columns that identify a row: the event id is made from them, so that a repeated backfill sends the same ids.
        Without it, and without ``event_id=col(…)``, the id is made from the row's content and position.
    collector : str or LocalCollector, optional
        URL of the collector, or one that runs here; the session's by default. ``"local"`` is the session's, too, where
        it is this machine's.
    headers : mapping, optional
        Extra HTTP headers of each request, such as ``{"Authorization": "Bearer …"}``; never shown or kept.
    namespace : str or uuid.UUID, optional
        Keeps ids of different histories apart; made from the event's schema by default.
    subject : Subject, optional
        Whose values hold where the event's own subject has none; a new ``Subject()`` by default, never the session's.
    app_id : str or None, default "backfill"
        The application.
    tracker_namespace : str, default "nbtrack"
        The tracker's name.
    encode_base64 : bool, default True
        Whether JSON goes out as base64.
    registry : Registry, optional
        Schemas that rows are checked against; by default the running session's, else those that come with nbtrack.
    dry_run : bool, default False
        Encode and check all rows, and send nothing.
    on_invalid : {"skip", "raise", "send"}, default "skip"
        What becomes of rows that break a contract or a schema. ``"raise"`` stops at the first one.
    on_duplicate : {"report", "send"}, default "report"
        Whether rows without a key, and rows with the key of another one, make the report not ok; they are sent.
    rate, byte_rate : float, optional
        Most events and bytes a second.
    connections : int, default 4
        Requests under way at once, at most.
    max_body_bytes : int, default 900,000
        Size of a request; collectors drop much larger ones.
    give_up_after : float, default 300
        Seconds without a body taken after which the run ends; its rest is counted as failed.
    resume : bool, default False
        Go on with the run before, by its ledger, instead of beginning anew.
    ledger : path or bool, default True
        SQLite file of what is delivered; True for one of this namespace in nbtrack's own folder, False for none.
    dead_letters : path, optional
        Parquet file of the rows that are not delivered; in nbtrack's own folder by default.
    progress : bool, optional
        Whether to show a bar; in notebooks and terminals by default.

    Returns
    -------
    BackfillReport
        Counts, rate, time range, and the rows that failed with the reasons. Ctrl-C ends the run and gives it too:
        ``report.ok`` tells whether every row was delivered.

    Raises
    ------
    TemplateError
        When the event asks for a column that is not there.
    InvalidRow
        With ``on_invalid="raise"``.
    LedgerError
        When ``resume=True`` and data or event are not those of the run before.
    RuntimeError
        When no collector is known, or ``NBTRACK_DISABLED`` is set.
    TypeError, ValueError
        For an option of the wrong kind, or out of range.

    Examples
    --------
    >>> import pandas as pd
    >>> from nbtrack import backfill, col
    >>> from nbtrack.tracker import PageView
    >>> frame = pd.DataFrame({"id": [1, 2, 2], "address": ["https://acme.com/a", "https://acme.com/b", None]})
    >>> report = backfill(frame, PageView(col("address")), key="id", dry_run=True)
    >>> report.rows, report.sent, report.skipped, report.repeated_keys, report.ok
    (3, 2, 1, 0, False)
    >>> report.errors["reason"].to_list()
    ['url is empty']
    """
    if isinstance(data, Event):
        raise TypeError("backfill wants the data first, then the event: backfill(df, event)")
    if not isinstance(ledger, str | os.PathLike | bool):
        raise TypeError(f"ledger must be True, False or the path of a file, not {ledger!r}")
    if dead_letters is not None and not isinstance(dead_letters, str | os.PathLike):
        raise TypeError(f"dead_letters must be the path of a Parquet file, not {dead_letters!r}")
    if resume and ledger is False:
        raise ValueError("resume=True goes by the ledger of the run before, and ledger=False keeps none")
    engine = find_engine(data)
    source = open_source(data if engine is None else engine.empty(data))
    plan = make_plan(
        event,
        source.names,
        key=key,
        collector=collector,
        headers=headers,
        send=not dry_run,
        namespace=namespace,
        subject=subject,
        app_id=app_id,
        tracker_namespace=tracker_namespace,
        encode_base64=encode_base64,
        registry=registry,
        on_invalid=on_invalid,
        on_duplicate=on_duplicate,
        connections=connections,
        max_body_bytes=max_body_bytes,
        rate=rate,
        byte_rate=byte_rate,
        give_up_after=give_up_after,
    )
    report = _begin_report(plan, source.names, dry_run=dry_run)
    tidy()
    letters = DeadLetters(Path(dead_letters) if dead_letters is not None else letters_path(plan.namespace))
    started = time.perf_counter()
    try:
        if engine is not None:
            run_engine(engine, data, plan, report, letters, resume=resume)
        else:
            send_source(plan, source, report, letters, ledger=ledger, resume=resume, progress=progress)
    finally:
        report.seconds = time.perf_counter() - started
        try:
            report.dead_letters = letters.close()
        except OSError as error:  # what was sent was sent: the report comes all the same
            report.notes.append(f"the rows that were not delivered could not be kept: {error}")
    return end_report(report, plan)


async def backfill_async(data: Any, event: Event, **options: Any) -> BackfillReport:
    """Send one event a row without blocking the event loop.

    Parameters
    ----------
    data : frame, table, path or iterable of frames
        As that of `backfill`.
    event : Event
        As that of `backfill`.
    **options
        As those of `backfill`.

    Returns
    -------
    BackfillReport
        As that of `backfill`.

    Raises
    ------
    TemplateError, InvalidRow, LedgerError, RuntimeError
        As `backfill`.

    Examples
    --------
    >>> import asyncio
    >>> import pandas as pd
    >>> from nbtrack import backfill_async, col
    >>> from nbtrack.tracker import PageView
    >>> frame = pd.DataFrame({"address": ["https://acme.com/a"]})
    >>> asyncio.run(backfill_async(frame, PageView(col("address")), dry_run=True)).ok
    True
    """
    return await asyncio.to_thread(backfill, data, event, **options)


def _begin_report(plan: BackfillPlan, names: Sequence[str], *, dry_run: bool) -> BackfillReport:
    wanted = plan.compiler().wanted
    report = BackfillReport(
        destination=plan.target.url,
        unused=tuple(name for name in names if name not in wanted),
        on_duplicate=plan.on_duplicate,
        dry_run=dry_run,
    )
    if plan.unknown_schemas:
        report.notes.append(f"not checked, as no registry knows them: {', '.join(plan.unknown_schemas)}")
    return report
