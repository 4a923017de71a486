"""Events as lines of text: enriched events as a pipeline writes them."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from nbtrack.collector.events.enrichment import COLUMNS, TIMESTAMPS

CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def enriched_line(columns: Mapping[str, Any]) -> str:
    """Return an event as 131 fields separated by tabs.

    A tab inside a value becomes four spaces and other control characters are removed, as in a pipeline.
    """
    return "\t".join(_field(name, columns.get(name)) for name in COLUMNS)


def _field(name: str, value: Any) -> str:  # noqa: PLR0911 - a line for each type
    if value is None:
        return ""
    if name in TIMESTAMPS:
        try:
            seconds = datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.")
        except (ValueError, OverflowError, OSError):
            return ""
        return f"{seconds}{value % 1000:03d}"
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, float):
        return decimal_text(value)
    return CONTROLS.sub("", str(value).replace("\t", "    "))


def decimal_text(value: float) -> str:
    """Return a number as Java's BigDecimal writes it.

    Examples
    --------
    >>> decimal_text(1e-07), decimal_text(12.5), decimal_text(3.0)
    ('1E-7', '12.5', '3.0')
    """
    text = repr(value)
    return str(Decimal(text)) if "e" in text else text
