"""Redaction: removes secrets from text that the user asked to send."""

import re
from collections.abc import Callable
from pathlib import Path

MASK = "[redacted]"

_SECRETS_NAME = (
    r"(?P<name>[\w.-]*(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|apikey|access[_-]?key|"
    r"private[_-]?key|credential|auth(?:orization)?)[\w.-]*[\"']?\s*(?::|=)\s*)"
)

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # keys and certificates in PEM form
    (re.compile(r"-----BEGIN [A-Z ]*-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL), MASK),
    # user:password@ in URLs
    (re.compile(r"(?P<scheme>\b[a-zA-Z][\w+.-]*://)[^\s/@'\"]+@"), rf"\g<scheme>{MASK}@"),
    # Authorization schemes
    (re.compile(r"(?i)\b(?P<scheme>bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\g<scheme> {MASK}"),
    # JSON web tokens
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?"), MASK),
    # keys that announce themselves: AWS, GitHub, GitLab, Slack, Google, Stripe, OpenAI-like, npm, PyPI, Databricks
    (
        re.compile(
            r"\b(?:(?:AKIA|ASIA)[A-Z0-9]{12,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{12,}|xox[abprs]-[\w-]{8,}|"
            r"AIza[\w-]{20,}|[sprk]k_(?:live|test)_\w{8,}|sk-[\w-]{16,}|npm_\w{16,}|pypi-[\w-]{16,}|dapi[0-9a-f]{16,})"
        ),
        MASK,
    ),
    # password = "…", {"api_key": "…"}, TOKEN=…: the quoted value, or the word
    (
        re.compile(rf"(?i){_SECRETS_NAME}(?:[rbuf]{{0,2}}\"[^\"\n]*\"|[rbuf]{{0,2}}'[^'\n]*'|[^\s,;)}}\]]+)"),
        rf"\g<name>{MASK}",
    ),
    # what follows --password, --token …
    (re.compile(r"(?i)(?P<flag>--?(?:password|passwd|token|secret|api-key)[ =])\S+"), rf"\g<flag>{MASK}"),
    # personal folders
    (re.compile(r"(?P<root>/home/|/Users/|[A-Za-z]:\\+Users\\+)[^/\\\s'\":]+"), r"\g<root>[user]"),
)


def redact(text: str, hook: Callable[[str], str] | None = None) -> str:
    """Return a text without secrets and personal folders.

    Parameters
    ----------
    text
        Source, an error message or a traceback.
    hook
        The user's own rule, applied last. One that raises, or gives no text, withholds the whole text.

    Examples
    --------
    >>> redact("connect(password='hunter2', url='https://bob:pw@db.acme.com')")
    "connect(password=[redacted], url='https://[redacted]@db.acme.com')"
    """
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    if hook is None:
        return text
    try:
        redacted = hook(text)
    except Exception:  # noqa: BLE001 - whatever a user's rule raises, nothing unredacted may leave
        return MASK
    return redacted if isinstance(redacted, str) else MASK
