"""How fast the collector validates and stores: ``python -m tests.bench.collector``."""

from __future__ import annotations

import http.client
import os
import time
import uuid
from urllib.parse import urlsplit

import orjson

from nbtrack.collector import LocalCollector
from nbtrack.protocol import (
    CONTEXTS,
    OWN_VENDOR,
    PAYLOAD_DATA,
    POST_PATH,
    SNOWPLOW_VENDOR,
    UNSTRUCT_EVENT,
    iglu,
)

EVENTS = int(os.environ.get("NBTRACK_BENCH_EVENTS", "50000"))
BATCH = 500
SESSION = str(uuid.uuid4())


def payload(number: int) -> dict[str, str]:
    """Give an event as a notebook sends it: a self-describing event with a session, base64 as by default."""
    import base64

    run = {
        "run_id": str(uuid.uuid4()),
        "status": "ok",
        "duration_ms": number,
        "name": "load",
        "magics": ["time"],
    }
    own = {"schema": UNSTRUCT_EVENT, "data": {"schema": iglu(OWN_VENDOR, "cell_run"), "data": run}}
    session = {
        "userId": str(uuid.uuid4()),
        "sessionId": str(uuid.uuid4()),
        "sessionIndex": 1,
        "eventIndex": number,
        "storageMechanism": "SQLITE",
    }
    entities = {
        "schema": CONTEXTS,
        "data": [{"schema": iglu(SNOWPLOW_VENDOR, "client_session", "1-0-2"), "data": session}],
    }
    return {
        "e": "ue",
        "p": "pc",
        "tv": "py-nbtrack-1.0.0",
        "tna": "bench",
        "aid": "bench",
        "eid": str(uuid.uuid4()),
        "dtm": str(time.time_ns() // 1_000_000),
        "stm": str(time.time_ns() // 1_000_000),
        "ue_px": base64.urlsafe_b64encode(orjson.dumps(own)).decode(),
        "cx": base64.urlsafe_b64encode(orjson.dumps(entities)).decode(),
    }


def notebook_event(number: int) -> dict[str, str]:
    """Give an event with the three entities of a notebook's session; only the session's changes from event to event."""
    import base64

    kernel = {
        "kernel_id": SESSION,
        "started_at": "2026-01-05T09:00:00.000Z",
        "python_version": "3.11.9",
        "implementation": "CPython",
        "ipython_version": "9.0.0",
        "ipykernel_version": "7.0.0",
        "nbtrack_version": "1.0.0",
        "os_name": "Linux",
        "machine": "x86_64",
        "cpu_count": 8,
        "memory_mb": 16384,
        "interactive": True,
    }
    session = {
        "userId": SESSION,
        "sessionId": SESSION,
        "sessionIndex": 1,
        "eventIndex": number,
        "storageMechanism": "SQLITE",
    }
    entities = {
        "schema": CONTEXTS,
        "data": [
            {"schema": iglu(OWN_VENDOR, "notebook"), "data": {"host": "lab", "name_hash": "0" * 64}},
            {"schema": iglu(OWN_VENDOR, "kernel"), "data": kernel},
            {"schema": iglu(SNOWPLOW_VENDOR, "client_session", "1-0-2"), "data": session},
        ],
    }
    return payload(number) | {"cx": base64.urlsafe_b64encode(orjson.dumps(entities)).decode()}


def row_event(number: int) -> dict[str, str]:
    """Give an event as a backfill makes one of a row: a self-describing event in base64, without entities."""
    event = payload(number)
    del event["cx"]
    return event | {"ttm": "1357034400000"}


def struct(number: int) -> dict[str, str]:
    """Give a flat event, as a backfill of a table often sends them."""
    return {
        "e": "se",
        "p": "srv",
        "tv": "py-nbtrack-1.0.0",
        "aid": "bench",
        "eid": str(uuid.uuid4()),
        "dtm": str(time.time_ns() // 1_000_000),
        "ttm": "1357034400000",
        "se_ca": "flight",
        "se_ac": "departed",
        "se_la": f"N{number}",
        "se_va": str(number),
    }


CASES = {
    "notebook": notebook_event,
    "with_entities": payload,
    "self_describing": row_event,
    "struct": struct,
}


def bodies(make: object, count: int) -> list[bytes]:
    """Give POST bodies of 500 events."""
    return [
        orjson.dumps({"schema": PAYLOAD_DATA, "data": [make(first + n) for n in range(BATCH)]})
        for first in range(0, count, BATCH)
    ]


def send(url: str, load: list[bytes]) -> float:
    """POST bodies over one connection and give the seconds it took."""
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
