"""The tab-separated lines of enriched events, parsed in blocks, some of them at once."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.csv as arrow_csv

from nbtrack.common.pyodide import IN_PYODIDE
from nbtrack.protocol import ENRICHED_COLUMNS
from nbtrack.warehouse.cells import convert_column, type_of
from nbtrack.warehouse.lines import open_unpacked, read_blocks

_NAMES = list(ENRICHED_COLUMNS)
_BLOCK_BYTES = 1 << 23
_THREADS = 1 if IN_PYODIDE else min(4, os.cpu_count() or 1)
_TIMES, _PARSED_TIMES = pa.timestamp("ms", "UTC"), pa.timestamp("ms")


@dataclass(slots=True)
class Parsed:
    """The events of a block, how many lines of it are no events, and how many cells of a column could not be read."""

    batch: pa.RecordBatch | None
    bad_rows: int = 0
    bad_cells: Counter[str] = field(default_factory=Counter)


class LineParser:
    """Parses some columns of lines.

    The cells are converted while a block is parsed. If one does not convert, or a line has another number of fields, the
    block is parsed again as strings, which are converted cell by cell. Most of the 131 columns are empty in all events of
    a tracker: those that were empty so far are only checked to be so, which costs less than to convert them.

    Parameters
    ----------
    names
        The columns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names) or ["event_id"]
        self._schema = pa.schema([(name, type_of(name)) for name in self._names])
        self._filled: frozenset[str] | None = None

    def read(self, path: str) -> Iterator[Parsed]:
        """Yield what is in the blocks of a file, in their order."""
        with open_unpacked(path) as file:
            blocks = read_blocks(file, _BLOCK_BYTES)
            if _THREADS == 1:
                yield from map(self._parse, blocks)
                return
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="nbtrack-enriched") as pool:
                parsing: deque[Future[Parsed]] = deque()
                try:
                    for block in blocks:
                        parsing.append(pool.submit(self._parse, block))
                        if len(parsing) > _THREADS:
                            yield parsing.popleft().result()
                    while parsing:
                        yield parsing.popleft().result()
                finally:
                    pool.shutdown(cancel_futures=True)

    def _parse(self, block: pa.Buffer | None) -> Parsed:
        """Return the events of a block of lines; one that is too long is no event."""
        if block is None:
            return Parsed(None, bad_rows=1)
        names = frozenset(self._names)
        expected = names if self._filled is None else self._filled
        for filled in dict.fromkeys((expected, names)):
            types = {name: _csv_type(name) if name in filled else pa.null() for name in self._names}
            try:
                table = _read_csv(block, types)
            except pa.ArrowInvalid:
                continue
            if filled is names:
                found = [name for name in names if table[name].null_count < table.num_rows]
                self._filled = (self._filled or frozenset()).union(found)
            return Parsed(self._batch(table, Counter()))
        return self._parse_strings(block)

    def _parse_strings(self, block: pa.Buffer) -> Parsed:
        parsed = Parsed(None)

        def skip(_row: arrow_csv.InvalidRow) -> str:
            parsed.bad_rows += 1
            return "skip"

        # bytes that are not UTF-8 would end the block at a line with few fields
        text = pa.py_buffer(bytes(block).decode("utf-8", "replace").encode())
        table = _read_csv(text, dict.fromkeys(self._names, pa.string()), skip)
        parsed.batch = self._batch(table, parsed.bad_cells)
        return parsed

    def _batch(self, table: pa.Table, bad_cells: Counter[str]) -> pa.RecordBatch | None:
        """Return the rows in the types of their columns; None if there are none."""
        if not table.num_rows:
            return None
        columns = [column.chunk(0) for column in table.columns]
        return pa.record_batch(
            [_in_type(name, column, bad_cells) for name, column in zip(self._names, columns, strict=True)],
            self._schema,
        )


def _read_csv(
    block: pa.Buffer,
    types: Mapping[str, pa.DataType],
    skip: Callable[[arrow_csv.InvalidRow], str] | None = None,
) -> pa.Table:
    return arrow_csv.read_csv(
        pa.BufferReader(block),
        arrow_csv.ReadOptions(use_threads=False, block_size=block.size + 1, column_names=_NAMES),
        arrow_csv.ParseOptions(delimiter="\t", quote_char=False, invalid_row_handler=skip),
        arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[""],
            true_values=["1"],
            false_values=["0"],
            strings_can_be_null=True,
        ),
    )


def _csv_type(name: str) -> pa.DataType:
    type_ = type_of(name)
    return _PARSED_TIMES if type_ == _TIMES else type_


def _in_type(name: str, column: pa.Array, bad_cells: Counter[str]) -> pa.Array:
    type_ = type_of(name)
    if column.type == type_:
        return column
    if column.type == pa.null():
        return pa.nulls(len(column), type_)
    if column.type == _PARSED_TIMES:
        return column.view(_TIMES)  # a cast would copy it
    return convert_column(name, column, bad_cells)
