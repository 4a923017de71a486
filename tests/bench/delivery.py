"""Speed of delivery against the reference tracker, on one sink, in one run."""

import contextlib
import multiprocessing
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

EVENTS = 100_000
STRETCH = 0.0003
TURNS, TURN = 15, 400
BACKLOG = 100_000
"""Events that are sent while others are tracked."""
SLOW_EVENTS = 20_000
"""The reference needs tens of seconds for more; its rate does not depend on the number."""
PAYLOAD = {
    "e": "ue",
    "ue_pr": '{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":'
    '{"schema":"iglu:com.acme/purchase/jsonschema/1-0-0","data":{"order":"A-1001","amount":12.5}}}',
    "p": "pc",
    "dtm": "1795409992265",
    "tv": "py-nbtrack-0",
    "tna": "bench",
    "aid": "bench",
    "eid": "00000000-0000-4000-8000-000000000000",
}


def serve(ready: Any) -> None:
    """Answer every POST with 200, as cheaply as Python can."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    ready.send(listener.getsockname()[1])

    def converse(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, ValueError, IndexError), connection:
            data = bytearray()
            while True:
                while (end := data.find(b"\r\n\r\n")) < 0:
                    if not (part := connection.recv(65_536)):
                        return
                    data += part
                length = int(bytes(data[:end]).lower().split(b"content-length:")[1].split(b"\r\n")[0])
                rest = end + 4 + length - len(data)
                while rest > 0:
                    if not (part := connection.recv(min(rest, 1 << 20))):
                        return
                    rest -= len(part)
                del data[:]
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=converse, args=(connection,), daemon=True).start()


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Run the sink in its own process; give its port."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield mine.recv()
    finally:
        process.terminate()
        process.join()


def rate(make: Callable[[], Any], finish: Callable[[Any], Any], events: int) -> float:
    """Track so many events and flush; give events a second."""
    emitter = make()
    started = time.perf_counter()
    for number in range(events):
        emitter.input({**PAYLOAD, "eid": f"00000000-0000-4000-8000-{number:012d}"})
    finish(emitter)
    return events / (time.perf_counter() - started)


def latencies(track: Callable[[], Any], events: int, a_second: float | None) -> list[float]:
    """Call `track` at a pace; give each call's seconds, sorted."""
    taken = []
    due = time.perf_counter()
    for _ in range(events):
        started = time.perf_counter()
        track()
        taken.append(time.perf_counter() - started)
        if a_second:
            due += 1 / a_second
            time.sleep(max(0.0, due - time.perf_counter()))
    return sorted(taken)


def side_by_side(one: Callable[[], Any], two: Callable[[], Any]) -> list[tuple[float, float]]:
    """Time two calls in turn, for a machine is not equally quick all the time; give the medians of each turn."""
    return [
        (statistics.median(latencies(one, TURN, None)), statistics.median(latencies(two, TURN, None)))
        for _ in range(TURNS)
    ]


def reference_track() -> Callable[[], Any]:
    """Give the reference's `track` of one self-describing event with one context, into its memory store."""
    import snowplow_tracker as sp

    emitter = sp.Emitter("127.0.0.1", protocol="http", batch_size=10**9, buffer_capacity=10**9)
    tracker = sp.Tracker("bench", [emitter], app_id="bench")
    schema = "iglu:com.acme/purchase/jsonschema/1-0-0"
    context = sp.SelfDescribingJson("iglu:com.acme/user/jsonschema/1-0-0", {"plan": "free"})
    return lambda: tracker.track(
        sp.SelfDescribing(
            sp.SelfDescribingJson(schema, {"order": "A-1001", "amount": 12.5}), context=[context]
        )
    )


def own_track(emitter: Any) -> Callable[[], Any]:
    """Give our `track` of the same event."""
    from nbtrack.tracker import SelfDescribing, SelfDescribingJson, Tracker

    tracker = Tracker("bench", [emitter], app_id="bench")
    schema = "iglu:com.acme/purchase/jsonschema/1-0-0"
    context = SelfDescribingJson("iglu:com.acme/user/jsonschema/1-0-0", {"plan": "free"})
    return lambda: tracker.track(
        SelfDescribing(SelfDescribingJson(schema, {"order": "A-1001", "amount": 12.5}), context=[context])
    )


def long_stretches(track: Callable[[], Any], seconds: float) -> float:
    """Count how often a second another thread, or another process, holds this one up for more than 0.3 ms.

    The thread does nothing but look at the clock, and calls `track` 200 times a second.
    """
    found = 0
    started = last = due = time.perf_counter()
    while last < started + seconds:
        now = time.perf_counter()
        found += now - last > STRETCH
        last = now
        if now >= due:
            due += 0.005
            track()
            last = time.perf_counter()
    return found / seconds


def closed_port() -> int:
    """Give a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def measure() -> dict[str, float]:
    """Run the benchmark.

    Returns
    -------
    dict of str to float
        Events a second (`*_rate`), microseconds (`*_us`), and the ratios the issue names.
    """
    import logging

    import snowplow_tracker as sp

    from nbtrack.delivery import AsyncEmitter, Emitter, SQLiteEventStore

    for name in ("snowplow_tracker.emitters", "nbtrack.delivery"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    found: dict[str, float] = {}
    with sink() as port, tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"protocol": "http", "port": port}
        found["reference_async_rate"] = rate(
            lambda: sp.AsyncEmitter("127.0.0.1", **options), lambda one: one.sync_flush(), SLOW_EVENTS
        )
        found["reference_sync_rate"] = rate(
            lambda: sp.Emitter("127.0.0.1", **options), lambda one: one.sync_flush(), SLOW_EVENTS // 4
        )
        found["async_rate"] = rate(lambda: AsyncEmitter("127.0.0.1", **options), _finish, EVENTS)
        found["sync_rate"] = rate(lambda: Emitter("127.0.0.1", **options), _finish, SLOW_EVENTS)
        found["async_ratio"] = found["async_rate"] / found["reference_async_rate"]
        found["sync_ratio"] = found["sync_rate"] / found["reference_sync_rate"]

        for name, target in (("up", port), ("down", closed_port())):
            with SQLiteEventStore(Path(folder) / f"{name}.sqlite") as store:
                emitter = AsyncEmitter("127.0.0.1", protocol="http", port=target, event_store=store)
                paced = latencies(own_track(emitter), 3_000, 200)
                found[f"track_{name}_p50_us"] = statistics.median(paced) * 1e6
                found[f"track_{name}_p99_us"] = paced[int(len(paced) * 0.99)] * 1e6
                if name == "up":
                    found["stretches_idle_a_second"] = long_stretches(lambda: None, 3)
                    found["stretches_sending_a_second"] = long_stretches(own_track(emitter), 3)
                emitter.pause()
                pairs = side_by_side(own_track(emitter), reference_track())
                found[f"track_{name}_busy_p50_us"] = statistics.median(one for one, _ in pairs) * 1e6
                found[f"reference_{name}_p50_us"] = statistics.median(two for _, two in pairs) * 1e6
                found[f"track_{name}_p50_ratio"] = statistics.median(one / two for one, two in pairs)
                quick = latencies(lambda emitter=emitter: emitter.input(PAYLOAD), 5_000, None)
                found[f"input_{name}_p50_us"] = statistics.median(quick) * 1e6
                emitter.close(timeout=0.0)
        found |= measure_backlog(port, Path(folder) / "backlog.sqlite")
    found["down_p99_ratio"] = found["track_down_p99_us"] / found["track_up_p99_us"]
    return found


def measure_backlog(port: int, path: Path) -> dict[str, float]:
    """Measure `track` while what was stored during an outage is sent."""
    from nbtrack.delivery import AsyncEmitter, SQLiteEventStore

    with SQLiteEventStore(path) as store:
        emitter = AsyncEmitter("127.0.0.1", protocol="http", port=port, event_store=store)
        emitter.pause()
        for number in range(BACKLOG):
            emitter.input({**PAYLOAD, "eid": f"00000000-0000-4000-8000-{number:012d}"})
        track, taken = own_track(emitter), []
        emitter.resume()
        while emitter.stats().pending > BACKLOG // 10:
            taken += latencies(track, 50, 200)
        emitter.close(timeout=0.0)
    taken.sort()
    return {
        "track_backlog_p50_us": statistics.median(taken) * 1e6,
        "track_backlog_p99_us": taken[int(len(taken) * 0.99)] * 1e6,
    }


def _finish(emitter: Any) -> None:
    report = emitter.flush(timeout=120)
    assert report.pending == 0, report
    assert not emitter.stats().dropped
    emitter.close()


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:28} {value:14,.2f}")
