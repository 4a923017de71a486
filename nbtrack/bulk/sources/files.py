"""Files, read as streams; a column that a file does not have is missing in its rows."""

import glob
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from nbtrack.bulk.sources.chunks import (
    CHUNK_ROWS,
    NO_COLUMN,
    Chunk,
    MissingFileError,
    Source,
    SourceError,
    rechunk,
    select_columns,
)
from nbtrack.bulk.sources.csv_files import COMPRESSED, CsvFile, CsvOptions
from nbtrack.bulk.sources.rows import JsonLinesSource

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


class ParquetFile:
    """One Parquet file; folders such as ``year=2024`` above it are columns, unless the file has them itself."""

    hint = ""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            with pq.ParquetFile(path) as file:
                self._own_names = list(file.schema_arrow.names)
                self.rows: int | None = file.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"cannot read {path}: {error}") from None
        folders = [part.partition("=") for part in Path(path).parts[:-1] if "=" in part]
        self._folders = {
            name: None if value == _NULL_PARTITION else unquote(value)
            for name, _, value in folders
            if name and name not in self._own_names
        }
        self.names = [*self._own_names, *self._folders]

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows of some columns."""
        own = [name for name in columns if name in self._own_names]
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=own):
                    arrays = {name: batch.column(name) for name in own}
                    for name in columns:
                        if name in self._folders:
                            arrays[name] = pa.repeat(
                                pa.scalar(self._folders[name], pa.string()), batch.num_rows
                            )
                    yield pa.table(arrays or {NO_COLUMN: pa.nulls(batch.num_rows)})
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"cannot read the remaining rows of {self.path}: {error}") from None


class ArrowFile:
    """One file in Arrow's IPC format, such as Feather."""

    hint = ""

    def __init__(self, path: str) -> None:
        self.path = path
        self.rows: int | None = None
        with self._open() as reader:
            self.names = list(reader.schema.names)

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows of some columns."""
        names = [name for name in columns if name in self.names]
        with self._open() as reader:
            batches = (
                map(reader.get_batch, range(reader.num_record_batches))
                if hasattr(reader, "get_batch")
                else reader
            )
            for batch in batches:
                yield select_columns(pa.Table.from_batches([batch]), names)

    def _open(self) -> Any:
        try:
            try:
                return pa.ipc.open_file(pa.memory_map(self.path))
            except pa.ArrowInvalid:
                return pa.ipc.open_stream(pa.memory_map(self.path))
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"cannot read {self.path}: {error}") from None


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
    if "://" in pattern and not pattern.startswith("file://"):
        raise SourceError(f"{pattern} is not a local path; pass pyarrow.dataset.dataset({pattern!r})")
    pattern = (
        str(Path(pattern.removeprefix("file://")).expanduser())
        if pattern.startswith(("~", "file://"))
        else pattern
    )
    paths = sorted(glob.glob(pattern, recursive=True)) or ([pattern] if Path(pattern).exists() else [])  # noqa: PTH207 - a pattern may be absolute
    if not paths:
        raise MissingFileError(f"no such file: {pattern}")
    for path in paths:
        if (table := _find_lake_table(Path(path))) is not None:
            return table
    if folders := [path for path in paths if Path(path).is_dir()]:
        raise SourceError(
            f"{folders[0]} is a folder; use a pattern for its files, such as {Path(folders[0]) / '*.parquet'}"
        )
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
    raise SourceError(
        f"backfill reads Parquet, CSV, JSON Lines and Arrow IPC files, got {', '.join(sorted(suffixes))}"
    )


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
    name = Path(path).name.lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return Path(name).suffix


def _complete(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return a table with all columns in their order; those that it does not have are null."""
    if not columns or table.column_names == list(columns):
        return table
    names = [*columns, *(name for name in table.column_names if name not in columns and name != NO_COLUMN)]
    nulls = pa.nulls(table.num_rows)
    return pa.table(
        [table.column(name) if name in table.column_names else nulls for name in names], names=names
    )


def _infer_types(files: Sequence[CsvFile]) -> dict[str, str]:
    """Return the type of each column that has it in all files."""
    found = [file.infer_types() for file in files]
    return {
        name: type_ for name, type_ in found[0].items() if all(types.get(name) == type_ for types in found)
    }


def _find_lake_table(path: Path) -> Source | None:
    """Return the Delta or Iceberg table that a path belongs to; None if it does not.

    Raises
    ------
    SourceError
        If the library that reads such tables is missing: its data files also hold deleted rows.
    """
    for folder in (path, *path.absolute().parents):
        if (folder / "_delta_log").is_dir():
            library = _import_library("deltalake", folder, "Delta")
            return ArrowSource(library.DeltaTable(str(folder)).to_pyarrow_dataset())
        if (folder / "metadata").is_dir() and (metadata := sorted(folder.glob("metadata/*.metadata.json"))):
            newest = max(metadata, key=lambda file: file.stat().st_mtime)
            library = _import_library("pyiceberg.table", folder, "Iceberg")
            return ArrowSource(library.StaticTable.from_metadata(str(newest)).scan().to_arrow_batch_reader())
    return None


def _import_library(module: str, folder: Path, format_: str) -> Any:
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError:
        raise SourceError(
            f"{folder} is a {format_} table, whose files also hold deleted rows; install {package} to read it "
            f"(python -m pip install {package})"
        ) from None
