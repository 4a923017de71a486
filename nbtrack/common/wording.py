"""Wording shared by messages: near matches, times, sizes, counts, URLs without credentials."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

CREDENTIALS = re.compile(r"//[^/@\s]+@")
"""User name and password in a URL."""
_SECRETS = re.compile(r"[^/\s'\"]*@|[?#][^'\"\s]*")


def near_matches(name: str, known: Iterable[str], n: int = 1, cutoff: float = 0.6) -> list[str]:
    """Return up to `n` of the `known` names that are near to `name`, the nearest first."""
    import difflib  # noqa: PLC0415 - only for a message, and slow to load

    return difflib.get_close_matches(name, list(known), n, cutoff)


def iso_time(milliseconds: float | None = None) -> str:
    """Return a Unix timestamp in milliseconds, by default the current time, in ISO 8601 (UTC).

    Examples
    --------
    >>> iso_time(0)
    '1970-01-01T00:00:00.000Z'
    """
    try:
        moment = (
            datetime.now(UTC) if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
        )
    except (OverflowError, ValueError, OSError):  # beyond the years that datetime knows
        return str(milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> plural(1, "row"), plural(2_000, "row"), plural(0, "entry", "entries")
    ('1 row', '2,000 rows', '0 entries')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def readable_size(size: float) -> str:
    """Return a number of bytes for people.

    Examples
    --------
    >>> readable_size(12), readable_size(12_400), readable_size(3_250_000)
    ('12 B', '12 kB', '3.2 MB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            value = size / factor
            return f"{value:.1f} {unit}" if value < 10 and unit != "kB" else f"{value:,.0f} {unit}"  # noqa: PLR2004
    return f"{size:.0f} B"


def type_name(value: Any) -> str:
    """Return the name of a value's type, for messages that must not show the value."""
    return type(value).__name__


def without_credentials(text: str) -> str:
    """Return a text with user names and passwords removed from the URLs in it.

    Examples
    --------
    >>> without_credentials("cannot reach https://u:p@c.example.com/i")
    'cannot reach https://c.example.com/i'
    """
    return CREDENTIALS.sub("//", text)


def hide_credentials(text: str) -> str:
    """Return an address without what may be secret in it: user and password, also misspelt ones, query and fragment.

    Examples
    --------
    >>> hide_credentials("redis://:p@r.example.com:6379/0"), hide_credentials("u:p@c.example.com?token=t")
    ('redis://…@r.example.com:6379/0', '…@c.example.com?…')
    """
    return _SECRETS.sub(lambda found: "…@" if found[0].endswith("@") else f"{found[0][0]}…", text)


@lru_cache(maxsize=16)  # asked with each event of a session
def strip_credentials(url: str) -> str:
    """Return a URL without user, password, query and fragment; any of them may hold a secret.

    Examples
    --------
    >>> strip_credentials("https://u:p@c.example.com/i?token=t")
    'https://c.example.com/i'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", "")) if parts.scheme else url
