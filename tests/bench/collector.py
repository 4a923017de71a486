"""How fast the collector validates and stores: ``python -m tests.bench.collector``."""

import http.client
import os
import time
from urllib.parse import urlsplit

from nbtrack.collector import LocalCollector
from nbtrack.protocol import POST_PATH
from tests.support.events import CASES, bodies

EVENTS = int(os.environ.get("NBTRACK_BENCH_EVENTS", "50000"))


def send(url: str, load: list[bytes]) -> float:
    """POST bodies over one connection and return the seconds it took."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    began = time.perf_counter()
    for body in load:
        connection.request("POST", POST_PATH, body, {"Content-Type": "application/json; charset=utf-8"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}")
    took = time.perf_counter() - began
    connection.close()
    return took


def measure() -> dict[str, float]:
    """Measure starting, answering and storing.

    Returns
    -------
    dict of str to float
        ``…_ms`` are milliseconds, ``…_per_s`` events a second of wall time, ``…_per_cpu_s`` events a second of the
        collector's own processor time.
    """
    import psutil

    result: dict[str, float] = {}
    began = time.perf_counter()
    collector = LocalCollector().start()
    result["start_ms"] = (time.perf_counter() - began) * 1000
    with collector:
        collector.counts()
        result["first_answer_ms"] = (time.perf_counter() - began) * 1000
        process = psutil.Process(collector.pid)
        for name, make in CASES.items():
            collector.reset()
            load = bodies(make, EVENTS)
            before = sum(process.cpu_times()[:2])
            took = send(collector.url, load)
            cpu = sum(process.cpu_times()[:2]) - before
            count = collector.counts()
            if count != {"total": EVENTS, "good": EVENTS, "bad": 0}:
                raise RuntimeError(f"not all were stored: {count}")
            result[f"{name}_per_s"] = EVENTS / took
            result[f"{name}_per_cpu_s"] = EVENTS / max(cpu, 1e-9)
            took = send(collector.url, load)
            result[f"{name}_repeats_per_s"] = EVENTS / took
            if collector.counts()["total"] != EVENTS:
                raise RuntimeError("repeats were stored")
        result["memory_mb"] = process.memory_info().rss / 2**20
    return result


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:32} {value:12,.1f}")
