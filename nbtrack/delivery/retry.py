"""What happens to events after a reply, and how long to wait before the next attempt."""

import enum
import math
import random
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from nbtrack.common.clock import wall
from nbtrack.delivery.models import Reply

NO_REPLY = -1
"""Stands for "no reply" in place of a status, as in the reference; usable as a key of `custom_retry_codes`."""
TEMPORARY_CLIENT_ERRORS = frozenset({408, 425, 429})
"""Client errors that mean "later", not "never"."""
MAX_DOUBLINGS = 30
"""The cap has decided long before; a float would overflow one day."""


class Decision(enum.Enum):
    """What a reply means for the events of its request."""

    SENT = "sent"
    RETRY = "retry"
    SPLIT = "split"
    BURY = "bury"


def decide(reply: Reply, *, events: int, custom: Mapping[int, bool]) -> Decision:
    """Decide what happens to the events of a request.

    Parameters
    ----------
    reply : Reply
        Its status is None if no reply came.
    events : int
        Number of events in the request.
    custom : mapping of int to bool
        The user's rules, status to "retry?"; they win over the table but not over 2xx.

    Examples
    --------
    >>> decide(Reply(status=503), events=10, custom={})
    <Decision.RETRY: 'retry'>
    >>> decide(Reply(status=413), events=10, custom={})
    <Decision.SPLIT: 'split'>
    """
    status = NO_REPLY if reply.status is None else reply.status
    if 200 <= status < 300:  # noqa: PLR2004
        return Decision.SENT if reply.error is None else Decision.RETRY
    if status in custom:
        return Decision.RETRY if custom[status] else Decision.BURY
    if status == 413:  # noqa: PLR2004
        return Decision.SPLIT if events > 1 else Decision.BURY
    if 300 <= status < 500 and status not in TEMPORARY_CLIENT_ERRORS:  # noqa: PLR2004
        return Decision.BURY
    return Decision.RETRY


def parse_retry_after(value: str | None, *, now: float | None = None) -> float | None:
    """Parse a Retry-After header: seconds or an HTTP date.

    Parameters
    ----------
    value : str or None
        The header.
    now : float, optional
        Unix timestamp in seconds that a date is measured from; by default the current time.

    Returns
    -------
    float or None
        Seconds from now, 0 or more; None if the header is missing or invalid.

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
            seconds = parsedate_to_datetime(value).timestamp() - (wall() if now is None else now)
        except (ValueError, OverflowError, OSError):
            return None
        return max(0.0, seconds)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


class Backoff:
    """Full-jitter delays: uniform between 0 and ``min(cap, base * 2**failures)``.

    Parameters
    ----------
    base : float
        Upper bound of the first delay, in seconds.
    cap : float
        Upper bound of any delay chosen here, in seconds.
    rng : random.Random, optional
        Source of the jitter.
    retry_after_cap : float
        Longest wait that a server may ask for, in seconds.
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
        self._rng = rng or random.Random()  # noqa: S311 - jitter spreads load, it guards nothing

    def next(self, retry_after: float | None = None) -> float:
        """Count a failure and return the seconds to wait after it.

        Parameters
        ----------
        retry_after : float, optional
            What the server asked for: a minimum, clamped to `retry_after_cap`.
        """
        bound = min(self.cap, self.base * 2.0 ** min(self.failures, MAX_DOUBLINGS))
        self.failures += 1
        delay = self._rng.uniform(0.0, max(0.0, bound))
        return max(delay, min(retry_after or 0.0, self.retry_after_cap))

    def reset(self) -> None:
        """Start over, after a success."""
        self.failures = 0
