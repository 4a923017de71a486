"""Paths of local files, and URLs of files elsewhere, which fsspec opens."""

import glob
import importlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from nbtrack.bulk.sources.chunks import MissingFileError, SourceError

COMPRESSED = (".gz", ".bz2", ".zst")
_CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs",
    "http": "fsspec[http]", "https": "fsspec[http]",
}  # fmt: skip
"""What opens the URLs of a protocol, beside fsspec."""
_HTTP = ("http://", "https://")


def is_remote(path: str) -> bool:
    """Check whether a path is the URL of a file elsewhere."""
    return "://" in path


def show_path(path: str) -> str:
    """Return a path for messages: a URL without its query and credentials, which may be secrets."""
    if not is_remote(path):
        return path
    parts = urlsplit(path)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def find_paths(pattern: str) -> list[str]:
    """Return the paths that a path or a pattern names, in their order.

    Raises
    ------
    MissingFileError
        If there is no such file.
    SourceError
        If the URL cannot be opened; the message names what to install.
    """
    if pattern.startswith(("~", "file://")):
        local = pattern.removeprefix("file://")
        # on Windows file:///C:/data is C:/data
        pattern = str(Path(local.lstrip("/") if os.name == "nt" else local).expanduser())
    if is_remote(pattern):
        with reading(pattern):
            files, path = _open_system(pattern)
            if pattern.startswith(_HTTP):
                return [pattern]
            found = files.glob(path) if glob.has_magic(path) else [path] if files.exists(path) else []
            paths = sorted(files.unstrip_protocol(each) for each in found)
    else:
        paths = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - a pattern may be absolute
        paths = paths or ([pattern] if Path(pattern).exists() else [])
    if not paths:
        text = " (backfill takes the path of a file, not its text)" if "\n" in pattern else ""
        raise MissingFileError(f"no such file: {show_path(pattern)}{text}")
    return paths


def open_stream(path: str) -> Any:
    """Open a file to be read once from its beginning, decompressed by its suffix."""
    if not is_remote(path):
        return pa.input_stream(path)
    files, name = _open_system(path)
    options = (
        {"block_size": 0} if path.startswith(_HTTP) else {}
    )  # one request, also of a server without ranges
    stream = pa.PythonFile(files.open(name, "rb", **options), mode="r")
    codec = _CODECS.get(Path(show_path(path)).suffix.lower())
    return pa.CompressedInputStream(stream, codec) if codec else stream


def open_file(path: str) -> Any:
    """Open a file to be read anywhere, as it is stored."""
    if not is_remote(path):
        return Path(path).open("rb")
    files, name = _open_system(path)
    file = files.open(name, "rb")
    if not path.startswith(_HTTP):
        return file
    try:
        file.seek(-1, os.SEEK_END)
        file.read(1)
        file.seek(0)
    except (ValueError, OSError):  # a web server that does not send parts of a file
        file.close()
        return io.BytesIO(files.cat_file(name))
    return file


def read_tail(path: str, size: int) -> bytes:
    """Return the last bytes of a file, at most `size`."""
    with open_file(path) as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - size))
        return bytes(file.read())


def is_folder(path: str) -> bool:
    """Check whether a path is a folder."""
    if not is_remote(path):
        return Path(path).is_dir()
    if path.startswith(_HTTP):
        return False
    with reading(path):
        files, name = _open_system(path)
        return bool(files.isdir(name))


def list_names(path: str) -> list[str]:
    """Return the names of what is in a folder; none if there is no such folder."""
    if not is_folder(path):
        return []
    if not is_remote(path):
        return sorted(child.name for child in Path(path).iterdir())
    with reading(path):
        files, name = _open_system(path)
        return sorted(str(child).rstrip("/").rpartition("/")[2] for child in files.ls(name, detail=False))


def parent_folders(path: str) -> Iterator[str]:
    """Yield a path and the folders above it; of a URL up to its bucket."""
    if not is_remote(path):
        yield from (str(folder) for folder in (Path(path), *Path(path).absolute().parents))
        return
    protocol, _, rest = path.partition("://")
    parts = rest.rstrip("/").split("/")
    yield from (f"{protocol}://{'/'.join(parts[:length])}" for length in range(len(parts), 0, -1))


@contextmanager
def reading(path: str, what: str = "", *, by_library: bool = False) -> Iterator[None]:
    """Raise what goes wrong with a file as `SourceError`, without the query of its URL.

    Parameters
    ----------
    path
        The file.
    what
        What is read of it, for the message.
    by_library
        Whether another library reads it, with exceptions of its own, as that of a file system elsewhere has.
    """
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError:
        raise MissingFileError(f"no such file: {show_path(path)}") from None
    except Exception as error:
        if not by_library and not is_remote(path) and not isinstance(error, pa.ArrowException | OSError):
            raise
        message = str(error).replace(path, show_path(path)) or type(error).__name__
        raise SourceError(f"cannot read {what}{show_path(path)}: {message}") from None


def _open_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the name there."""
    protocol = url.partition("://")[0]
    try:
        fsspec: Any = importlib.import_module("fsspec.core")
        files, name = fsspec.url_to_fs(url)
    except ImportError:
        package = _PACKAGES.get(protocol, "fsspec")
        raise SourceError(
            f"{show_path(url)} is not a local path; install {package} to read it (python -m pip install '{package}')"
        ) from None
    except ValueError as error:  # an unknown protocol
        raise SourceError(f"cannot read {show_path(url)}: {error}") from None
    return files, str(name)
