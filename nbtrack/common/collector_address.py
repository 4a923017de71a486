"""What a local collector and its clients agree on: the file with its address, the headers, the version of its database."""

import json
from pathlib import Path
from typing import Any

from nbtrack.common.processes import is_same_process

TOKEN_HEADER = "X-Nbtrack-Token"  # noqa: S105 - the name of a header
"""The header in which a client sends the token of a local collector."""
VALIDATION_HEADER = "Nbtrack-Verdict"
"""A client that sends this header, and may read, receives the validation results: counts and the first reasons."""
DATABASE_VERSION = 2
"""Version of the collector's tables, kept in the file's ``user_version``; files of versions 0 and 1 are converted."""
ADDRESS_FILE = "collector.json"
"""Name of the file in the home folder that says where the collector is: URL, token and process."""


_started: dict[str, str] = {}
"""The tokens of the collectors that this process started and has not ended, by URL."""


def remember_token(url: str, token: str) -> None:
    """Remember the token of a collector that this process started."""
    _started[url.rstrip("/")] = token


def forget_token(url: str) -> None:
    """Forget a collector that ended: another one may listen at its port, and must not get the token."""
    _started.pop(url.rstrip("/"), None)


def find_token(url: str, home: Path) -> str | None:
    """Return the token of a collector that this process started, or that this user's file names; None for others."""
    url = url.rstrip("/")
    if url in _started:
        return _started[url]
    address = read_address(home)
    if address and address["url"].rstrip("/") == url and is_running(address):
        return str(address["token"])
    return None


def read_address(home: Path) -> dict[str, Any] | None:
    """Return what the file in a home folder says, or None without a readable one; the collector may have ended."""
    try:
        address = json.loads((home / ADDRESS_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    types = {"url": str, "token": str, "pid": int}
    whole = isinstance(address, dict) and all(
        isinstance(address.get(name), type_) for name, type_ in types.items()
    )
    return address if whole else None


def is_running(address: dict[str, Any]) -> bool:
    """Check whether the collector's process still runs; another one may listen at its port, and must not get the token."""
    return is_same_process(address["pid"], address.get("started") or "")
