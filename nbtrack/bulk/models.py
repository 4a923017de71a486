"""What the parts of a backfill hand to each other: failed rows and counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Protocol, Self

import pyarrow as pa

HOUR = 3_600_000
"""Milliseconds of an hour."""
EXAMPLES = 5
"""Row numbers that a report names of each kind."""


class Reason(str):  # noqa: SLOT000 - its members are written once
    """Why a row was not sent, with the rule that it breaks: reasons of one rule are counted together.

    Examples
    --------
    >>> reason = Reason("total: not a number", "'1.000,00'")
    >>> reason, reason.rule, reason.detail
    ("total: not a number: '1.000,00'", 'total: not a number', "'1.000,00'")
    """

    rule: str
    detail: str

    def __new__(cls, rule: str, detail: str = "", text: str | None = None) -> Self:
        """Return the reason; its text is by default the rule and the detail."""
        reason = super().__new__(cls, text or (f"{rule}: {detail}" if detail else rule))
        reason.rule, reason.detail = rule, detail
        return reason

    def __getnewargs__(self) -> tuple[str, str, str]:  # type: ignore[override]
        return self.rule, self.detail, str(self)


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row that was not delivered.

    Parameters
    ----------
    row
        Its position in the source, from 0.
    event_id
        The id of its event; None if the row did not become an event.
    reason
        Why it was not delivered.
    payload
        The event as JSON; None if the row did not become an event.
    refused
        Whether the collector refused it; otherwise it was not sent.
    """

    row: int
    event_id: str | None
    reason: str
    payload: str | None
    refused: bool = False


FAILED_ROW_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("event_id", pa.string()),
        ("reason", pa.string()),
        ("payload", pa.string()),
        ("refused", pa.bool_()),
    ]
)
"""The columns of a file of failed rows."""


class FailedRowSink(Protocol):
    """Stores failed rows."""

    def add(self, rows: Iterable[FailedRow]) -> None:
        """Store rows."""


@dataclass(slots=True)
class Accounts:
    """Counts of rows and of what became of them: the first fields of a `BackfillReport`, which documents them."""

    rows: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    resumed: int = 0
    excluded: int = 0
    unsent: int = 0
    invalid: int = 0
    missing_times: int = 0
    repaired: int = 0
    good: int = 0
    bad: int = 0
    unmatched: int = 0
    bytes: int = 0
    requests: int = 0
    retries: int = 0
    null_keys: int = 0
    repeated_keys: int = 0
    resent: int = 0
    null_rows: list[int] = field(default_factory=list)
    repeated_rows: list[int] = field(default_factory=list)
    hours: Counter[int] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    bad_reasons: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    last_error: str | None = None

    def add(self, other: "Accounts") -> None:
        """Add the counts of another part of the same backfill."""
        for count in fields(Accounts):
            ours, theirs = getattr(self, count.name), getattr(other, count.name)
            if isinstance(ours, list):
                setattr(self, count.name, [*ours, *theirs][:EXAMPLES])
            elif count.name == "examples":
                self.examples = {**theirs, **ours}
            elif count.name not in _NOT_SUMMED:
                setattr(self, count.name, ours + theirs)
        self.extend_time_range(other.first, other.last)
        self.last_error = other.last_error or self.last_error

    @property
    def delivered(self) -> int:
        """Rows that need no further attention: sent now or by an earlier run, or left out as duplicates."""
        return self.sent + self.resumed + self.excluded

    def count_failed(self, rows: Iterable[FailedRow]) -> None:
        """Count rows that were not sent by the rule they break, with an example of each."""
        for row in rows:
            rule = row.reason.rule if isinstance(row.reason, Reason) else row.reason
            self.reasons[rule] += 1
            if isinstance(row.reason, Reason) and row.reason.detail:
                self.examples.setdefault(rule, f"{row.reason.detail} in row {row.row:,}")

    def extend_time_range(self, first: int | None, last: int | None) -> None:
        """Extend the time range to include two more times."""
        self.first = min((time for time in (self.first, first) if time is not None), default=None)
        self.last = max((time for time in (self.last, last) if time is not None), default=None)


_NOT_SUMMED = frozenset({"first", "last", "last_error"})
"""The fields of `Accounts` that are no totals; what is not named here is added up."""
