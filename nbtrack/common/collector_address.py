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
