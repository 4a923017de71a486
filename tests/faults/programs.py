"""Programs that tests start, kill and ask afterwards; run as `python -m tests.faults.programs NAME ...`."""

import json
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


class Family:
    """A program whose history a test draws: a parent and its children track, and each ends in some way.

    Every accepted id is written to `<folder>/accepted` before the next event is tracked.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan

    def run(self) -> None:
        """Run the parent: track, start the children, track again."""
        plan = self.plan
        self.emitter = self.make_emitter()
        if plan["when"] == "after":
            self.track("parent-before")
            self.emitter.flush(10)
        elif plan["when"] == "during":
            self.track("parent-before")
            time.sleep(plan.get("pause", 0.0))
        children = [self.start(f"child{number}") for number in range(plan.get("children", 1))]
        self.track("parent")
        for wait in children:
            wait()
        self.end(plan.get("parent_ending", "return"))

    def make_emitter(self) -> Emitter:
        plan = self.plan
        options: dict[str, Any] = {"batch_size": plan.get("batch_size", 5), "request_timeout": 5.0}
        if plan["store"] == "sqlite":
            options["event_store"] = SQLiteEventStore(Path(plan["folder"]) / "outbox.sqlite")
        if plan.get("session"):
            import requests

            options["session"] = requests.Session()
        kind = AsyncEmitter if plan["emitter"] == "AsyncEmitter" else Emitter
        return kind("127.0.0.1", "http", plan["port"], **options)

    def track(self, name: str) -> None:
        accepted = os.open(Path(self.plan["folder"]) / "accepted", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for number in range(self.plan.get("events", 5)):
            if self.emitter.input({"e": "pv", "eid": f"{name}-{number}"}):
                os.write(accepted, f"{name}-{number}\n".encode())
        os.close(accepted)

    def start(self, name: str) -> Any:
        """Start a child; return a function that waits for its end."""
        method = self.plan["start"]
        if method in {"fork", "raw"}:
            import ctypes

            pid = os.fork() if method == "fork" else ctypes.PyDLL(None).fork()
            if pid == 0:
                self.live(name)
            return lambda: os.waitpid(pid, 0)
        import multiprocessing

        context = multiprocessing.get_context(method.removeprefix("mp-"))
        # a forked child uses the parent's emitter, another one makes its own
        target = self.live if method == "mp-fork" else Family(self.plan).begin
        process = context.Process(target=target, args=(name,))
        process.start()
        return process.join

    def begin(self, name: str) -> None:
        """Live as a child that inherited nothing."""
        self.emitter = self.make_emitter()
        self.live(name)

    def live(self, name: str) -> None:
        self.track(name)
        if self.plan.get("flush"):
            report = self.emitter.flush(10)
            assert not report.timed_out, report
        self.end(self.plan["ending"], forked=self.plan["start"] in {"fork", "raw"})

    def end(self, ending: str, *, forked: bool = False) -> None:
        if ending == "os._exit":
            os._exit(0)
        if ending == "SIGTERM":
            import signal

            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        if ending == "exception":
            raise RuntimeError("the program's own")
        if ending == "exit" or forked:
            sys.exit(0)


def family(plan: str) -> None:
    """Run a history given as JSON."""
    Family(json.loads(plan)).run()


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    globals()[sys.argv[1]](*sys.argv[2:])
