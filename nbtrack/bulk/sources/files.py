"""Parquet and CSV files, and DuckDB relations: streamed."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from nbtrack.bulk.duckdb import open_cursor
from nbtrack.bulk.encoding.expressions import quote
from nbtrack.bulk.sources.chunks import NO_COLUMN, Chunk, SourceError, rechunk


class RelationSource:
    """A DuckDB relation, streamed."""

    rows: int | None = None

    def __init__(self, relation: Any) -> None:
        self._relation = relation
        self.names = list(relation.columns)

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Give the rows of some columns, ``size`` at a time."""
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in columns) or f"null as {NO_COLUMN}"
        return rechunk(self._read(quoted, size), size)

    def _read(self, projection: str, size: int) -> Iterator[pa.Table]:
        try:
            for batch in self._relation.project(projection).to_arrow_reader(size):
                yield pa.Table.from_batches([batch])
        except (duckdb.Error, OSError) as error:  # Arrow says OSError of what DuckDB said
            raise SourceError(f"the rows cannot be read further: {error}") from None


def open_files(pattern: str) -> RelationSource:
    """Open the Parquet or CSV files of a path or a pattern of paths."""
    paths = sorted(glob.glob(pattern, recursive=True)) or ([pattern] if Path(pattern).exists() else [])  # noqa: PTH207 - a pattern may be absolute
    if not paths:
        raise SourceError(f"no file is at {pattern}")
    if folders := [path for path in paths if Path(path).is_dir()]:
        raise SourceError(
            f"{folders[0]} is a folder: name its files by a pattern, such as {Path(folders[0]) / '*.parquet'}"
        )
    suffixes = {Path(path).name.lower().removesuffix(".gz").rpartition(".")[2] for path in paths}
    if suffixes <= {"parquet", "pq"}:
        function = "read_parquet"
    elif suffixes <= {"csv", "tsv", "txt"}:
        function = "read_csv"
    else:
        raise SourceError(f"backfill reads Parquet and CSV files, not .{', .'.join(sorted(suffixes))}")
    connection = open_cursor()
    # by name: a column that came later is null in the files before
    rows = f"{function}([{', '.join(map(quote, paths))}], union_by_name = true)"
    try:
        relation = RelationSource(connection.sql(f"select * from {rows}"))  # noqa: S608 - quoted above
        if function == "read_parquet":
            counted = connection.sql(f"select count(*) from {rows}").fetchall()  # noqa: S608 - quoted above
            relation.rows = counted[0][0]
    except duckdb.Error as error:
        raise SourceError(f"{pattern} cannot be read: {error}") from None
    if len(paths) > 1 and function == "read_parquet":
        _check_types(connection, paths, relation.names)
    if function == "read_csv" and len(relation.names) == 1 and "," in relation.names[0]:
        raise SourceError(f"{pattern} is no table: its lines have different numbers of fields")
    return relation


def _check_types(connection: Any, paths: Sequence[str], names: Sequence[str]) -> None:
    """Refuse files of which some hold texts where others hold numbers: read together, all would be texts."""
    rows = connection.execute(
        "select name from parquet_schema($paths) where list_contains($names, name) and type is not null "
        "group by name having bool_or(type = 'BYTE_ARRAY') and not bool_and(type = 'BYTE_ARRAY')",
        {"paths": list(paths), "names": list(names)},
    ).fetchall()
    if rows:
        raise SourceError(f"the files hold texts in the column {rows[0][0]!r} here, and other values there")
