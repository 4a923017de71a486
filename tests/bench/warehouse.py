"""What reading enriched events costs, as a ratio against Snowplow's analytics SDK for Python in the same process and run."""

import statistics
import tempfile
import time
import warnings
from pathlib import Path

import nbtrack
from tests.support.enriched import web_event

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # escapes in its patterns
    from snowplow_analytics_sdk.event_transformer import transform

ROWS = 100_000
SDK_ROWS = 2_000
PAIRS = 9
GOALS = {"read_enriched, times the SDK": 15}
"""The least that each figure should be."""


def measure() -> dict[str, float]:
    """Measure events a second of both, in pairs: by the clock, and by the time of processors, of which nbtrack uses several."""
    text = web_event()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.tsv")
        path.write_text(f"{text}\n" * ROWS, encoding="utf-8")
        for _ in range(PAIRS):
            started = clocks()
            for _ in range(SDK_ROWS):
                transform(text)
            theirs.append(rates(SDK_ROWS, started))
            started = clocks()
            assert sum(batch.num_rows for batch in nbtrack.read_enriched(path).batches()) == ROWS
            ours.append(rates(ROWS, started))
    figures = {}
    for index, unit in enumerate(("second", "processor-second")):
        pairs = [(one[index], other[index]) for one, other in zip(ours, theirs, strict=True)]
        times = "times the SDK" if unit == "second" else "times the SDK by processor time"
        figures |= {
            f"read_enriched, events a {unit}": statistics.median(one for one, _ in pairs),
            f"the SDK, events a {unit}": statistics.median(other for _, other in pairs),
            f"read_enriched, {times}": statistics.median(one / other for one, other in pairs),
        }
    return figures


def clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def rates(rows: int, started: tuple[float, float]) -> tuple[float, float]:
    now = clocks()
    return rows / (now[0] - started[0]), rows / (now[1] - started[1])
