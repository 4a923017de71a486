"""Parquet and CSV files, and DuckDB relations, read as streams."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from nbtrack.bulk.duckdb import open_cursor, quote, quote_name
from nbtrack.bulk.sources.chunks import NO_COLUMN, Chunk, MissingFileError, SourceError, rechunk


class RelationSource:
    """A DuckDB relation, read as a stream."""

    rows: int | None = None

    def __init__(self, relation: Any) -> None:
        self._relation = relation
        self.names = list(relation.columns)

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        projection = ", ".join(map(quote_name, columns)) or f"null as {NO_COLUMN}"
        return rechunk(self._read(projection, size), size)

    def _read(self, projection: str, size: int) -> Iterator[pa.Table]:
        try:
            for batch in self._relation.project(projection).to_arrow_reader(size):
                yield pa.Table.from_batches([batch])
        except (duckdb.Error, OSError) as error:  # Arrow raises OSError for DuckDB's errors
            raise SourceError(f"cannot read the remaining rows: {error}") from None


def open_files(pattern: str) -> RelationSource:
    """Open the Parquet or CSV files that a path or a pattern names.

    Raises
    ------
    MissingFileError
        If there is no such file.
    SourceError
        If the files cannot be read.
    """
    paths = sorted(glob.glob(pattern, recursive=True)) or ([pattern] if Path(pattern).exists() else [])  # noqa: PTH207 - a pattern may be absolute
    if not paths:
        raise MissingFileError(f"no such file: {pattern}")
    if folders := [path for path in paths if Path(path).is_dir()]:
        raise SourceError(
            f"{folders[0]} is a folder; use a pattern for its files, such as {Path(folders[0]) / '*.parquet'}"
        )
    suffixes = {Path(path).name.lower().removesuffix(".gz").rpartition(".")[2] for path in paths}
    if suffixes <= {"parquet", "pq"}:
        function = "read_parquet"
    elif suffixes <= {"csv", "tsv", "txt"}:
        function = "read_csv"
    else:
        raise SourceError(f"backfill reads Parquet and CSV files, got .{', .'.join(sorted(suffixes))}")
    connection = open_cursor()
    # by name: a column added later is null in older files
    rows = f"{function}([{', '.join(map(quote, paths))}], union_by_name = true)"
    try:
        relation = RelationSource(connection.sql(f"select * from {rows}"))  # noqa: S608 - quoted above
        if function == "read_parquet":
            [[relation.rows]] = connection.sql(f"select count(*) from {rows}").fetchall()  # noqa: S608 - quoted above
    except duckdb.Error as error:
        raise SourceError(f"cannot read {pattern}: {error}") from None
    if len(paths) > 1 and function == "read_parquet":
        _check_types(connection, paths, relation.names)
    if function == "read_csv" and len(relation.names) == 1 and "," in relation.names[0]:
        raise SourceError(f"{pattern} is not a valid CSV: rows have different numbers of fields")
    return relation


def _check_types(connection: Any, paths: Sequence[str], names: Sequence[str]) -> None:
    """Raise if a column holds strings in one file and other values in another: read together, all would be strings."""
    mixed = connection.execute(
        "select name from parquet_schema($paths) where list_contains($names, name) and type is not null "
        "group by name having bool_or(type = 'BYTE_ARRAY') and not bool_and(type = 'BYTE_ARRAY')",
        {"paths": list(paths), "names": list(names)},
    ).fetchall()
    if mixed:
        raise SourceError(
            f"column {mixed[0][0]!r} holds strings in some of the files and other values in others"
        )
