"""What to do after a reply, and how long to wait before the next try."""

import enum
import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol

NETWORK_FAULT = -1
"""The reference's "status" of a request that got no reply; usable as a key of `custom_retry_codes`."""

PATIENT_STATUSES = frozenset({408, 425, 429})
"""Client errors that mean "later", not "never"."""


class Verdict(enum.Enum):
    """What a reply means for the events of its request."""

    SENT = "sent"
    RETRY = "retry"
    SPLIT = "split"
    BURY = "bury"


class Answer(Protocol):
    """The part of a reply a verdict needs."""

    @property
    def status(self) -> int | None:
        """HTTP status, or None without a reply."""

    @property
    def error(self) -> str | None:
        """Why no collector answered, or None when one did."""


def decide(reply: Answer, *, events: int, custom: Mapping[int, bool]) -> Verdict:
    """Judge a reply.

    Parameters
    ----------
    reply
        What came back; its status is None when nothing did.
    events
        Number of events in the request.
    custom
        The user's rules, status to "retry?"; they win over the table but not over 2xx.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> from nbtrack.delivery.http.transport import Reply
    >>> decide(Reply(status=503), events=10, custom={})
    <Verdict.RETRY: 'retry'>
    >>> decide(Reply(status=413), events=10, custom={})
    <Verdict.SPLIT: 'split'>
    """
    status = NETWORK_FAULT if reply.status is None else reply.status
    if 200 <= status < 300:  # noqa: PLR2004
        return Verdict.SENT if reply.error is None else Verdict.RETRY
    if status in custom:
        return Verdict.RETRY if custom[status] else Verdict.BURY
    if status == 413:  # noqa: PLR2004
        return Verdict.SPLIT if events > 1 else Verdict.BURY
    if 300 <= status < 500 and status not in PATIENT_STATUSES:  # noqa: PLR2004
        return Verdict.BURY
    return Verdict.RETRY


def parse_retry_after(value: str | None, *, now: float | None = None) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date.

    Parameters
    ----------
    value
        The header, or None.
    now
        Epoch seconds that a date is measured from; the wall clock by default.

    Returns
    -------
    float or None
        Seconds from now, 0 or more; None when the header is missing or junk.

    Examples
    --------
    >>> parse_retry_after("7")
    7.0
    >>> parse_retry_after("soon") is None
    True
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - (time.time() if now is None else now)
        except (ValueError, OverflowError, OSError):
            return None
        return max(0.0, seconds)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


class Backoff:
    """Full-jitter delays: uniform between 0 and ``min(cap, base * 2**n)``.

    Parameters
    ----------
    base
        Upper bound of the first delay, seconds.
    cap
        Upper bound of any delay of our own, seconds.
    rng
        Source of the jitter.
    retry_after_cap
        Longest wait a server may ask for, seconds.
    """

    def __init__(
        self,
        base: float = 0.5,
        cap: float = 60.0,
        rng: random.Random | None = None,
        retry_after_cap: float = 300.0,
    ) -> None:
        self.base = base
        self.cap = cap
        self.retry_after_cap = retry_after_cap
        self.failures = 0
        # jitter spreads load, it guards nothing
        self._rng = rng or random.Random()  # noqa: S311

    def next(self, retry_after: float | None = None) -> float:
        """Give the seconds to wait after one more failure.

        Parameters
        ----------
        retry_after
            What the server asked for: a minimum, clamped to `retry_after_cap`.
        """
        # past 2**30 the cap has long decided, and a float would overflow one day
        bound = min(self.cap, self.base * 2.0 ** min(self.failures, 30))
        self.failures += 1
        delay = self._rng.uniform(0.0, max(0.0, bound))
        return max(delay, min(retry_after or 0.0, self.retry_after_cap))

    def reset(self) -> None:
        """Start over, after a success."""
        self.failures = 0
