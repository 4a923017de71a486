"""The registry: finds schemas in folders, on Iglu servers and among the built-in ones, and validates data."""

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nbtrack.common.arguments import is_http_url
from nbtrack.common.errors import NbtrackError
from nbtrack.common.home import find_home
from nbtrack.common.wording import near_matches
from nbtrack.schemas.compiling import BadSchema, Validator, compile_schema
from nbtrack.schemas.faults import Fault
from nbtrack.schemas.keys import SchemaKey, parse_uri
from nbtrack.schemas.servers import IgluServer

ADDED = "iglu"
"""Folder in the home of the schemas that the user added."""
BUILTIN = Path(__file__).parent / "iglu"
"""Folder of the schemas that come with nbtrack."""
VERSION = re.compile(r"[1-9][0-9]*-[0-9]+-[0-9]+")
INDEX_SECONDS = 5.0
NEAR_VENDOR = 0.85
NEAR_NAME = 0.75
"""How similar a vendor and a name must be to be suggested."""
SNOWPLOW_VENDORS = (
    "iglu:com.snowplow",
    "iglu:org.w3/",
    "iglu:org.ietf/",
    "iglu:org.schema/",
    "iglu:com.google.",
)
"""Beginnings of URIs of schemas that Snowplow publishes."""
MAX_KEYS = 10_000
"""Parsed URIs that are kept: a limit against floods of made-up names."""


class SchemaNotFound(NbtrackError, LookupError):  # noqa: N818 - the name is public
    """No registry has the schema.

    Attributes
    ----------
    uri : str
        The schema that was looked up.
    suggestions : tuple of str
        Known URIs that are similar, the nearest first.
    looked : tuple of str
        The places that were searched.

    Examples
    --------
    >>> from nbtrack.schemas import Registry, SchemaNotFound
    >>> try:
    ...     Registry().find("iglu:com.snowplowanalytics.snowplow/timin/jsonschema/1-0-0")
    ... except SchemaNotFound as error:
    ...     print(error.suggestions[0])
    iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0
    """

    def __init__(
        self,
        uri: str,
        suggestions: tuple[str, ...] | Callable[[str], tuple[str, ...]] = (),
        looked: tuple[str, ...] = (),
    ) -> None:
        super().__init__(uri)
        self.uri, self.looked = uri, looked
        self._suggestions = suggestions

    @property
    def suggestions(self) -> tuple[str, ...]:
        """Known URIs that are similar, the nearest first; searched for when they are read."""
        if callable(self._suggestions):
            self._suggestions = self._suggestions(self.uri)
        return self._suggestions

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestions[0]}?" if self.suggestions else _add_command(self.uri)
        return f"no schema {self.uri} in {', '.join(self.looked) or 'any registry'}{hint}"

    def __reduce__(self) -> tuple[type["SchemaNotFound"], tuple[str, tuple[str, ...], tuple[str, ...]]]:
        return type(self), (self.uri, self.suggestions, self.looked)


class Server(Protocol):
    """What the registry requires of a server; `nbtrack.schemas.IgluServer` is one."""

    name: str

    def fetch(self, key: SchemaKey) -> str | None:
        """Return the schema's text, or None if the server does not have it."""
        ...


@dataclass(slots=True)
class _Entry:
    """A schema as last read; its stamp changes with its file or text."""

    stamp: object
    schema: dict[str, Any]
    validator: Validator | None = None

    @property
    def superseding_version(self) -> str:
        """The version that replaces this one in Iglu; usually none."""
        version = self.schema.get("$supersededBy", "")
        return version if isinstance(version, str) and VERSION.fullmatch(version) else ""


class Registry:
    """Iglu schemas from four places, searched in this order.

    Schemas added by `register`, local folders, the built-in schemas, Iglu servers. An edited file of a local
    folder takes effect with the next call. A server is asked only if no other place has the schema.

    Parameters
    ----------
    folders : iterable of path
        Folders in Iglu's layout, ``vendor/name/jsonschema/1-0-0``, with or without the suffix ``.json``.
    servers : iterable of Server or str
        Servers, or their URLs, asked in turn; none by default, so nothing leaves the machine.
    builtin : bool
        Whether the schemas that come with nbtrack are included; True by default.

    Examples
    --------
    >>> from nbtrack.schemas import Registry
    >>> registry = Registry()
    >>> uri = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
    >>> [str(fault) for fault in registry.faults(uri, {"category": "io", "variable": "read", "timing": "3"})]
    ['$.timing: string found, number expected']
    """

    def __init__(
        self,
        folders: Iterable[str | Path] = (),
        *,
        servers: Iterable[Server | str] = (),
        builtin: bool = True,
    ) -> None:
        for name, places in (("folders", folders), ("servers", servers)):
            if isinstance(places, str | os.PathLike) or not isinstance(places, Iterable):
                raise TypeError(f"{name} must be a list, such as {name}=[…], got {places!r}")
        self.folders = [Path(folder) for folder in folders]
        self.servers = [IgluServer(server) if isinstance(server, str) else server for server in servers]
        for server in self.servers:
            if not callable(getattr(server, "fetch", None)):
                raise TypeError(
                    f"servers must be URLs such as https://iglu.acme.com, or IgluServer(…), got {server!r}"
                )
        self._has_builtin = builtin
        self._roots = [*self.folders, *([BUILTIN] if builtin else [])]
        self._registered: dict[str, _Entry] = {}
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._keys: dict[str, SchemaKey] = {}
        self._lock = threading.RLock()
        self._indexed: tuple[float, dict[str, dict[str, list[SchemaKey]]]] | None = None

    def register(self, schema: Mapping[str, Any]) -> str:
        """Add a schema to this registry, in place of one with the same name elsewhere.

        Parameters
        ----------
        schema : mapping
            With its ``self``: vendor, name, format and version.

        Returns
        -------
        str
            Its URI.

        Raises
        ------
        BadSchema
            If ``self`` is missing or wrong, or the schema is not valid in Draft 4, or refers to another document.
        """
        if isinstance(schema, str | Path):
            raise BadSchema(
                f"schema must be a dict, got {str(schema)[:60]!r}; json.loads reads one from text"
            )
        try:
            entry = _Entry(None, json.loads(json.dumps(schema)))
        except (TypeError, ValueError, RecursionError) as error:
            raise BadSchema(f"the schema is not valid JSON: {error}") from None
        names = entry.schema.get("self") if isinstance(schema, Mapping) else None
        if not isinstance(names, dict):
            raise BadSchema("the schema has no `self` with vendor, name, format and version")
        defaults = {"vendor": "", "name": "", "format": "jsonschema", "version": ""}
        uri = "iglu:" + "/".join(str(names.get(part, default)) for part, default in defaults.items())
        try:
            parse_uri(uri)
        except ValueError as error:
            raise BadSchema(f"the schema's `self` is wrong: {error}") from None
        entry.validator = compile_schema(entry.schema, uri)
        with self._lock:
            self._registered[uri] = entry
            self._indexed = None
        return uri

    def find(self, uri: str) -> dict[str, Any]:
        """Return the schema of a URI.

        Raises
        ------
        SchemaNotFound
            If no place has it; ``suggestions`` are similar names.
        BadSchema
            If it is not valid JSON.
        ValueError
            If `uri` is not an Iglu URI.
        """
        return self._entry(uri).schema

    def __contains__(self, uri: str) -> bool:
        """Check whether any place has a schema, without the search of `find` for similar names."""
        return self._look_up(uri) is not None

    def validator(self, uri: str) -> Validator:
        """Return the compiled validator of a schema, or of the version that supersedes it; raises as `find` does."""
        entry = self._entry(uri)
        if entry.superseding_version:
            entry = self._look_up(f"{uri.rpartition('/')[0]}/{entry.superseding_version}") or entry
        if entry.validator is None:
            entry.validator = compile_schema(entry.schema, uri)
        return entry.validator

    def faults(self, uri: str, data: Any) -> list[Fault]:
        """Return what is wrong with data: everything, up to 100 faults.

        Parameters
        ----------
        uri : str
            The schema to validate with.
        data : any
            JSON values: dict, list, str, int, float, bool, None.

        Returns
        -------
        list of Fault
            Empty if the data is valid.

        Raises
        ------
        SchemaNotFound, BadSchema, ValueError
            As `find`.
        """
        validator = self.validator(uri)
        try:
            return validator.faults(data)
        except ValueError as error:
            raise ValueError(f"the data is not JSON ({error}); nbtrack.values.jsonable converts it") from None

    def uris(self) -> list[str]:
        """Return the URIs of all schemas that are known without asking a server, sorted."""
        with self._lock:
            uris = set(self._registered)
        for root in self._all_roots():
            for path in root.glob("*/*/*/*"):
                vendor, name, schema_format, version = path.parts[-4:]
                try:
                    uris.add(
                        str(
                            parse_uri(f"iglu:{vendor}/{name}/{schema_format}/{version.removesuffix('.json')}")
                        )
                    )
                except ValueError:
                    continue
        return sorted(uris)

    def places(self) -> tuple[str, ...]:
        """Return the names of the places that are searched, in order."""
        roots = [
            "the built-in registry"
            if root == BUILTIN
            else f"{root}{'' if root.is_dir() else ' (no such folder)'}"
            for root in self._all_roots()
        ]
        return ("the session", *roots, *(server.name for server in self.servers))

    def suggest(self, uri: str) -> tuple[str, ...]:
        """Return at most three known URIs that are similar to this one, the nearest first."""
        try:
            key = parse_uri(uri)
        except ValueError:
            return ()
        index = self._index()
        names = index.get(key.vendor, {})
        found = list(reversed(names.get(key.name, ())))
        for vendor in near_matches(key.vendor, index, n=3, cutoff=NEAR_VENDOR):
            for name in near_matches(key.name, index[vendor], n=3, cutoff=NEAR_NAME):
                versions = index[vendor][name]
                # the version that was asked for, if there is one
                found.append(
                    next((other for other in versions if other.version == key.version), versions[-1])
                )
        return tuple(str(other) for other in dict.fromkeys(found))[:3]

    def _index(self) -> dict[str, dict[str, list[SchemaKey]]]:
        """Return the known schemas by vendor and name, each with its versions in order; at most some seconds old."""
        now = time.monotonic()
        with self._lock:
            if self._indexed is None or now - self._indexed[0] > INDEX_SECONDS:
                index: dict[str, dict[str, list[SchemaKey]]] = {}
                for key in sorted(map(parse_uri, self.uris()), key=_version_order):
                    index.setdefault(key.vendor, {}).setdefault(key.name, []).append(key)
                self._indexed = (now, index)
            return self._indexed[1]

    def _entry(self, uri: str) -> _Entry:
        entry = self._look_up(uri)
        if entry is None:
            raise SchemaNotFound(uri, self.suggest, self.places())
        return entry

    def _look_up(self, uri: Any) -> _Entry | None:
        if not isinstance(uri, str):
            parse_uri(uri)  # raises
        registered = self._registered.get(uri)
        if registered is not None:
            return registered
        key = self._keys.get(uri)
        if key is None:
            key = parse_uri(uri)
            if len(self._keys) < MAX_KEYS:
                self._keys[uri] = key
        return self._from_files(key) or self._from_servers(key)

    def _all_roots(self) -> list[Path]:
        """Return the folders that are searched, with that of the schemas which the user added, if there is one."""
        if not self._has_builtin:
            return self._roots
        added = find_home() / ADDED
        return [*self._roots, added] if added.is_dir() else self._roots

    def _from_files(self, key: SchemaKey) -> _Entry | None:
        return self._from_roots(key, self._roots) or self._from_roots(
            key, self._all_roots()[len(self._roots) :]
        )

    def _from_roots(self, key: SchemaKey, roots: Iterable[Path]) -> _Entry | None:
        for root in roots:
            name = (str(root), key.path)
            if root == BUILTIN and name in self._entries:
                return self._entries[name]
            for path in (root / key.path, root / f"{key.path}.json"):
                try:
                    status = path.stat()
                    stamp = (str(path), status.st_mtime_ns, status.st_size, status.st_ino)
                    entry = self._entries.get(name)
                    if entry is None or entry.stamp != stamp:
                        entry = _Entry(stamp, _parse(path.read_text("utf-8"), str(key)))
                        self._entries[name] = entry
                except (FileNotFoundError, NotADirectoryError):
                    continue
                return entry
        return None

    def _from_servers(self, key: SchemaKey) -> _Entry | None:
        for server in self.servers:
            text = server.fetch(key)
            if text is not None:
                name = (server.name, key.path)
                entry = self._entries.get(name)
                if entry is None or entry.stamp != text:
                    entry = self._entries[name] = _Entry(text, _parse(text, str(key)))
                return entry
        return None


def _version_order(key: SchemaKey) -> tuple[int, ...]:
    return tuple(map(int, key.version.split("-")))


def _add_command(uri: str) -> str:
    """Return how a schema of Snowplow's that is not built in is added; empty for any other vendor."""
    if not uri.startswith(SNOWPLOW_VENDORS):
        return ""
    return f"; add it with: nbtrack schemas add http://iglucentral.com {uri}"


def _parse(text: str, uri: str) -> dict[str, Any]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSchema(f"{uri} is not valid JSON: {error}") from None
    if not isinstance(schema, dict):
        raise BadSchema(f"{uri} is not a JSON object")
    return schema


def registry_of(
    places: Iterable[str],
    *,
    api_key: str | None = None,
    cache: str | Path | None = None,
    builtin: bool = True,
) -> Registry:
    """Return a registry of folders and Iglu servers.

    Parameters
    ----------
    places : iterable of str
        A server's URL begins with ``http://`` or ``https://``; any other place is a folder.
    api_key : str, optional
        The API key of the servers.
    cache : path, optional
        Folder in which schemas of servers are kept.
    builtin : bool
        Whether the schemas that come with nbtrack are included; True by default.

    Returns
    -------
    Registry
        Folders are read and servers are asked when a schema is looked up.

    Examples
    --------
    >>> from nbtrack.schemas import registry_of
    >>> registry = registry_of(["schemas", "https://schemas.acme.com/api"])
    >>> registry.folders, registry.servers
    ([PosixPath('schemas')], [<IgluServer https://schemas.acme.com/api>])
    """
    folders: list[str] = []
    servers: list[Server] = []
    for place in places:
        if is_http_url(place):
            servers.append(IgluServer(place, api_key=api_key, cache=cache))
        else:
            folders.append(place)
    return Registry(folders, servers=servers, builtin=builtin)
