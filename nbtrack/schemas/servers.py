"""Iglu servers, asked over HTTP when someone configured them."""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

from nbtrack.schemas.keys import SchemaKey

NOT_FOUND = 404
LARGEST = 5 * 1024 * 1024


class IgluServer:
    """An Iglu server or a static registry.

    A schema that was found is kept on disk, as a released schema never changes; one that was not found is asked for
    again after a while.

    Parameters
    ----------
    url : str
        Such as ``https://schemas.acme.com/api`` or ``http://iglucentral.com``.
    api_key : str, optional
        Sent as the header ``apikey``; never stored or shown.
    cache : path, optional
        Folder for what was found; without one it is kept in memory only.
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
    >>> from nbtrack.schemas import Registry
    >>> server = IgluServer("https://schemas.acme.com/api", api_key="secret")  # asked when a schema is looked for
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
        if not str(url).startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is not the address of an Iglu server")
        self.name = url.rstrip("/")
        self._api_key, self._timeout, self._patience = api_key, timeout, patience
        mark = hashlib.sha256(self.name.encode()).hexdigest()[:16]
        self._cache = None if cache is None else Path(cache) / mark
        self._found: dict[str, str] = {}
        self._missing: dict[str, float] = {}
        self._silent_until = 0.0

    def __repr__(self) -> str:
        return f"<IgluServer {self.name}>"

    def fetch(self, key: SchemaKey) -> str | None:
        """Give the schema's text; None when the server does not have it or does not answer."""
        if key.path in self._found:
            return self._found[key.path]
        place = None if self._cache is None else self._cache / key.path
        if place is not None and place.is_file():
            text = self._found[key.path] = place.read_text("utf-8")
            return text
        now = time.monotonic()
        if now < self._silent_until or now < self._missing.get(key.path, 0.0):
            return None
        found = self._download(key)
        if found is None:
            self._missing[key.path] = now + self._patience
            return None
        self._found[key.path] = found
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_name(f".{place.name}.{time.monotonic_ns()}")
            draft.write_text(found, "utf-8")
            draft.replace(place)
        return found

    def _download(self, key: SchemaKey) -> str | None:
        headers = {"Accept": "application/json"}
        if self._api_key:
            headers["apikey"] = self._api_key
        request = urllib.request.Request(f"{self.name}/schemas/{quote(key.path)}", headers=headers)  # noqa: S310 - the same
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - http(s) only
                return str(answer.read(LARGEST).decode("utf-8"))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != NOT_FOUND:
                self._silent_until = time.monotonic() + self._patience
        except (OSError, ValueError):
            self._silent_until = time.monotonic() + self._patience
        return None
