"""Formats of strings, as Iglu's validator checks them; JSON Schema leaves the details of most of them open."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone

from nbtrack.common.field_formats import UUID

_LEAP_DAY = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
_DATE = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_DAY})"
)
_OFFSET = r"(?:[Zz]|[+](?:0[0-9]|1[0-7]):[0-5][0-9]|[+]18:00|-(?!00:00)(?:0[0-9]|1[0-7]):[0-5][0-9]|-18:00)"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
DATE_TIME = re.compile(rf"{_DATE}[Tt ]{_TIME}(?:\.[0-9]{{0,9}})?{_OFFSET}")
"""Any valid date-time without a leap second."""
LEAP_SECOND = re.compile(rf"({_DATE})[Tt ]([01][0-9]|2[0-3]):([0-5][0-9]):60(?:\.[0-9]{{0,9}})?({_OFFSET})")
LEAP_SECONDS = frozenset(
    [(year, 6) for year in (1972, 1981, 1982, 1983, 1985, 1992, 1993, 1994, 1997, 2012, 2015)]
    + [(year, 12) for year in (*range(1972, 1980), 1987, 1989, 1990, 1995, 1998, 2005, 2008, 2016)]
)
"""Years and months that ended with a leap second."""
_UNRESERVED = r"A-Za-z0-9._~%!$&'()*+,;=:\-"
URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.\-]*:(?://(?:[{_UNRESERVED}]*@)?[{_UNRESERVED}\[\]]*)?[{_UNRESERVED}@/]*"
    rf"(?:[?][{_UNRESERVED}@/?]*)?(?:#[{_UNRESERVED}@/?]*)?"
)
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-]{0,61}[a-zA-Z0-9])?"
HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
USUAL_EMAIL = re.compile(
    r"[A-Za-z0-9_+\-]+(?:\.[A-Za-z0-9_+\-]+){0,8}@[A-Za-z0-9]+(?:\.[A-Za-z0-9]+){0,4}\.[A-Za-z]{2,6}"
)
"""Surely valid if its name has at most 64 characters."""
EMAIL_NAME = re.compile(
    r"""(?:(?:\\.|[^\s\x00-\x1f\x7f()<>@,;:\\".\[\]])+|"(?:\\"|[^"])*")(?:\.(?:(?:\\.|[^\s\x00-\x1f\x7f()<>@,;:\\".\[\]])+|"(?:\\"|[^"])*"))*"""
)
MAX_EMAIL_NAME = 64
MAX_DOMAIN = 253
COLOR_NAMES = (
    "aqua|black|blue|fuchsia|gray|green|lime|maroon|navy|olive|orange|purple|red|silver|teal|white|yellow"
)
_BYTE = rf"\s*{_OCTET}\s*"
_PERCENT = r"\s*(?:100|[0-9]?[0-9])%\s*"
PATTERNS: Mapping[str, re.Pattern[str]] = {
    "uuid": UUID,
    "date": re.compile(_DATE),
    "time": re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"),
    "uri": URI,
    "hostname": HOSTNAME,
    "ipv4": IPV4,
    "ip-address": re.compile(
        r"(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
    ),
    "alpha": re.compile(r"[a-zA-Z]+"),
    "alphanumeric": re.compile(r"[a-zA-Z0-9]+"),
    "phone": re.compile(r"\+(?:[0-9] ?){6,14}[0-9]"),
    "utc-millisec": re.compile(r"[0-9]+(?:\.?[0-9]+)?"),
    "style": re.compile(r"[ \t\n\x0B\f\r]*[^\n\r]+?:[ \t\n\x0B\f\r]*[^;]+;?"),
    "color": re.compile(
        rf"#?[0-9A-Fa-f]{{3,6}}|{COLOR_NAMES}|rgb\({_BYTE},{_BYTE},{_BYTE}\)|rgb\({_PERCENT},{_PERCENT},{_PERCENT}\)"
    ),
    "duration": re.compile(
        r"P(?:[0-9]+W|(?=[0-9T])(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+S)?)?)"
    ),
}
"""Formats that a pattern decides; the whole string must match."""
USUAL: Mapping[str, re.Pattern[str]] = {"date-time": DATE_TIME, "email": USUAL_EMAIL}
"""Patterns of strings that are surely valid, as nearly all are; a function decides about the others."""


def is_date_time(text: str) -> bool:
    """Check a date-time: RFC 3339, with a space in place of the T, up to 9 fraction digits and known leap seconds."""
    if DATE_TIME.fullmatch(text):
        return True
    match = LEAP_SECOND.fullmatch(text)
    if match is None:
        return False
    year, month, day = map(int, match[1].split("-"))
    if (year, month) not in LEAP_SECONDS:
        return False
    offset = timedelta()
    if match[4] not in {"Z", "z"}:
        offset = timedelta(hours=int(match[4][1:3]), minutes=int(match[4][4:6]))
        offset = -offset if match[4][0] == "-" else offset
    local = datetime(year, month, day, int(match[2]), int(match[3]), 59, tzinfo=timezone(offset))
    after = (local + timedelta(seconds=1)).astimezone(UTC)
    return (after.day, after.hour, after.minute) == (1, 0, 0)


def is_email(text: str) -> bool:
    """Check an email address: a name, quoted or not, and a domain with a top-level one, or an address in brackets."""
    name, at, domain = text.strip(" \t\n\x0b\f\r").rpartition("@")
    if not at or len(name) > MAX_EMAIL_NAME or EMAIL_NAME.fullmatch(name) is None:
        return False
    if domain.startswith("[") and domain.endswith("]"):
        return is_ip_address(domain[1:-1])
    return _is_domain(domain)


def _is_domain(domain: str) -> bool:
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return False
    *names, top = domain.removesuffix(".").split(".")
    is_host = len(domain) <= MAX_DOMAIN and HOSTNAME.fullmatch(".".join([*names, top])) is not None
    return is_host and bool(names) and len(top) > 1 and (top.isalpha() or top.startswith("xn--"))


def is_ip_address(text: str) -> bool:
    """Check an IPv4 or IPv6 address without a zone."""
    return IPV4.fullmatch(text) is not None or is_ipv6(text)


def is_ipv6(text: str) -> bool:
    """Check an IPv6 address without a zone; whitespace around it is allowed."""
    text = text.strip(" \t\n\x0b\f\r")
    try:
        return "%" not in text and ipaddress.IPv6Address(text) is not None
    except ValueError:
        # one group may be written as ::, which Python's module does not accept
        return bool(re.fullmatch(r"(?:[0-9A-Fa-f]{1,4}:){7}:|:(?::[0-9A-Fa-f]{1,4}){7}", text))


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


CHECKS: Mapping[str, Callable[[str], bool]] = {
    **{name: _matches(pattern) for name, pattern in PATTERNS.items()},
    "date-time": is_date_time,
    "email": is_email,
    "ipv6": is_ipv6,
}
"""By the name of a format; any other format is not checked."""


def as_schema(name: str) -> dict[str, object] | None:
    """Return a format as a schema that is faster than its function; None if there is none."""
    if name in PATTERNS:
        return {"pattern": f"^(?:{_portable(PATTERNS[name])})$"}
    if name in USUAL:
        return {"anyOf": [{"pattern": f"^(?:{_portable(USUAL[name])})$"}, {"format": name}]}
    return None


def _portable(pattern: re.Pattern[str]) -> str:
    return pattern.pattern.replace(r"\s", r"[ \t\n\x0B\f\r]")
