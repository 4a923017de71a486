"""What a backfill did: every row accounted for."""

from collections import Counter
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class BackfillReport:
    """The result of a backfill.

    Attributes
    ----------
    rows, sent, skipped, failed
        Rows read; delivered; left out as invalid; refused by the collector. ``rows == sent + skipped + failed`` when
        the run came to its end.
    bytes, requests, retries
        Bytes of delivered bodies; requests made; those of them that repeated one.
    seconds
        How long it took.
    null_keys, repeated_keys
        Rows without a key, and rows whose key another row has too.
    faults
        Reason by row, of rows that were skipped or failed.
    interrupted
        Whether it was stopped before its end.
    """

    rows: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    bytes: int = 0
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    null_keys: int = 0
    repeated_keys: int = 0
    unused: tuple[str, ...] = ()
    interrupted: bool = False
    on_duplicate: str = "report"
    last_error: str | None = None
    faults: dict[int, str] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Delivered events a second."""
        return self.sent / self.seconds if self.seconds else 0.0

    @property
    def ok(self) -> bool:
        """Whether every row was delivered under an id of its own."""
        doubled = (self.null_keys or self.repeated_keys) and self.on_duplicate != "send"
        return not self.interrupted and self.rows == self.sent and not doubled

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were left out or refused, by reason."""
        return dict(Counter(self.faults.values()).most_common())

    @property
    def errors(self) -> "pd.DataFrame":
        """The rows that were left out or refused: columns row, reason."""
        import pandas as pd  # noqa: PLC0415 - only where a person looks

        return pd.DataFrame(sorted(self.faults.items()), columns=["row", "reason"])

    def __str__(self) -> str:
        """Say it in a few lines."""
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        first, *rest = self._lines()
        listed = "".join(f"<li>{escape(line.strip())}</li>" for line in rest)
        return f"<div><strong>{escape(first)}</strong><ul>{listed}</ul></div>"

    def _lines(self) -> list[str]:
        verdict = "ok" if self.ok else "interrupted" if self.interrupted else "NOT ok"
        lines = [
            f"backfill {verdict}: {self.sent:,} of {self.rows:,} rows sent in {self.seconds:,.1f} s "
            f"({self.rate:,.0f} events/s)",
            f"  {self.bytes / 1e6:,.1f} MB in {self.requests:,} requests, {self.retries:,} repeated",
        ]
        if self.skipped or self.failed:
            lines.append(f"  {self.skipped:,} rows skipped, {self.failed:,} refused")
            lines += [f"    {number:,} × {reason}" for reason, number in list(self.reasons.items())[:5]]
        if self.null_keys or self.repeated_keys:
            lines.append(
                f"  {self.null_keys:,} rows without a key, {self.repeated_keys:,} rows with a repeated key"
            )
        if self.unused:
            lines.append(f"  unused columns: {', '.join(self.unused)}")
        return lines
