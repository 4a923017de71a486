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

ROWS = 50_000
SDK_ROWS = 1_000
PAIRS = 9
GOALS = {"read_enriched, times the SDK": 15}
"""The least that each figure should be."""


def measure() -> dict[str, float]:
    """Measure events a processor-second of both, in pairs."""
    text = web_event()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.tsv")
        path.write_text(f"{text}\n" * ROWS, encoding="utf-8")
        for _ in range(PAIRS):
            started = time.process_time()
            for _ in range(SDK_ROWS):
                transform(text)
            theirs.append(SDK_ROWS / (time.process_time() - started))
            started = time.process_time()
            assert sum(batch.num_rows for batch in nbtrack.read_enriched(path).batches()) == ROWS
            ours.append(ROWS / (time.process_time() - started))
    return {
        "read_enriched, events a second": statistics.median(ours),
        "the SDK, events a second": statistics.median(theirs),
        "read_enriched, times the SDK": statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
    }
