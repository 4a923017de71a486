"""Iglu servers: schemas over HTTP, where servers are configured."""

import hashlib
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

from nbtrack.common.arguments import is_http_url
from nbtrack.schemas.keys import SchemaKey

NOT_FOUND = 404
MAX_SCHEMA_BYTES = 5 * 1024 * 1024


def absolute_place(place: str | Path) -> str:
    """Return an Iglu server's URL as it is, and a folder's absolute path."""
    return str(place) if is_http_url(place) else str(Path(place).resolve())


class IgluServer:
    """An Iglu server or a static registry.

    A schema that was found is kept on disk, because a released schema never changes; for one that was not found, the
    server is asked again after a while.

    Parameters
    ----------
    url : str
        Such as ``https://schemas.acme.com/api`` or ``http://iglucentral.com``.
    api_key : str, optional
        Sent as the header ``apikey``; never stored or shown.
    cache : path, optional
        Folder for the schemas that were found; by default they are kept in memory only.
    timeout : float
        Seconds a request may take; 3 by default.
    patience : float
        Seconds for which a server that failed, or does not have a schema, is not asked again; 10 by default.

    Raises
    ------
    ValueError
        If `url` does not begin with ``http://`` or ``https://``.

    Examples
    --------
    >>> from nbtrack.schemas import IgluServer, Registry
    >>> server = IgluServer("https://schemas.acme.com/api", api_key="secret")  # asked when a schema is looked up
    >>> registry = Registry(servers=[server])
    >>> server
    <IgluServer https://schemas.acme.com/api>
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        cache: str | Path | None = None,
        timeout: float = 3.0,
        patience: float = 10.0,
    ) -> None:
        if not is_http_url(url):
            raise ValueError(f"an Iglu server's URL must begin with http:// or https://, got {url!r}")
        self.name = url.rstrip("/")
        self._api_key, self._timeout, self._patience = api_key, timeout, patience
        digest = hashlib.sha256(self.name.encode()).hexdigest()[:16]
        self._cache = None if cache is None else Path(cache) / digest
        self._found: dict[str, str] = {}
        self._missing_until: dict[str, float] = {}
        self._failing_until = 0.0

    def __repr__(self) -> str:
        return f"<IgluServer {self.name}>"

    def fetch(self, key: SchemaKey) -> str | None:
        """Return the schema's text; None if the server does not have it or does not respond."""
        if key.path in self._found:
            return self._found[key.path]
        cached = None if self._cache is None else self._cache / key.path
        if cached is not None and cached.is_file():
            text = self._found[key.path] = cached.read_text("utf-8")
            return text
        now = time.monotonic()
        if now < self._failing_until or now < self._missing_until.get(key.path, 0.0):
            return None
        downloaded = self._download(key)
        if downloaded is None:
            self._missing_until[key.path] = now + self._patience
            return None
        self._found[key.path] = downloaded
        if cached is not None:
            cached.parent.mkdir(parents=True, exist_ok=True)
            draft = cached.with_name(f".{cached.name}.{time.monotonic_ns()}")
            draft.write_text(downloaded, "utf-8")
            draft.replace(cached)
        return downloaded

    def _download(self, key: SchemaKey) -> str | None:
        headers = {"Accept": "application/json"}
        if self._api_key:
            headers["apikey"] = self._api_key
        request = urllib.request.Request(f"{self.name}/schemas/{quote(key.path)}", headers=headers)  # noqa: S310 - checked
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310 - checked
                return str(response.read(MAX_SCHEMA_BYTES).decode("utf-8"))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != NOT_FOUND:
                self._failing_until = time.monotonic() + self._patience
        except (OSError, ValueError):
            self._failing_until = time.monotonic() + self._patience
        return None
