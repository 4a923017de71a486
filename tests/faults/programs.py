"""Programs that tests start, kill and ask afterwards; run as `python -m tests.faults.programs NAME ...`."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from nbtrack.delivery import AsyncEmitter, Emitter, SQLiteEventStore


def track(path: str, port: str, name: str, pause: str) -> None:
    """Track for ever, and acknowledge each event on stdout after `input` returned."""
    store = SQLiteEventStore(path)
    emitter = AsyncEmitter(
        "127.0.0.1", "http", int(port), batch_size=5, event_store=store, request_timeout=2.0
    )
    number = 0
    while True:
        event_id = f"{name}-{number}"
        if emitter.input({"e": "pv", "eid": event_id}):
            os.write(1, f"{event_id}\n".encode())
        number += 1
        time.sleep(float(pause))


def leave(path: str, port: str, way: str) -> None:
    """Track five events, then leave in some way."""
    store = SQLiteEventStore(path) if path != "memory" else None
    emitter = AsyncEmitter(
        "127.0.0.1", "http", int(port), batch_size=100, event_store=store, request_timeout=2.0
    )
    for number in range(5):
        emitter.input({"e": "pv", "eid": f"e{number}"})
    if way == "_exit":
        os._exit(0)
    if way == "atexit":
        # hooks run last in, first out: this one runs after ours would have been passed
        import atexit

        atexit.register(lambda: emitter.input({"e": "pv", "eid": "late"}))
    if way == "failed":
        emitter.flush(0.05)
    if way == "del":

        class Last:
            def __del__(self) -> None:
                emitter.input({"e": "pv", "eid": "late"})
                emitter.async_flush()

        sys.modules["__main__"].last = Last()


def hold(path: str, port: str) -> None:
    """Claim ten events, say so, and wait to be killed."""
    store = SQLiteEventStore(path)
    rows = store.claim(
        f"post /com.snowplowanalytics.snowplow/tp2 http://127.0.0.1:{port}",
        "1",
        max_events=10,
        max_bytes=10**6,
        bytes_per_event=0,
    )
    print(len(rows), flush=True)
    time.sleep(60)


def fill(port: str, events: str) -> None:
    """Track many events with the collector down; tell the memory used before and after."""
    import psutil

    emitter = Emitter("127.0.0.1", "http", int(port), batch_size=10**6, buffer_capacity=2_000)
    emitter.pause()
    process, sizes = psutil.Process(), []
    for number in range(int(events)):
        emitter.input({"e": "pv", "eid": str(number), "page": "x" * 200})
        if number in (int(events) // 5, int(events) - 1):
            sizes.append(process.memory_info().rss)
    print(sizes[0], sizes[1], emitter.stats().dropped["queue_full"], flush=True)
    emitter.event_store.get_events_batch()


def interrupt(path: str, port: str) -> None:
    """Send under a hail of Ctrl-C; tell what the store and the counters say."""
    import _thread
    import random
    import signal
    import threading

    def strike(_: int, frame: Any) -> None:
        # the emitter's code is under test, not the loop around it, which would need a try in every line
        if frame is not None and frame.f_code.co_filename != __file__:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, strike)
    store = SQLiteEventStore(path) if path != "memory" else None
    emitter = Emitter("127.0.0.1", "http", int(port), batch_size=3, event_store=store, request_timeout=2.0)
    accepted, stop = [], threading.Event()
    rng = random.Random(7)

    def hail() -> None:
        while not stop.wait(rng.random() * 0.01):
            _thread.interrupt_main()

    thread = threading.Thread(target=hail, daemon=True)
    number = 0
    while number < 300:
        try:
            if number == 0 and not thread.is_alive():
                thread.start()
            while number < 300:
                number += 1
                if emitter.input({"e": "pv", "eid": f"e{number}"}):
                    accepted.append(f"e{number}")
        except KeyboardInterrupt:
            continue
    while not stop.is_set():
        try:
            stop.set()
            thread.join()
        except KeyboardInterrupt:
            continue
    time.sleep(0.02)
    while True:
        try:
            report = emitter.flush(10)
            break
        except KeyboardInterrupt:
            continue
    print(" ".join(accepted))
    print(report.pending, flush=True)
    emitter.close()


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    globals()[sys.argv[1]](*sys.argv[2:])
