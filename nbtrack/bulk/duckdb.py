"""The DuckDB database of this process, in memory: opening one takes 40 ms, a cursor less than one."""

import os
from functools import lru_cache

import duckdb
import pyarrow as pa

VECTOR = 2_048
"""Rows that DuckDB processes at once."""
_HAS_READER = hasattr(duckdb.DuckDBPyRelation, "to_arrow_reader")
_IS_2 = int(duckdb.__version__.partition(".")[0]) >= 2  # noqa: PLR2004 - DuckDB's version


def open_cursor() -> duckdb.DuckDBPyConnection:
    """Return a connection for one thread: it sees only what is registered on it, and works on the caller's thread."""
    return _open(os.getpid()).cursor()


def read_batches(relation: duckdb.DuckDBPyRelation, rows: int) -> pa.RecordBatchReader:
    """Return a query's result as Arrow batches of a number of rows, by the name that this version of DuckDB has for it."""
    # DuckDB before 1.5 has the older name only
    return (relation.to_arrow_reader if _HAS_READER else relation.fetch_arrow_reader)(rows)


def uuid_sql(number: str) -> str:
    """Return SQL for the UUID of a 128-bit number as text; DuckDB before 2.0 cannot cast the number."""
    return f"({number}::uuid)::varchar" if _IS_2 else f"(lpad(hex({number}), 32, '0')::uuid)::varchar"


def quote(text: str) -> str:
    """Return a string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """Return a column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@lru_cache(maxsize=1)
def _open(process: int) -> duckdb.DuckDBPyConnection:  # noqa: ARG001 - a forked child needs its own
    # the run has its own threads: more of DuckDB's would read further ahead and change the order of rows
    return duckdb.connect(config={"threads": 1})
