"""The entry points: `backfill` and `backfill_async`."""

import asyncio
import inspect
import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta, tzinfo
from pathlib import Path
from time import perf_counter
from typing import Any

from nbtrack.bulk.default_event import EventOptions
from nbtrack.bulk.engines import find_engine, run_engine
from nbtrack.bulk.plan import (
    CONNECTIONS,
    GIVE_UP_AFTER,
    MAX_BODY_BYTES,
    SENDING_OPTIONS,
    BackfillPlan,
    OnDuplicate,
    OnInvalid,
    OnMissingTime,
    make_plan,
    plan_source,
)
from nbtrack.bulk.report import BackfillReport
from nbtrack.bulk.sending.dead_letters import DeadLetters
from nbtrack.bulk.sending.run import finish_report, send_source
from nbtrack.bulk.sending.state_folder import dead_letters_path, remove_old_files
from nbtrack.bulk.sending.watermark import Since
from nbtrack.bulk.sources.csv_files import CsvOptions
from nbtrack.bulk.sources.frames import open_source, unwrap
from nbtrack.common.current_session import find_registry, note_backfill
from nbtrack.schemas import Registry
from nbtrack.tracker import Event, Subject


def backfill(
    data: Any,
    event: Event | str,
    *,
    key: str | Sequence[str] = (),
    time: str | None = None,
    user_id: str | None = None,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    draft: bool = False,
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
    on_missing_time: OnMissingTime = "skip",
    tz: tzinfo | str | None = None,
    csv: Mapping[str, Any] | None = None,
    rate: float | None = None,
    byte_rate: float | None = None,
    connections: int = CONNECTIONS,
    max_body_bytes: int = MAX_BODY_BYTES,
    give_up_after: float = GIVE_UP_AFTER,
    resume: bool = False,
    since: str | None = None,
    lag: float | timedelta = 0,
    ledger: str | Path | bool = True,
    dead_letters: str | Path | None = None,
    progress: bool | None = None,
) -> BackfillReport:
    """Send one event for each row, and account for every row.

    Parameters
    ----------
    data : DataFrame, table, path or iterable of DataFrames
        A pandas or polars DataFrame, an Arrow table or reader, the path of a Parquet, CSV, JSON Lines or Arrow IPC file (or
        a pattern of paths), a DuckDB relation, a database cursor, an iterable of DataFrames or dicts; or a Dask or Spark
        DataFrame, which its own engine sends.
    event : Event or str
        The event to track for a row, with `col` where a row's value goes; or the URI of a schema, whose properties are the
        columns of the data.
    key : str or sequence of str, optional
        Columns that identify a row: the event id is made from them, so that a repeated backfill sends the same ids.
        Without it, and without ``event_id=col(…)``, the id is made from the row's content and position.
    time, user_id : str, optional
        With the URI of a schema: the columns of the event's time and of the user's id.
    columns : sequence of str or mapping, optional
        With the URI of a schema: the columns that become properties, or the columns by the properties' names; by default
        all but `time` and `user_id`.
    draft : bool, default False
        With the URI of a schema: whether to draft the schema from the DataFrame, and to register it with `registry`, and
        with the collector if it runs on this machine: a `LocalCollector`, or the session's.
    collector : str or LocalCollector, optional
        URL of the collector, or a running `LocalCollector`; by default the session's. ``"local"`` is the session's too,
        which must then be local.
    headers : mapping, optional
        Extra HTTP headers of each request, such as ``{"Authorization": "Bearer …"}``; never shown or stored.
    namespace : str or uuid.UUID, optional
        Makes the ids of different histories differ; by default made from the event's schema.
    subject : Subject, optional
        Its values are used where the event's own subject has none; by default a new ``Subject()``, never the session's.
    app_id : str or None, default "backfill"
        Application id.
    tracker_namespace : str, default "nbtrack"
        Name of the tracker.
    encode_base64 : bool, default True
        Whether JSON is sent as base64.
    registry : Registry, optional
        Schemas that rows are validated against; by default the running session's, otherwise those of nbtrack.
    dry_run : bool, default False
        Whether to encode and validate all rows, and send nothing.
    on_invalid : {"skip", "raise", "send"}, default "skip"
        What to do with rows that break a contract or a schema. ``"raise"`` stops at the first one.
    on_duplicate : {"report", "send", "first", "last", "drop_all", "raise"}, default "report"
        What to do with rows that share an event id: send all, which makes the report not ok (``"report"``) or not
        (``"send"``); send the first or the last of them, or none; or raise. ``"last"``, ``"drop_all"`` and ``"raise"``
        read the data twice. Rows without a key are sent, and make the report not ok unless it is ``"send"``.
    on_missing_time : {"skip", "send", "raise"}, default "skip"
        What to do with rows whose ``true_timestamp`` is missing, if it comes from a column. A pipeline takes the current
        time for those that are sent.
    tz : tzinfo or str, optional
        Time zone of times without one, such as ``"Europe/Paris"``; UTC by default.
    csv : mapping, optional
        How CSV files are written: ``delimiter``, ``quote``, ``encoding``, ``header``, ``decimal``, ``null``, and
        ``types``. By default fields are strings separated by commas (by tabs in ``.tsv`` files), and the first row is the
        header.
    rate, byte_rate : float, optional
        Most events and bytes per second.
    connections : int, default 4
        Most requests at once.
    max_body_bytes : int, default 900,000
        Size limit of a request; collectors drop much larger ones.
    give_up_after : float, default 300
        Seconds without a successful request after which the run ends; the remaining rows count as failed.
    resume : bool, default False
        Whether to continue the previous run by its ledger, instead of sending all rows again.
    since : str, optional
        Column that shows which rows are new, such as ``"updated_at"``: times, or numbers that grow. Each run sends the rows
        from the highest one of the run before on, and those that failed; needs a key. Rows that were delivered are not
        sent again.
    lag : float or timedelta, default 0
        With `since`: how much later than others a row may come, in seconds (of a column of numbers: in its numbers).
    ledger : path or bool, default True
        SQLite file that records what is delivered; True for a file in nbtrack's own folder, False for none. With `since`,
        the file of the job, which is the same for the same namespace, collector and column.
    dead_letters : path, optional
        Parquet file for the rows that are not delivered; by default in nbtrack's own folder.
    progress : bool, optional
        Whether to show a progress bar; by default in notebooks and terminals.

    Returns
    -------
    BackfillReport
        Counts, rate, time range, and the rows that failed with the reasons. Ctrl-C ends the run, and the report is
        returned as well: ``report.ok`` is True if every row was delivered.

    Raises
    ------
    TemplateError
        If the event uses a column that the data does not have.
    SourceError
        If the data cannot be read.
    InvalidRow
        If a row is invalid, with ``on_invalid="raise"``.
    LedgerError
        If ``resume=True``, and data or event are not those of the previous run.
    RuntimeError
        If no collector is known, or ``NBTRACK_DISABLED`` is set.
    TypeError, ValueError
        If an option has a wrong type, or is out of range.

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
    >>> backfill(frame, "iglu:com.acme/visit/jsonschema/1-0-0", key="id", draft=True, dry_run=True).sample[0]["ue_px"]["data"]
    {'schema': 'iglu:com.acme/visit/jsonschema/1-0-0', 'data': {'id': 1, 'address': 'https://acme.com/a'}}
    """
    options = {name: value for name, value in locals().items() if name in _PLAN_OPTIONS}
    if isinstance(data, Event):
        raise TypeError("backfill takes the data first, then the event: backfill(df, event)")
    if not isinstance(ledger, str | os.PathLike | bool):
        raise TypeError(f"ledger must be True, False or the path of a file, got {ledger!r}")
    if dead_letters is not None and not isinstance(dead_letters, str | os.PathLike):
        raise TypeError(f"dead_letters must be the path of a Parquet file, got {dead_letters!r}")
    if resume and ledger is False:
        raise ValueError("resume=True needs the ledger of the previous run, so ledger must not be False")
    newer = _read_since(since, lag, ledger=ledger, resume=resume)
    data = unwrap(data)
    engine = find_engine(data)
    source = open_source(data if engine is None else engine.empty(data), CsvOptions.read(csv))
    builder, bounds = EventOptions(time, user_id, columns, draft), ""
    if draft and isinstance(event, str):
        options["registry"] = registry = registry or find_registry() or Registry()
        bounds = builder.register_draft(event, data, source, registry, collector, dry_run=dry_run)
    # the watermark depends on the collector
    needs_collector = not dry_run or (newer is not None and ledger is True)
    plan = plan_source(builder.build(event, source), source, send=needs_collector, **options)
    report = _begin_report(plan, source.names or (), dry_run=dry_run)
    report.notes += [bounds] if bounds else []
    remove_old_files()
    failed_rows = DeadLetters(
        Path(dead_letters) if dead_letters is not None else dead_letters_path(plan.namespace)
    )
    started = perf_counter()
    try:
        if engine is not None:
            since_given = newer is not None
            run_engine(
                engine, data, plan, report, failed_rows, resume=resume, since=since_given, progress=progress
            )
        else:
            send_source(
                plan,
                source,
                report,
                failed_rows,
                ledger=ledger,
                resume=resume,
                since=newer,
                progress=progress,
            )
    finally:
        report.seconds = perf_counter() - started
        if not dry_run:
            note_backfill(report.sent)
        try:
            report.dead_letters = failed_rows.close()
        except OSError as error:  # the events were sent: the report is returned nevertheless
            report.notes.append(f"cannot store the rows that were not delivered: {error}")
    return finish_report(report, plan)


_PLAN_OPTIONS = SENDING_OPTIONS | {
    name
    for name, parameter in inspect.signature(make_plan).parameters.items()
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY
}
"""The options of a backfill that are options of its plan, under the same names."""


async def backfill_async(data: Any, event: Event | str, **options: Any) -> BackfillReport:
    """Send one event for each row without blocking the event loop.

    Parameters
    ----------
    data : DataFrame, table, path or iterable of DataFrames
        As for `backfill`.
    event : Event or str
        As for `backfill`.
    **options
        As for `backfill`.

    Returns
    -------
    BackfillReport
        As of `backfill`.

    Raises
    ------
    TemplateError, SourceError, InvalidRow, LedgerError, RuntimeError
        As `backfill` does.

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


def _read_since(
    column: str | None, lag: float | timedelta, *, ledger: str | Path | bool, resume: bool
) -> Since | None:
    """Return the checked options of an incremental backfill; None for any other backfill."""
    if column is None:
        if lag:
            raise ValueError("lag= is how late rows may come for since=, which is not given")
        return None
    if ledger is False:
        raise ValueError("since= records what is delivered, so ledger must not be False")
    if resume:
        raise ValueError("since= continues by itself, so resume=True must not be given")
    return Since(column, lag)


def _begin_report(plan: BackfillPlan, names: Sequence[str], *, dry_run: bool) -> BackfillReport:
    used = set(plan.columns)
    report = BackfillReport(
        destination=plan.target.url,
        unused=tuple(name for name in names if name not in used),
        on_duplicate=plan.on_duplicate,
        dry_run=dry_run,
    )
    if plan.unknown_schemas:
        report.notes.append(f"not validated, since no registry has them: {', '.join(plan.unknown_schemas)}")
    return report
