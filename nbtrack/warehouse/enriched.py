"""Enriched events as typed tables: lines of a pipeline, and the JSON of the analytics SDKs."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nbtrack.bulk.report import BackfillReport
from nbtrack.bulk.sources.paths import reading
from nbtrack.bulk.stored import send_events
from nbtrack.common.arguments import check_list
from nbtrack.common.current_session import find_registry
from nbtrack.common.home import make_private
from nbtrack.common.wording import near_matches, plural
from nbtrack.protocol import ENRICHED_COLUMNS
from nbtrack.schemas import Registry
from nbtrack.warehouse.cells import convert_values, type_of
from nbtrack.warehouse.enriched_lines import LineParser
from nbtrack.warehouse.lines import find_files, open_unpacked, read_lines
from nbtrack.warehouse.payloads import SENT_COLUMNS, encode_payload, from_columns, read_event_ids
from nbtrack.warehouse.schema_columns import JSON_COLUMNS, names_in, split_documents, to_column, types_of
from nbtrack.warehouse.sdk import ALIASES, entity_schemas, read_sdk_json

if TYPE_CHECKING:
    import pandas as pd

_NAMES = tuple(ENRICHED_COLUMNS)
_LONGEST_LINE = 1 << 20
"""Bytes of a file's first line that are looked at."""
_JSON_ROWS, _JSON_BYTES = 10_000, 1 << 25
_MAX_BAD_LINES = 1_000
_PREFIXES = ("unstruct_event_", "contexts_")
_SHOWN = 5


@dataclass(slots=True)
class EnrichedReport:
    """What was read, and what could not be; complete once all events were read.

    Attributes
    ----------
    rows : int
        Events.
    bad_line_count : int
        Lines that are no events.
    bad_lines : list of tuple
        File, line (from 1) and reason of at most 1,000 of them.
    bad_cells : Counter
        Number of cells that are null since they are not of the column's type, by column.

    Examples
    --------
    >>> report = EnrichedReport(rows=2)
    >>> report.add_bad_line("events.tsv", 3, "130 fields, 131 expected")
    >>> print(report)
    2 events
      1 line could not be read, such as events.tsv, line 3: 130 fields, 131 expected
    >>> report.ok
    False
    """

    rows: int = 0
    bad_line_count: int = 0
    bad_lines: list[tuple[str, int, str]] = field(default_factory=list)
    bad_cells: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        """Whether every line and every cell could be read."""
        return not self.bad_line_count and not self.bad_cells

    def add_bad_line(self, file: str, line: int, reason: str) -> None:
        """Count a line that is no event."""
        self.bad_line_count += 1
        if len(self.bad_lines) < _MAX_BAD_LINES:
            self.bad_lines.append((file, line, reason))

    def __str__(self) -> str:
        lines = [plural(self.rows, "event")]
        if self.bad_line_count:
            file, line, reason = self.bad_lines[0]
            lines.append(
                f"  {plural(self.bad_line_count, 'line')} could not be read, such as {file}, line {line}: {reason}"
            )
        lines += [
            f"  {plural(count, 'cell')} of {name} could not be read, and are null"
            for name, count in self.bad_cells.most_common(_SHOWN)
        ]
        return "\n".join(lines)


class EnrichedEvents:
    r"""Enriched events in files, read when they are used; returned by `read_enriched`.

    Each use reads the files again, in blocks of 8 MB, a few of them at once.

    Parameters
    ----------
    files : sequence of str
        The files.
    columns : sequence of str, optional
        The columns that are read; by default all.
    schemas : bool
        Whether each schema has a column, in place of the JSON columns.
    registry : Registry, optional
        Where the schemas are; by default the session's.

    Attributes
    ----------
    schema : pyarrow.Schema
        Columns and types.
    report : EnrichedReport
        What was read by the last use.

    Examples
    --------
    >>> from nbtrack.protocol import ENRICHED_COLUMNS
    >>> import tempfile
    >>> from pathlib import Path
    >>> event = {"event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb", "event": "page_view"}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "enriched.tsv")
    ...     _ = path.write_text("\t".join(event.get(name, "") for name in ENRICHED_COLUMNS) + "\n")
    ...     events = read_enriched(path, columns=["event"])
    ...     print(events.schema.names, events.to_arrow()["event"].to_pylist(), events.report.rows)
    ['event'] ['page_view'] 1
    """

    def __init__(
        self, files: Sequence[str], columns: Sequence[str] | None, *, schemas: bool, registry: Registry | None
    ) -> None:
        self.files = list(files)
        self._registry = registry or find_registry() or Registry()
        names = list(_NAMES) if columns is None else list(columns)
        self.report = EnrichedReport()
        if schemas and columns is None:
            found = sorted(self._find_schema_columns())
            names = [name for name in names if name not in JSON_COLUMNS] + found
        self._names = names
        self._schema_types = types_of(
            [name for name in names if name not in ENRICHED_COLUMNS], self._registry
        )
        self.schema = pa.schema(
            [
                (name, self._schema_types[name] if name in self._schema_types else type_of(name))
                for name in names
            ]
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the events in batches; a few blocks of 8 MB are in memory at a time."""
        report = self.report = EnrichedReport()
        wanted = [name for name in self._names if name in ENRICHED_COLUMNS]
        needed = wanted + (
            [name for name in JSON_COLUMNS if name not in wanted] if self._schema_types else []
        )
        for read in self._read(needed, report):
            report.rows += read.num_rows
            if not self._schema_types:
                yield read.select(self._names)
                continue
            arrays = {name: read[name] for name in wanted}
            documents = {name: read[name].to_pylist() for name in JSON_COLUMNS}
            found = split_documents(documents, read.num_rows)
            for name, type_ in self._schema_types.items():
                values = found.get(name)
                arrays[name] = (
                    pa.nulls(read.num_rows, type_)
                    if values is None
                    else to_column(name, values, type_, report.bad_cells)
                )
            yield pa.record_batch([arrays[name] for name in self._names], schema=self.schema)

    def to_reader(self) -> pa.RecordBatchReader:
        """Return a reader of Arrow batches, for anything that takes one: DuckDB, polars, `nbtrack.backfill`."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())

    def to_arrow(self) -> pa.Table:
        """Return all events as an Arrow table."""
        return pa.Table.from_batches(list(self.batches()), self.schema)

    def to_pandas(self) -> "pd.DataFrame":
        """Return all events as a pandas DataFrame, with the types that keep missing values: Int64, boolean, string."""
        import pandas as pd  # noqa: PLC0415 - only where it is wanted

        types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.string(): pd.StringDtype()}
        frame: pd.DataFrame = self.to_arrow().to_pandas(types_mapper=types.get)
        return frame

    def to_polars(self) -> Any:
        """Return all events as a polars DataFrame."""
        import polars as pl  # noqa: PLC0415 - only where it is wanted

        return pl.from_arrow(self.to_arrow())

    def to_duckdb(self, connection: Any = None) -> Any:
        """Return the events as a DuckDB relation, which streams them once; by default of DuckDB's own connection."""
        import duckdb  # noqa: PLC0415 - only where it is wanted

        return (connection or duckdb).from_arrow(self.to_reader())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_reader().__arrow_c_stream__(requested_schema)

    def write(self, path: str | Path) -> int:
        """Write the events to a Parquet file, and return their number; only its user can read a new file."""
        make_private(Path(path))
        with pq.ParquetWriter(path, self.schema, compression="zstd") as writer:
            for batch in self.batches():
                writer.write_batch(batch)
        return self.report.rows

    def replay(
        self,
        collector: Any = None,
        *,
        force: bool = False,
        known: Any = (),
        dry_run: bool = False,
        again: bool = False,
        **options: Any,
    ) -> BackfillReport:
        """Send the events to another pipeline, with their ids, and their derived times as true times.

        They are good events: the pipeline that they came from would have each of them twice, since their fingerprints are
        others. So it must be asked for.

        Parameters
        ----------
        collector : str or LocalCollector, optional
            As for `nbtrack.backfill`; the session's by default.
        force : bool, default False
            Must be True.
        known, dry_run, again, **options
            As for `RepairedEvents.replay`.

        Returns
        -------
        BackfillReport
            Its notes name the columns that no tracker sends: the new pipeline fills them in its own way.

        Raises
        ------
        ValueError
            Without ``force=True``.
        """
        if not force:
            raise ValueError(
                "these events are good, and the pipeline that they came from would have each twice; pass force=True to send them "
                "to another one"
            )
        excluded_ids = read_event_ids(known)
        ids: list[str] = []
        bodies: list[str] = []
        lost: dict[str, None] = {}
        positions: list[int] = []
        events = EnrichedEvents(self.files, None, schemas=False, registry=self._registry)
        rows = itertools.chain.from_iterable(batch.to_pylist() for batch in events.batches())
        for position, row in enumerate(rows):
            if row["event_id"] not in excluded_ids:
                positions.append(position)
                recovered = from_columns({name: _plain(value) for name, value in row.items()})
                lost |= dict.fromkeys(
                    name for name, value in row.items() if value is not None and name not in SENT_COLUMNS
                )
                encoded = encode_payload(recovered.payload)
                ids.append(encoded.get("eid", ""))
                bodies.append(orjson.dumps(encoded).decode())
        report = send_events(
            ids, bodies, {}, positions, collector=collector, again=again, dry_run=dry_run, **options
        )
        excluded = events.report.rows - len(ids)
        report.rows += excluded
        report.excluded += excluded
        if lost:
            report.notes.append(f"not sent, since a pipeline fills them itself: {', '.join(lost)}")
        return report

    def __str__(self) -> str:
        return f"enriched events in {plural(len(self.files), 'file')}, {plural(len(self._names), 'column')}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<div><strong>{escape(str(self))}</strong></div>"

    def _find_schema_columns(self) -> set[str]:
        names: set[str] = set()
        for read in self._read(JSON_COLUMNS, EnrichedReport()):
            names |= names_in(text for name in JSON_COLUMNS for text in pc.unique(read[name]).to_pylist())
        return names

    def _read(self, names: Sequence[str], report: EnrichedReport) -> Iterator[pa.RecordBatch]:
        """Yield some columns of the files, a batch at a time."""
        parser = LineParser(names)
        for path in self.files:
            with reading(path, by_library=True):
                with open_unpacked(path) as file:
                    first = bytes(file.read(_LONGEST_LINE)).partition(b"\n")[0]
                # a first column may begin like JSON
                is_json = first.startswith(b"{") and first.count(b"\t") != len(ENRICHED_COLUMNS) - 1
                if is_json:
                    yield from _read_json(path, names, report)
                else:
                    yield from _read_tsv(path, parser, report)


def read_enriched(
    source: Any,
    *,
    columns: Iterable[str] | None = None,
    schemas: bool = False,
    registry: Registry | None = None,
) -> EnrichedEvents:
    r"""Read enriched events: the tab-separated lines of a pipeline, or the JSON lines of an analytics SDK.

    Tables that loaders write into warehouses and lakes are not read yet: read the files that they load, or export their rows
    as JSON lines.

    Parameters
    ----------
    source : path or sequence of paths
        Files, a pattern such as ``"enriched/*.gz"``, a folder with all files below it, or a URL that fsspec opens; packed or
        not, by their first bytes.
    columns : iterable of str, optional
        Only these columns, in this order; of the 131, or of a schema (``contexts_com_acme_user_1``). Others are not converted.
    schemas : bool, default False
        Whether the three columns of JSON become one column for each schema, as analytics SDKs do; the files are read
        twice. Self-describing data are structs, and entities lists of structs with their ``_schema_version``, where the
        registry has the schema, and JSON as text otherwise.
    registry : Registry, optional
        The schemas; by default the running session's, otherwise those of nbtrack.

    Returns
    -------
    EnrichedEvents
        With ``to_arrow``, ``to_reader``, ``to_pandas``, ``to_polars`` and ``to_duckdb``; its ``report`` counts lines and cells that could
        not be read.

    Raises
    ------
    MissingFileError
        If there is no such file.
    SourceError
        If the files cannot be read.
    ValueError
        If no event has a column.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import nbtrack
    >>> from nbtrack.protocol import ENRICHED_COLUMNS
    >>> event = {"event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb", "se_value": "12.50", "br_cookies": "1"}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "events.tsv")
    ...     _ = path.write_text("\t".join(event.get(name, "") for name in ENRICHED_COLUMNS) + "\n")
    ...     nbtrack.read_enriched(path, columns=["se_value", "br_cookies"]).to_arrow().to_pylist()
    [{'se_value': Decimal('12.500000000'), 'br_cookies': True}]
    """
    names = None
    if columns is not None:
        check_list("['event_id', 'page_url']", columns=columns)
        names = [_check_column(ALIASES.get(name, name)) for name in columns]
    return EnrichedEvents(find_files(source), names, schemas=schemas, registry=registry)


def _check_column(name: str) -> str:
    if name not in ENRICHED_COLUMNS and not str(name).startswith(_PREFIXES):
        near = near_matches(str(name), ENRICHED_COLUMNS)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"no such column: {name!r}{hint or '; columns of schemas begin with contexts_ or unstruct_event_'}"
        )
    return name


def _read_tsv(path: str, parser: LineParser, report: EnrichedReport) -> Iterator[pa.RecordBatch]:
    """Yield columns of the events of a file of lines; the lines that are no events are looked up once all others are read."""
    bad_rows = 0
    for parsed in parser.read(path):
        report.bad_cells.update(parsed.bad_cells)
        bad_rows += parsed.bad_rows
        if parsed.batch is not None:
            yield parsed.batch
    if not bad_rows:
        return
    for line in read_lines([path]):
        fields = line.text.count("\t") + 1
        fault = line.fault or f"{plural(fields, 'field')}, {len(_NAMES)} expected"
        if line.fault or fields != len(_NAMES):
            report.add_bad_line(line.file, line.number, fault)


def _read_json(path: str, names: Sequence[str], report: EnrichedReport) -> Iterator[pa.RecordBatch]:
    """Yield columns of the events of a file of JSON lines; what is in columns of schemas becomes self-describing JSON."""
    schemas = entity_schemas(find_registry() or Registry())
    rows: list[dict[str, Any]] = []
    size = 0
    for line in read_lines([path]):
        if line.fault:
            report.add_bad_line(line.file, line.number, line.fault)
            continue
        try:
            document = orjson.loads(line.text)
        except ValueError as error:
            report.add_bad_line(line.file, line.number, f"not valid JSON: {error}")
            continue
        if not isinstance(document, dict) or "event_id" not in document:
            report.add_bad_line(line.file, line.number, "not an enriched event")
            continue
        columns, lost = read_sdk_json(document, schemas)
        rows.append(columns)
        size += line.size
        report.bad_cells.update(lost if "contexts" in names else ())
        if len(rows) == _JSON_ROWS or size > _JSON_BYTES:
            yield _to_batch(rows, names, report)
            rows, size = [], 0
    if rows:
        yield _to_batch(rows, names, report)


def _to_batch(rows: list[dict[str, Any]], names: Sequence[str], report: EnrichedReport) -> pa.RecordBatch:
    names = list(names) or ["event_id"]
    return pa.record_batch(
        [convert_values(name, [_as_text(row.get(name)) for row in rows], report.bad_cells) for name in names],
        names,
    )


def _plain(value: Any) -> Any:
    """Return a time as milliseconds, a decimal without the zeros that its column adds, and other values as they are."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return int(value.timestamp() * 1_000 + 0.5) if isinstance(value, datetime) else value


def _as_text(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value
