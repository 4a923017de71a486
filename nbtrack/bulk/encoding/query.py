"""One SQL query over the rows of many chunks: planning it takes as long as encoding three thousand rows."""

from collections import deque
from collections.abc import Iterator
from itertools import chain

import duckdb
import pyarrow as pa

from nbtrack.bulk.duckdb import VECTOR, read_batches


def run_query(
    connection: duckdb.DuckDBPyConnection, sql: str, tables: Iterator[pa.Table]
) -> Iterator[pa.Table]:
    """Run a query that returns one row for each row of some tables.

    Parameters
    ----------
    connection
        A connection of this thread with one worker, so that rows keep their order.
    sql
        The query; it reads from ``chunk``.
    tables
        Tables of one schema, none empty. They are read while the query runs, a few rows before it needs them.

    Yields
    ------
    Table
        The query's rows for each table, in the order of the tables.
    """
    if (first := next(tables, None)) is None:
        return
    sizes: deque[int] = deque()
    source_error: BaseException | None = None

    def read() -> Iterator[pa.RecordBatch]:
        nonlocal source_error
        try:
            for table in chain([first], tables):
                sizes.append(table.num_rows)
                yield from table.to_batches()
        except BaseException as error:  # noqa: BLE001 - passed through DuckDB it would lose its type
            source_error = error

    connection.register("chunk", pa.RecordBatchReader.from_batches(first.schema, read()))
    pending: list[pa.RecordBatch] = []
    rows = 0
    # batches as large as the first table: if all tables are of one size, none is cut or joined
    for batch in read_batches(connection.sql(sql), max(first.num_rows, VECTOR)):
        pending.append(batch)
        rows += batch.num_rows
        while sizes and rows >= sizes[0]:
            size = sizes.popleft()
            joined = pa.Table.from_batches(pending)
            yield joined.slice(0, size)
            rows -= size
            pending = joined.slice(size).to_batches()
    if source_error is not None:
        raise source_error
