"""The lines of files with events, wherever these are and however they are packed."""

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa

from nbtrack.bulk.sources.chunks import SourceError
from nbtrack.bulk.sources.paths import find_paths, is_folder, is_remote, open_file, reading, show_path

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
"""The codec of a file by its first bytes."""
_PARQUET = b"PAR1"
_BUFFER = 1 << 20
_WAREHOUSES = frozenset(
    {"bigquery", "bq", "databricks", "jdbc", "mysql", "postgres", "postgresql", "redshift", "snowflake"}
)
_NO_TABLES = (
    "tables that loaders write into warehouses and lakes are not read; pass the files of the pipeline, or write the rows as "
    "JSON lines with the names of columns in lower case, as with frame.to_json('events.jsonl', orient='records', lines=True, "
    "date_format='iso')"
)


class Line(NamedTuple):
    """A line that is not empty.

    Attributes
    ----------
    file : str
        The file, without the query of its URL.
    number : int
        From 1.
    text : str
        Without its end; bytes that are not UTF-8 are U+FFFD.
    """

    file: str
    number: int
    text: str


def find_files(source: Any) -> list[str]:
    """Return the paths of files: of a path, a pattern, a folder (all files below it), or a list of them.

    Raises
    ------
    MissingFileError
        If there is none.
    SourceError
        If it is neither.
    """
    if hasattr(source, "columns") or hasattr(source, "column_names") or hasattr(source, "cursor"):
        raise SourceError(f"cannot read {type(source).__name__}: {_NO_TABLES}")
    sources = [source] if isinstance(source, str | os.PathLike) else source
    if not isinstance(sources, Iterable) or isinstance(sources, bytes):
        raise SourceError(f"cannot read {type(source).__name__}; pass the path of files, or a list of paths")
    paths: list[str] = []
    for each in sources:
        if not isinstance(each, str | os.PathLike):
            raise SourceError(
                f"cannot read {type(each).__name__}; pass the path of files, or a list of paths"
            )
        if urlsplit(os.fspath(each)).scheme in _WAREHOUSES:
            raise SourceError(f"cannot read {show_path(os.fspath(each))}: {_NO_TABLES}")
        for path in find_paths(os.fspath(each)):
            found = find_paths(f"{path.rstrip('/')}/**/*") if is_folder(path) else [path]
            paths += [one for one in found if not is_folder(one)]
    return list(dict.fromkeys(paths))


def read_lines(paths: Iterable[str]) -> Iterator[Line]:
    """Yield the lines of files; they are unpacked by their first bytes, and not by their names."""
    for path in paths:
        shown = show_path(path)
        with reading(path, by_library=True), open_unpacked(path) as file:
            for number, raw in enumerate(io.BufferedReader(file, _BUFFER), 1):
                text = raw.decode("utf-8", "replace").rstrip("\r\n")
                if text.strip(" "):
                    yield Line(shown, number, text)


@contextmanager
def open_unpacked(path: str) -> Iterator[pa.NativeFile]:
    """Open a file to be read once, unpacked if it begins like a file of gzip, bzip2 or Zstandard."""
    with ExitStack() as stack:
        if is_remote(path):
            stream = pa.PythonFile(stack.enter_context(open_file(path)), mode="r")
        else:
            stream = stack.enter_context(_open_local(path))
        head = stream.read(4)
        stream.seek(0)
        if head == _PARQUET:
            raise SourceError(f"cannot read {show_path(path)}, a Parquet file: {_NO_TABLES}")
        codec = next((codec for magic, codec in _MAGIC.items() if head.startswith(magic)), None)
        yield stream if codec is None else stack.enter_context(pa.CompressedInputStream(stream, codec))


def _open_local(path: str) -> pa.NativeFile:
    """Open a local file: mapped, so that what is read of it is not copied; an empty one cannot be mapped."""
    return pa.memory_map(path) if Path(path).stat().st_size else pa.OSFile(path, "rb")
