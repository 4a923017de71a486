"""Where schemas are found, and what they say about data."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nbtrack.common.errors import NbtrackError
from nbtrack.common.wording import near_matches
from nbtrack.schemas.compiling import BadSchema, Validator, compile_schema
from nbtrack.schemas.faults import Fault, faults_of
from nbtrack.schemas.keys import SchemaKey, parse_uri
from nbtrack.schemas.servers import IgluServer

BUILTIN = Path(__file__).parent / "iglu"


class SchemaNotFound(NbtrackError, LookupError):  # noqa: N818 - the name is public
    """No registry has the schema.

    Attributes
    ----------
    uri : str
        The schema that was looked for.
    suggestions : tuple of str
        Known URIs that look alike, nearest first.
    looked : tuple of str
        The registries that were asked.

    Examples
    --------
    >>> try:
    ...     Registry().find("iglu:com.snowplowanalytics.snowplow/timin/jsonschema/1-0-0")
    ... except SchemaNotFound as error:
    ...     print(error.suggestions[0])
    iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0
    """

    def __init__(self, uri: str, suggestions: tuple[str, ...] = (), looked: tuple[str, ...] = ()) -> None:
        hint = f"; did you mean {suggestions[0]}?" if suggestions else ""
        super().__init__(f"no schema {uri} in {', '.join(looked) or 'any registry'}{hint}")
        self.uri, self.suggestions, self.looked = uri, suggestions, looked


class Server(Protocol):
    """An Iglu server, as :class:`nbtrack.schemas.servers.IgluServer` is one."""

    name: str

    def fetch(self, key: SchemaKey) -> str | None:
        """Give the schema's text, or None when the server does not have it."""
        ...


@dataclass(slots=True)
class _Entry:
    """A schema as last seen: its text tells whether it changed since."""

    stamp: object
    schema: dict[str, Any]
    validator: Validator | None = None


class Registry:
    """Iglu schemas from four places, asked in this order.

    Schemas registered by :meth:`register`, local folders, the built-in ones, Iglu servers. An edited file of a local
    folder counts from the next call on. A server is asked only when nothing else has the schema.

    Parameters
    ----------
    folders : iterable of path
        Folders in Iglu's layout, ``vendor/name/jsonschema/1-0-0``, with or without ``.json`` at the end.
    servers : iterable of Server or str
        Asked in turn, a text being a server's address; none by default, so nothing leaves the machine.
    builtin : bool
        Whether the schemas that come with nbtrack are known; True by default.

    Examples
    --------
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
                raise TypeError(f"{name} must be a list, such as {name}=[…], not {places!r}")
        self.folders = [Path(folder) for folder in folders]
        self.servers = [IgluServer(server) if isinstance(server, str) else server for server in servers]
        for server in self.servers:
            if not callable(getattr(server, "fetch", None)):
                raise TypeError(
                    f"servers takes addresses such as https://iglu.acme.com, and IgluServer(…); not {server!r}"
                )
        self._roots = [*self.folders, *([BUILTIN] if builtin else [])]
        self._own: dict[str, _Entry] = {}
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._keys: dict[str, SchemaKey] = {}
        self._lock = threading.RLock()

    def register(self, schema: Mapping[str, Any]) -> str:
        """Add a schema to this registry; it hides one of the same name elsewhere.

        Parameters
        ----------
        schema : mapping
            With its ``self`` (vendor, name, format, version).

        Returns
        -------
        str
            Its URI.

        Raises
        ------
        BadSchema
            When ``self`` is missing or wrong, or the schema is no Draft 4 schema, or refers to another document.
        """
        if isinstance(schema, str | Path):
            raise BadSchema(
                f"register takes a schema, a dict, not a text: json.loads(…) reads one; got {str(schema)[:60]!r}"
            )
        try:
            entry = _Entry(None, json.loads(json.dumps(schema)))
        except (TypeError, ValueError, RecursionError) as error:
            raise BadSchema(f"the schema is not JSON: {error}") from None
        own = entry.schema.get("self") if isinstance(schema, Mapping) else None
        if not isinstance(own, dict):
            raise BadSchema("a schema needs `self` with its vendor, name, format and version")
        parts = [str(own.get(name, "")) for name in ("vendor", "name")]
        uri = "/".join(
            ("iglu:" + parts[0], parts[1], str(own.get("format", "jsonschema")), str(own.get("version", "")))
        )
        try:
            parse_uri(uri)
        except ValueError as error:
            raise BadSchema(f"the schema's `self` does not name it: {error}") from None
        entry.validator = compile_schema(entry.schema, uri)
        with self._lock:
            self._own[uri] = entry
        return uri

    def find(self, uri: str) -> dict[str, Any]:
        """Give the schema of a URI.

        Raises
        ------
        SchemaNotFound
            When no place has it; ``suggestions`` holds names that look alike.
        BadSchema
            When it is there but is not JSON.
        ValueError
            When the text is no Iglu URI.
        """
        return self._entry(uri).schema

    def __contains__(self, uri: str) -> bool:
        """Tell whether some place has a schema; a no is quicker than that of `find`, which looks for alike names."""
        return self._look_up(uri) is not None

    def validator(self, uri: str) -> Validator:
        """Give the compiled validator of a schema; raises as :meth:`find` does."""
        entry = self._entry(uri)
        if entry.validator is None:
            entry.validator = compile_schema(entry.schema, uri)
        return entry.validator

    def faults(self, uri: str, data: Any) -> list[Fault]:
        """Tell everything that is wrong with data.

        Parameters
        ----------
        uri : str
            The schema that the data should follow.
        data : any
            JSON values: dict, list, str, int, float, bool, None.

        Returns
        -------
        list of Fault
            Empty when the data is valid.

        Raises
        ------
        SchemaNotFound, BadSchema, ValueError
            As :meth:`find`.
        """
        validator = self.validator(uri)
        try:
            return [] if validator.is_valid(data) else faults_of(validator.iter_errors(data))
        except ValueError as error:
            raise ValueError(
                f"the data holds what JSON does not know ({error}): nbtrack.values.jsonable makes JSON values of it"
            ) from None

    def uris(self) -> list[str]:
        """List every schema known without asking a server, sorted."""
        with self._lock:
            found = set(self._own)
        for root in self._roots:
            for path in root.glob("*/*/*/*"):
                vendor, name, kind, version = path.parts[-4:]
                try:
                    found.add(str(parse_uri(f"iglu:{vendor}/{name}/{kind}/{version.removesuffix('.json')}")))
                except ValueError:
                    continue
        return sorted(found)

    def places(self) -> tuple[str, ...]:
        """Name the places that are asked, in order."""
        roots = [
            "the built-in registry"
            if root == BUILTIN
            else f"{root}{'' if root.is_dir() else ' (no such folder)'}"
            for root in self._roots
        ]
        return ("the session", *roots, *(server.name for server in self.servers))

    def suggest(self, uri: str) -> tuple[str, ...]:
        """Give at most three known URIs that look like this one, nearest first."""
        known = self.uris()
        family = uri.rpartition("/")[0]
        versions = [other for other in known if other.rpartition("/")[0] == family]
        near = near_matches(uri, known, n=3, cutoff=0.75)
        return tuple(dict.fromkeys([*reversed(versions), *near]))[:3]

    def _entry(self, uri: str) -> _Entry:
        entry = self._look_up(uri)
        if entry is None:
            raise SchemaNotFound(uri, self.suggest(uri), self.places())
        return entry

    def _look_up(self, uri: Any) -> _Entry | None:
        if not isinstance(uri, str):
            parse_uri(uri)  # which refuses it
        own = self._own.get(uri)
        if own is not None:
            return own
        key = self._keys.get(uri)
        if key is None:
            key = parse_uri(uri)
            if len(self._keys) < 10_000:  # noqa: PLR2004 - a bound against floods of made-up names
                self._keys[uri] = key
        return self._from_files(key) or self._from_servers(key)

    def _from_files(self, key: SchemaKey) -> _Entry | None:
        for root in self._roots:
            place = (str(root), key.path)
            if root == BUILTIN and place in self._entries:
                return self._entries[place]
            for path in (root / key.path, root / f"{key.path}.json"):
                try:
                    status = path.stat()
                    stamp = (str(path), status.st_mtime_ns, status.st_size, status.st_ino)
                    entry = self._entries.get(place)
                    if entry is None or entry.stamp != stamp:
                        entry = _Entry(stamp, _parse(path.read_text("utf-8"), str(key)))
                        self._entries[place] = entry
                except (FileNotFoundError, NotADirectoryError):
                    continue
                return entry
        return None

    def _from_servers(self, key: SchemaKey) -> _Entry | None:
        for server in self.servers:
            text = server.fetch(key)
            if text is not None:
                place = (server.name, key.path)
                entry = self._entries.get(place)
                if entry is None or entry.stamp != text:
                    entry = self._entries[place] = _Entry(text, _parse(text, str(key)))
                return entry
        return None


def _parse(text: str, uri: str) -> dict[str, Any]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSchema(f"{uri} is not JSON: {error}") from None
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
    """Make a registry of folders and of servers' addresses.

    Parameters
    ----------
    places : iterable of str
        What starts with ``http://`` or ``https://`` is a server, anything else a folder.
    api_key : str, optional
        For the servers.
    cache : path, optional
        Folder in which to keep what servers gave.
    builtin : bool
        Whether the schemas that come with nbtrack are known; True by default.

    Returns
    -------
    Registry
        Folders are read and servers are asked when a schema is looked for.

    Examples
    --------
    >>> registry = registry_of(["schemas", "https://schemas.acme.com/api"])
    >>> registry.folders, registry.servers
    ([PosixPath('schemas')], [<IgluServer https://schemas.acme.com/api>])
    """
    folders: list[str] = []
    servers: list[Server] = []
    for place in places:
        if place.startswith(("http://", "https://")):
            servers.append(IgluServer(place, api_key=api_key, cache=cache))
        else:
            folders.append(place)
    return Registry(folders, servers=servers, builtin=builtin)
