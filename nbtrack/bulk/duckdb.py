"""The process's one DuckDB database, in memory: to open it takes 40 ms, a cursor of it less than one."""

import os
from functools import lru_cache

import duckdb

VECTOR = 2_048
"""Rows that the engine takes at once."""


def open_cursor() -> duckdb.DuckDBPyConnection:
    """Give a connection for one thread: it sees only what is registered at it, and works on its caller's thread."""
    return _open(os.getpid()).cursor()


@lru_cache(maxsize=1)
def _open(process: int) -> duckdb.DuckDBPyConnection:  # noqa: ARG001 - a forked child needs its own
    # the threads are those of the run: more of the engine's own would read further ahead, and mix the rows' order
    return duckdb.connect(config={"threads": 1})
