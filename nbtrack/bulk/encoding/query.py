"""One query over the rows of many chunks: to plan it takes as long as to encode three thousand rows."""

from collections import deque
from collections.abc import Iterator
from itertools import chain

import duckdb
import pyarrow as pa

from nbtrack.bulk.duckdb import VECTOR


def query(connection: duckdb.DuckDBPyConnection, sql: str, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Run a query that gives one row a row over tables, as long as there are some.

    Parameters
    ----------
    connection
        Of this thread, with one worker, so that rows keep their order.
    sql
        Reads from ``chunk``.
    tables
        Of one schema, none empty. They are asked for while the query runs, a few rows before it needs them.

    Yields
    ------
    Table
        What the query gives for each table's rows, in the tables' order.
    """
    if (first := next(tables, None)) is None:
        return
    sizes: deque[int] = deque()
    fault: BaseException | None = None

    def read() -> Iterator[pa.RecordBatch]:
        nonlocal fault
        try:
            for table in chain([first], tables):
                sizes.append(table.num_rows)
                yield from table.to_batches()
        except BaseException as error:  # noqa: BLE001 - on its way through the engine it would lose its kind
            fault = error

    connection.register("chunk", pa.RecordBatchReader.from_batches(first.schema, read()))
    held: list[pa.RecordBatch] = []
    rows = 0
    # results as large as the first table: where all are of one size, none is cut or joined
    for batch in connection.sql(sql).to_arrow_reader(max(first.num_rows, VECTOR)):
        held.append(batch)
        rows += batch.num_rows
        while sizes and rows >= sizes[0]:
            size = sizes.popleft()
            whole = pa.Table.from_batches(held)
            yield whole.slice(0, size)
            rows -= size
            held = whole.slice(size).to_batches()
    if fault is not None:
        raise fault
