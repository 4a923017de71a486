"""A small picture of events over time, as SVG."""

from collections.abc import Mapping
from datetime import UTC, datetime

_BARS = 60
_WIDTH, _HEIGHT = 600, 60  # of the bars, in pixels
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # seconds: the years 1 to 9999


def draw_bars(counts: Mapping[int, int]) -> str:
    """Draw numbers of events by time.

    Parameters
    ----------
    counts
        Number by moment, milliseconds since 1970.

    Returns
    -------
    str
        An SVG element; empty where there is nothing to draw.

    Examples
    --------
    >>> draw_bars({})
    ''
    >>> draw_bars({0: 3, 3_600_000: 5}).count("<rect")
    2
    """
    if not counts:
        return ""
    first, last = min(counts), max(counts)
    span = max(1, last - first)
    heights = [0] * _BARS
    for moment, number in counts.items():
        heights[min(_BARS - 1, (moment - first) * _BARS // span)] += number
    highest = max(heights)
    wide = _WIDTH / _BARS
    bars = "".join(
        f'<rect x="{place * wide:.1f}" y="{_HEIGHT * (1 - number / highest):.1f}" width="{wide - 1:.1f}" '
        f'height="{_HEIGHT * number / highest:.1f}"><title>{number:,} events</title></rect>'
        for place, number in enumerate(heights)
        if number
    )
    label = f"events from {_day(first)} to {_day(last)}"
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {_HEIGHT + 16}" width="{_WIDTH}" '
        f'style="max-width:100%"><g fill="#4c78a8">{bars}</g><g fill="currentColor" font-size="11">'
        f'<text x="0" y="{_HEIGHT + 13}">{_day(first)}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 13}" text-anchor="end">{_day(last)}</text></g></svg>'
    )


def _day(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(min(max(milliseconds / 1000, _FIRST), _LAST), UTC):%Y-%m-%d}"
