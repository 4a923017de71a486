"""The lines of files with events, wherever these are and however they are packed."""

import io
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa

from nbtrack.bulk.sources.chunks import SourceError
from nbtrack.bulk.sources.paths import find_paths, is_folder, is_remote, open_file, reading, show_path
from nbtrack.common.wording import readable_size

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
"""The codec of a file by its first bytes."""
_PARQUET = b"PAR1"
_BUFFER = 1 << 20
_TAIL = 1 << 14
MAX_LINE_BYTES = 256_000_000
"""A longer line is reported, and is never in memory as a whole."""
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
        Without its end; bytes that are not UTF-8 are U+FFFD. Empty if the line is too long.
    size : int
        Bytes, with its end.
    """

    file: str
    number: int
    text: str
    size: int

    @property
    def fault(self) -> str:
        """Why the line is too long to be read; empty if it is not."""
        if self.size <= MAX_LINE_BYTES:
            return ""
        return f"the line has {readable_size(self.size)}; at most {readable_size(MAX_LINE_BYTES)} are read"


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
            buffered = io.BufferedReader(file, _BUFFER)
            for number in itertools.count(1):
                raw = buffered.readline(MAX_LINE_BYTES + 1)
                if not raw:
                    break
                size = len(raw)
                if size > MAX_LINE_BYTES:
                    while not raw.endswith(b"\n") and (raw := buffered.readline(_BUFFER)):
                        size += len(raw)
                    yield Line(shown, number, "", size)
                    continue
                text = raw.decode("utf-8", "replace").rstrip("\r\n")
                if text.strip(" "):
                    yield Line(shown, number, text, size)


def read_blocks(file: pa.NativeFile, size: int) -> Iterator[pa.Buffer | None]:
    """Yield a file in blocks of whole lines, of about `size` bytes or one longer line; None in place of a line that is too long."""
    # what was read of a line that has not ended, and its bytes
    begun: list[pa.Buffer] = []
    length = 0
    while (part := file.read_buffer(size)).size:
        end = _end_of_lines(part)
        if not end:
            length += part.size
            begun = [] if length > MAX_LINE_BYTES else [*begun, part]
            continue
        if length + part.size > MAX_LINE_BYTES:
            first = bytes(part).index(b"\n") + 1
            if length + first > MAX_LINE_BYTES:
                yield None
                begun, part, end = [], part.slice(first), end - first
        if end:
            yield _join([*begun, part.slice(0, end)])
        begun, length = [], part.size - end
        if length and file.seekable():
            file.seek(-length, os.SEEK_CUR)  # what it reads again need not be copied to what follows
            length = 0
        elif length:
            begun = [part.slice(end)]
    if length > MAX_LINE_BYTES:
        yield None
    elif begun:
        yield _join(begun)


def _end_of_lines(part: pa.Buffer) -> int:
    """Return where the last line that ends in a part does, or 0."""
    end = int(part.size)
    while end:
        start = max(0, end - _TAIL)
        found = bytes(part.slice(start, end - start)).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _join(parts: list[pa.Buffer]) -> pa.Buffer:
    return parts[0] if len(parts) == 1 else pa.py_buffer(b"".join(parts))


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
