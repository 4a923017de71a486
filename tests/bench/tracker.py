"""What tracking costs, as ratios against snowplow-tracker in the same process and run."""

import gc
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import snowplow_tracker as reference
from snowplow_tracker.event_store import InMemoryEventStore

import nbtrack.tracker as ours

EVENTS = 2_000
ROUNDS = 15
GOALS = {"self-describing": 1 / 4, "page view": 1 / 2, "import": 1 / 3}
"""The greatest share of the reference's time that each may take."""


def reference_tracker() -> tuple[Any, Callable[[], object]]:
    store = InMemoryEventStore(logging.getLogger("bench"), EVENTS * 2)
    emitter = reference.Emitter("127.0.0.1", batch_size=EVENTS * 2, event_store=store)
    return reference.Tracker("bench", emitter, app_id="bench"), lambda: None


def our_tracker() -> tuple[Any, Callable[[], object]]:
    # nothing is sent: the batch never fills, and what waits at the end is taken out of the store
    store = ours.InMemoryEventStore(buffer_capacity=EVENTS * 2)
    emitter = ours.Emitter("http://127.0.0.1:9", batch_size=EVENTS * 2, event_store=store)

    def close() -> None:
        store.get_events_batch()
        emitter.close(timeout=0)

    return ours.Tracker("bench", emitter, app_id="bench"), close


def page_view(library: ModuleType) -> Any:
    return library.PageView("https://acme.com/pricing?plan=team", "Pricing", "https://acme.com/")


def self_describing(library: ModuleType) -> Any:
    entity = library.SelfDescribingJson(
        "iglu:com.acme/user/jsonschema/1-0-0", {"plan": "team", "seats": 12, "trial": False}
    )
    data = {"order": "o-1001", "amount": 99.5, "items": 3, "currency": "EUR"}
    content = library.SelfDescribingJson("iglu:com.acme/purchase/jsonschema/1-0-0", data)
    return library.SelfDescribing(content, context=[entity])


def seconds(make: Callable[[], tuple[Any, Callable[[], object]]], event: Callable[[], Any]) -> float:
    """Time one event: made, tracked, and kept in the store."""
    tracker, close = make()
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    for _ in range(EVENTS):
        tracker.track(event())
    took = (time.perf_counter() - start) / EVENTS
    gc.enable()
    close()
    return took


def import_seconds(module: str) -> float:
    """Time an import in a process of its own, without the interpreter's start."""
    code = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Give our share of the reference's time, the median of pairs measured side by side."""
    logging.getLogger("snowplow_tracker.emitters").setLevel(logging.CRITICAL)
    shares: dict[str, list[float]] = {name: [] for name in GOALS}
    for module in ("nbtrack.tracker", "snowplow_tracker"):
        import_seconds(module)  # writes the bytecode
    for _ in range(rounds):
        for name, event in (("self-describing", self_describing), ("page view", page_view)):
            mine = seconds(our_tracker, lambda event=event: event(ours))
            theirs = seconds(reference_tracker, lambda event=event: event(reference))
            shares[name].append(mine / theirs)
        shares["import"].append(import_seconds("nbtrack.tracker") / import_seconds("snowplow_tracker"))
    return {name: statistics.median(values) for name, values in shares.items()}


def main() -> None:
    print(f"{'tracker':<18}{'share of the reference':>24}{'at most':>10}")
    for name, share in measure().items():
        print(f"{name:<18}{share:>24.2f}{GOALS[name]:>10.2f}")


if __name__ == "__main__":
    main()
