"""Files, read as streams; a column that a file does not have is missing in its rows."""

import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from nbtrack.bulk.sources.chunks import (
    CHUNK_ROWS,
    NO_COLUMN,
    Chunk,
    Source,
    SourceError,
    rechunk,
    select_columns,
)
from nbtrack.bulk.sources.csv_files import CsvFile, CsvOptions
from nbtrack.bulk.sources.paths import (
    COMPRESSED,
    find_paths,
    is_folder,
    is_remote,
    list_names,
    open_file,
    open_stream,
    parent_folders,
    reading,
    show_path,
)
from nbtrack.bulk.sources.rows import JsonLinesSource

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


class ParquetFile:
    """One Parquet file; folders such as ``year=2024`` above it are columns, unless the file has them itself."""

    hint = ""

    def __init__(self, path: str) -> None:
        self.path = path
        with reading(path), self._open() as file:
            self._own_names = list(file.schema_arrow.names)
            self.rows: int | None = file.metadata.num_rows
        folders = [part.partition("=") for part in Path(show_path(path)).parts[:-1] if "=" in part]
        self._folders = {
            name: None if value == _NULL_PARTITION else unquote(value)
            for name, _, value in folders
            if name and name not in self._own_names
        }
        self.names = [*self._own_names, *self._folders]

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows of some columns."""
        own = [name for name in columns if name in self._own_names]
        with reading(self.path, "the remaining rows of "), self._open() as file:
            for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=own):
                arrays = {name: batch.column(name) for name in own}
                for name in columns:
                    if name in self._folders:
                        arrays[name] = pa.repeat(pa.scalar(self._folders[name], pa.string()), batch.num_rows)
                yield pa.table(arrays or {NO_COLUMN: pa.nulls(batch.num_rows)})

    def _open(self) -> pq.ParquetFile:
        return pq.ParquetFile(open_file(self.path) if is_remote(self.path) else self.path)


class ArrowFile:
    """One file in Arrow's IPC format, such as Feather."""

    hint = ""

    def __init__(self, path: str) -> None:
        self.path = path
        self.rows: int | None = None
        with reading(path), self._open() as reader:
            self.names = list(reader.schema.names)

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows of some columns."""
        names = [name for name in columns if name in self.names]
        with reading(self.path, "the remaining rows of "), self._open() as reader:
            batches = (
                map(reader.get_batch, range(reader.num_record_batches))
                if hasattr(reader, "get_batch")
                else reader
            )
            for batch in batches:
                yield select_columns(pa.Table.from_batches([batch]), names)

    def _open(self) -> Any:
        packed = show_path(self.path).lower().endswith(COMPRESSED)
        try:
            return pa.ipc.open_file(self._open_source()) if not packed else self._open_packed()
        except pa.ArrowInvalid:
            return pa.ipc.open_stream(self._open_source())

    def _open_packed(self) -> Any:
        """Return the reader of a compressed file, which is one after the other in memory: it can be read anywhere only there."""
        with open_stream(self.path) as stream:
            data = stream.read()
        try:
            return pa.ipc.open_file(data)
        except pa.ArrowInvalid:
            return pa.ipc.open_stream(data)

    def _open_source(self) -> Any:
        if is_remote(self.path):
            return pa.PythonFile(open_file(self.path), mode="r")
        return pa.memory_map(self.path)


class FilesSource(Source):
    """Files of one format, one after the other."""

    rereadable = True

    def __init__(
        self, files: Sequence[CsvFile | ParquetFile | ArrowFile], options: CsvOptions | None = None
    ) -> None:
        self._files = files
        self.names: list[str] = []
        for file in files:
            # a name that one file has twice stays twice
            rest = list(self.names)
            for name in file.names:
                if name in rest:
                    rest.remove(name)
                else:
                    self.names.append(name)
        rows = [file.rows for file in files]
        self.rows = None if None in rows else sum(count for count in rows if count is not None)
        self.hint = files[0].hint
        self.untyped = options is not None
        if options is not None:
            self.decimal = options.decimal
            if options.types == "infer":
                self.types = _infer_types([file for file in files if isinstance(file, CsvFile)])
                shown = ", ".join(f"{name} {type_}" for name, type_ in self.types.items())
                self.notes = [f"types inferred from all values: {shown or 'none'}; other columns are strings"]

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        return rechunk(
            (_complete(table, columns) for file in self._files for table in file.tables(columns)), size
        )


def open_files(pattern: str, csv: CsvOptions | None = None) -> Source:
    """Open the Parquet or CSV files that a path or a pattern names.

    Raises
    ------
    MissingFileError
        If there is no such file.
    SourceError
        If the files cannot be read.
    """
    paths = find_paths(pattern)
    for parent in dict.fromkeys(parent for path in paths for parent in parent_folders(path)):
        if (table := _find_lake_table(parent)) is not None:
            return table
    if (folder := next((path for path in paths if is_folder(path)), None)) is not None:
        example = f"{show_path(folder)}/*.parquet" if is_remote(folder) else Path(folder) / "*.parquet"
        raise SourceError(f"{show_path(folder)} is a folder; use a pattern for its files, such as {example}")
    suffixes = {_format_suffix(path) for path in paths}
    if suffixes <= {".parquet", ".pq"}:
        return FilesSource([ParquetFile(path) for path in paths])
    if suffixes <= {".csv", ".tsv", ".txt"}:
        options = csv or CsvOptions()
        return FilesSource([CsvFile(path, options) for path in paths], options)
    if suffixes <= {".jsonl", ".ndjson"}:
        return JsonLinesSource(paths)
    if suffixes <= {".arrow", ".feather", ".ipc"}:
        return FilesSource([ArrowFile(path) for path in paths])
    got = ", ".join(sorted(suffix or "no suffix" for suffix in suffixes))
    raise SourceError(f"backfill reads Parquet, CSV, JSON Lines and Arrow IPC files, got {got}")


class ArrowSource(Source):
    """Arrow batches from a reader, which can be read once, or from a dataset, which can be read again."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self.names = list(data.schema.names)
        self.rereadable = hasattr(data, "to_batches")

    def chunks(self, columns: Sequence[str], size: int) -> Iterator[Chunk]:
        """Yield the rows of some columns, `size` at a time."""
        batches = self._data.to_batches() if self.rereadable else self._data
        return rechunk((select_columns(pa.Table.from_batches([batch]), columns) for batch in batches), size)


def _format_suffix(path: str) -> str:
    name = Path(urlsplit(path).path if is_remote(path) else path).name.lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return Path(name).suffix


def _complete(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return a table with all columns in their order; those that it does not have are null."""
    if not columns or table.column_names == list(columns):
        return table
    arrays = dict(zip(table.column_names, table.columns, strict=True))
    arrays.pop(NO_COLUMN, None)
    nulls = pa.nulls(table.num_rows)
    return pa.table({name: arrays.get(name, nulls) for name in dict.fromkeys([*columns, *arrays])})


def _infer_types(files: Sequence[CsvFile]) -> dict[str, str]:
    """Return the type of each column that has it in all files."""
    found = [file.infer_types() for file in files]
    return {
        name: type_ for name, type_ in found[0].items() if all(types.get(name) == type_ for types in found)
    }


def _find_lake_table(folder: str) -> Source | None:
    """Return the Delta or Iceberg table that a folder holds; None if it holds none.

    Raises
    ------
    SourceError
        If the library that reads such tables is missing, or cannot read it: its data files also hold deleted rows.
    """
    if is_folder(f"{folder}/_delta_log"):
        library = _import_library("deltalake", folder, "Delta")
        with reading(folder, "the Delta table ", by_library=True):
            return ArrowSource(library.DeltaTable(folder).to_pyarrow_dataset())
    if names := [name for name in list_names(f"{folder}/metadata") if name.endswith(".metadata.json")]:
        library = _import_library("pyiceberg.table", folder, "Iceberg")
        with reading(folder, "the Iceberg table ", by_library=True):
            newest = f"{folder}/metadata/{_find_newest(folder, names)}"
            return ArrowSource(library.StaticTable.from_metadata(newest).scan().to_arrow_batch_reader())
    return None


def _find_newest(folder: str, names: Sequence[str]) -> str:
    """Return the metadata file of the highest version: files may have been copied, so their times say nothing."""
    versions = [(int(match[1]), name) for name in names if (match := _VERSION.match(name))]
    highest = max((version for version, _ in versions), default=-1)
    newest = [name for version, name in versions if version == highest] or list(names)
    if len(newest) > 1:
        raise SourceError(
            f"{show_path(folder)} is an Iceberg table with more than one newest version ({', '.join(sorted(newest))}); pass "
            "the table of its catalog, such as catalog.load_table(name)"
        )
    return newest[0]


_VERSION = re.compile(r"v?([0-9]+)[-.]")


def _import_library(module: str, folder: str, format_: str) -> Any:
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError:
        raise SourceError(
            f"{show_path(folder)} is a {format_} table, whose files also hold deleted rows; install {package} to read it "
            f"(python -m pip install {package})"
        ) from None
