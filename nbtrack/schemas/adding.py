"""Adding schemas to those that every registry of this user knows: from a folder, an archive or an Iglu server."""

import io
import json
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbtrack.common.arguments import is_http_url
from nbtrack.common.home import find_home, make_home
from nbtrack.schemas.compiling import BadSchema, compile_schema
from nbtrack.schemas.keys import SchemaKey, parse_uri
from nbtrack.schemas.registry import ADDED
from nbtrack.schemas.servers import IgluServer

MAX_ARCHIVE = 200 * 1024 * 1024
MAX_SCHEMA = 5 * 1024 * 1024
DOWNLOAD_TIMEOUT = 60.0


def added_folder() -> Path:
    """Return the folder of schemas that were added, in Iglu's layout; it need not exist."""
    return find_home() / ADDED


def add_schemas(source: str | Path, uris: Iterable[str] = ()) -> list[str]:
    """Add schemas to those that every registry of this user knows, and return their URIs.

    Parameters
    ----------
    source : path or str
        A folder or an archive (zip or tar) in Iglu's layout, ``vendor/name/jsonschema/1-0-0``, anywhere inside it; the
        URL of such an archive; or, with `uris`, the URL of an Iglu server such as ``http://iglucentral.com``.
    uris : iterable of str
        The schemas to fetch from the server.

    Returns
    -------
    list of str
        Sorted.

    Raises
    ------
    ValueError
        If a schema cannot be used, or there is none.
    OSError
        If the source cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nbtrack.schemas import Registry, add_schemas
    >>> folder = Path(tempfile.mkdtemp())
    >>> path = folder / "com.acme" / "visit" / "jsonschema" / "1-0-0"
    >>> path.parent.mkdir(parents=True)
    >>> name = '"self": {"vendor": "com.acme", "name": "visit", "format": "jsonschema", "version": "1-0-0"}'
    >>> _ = path.write_text('{%s, "type": "object"}' % name)
    >>> add_schemas(folder)
    ['iglu:com.acme/visit/jsonschema/1-0-0']
    >>> "iglu:com.acme/visit/jsonschema/1-0-0" in Registry()
    True
    """
    schemas = dict(_fetch(str(source), uris) if uris else _find(source))
    if not schemas:
        raise ValueError(f"no schemas in {source}: their paths must end in vendor/name/jsonschema/1-0-0")
    for key, text in schemas.items():
        _check(key, text)
    root = make_home(added_folder())
    for key, text in schemas.items():
        path = root / key.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return sorted(map(str, schemas))


def _fetch(url: str, uris: Iterable[str]) -> Iterator[tuple[SchemaKey, str]]:
    server = IgluServer(url, timeout=DOWNLOAD_TIMEOUT)
    for uri in uris:
        key = parse_uri(uri)
        text = server.fetch(key)
        if text is None:
            raise ValueError(f"{url} has no schema {uri}, or does not respond")
        yield key, text


def _find(source: str | Path) -> Iterator[tuple[SchemaKey, str]]:
    path = Path(source)
    if is_http_url(source):
        request = urllib.request.Request(str(source), headers={"User-Agent": "nbtrack"})  # noqa: S310 - checked
        with urllib.request.urlopen(request, timeout=DOWNLOAD_TIMEOUT) as response:  # noqa: S310 - checked
            yield from _in_archive(response.read(MAX_ARCHIVE))
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            key = _key_of(file.parts)
            if key is not None and file.is_file():
                yield key, file.read_text("utf-8")
    else:
        yield from _in_archive(path.read_bytes())


def _in_archive(content: bytes) -> Iterator[tuple[SchemaKey, str]]:
    stream = io.BytesIO(content)
    if zipfile.is_zipfile(stream):
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                key = _key_of(member.filename.split("/"))
                if key is not None and not member.is_dir() and member.file_size <= MAX_SCHEMA:
                    yield key, archive.read(member).decode("utf-8")
        return
    stream.seek(0)
    try:
        with tarfile.open(fileobj=stream) as archive:
            for entry in archive:
                key = _key_of(entry.name.split("/"))
                if key is not None and entry.isfile() and entry.size <= MAX_SCHEMA:
                    file = archive.extractfile(entry)
                    if file is not None:
                        yield key, file.read().decode("utf-8")
    except tarfile.TarError as error:
        raise ValueError(f"neither a zip nor a tar archive: {error}") from None


def _key_of(parts: Iterable[str]) -> SchemaKey | None:
    """Return the schema that a path names; None for any other file."""
    *_, vendor, name, schema_format, version = ("", "", "", "", *parts)
    try:
        return parse_uri(f"iglu:{vendor}/{name}/{schema_format}/{version.removesuffix('.json')}")
    except ValueError:
        return None


def _check(key: SchemaKey, text: str) -> None:
    if key.format != "jsonschema":
        return
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise BadSchema(f"{key} is not valid JSON: {error}") from None
    if not isinstance(schema, dict):
        raise BadSchema(f"{key} is not a JSON object")
    compile_schema(schema, str(key))
