"""Failed events as a DataFrame, from the files and tables where pipelines keep them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from nbtrack.bulk.report import BackfillReport, draw_bars
from nbtrack.common.current_session import find_registry
from nbtrack.common.home import make_private
from nbtrack.common.wording import plural
from nbtrack.protocol import ENRICHED_COLUMNS
from nbtrack.schemas import Registry
from nbtrack.warehouse.collected import read_collector
from nbtrack.warehouse.events import (
    ODD_SHAPE,
    FailedEvent,
    describe_shape,
    merge_same,
    read_bad_row,
    read_failed_columns,
)
from nbtrack.warehouse.lines import Line, find_files, read_lines
from nbtrack.warehouse.payloads import encode_payload
from nbtrack.warehouse.repair import RepairedEvents, make_steps
from nbtrack.warehouse.sdk import entity_schemas, read_sdk_json

if TYPE_CHECKING:
    import pandas as pd

_MAX_BAD_LINES = 1_000
_SHOWN = 8
_HOUR = 3_600_000
_PRIVATE = frozenset({
    "ip", "tnuid", "nuid", "duid", "user_ipaddress", "network_userid", "domain_userid", "headers", "cookie", "ua", "useragent",
})  # fmt: skip
"""Fields whose values are personal, and not shown in summaries."""
_COLUMNS: Mapping[str, pa.DataType] = {
    "kind": pa.string(), "version": pa.string(), "reason": pa.string(), "schema": pa.string(), "field": pa.string(),
    "value": pa.string(), "failed_at": pa.timestamp("ms", "UTC"), "collector_tstamp": pa.timestamp("ms", "UTC"),
    "event_id": pa.string(), "app_id": pa.string(), "event_name": pa.string(), "tracker": pa.string(),
    "recoverable": pa.string(), "why_not": pa.string(), "lost": pa.list_(pa.string()),
    "reasons": pa.list_(pa.struct([("reason", pa.string()), ("schema", pa.string()), ("field", pa.string()), ("value", pa.string())])),
    "recoveries": pa.int32(), "part": pa.int32(), "processor": pa.string(), "payload": pa.string(), "file": pa.string(),
    "line": pa.int64(), "raw": pa.string(),
}  # fmt: skip


class BadLine(NamedTuple):
    """A line that is neither a bad row nor an event.

    Attributes
    ----------
    file : str
        The file.
    line : int
        From 1.
    reason : str
        What it is not.

    Examples
    --------
    >>> print(BadLine("failed.ndjson", 3, "not JSON").reason)
    not JSON
    """

    file: str
    line: int
    reason: str


class FailedEvents(Sequence[FailedEvent]):
    """Failed events, one row for each; returned by `read_failed`.

    Parameters
    ----------
    events : sequence of FailedEvent
        The events.
    bad_lines : sequence of BadLine, optional
        What could not be read; at most 1,000.
    bad_line_count : int, optional
        Number of lines that could not be read.

    Examples
    --------
    >>> failed = FailedEvents([FailedEvent("size_violation", why_not="the payload was cut")])
    >>> print(failed)
    1 failed event, 0 with a payload
      1 event: size_violation
    """

    def __init__(
        self,
        events: Sequence[FailedEvent],
        bad_lines: Sequence[BadLine] = (),
        bad_line_count: int | None = None,
    ) -> None:
        self._events = list(events)
        self.bad_lines = list(bad_lines)
        self.bad_line_count = len(self.bad_lines) if bad_line_count is None else bad_line_count

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[FailedEvent]:
        return iter(self._events)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return FailedEvents(self._events[index])
        return self._events[index]

    def to_arrow(self) -> pa.Table:
        """Return the events as an Arrow table: one row for each, with its first reason in columns, and all in ``reasons``."""
        rows = [_row(event) for event in self._events]
        return pa.table(
            {name: pa.array([row[name] for row in rows], type_) for name, type_ in _COLUMNS.items()}
        )

    def to_pandas(self) -> "pd.DataFrame":
        """Return the events as a pandas DataFrame; see `to_arrow`."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_polars(self) -> Any:
        """Return the events as a polars DataFrame; see `to_arrow`."""
        import polars as pl  # noqa: PLC0415 - only where it is wanted

        return pl.from_arrow(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def write(self, path: str | Path) -> int:
        """Write the events to a Parquet file, and return their number; only its user can read a new file."""
        make_private(Path(path))
        pq.write_table(self.to_arrow(), path, compression="zstd")
        return len(self)

    def summary(self) -> "pd.DataFrame":
        """Return how many events failed by which reason, the most frequent first, with an example of each.

        Returns
        -------
        pandas.DataFrame
            Columns kind, reason, schema, field, events, recoverable (how many), example.
        """
        import pandas as pd  # noqa: PLC0415 - only where somebody looks

        groups: dict[tuple[Any, ...], list[FailedEvent]] = {}
        for event in self._events:
            first = event.reasons[0] if event.reasons else None
            rule = (event.why_not or None) if first is None else first.rule
            key = (event.kind, rule, first and first.schema, first and first.field)
            groups.setdefault(key, []).append(event)
        rows = [
            {
                "kind": kind, "reason": reason, "schema": schema, "field": field, "events": len(events),
                "recoverable": sum(event.recoverable != "no" for event in events), "example": _example(events[0]),
            }
            for (kind, reason, schema, field), events in groups.items()
        ]  # fmt: skip
        names = ["kind", "reason", "schema", "field", "events", "recoverable", "example"]
        frame = pd.DataFrame(rows, columns=names)
        return frame.sort_values("events", ascending=False, kind="stable", ignore_index=True)

    def plot(self) -> str:
        """Return the number of events by hour as an SVG image."""
        times = [event.failed_at or event.collector_tstamp for event in self._events]
        hours = Counter(time // _HOUR * _HOUR for time in times if time is not None)
        return draw_bars(hours)

    def repair(
        self,
        changes: Mapping[str, Any] | None = None,
        *,
        where: Mapping[str, Any] | None = None,
        drop: str | Sequence[str] = (),
        schemas: Mapping[str, str] | None = None,
        recipe: Any = None,
        registry: Registry | None = None,
    ) -> RepairedEvents:
        """Change values of the payloads, and check each event as a pipeline does; nothing is sent.

        Parameters
        ----------
        changes : mapping, optional
            New values by place. A place is a key of the payload (``"aid"``), a property of the self-describing event
            (``"ue.price"``, ``"ue.items[*].price"``), or of entities (``"co[com.acme/user].id"``). A value is `nbtrack.col` of
            a place with its conversions, a function of the old value, or a value. What does not convert stays as it is,
            and the event counts as failing.
        where : mapping, optional
            Which events: ``kind``, ``reason``, ``schema``, ``field``, ``value``, ``app_id``, ``event_name``, ``tracker`` or
            ``event_id`` of one of their reasons, with ``*`` for any text; a list for one of many.
        drop : str or sequence of str, optional
            Places to remove; ``"co[com.acme/user]"`` is the whole entity.
        schemas : mapping, optional
            New URI of a schema by the old one.
        recipe : mapping or path, optional
            Repairs that `RepairedEvents.recipe` returned; done first.
        registry : Registry, optional
            Schemas to check against; by default the running session's, otherwise those of nbtrack.

        Returns
        -------
        RepairedEvents
            With counts by reason before and after.

        Raises
        ------
        ValueError
            If there is no such place or condition.
        """
        steps = make_steps(changes, where=where, drop=drop, schemas=schemas, recipe=recipe)
        return RepairedEvents(self._events, steps, registry)

    def replay(self, collector: Any = None, **options: Any) -> BackfillReport:
        """Send the events that are valid as they are: of use once the cause is gone; see `RepairedEvents.replay`."""
        return self.repair(registry=options.pop("registry", None)).replay(collector, **options)

    def __str__(self) -> str:
        whole = sum(event.payload is not None for event in self._events)
        lines = [f"{plural(len(self._events), 'failed event')}, {whole:,} with a payload"]
        for row in self.summary().head(_SHOWN).itertuples():
            named = isinstance(row.field, str) and not str(row.reason).startswith(row.field)
            place = f", {row.field}" if named else ""
            reason = f": {row.reason}" if isinstance(row.reason, str) and self._events[0].reasons else ""
            lines.append(f"  {plural(int(str(row.events)), 'event')}: {row.kind}{place}{reason}")
        if self.bad_line_count:
            example = (
                f", such as {self.bad_lines[0].file}, line {self.bad_lines[0].line}" if self.bad_lines else ""
            )
            lines.append(f"  {plural(self.bad_line_count, 'line')} could not be read{example}: see bad_lines")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        first, *rest = str(self).splitlines()
        items = "".join(f"<li>{escape(line.strip())}</li>" for line in rest)
        return f"<div><strong>{escape(first)}</strong><ul>{items}</ul>{self.plot()}</div>"


def read_failed(source: Any) -> FailedEvents:
    """Read failed events: bad rows of every kind, and the lines of the failed stream.

    They are held in memory, some 5 kB for each; read a large bucket by the day.

    Parameters
    ----------
    source : path, sequence of paths, or a local collector
        Files of JSON lines or of tab-separated lines, packed or not; a pattern (``"failed/**/*.gz"``), a folder with all files
        below it, or a URL that fsspec opens. Or a `LocalCollector` or the session's collector, whose failed events are
        read.

    Returns
    -------
    FailedEvents
        One row for each event, with the payload recovered where the row holds enough. An event that is in a bad row and
        in the failed stream is one. Lines that are neither are in ``bad_lines``.

    Raises
    ------
    MissingFileError
        If there is no such file.
    SourceError
        If the files cannot be read.

    Examples
    --------
    >>> import nbtrack
    >>> from nbtrack.collector import LocalCollector
    >>> from nbtrack.tracker import Emitter, SelfDescribing, SelfDescribingJson, Tracker
    >>> order = SelfDescribingJson("iglu:com.acme/order/jsonschema/1-0-0", {"id": 1})
    >>> with LocalCollector() as collector:
    ...     tracker = Tracker("demo", Emitter(collector.url))
    ...     _ = tracker.track(SelfDescribing(order))
    ...     _ = tracker.flush()
    ...     failed = nbtrack.read_failed(collector)
    >>> failed.summary()["reason"].to_list()
    ['unknown schema iglu:com.acme/order/jsonschema/1-0-0']
    """
    if hasattr(source, "failed_events"):
        return FailedEvents(read_collector(source))
    events: list[FailedEvent] = []
    bad_lines: list[BadLine] = []
    count = 0
    schemas = entity_schemas(find_registry() or Registry())
    for line in read_lines(find_files(source)):
        try:
            found = _read_line(line, schemas)
        except ValueError as error:
            count += 1
            if count <= _MAX_BAD_LINES:
                bad_lines.append(BadLine(line.file, line.number, str(error)))
            continue
        for event in found:
            event.file, event.line = line.file, line.number
            if event.payload is not None:
                event.raw = ""
        events += found
    return FailedEvents(merge_same(events), bad_lines, count)


def _read_line(line: Line, schemas: Mapping[str, str]) -> list[FailedEvent]:
    """Return the failed events of a line.

    Raises
    ------
    ValueError
        If it is neither JSON nor a line of an enriched event, or too long.
    """
    if line.fault:
        raise ValueError(line.fault)
    fields = line.text.split("\t")
    text = line.text.lstrip("\ufeff ")
    # a first column may begin like JSON
    if not text.startswith(("{", "[", "]")) or len(fields) == len(ENRICHED_COLUMNS):
        if len(fields) != len(ENRICHED_COLUMNS):
            raise ValueError(f"{len(fields)} fields, {len(ENRICHED_COLUMNS)} expected")
        return [_read_columns(dict(zip(ENRICHED_COLUMNS, fields, strict=True)), line.text)]
    events: list[FailedEvent] = []
    for document, raw in _parse(text):
        if "event_id" in document and "schema" not in document:
            events.append(_read_document(document, raw, schemas))
        else:
            events += read_bad_row(document, raw)
    return events


def _parse(text: str) -> list[tuple[dict[str, Any], str]]:
    """Return the objects of a line, with their JSON: one, or those of a line of a JSON array."""
    text = text.strip().removesuffix(",")
    if text in {"[", "]"}:
        return []
    # the first or the last line of an array
    inner = text.removeprefix("[") if text.startswith("[") else text.removesuffix("]")
    for part in dict.fromkeys((text, inner)):
        try:
            found = orjson.loads(part)
            break
        except ValueError as error:
            reason = f"not valid JSON: {error}"
    else:
        raise ValueError(reason)
    if not isinstance(found, list):
        return [(found, part)]
    if not all(isinstance(each, dict) for each in found):
        raise ValueError("not valid JSON of events: an array of other values")
    return [(each, orjson.dumps(each).decode()) for each in found]


def _read_document(document: dict[str, Any], text: str, schemas: Mapping[str, str]) -> FailedEvent:
    """Return the event of the JSON of an SDK."""
    try:
        columns, lost = read_sdk_json(document, schemas)
    except ODD_SHAPE as error:
        return FailedEvent("failed_event", why_not=describe_shape(error), raw=text)
    event = _read_columns(columns, text)
    if lost:
        event.lost += lost
        event.recoverable = "partly" if event.recoverable == "yes" else event.recoverable
        event.why_not = (
            event.why_not or f"the schema of {lost[0]} is not known, so that its entities are left out"
        )
    return event


def _read_columns(columns: Mapping[str, Any], text: str) -> FailedEvent:
    try:
        return read_failed_columns(columns, text)
    except ODD_SHAPE as error:
        return FailedEvent("failed_event", why_not=describe_shape(error), raw=text)


def _row(event: FailedEvent) -> dict[str, Any]:
    reasons = [
        {
            "reason": reason.reason,
            "schema": reason.schema,
            "field": reason.field,
            "value": _text(reason.value),
        }
        for reason in event.reasons
    ]
    first = (
        reasons[0]
        if reasons
        else {"reason": event.why_not or None, "schema": None, "field": None, "value": None}
    )
    payload = (
        None if event.payload is None else orjson.dumps(encode_payload(event.payload, base64=False)).decode()
    )
    own = {name: getattr(event, name) for name in _COLUMNS if name not in {*first, "reasons", "payload"}}
    return {**own, **first, "reasons": reasons, "payload": payload}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) or value is None else orjson.dumps(value, default=str).decode()


def _example(event: FailedEvent) -> str | None:
    """Return a value to show; never an address or another personal one."""
    if not event.reasons or event.reasons[0].value is None:
        return None
    field = str(event.reasons[0].field).removeprefix("$.")
    return "…" if field in _PRIVATE else _text(event.reasons[0].value)
