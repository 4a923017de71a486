"""Speed of a backfill against the reference tracker: one sink, nginx behind a proxy hop, in one run."""

import contextlib
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.fault_server import free_port
from tests.support.tools import require
from tests.support.waiting import poll

ROWS = 1_000_000
ROUNDS = 3
"""Each rate is the best of so many, taken in turns: what else runs on the machine slows some of them."""
PAIRS = 3
"""In each round so many times a frame is encoded alone, then sent: the share is the median of these pairs."""
REFERENCE_BEST = 40_000
REFERENCE_DEFAULT = 10_000
"""The reference needs minutes for more; its rate does not depend on the number."""
LINEAR = {10_000: 15, 100_000: 7, 1_000_000: 3, 10_000_000: 2}
"""Rows of the Parquet files whose times are compared, and how often each is sent, in turns; the best time counts."""
SCHEMA = {
    "self": {"vendor": "com.acme", "name": "purchase", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
    "properties": {
        "order": {"type": "string", "maxLength": 64},
        "amount": {"type": ["number", "null"], "minimum": 0},
        "sku": {"type": "string", "maxLength": 32},
        "qty": {"type": "integer", "minimum": 0, "maximum": 1000},
    },
    "required": ["order", "qty"],
    "additionalProperties": False,
}
USER = {
    "self": {"vendor": "com.acme", "name": "user", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
    "properties": {"plan": {"type": "string"}, "seats": {"type": "integer"}},
    "additionalProperties": False,
}
PURCHASE = "iglu:com.acme/purchase/jsonschema/1-0-0"
OWNER = "iglu:com.acme/user/jsonschema/1-0-0"
NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 4m; client_body_buffer_size 2m; keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream sink {{ server unix:{folder}/sink; keepalive 16; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://sink; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
  server {{ listen unix:{folder}/sink; location / {{ return 200 "ok"; }} }}
}}
"""


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Run nginx behind a proxy hop that reads each body; give its port.

    It shares the processors with what is measured, so between hop and sink is a Unix socket, which costs half.
    """
    program = require("nginx")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # root's nginx reaches the socket as another user
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port))
        process = subprocess.Popen([program, "-p", folder, "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            assert poll(lambda: _answers(port)), "nginx does not answer"
            yield port
        finally:
            process.terminate()
            process.wait()


def make_frame(rows: int) -> Any:
    """Give orders: four fields, a time, a user."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "order": [f"o-{number}" for number in range(rows)],
            "amount": rng.random(rows) * 100,
            "sku": rng.choice(["abc", "défg", "x y"], rows),
            "qty": rng.integers(0, 7, rows),
            "at": pd.Timestamp("2024-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 10**7, rows), unit="s"),
            "user": [f"u{number % 1000}" for number in range(rows)],
        }
    )


def make_event() -> Any:
    """Give the event of a row: self-describing, an entity, user, time."""
    from nbtrack import col
    from nbtrack.tracker import SelfDescribing, SelfDescribingJson, Subject

    return SelfDescribing(
        SelfDescribingJson(PURCHASE, {name: col(name) for name in ("order", "amount", "sku", "qty")}),
        context=[SelfDescribingJson(OWNER, {"plan": "pro", "seats": 5})],
        true_timestamp=col("at"),
        event_subject=Subject().set_user_id(col("user")),
    )


def backfill_rate(frame: Any, port: int, **options: Any) -> float:
    """Backfill a frame; give events a second."""
    from nbtrack import backfill

    report = backfill(
        frame, make_event(), key="order", collector=f"http://127.0.0.1:{port}", progress=False, **options
    )
    assert report.ok, report
    return report.sent / report.seconds


def reference_rate(frame: Any, port: int, *, best: bool) -> float:
    """Track a frame's rows with the reference; give events a second."""
    import requests
    import snowplow_tracker as sp

    with requests.Session() as session:
        options: dict[str, Any] = {"batch_size": 500, "session": session} if best else {}
        emitter = sp.Emitter("127.0.0.1", protocol="http", port=port, **options)
        tracker = sp.Tracker("bench", [emitter], app_id="bench", encode_base64=True)
        started = time.perf_counter()
        for row in frame.to_dict("records"):
            data = {name: row[name] for name in ("order", "amount", "sku", "qty")}
            tracker.track(
                sp.SelfDescribing(
                    sp.SelfDescribingJson(PURCHASE, data),
                    context=[sp.SelfDescribingJson(OWNER, {"plan": "pro", "seats": 5})],
                    true_timestamp=int(row["at"].timestamp() * 1000),
                    event_subject=sp.Subject().set_user_id(row["user"]),
                )
            )
        tracker.flush()
        return len(frame) / (time.perf_counter() - started)


def encode_rate(frame: Any) -> float:
    """Encode a frame, and send nothing; give events a second."""
    from nbtrack import backfill

    started = time.perf_counter()
    report = backfill(frame, make_event(), key="order", dry_run=True, progress=False)
    assert report.ok, report
    return len(frame) / (time.perf_counter() - started)


def extra_memory(work: str, rows: int, port: int) -> float:
    """Run a backfill in a process of its own; give the megabytes that it needs more than before."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.bench.backfill", work, str(rows), str(port)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(found.stdout.split()[-1])


def measure_memory(work: str, rows: int, port: int) -> float:
    """Backfill a frame or a Parquet file; give the growth of resident memory, in megabytes."""
    import psutil

    import nbtrack.bulk

    folder = tempfile.TemporaryDirectory()
    frame: Any = make_frame(rows) if work == "pandas" else write_parquet(folder.name, rows)
    backfill_rate(make_frame(1_000), port)  # what is loaded once is no cost of rows
    assert nbtrack.bulk
    me = psutil.Process()
    before = me.memory_info().rss
    highest, done = before, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.02):
            highest = max(highest, me.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    backfill_rate(frame, port)
    done.set()
    watcher.join()
    folder.cleanup()
    return (highest - before) / 1e6


def write_parquet(folder: str, rows: int) -> str:
    """Write a Parquet file of orders; give its path."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(folder) / f"{rows}.parquet"
    size = min(rows, 100_000)
    part = pa.Table.from_pandas(make_frame(size), preserve_index=False)
    with pq.ParquetWriter(path, part.schema) as writer:
        for number in range(rows // size):
            orders = pa.array([f"o-{number}-{row}" for row in range(size)], part.schema.field("order").type)
            writer.write_table(part.set_column(0, part.schema.field("order"), orders))
    return str(path)


def measure_linearity(port: int, sizes: dict[int, int]) -> dict[str, float]:
    """Time backfills of Parquet files of many sizes.

    Returns
    -------
    dict of str to float
        Microseconds a row at each size; how much more that is at the smallest than at the largest size; and of the
        line "fixed time + time a row" that fits the times best: the fixed time, and the largest relative distance from it.
    """
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        paths = {rows: write_parquet(folder, rows) for rows in sizes}
        times: dict[int, list[float]] = defaultdict(list)
        for turn in range(max(sizes.values())):
            for rows, turns in sizes.items():
                if turn < turns:
                    times[rows].append(rows / backfill_rate(paths[rows], port))
    best = {rows: min(values) for rows, values in times.items()}
    rows_, seconds = np.array(list(best), dtype=float), np.array(list(best.values()))
    # of relative distances, so that the small sizes count as much as the large ones
    line = np.linalg.lstsq(np.stack([1 / seconds, rows_ / seconds], axis=1), np.ones(len(best)), rcond=None)[
        0
    ]
    return {
        **{f"us_a_row_of_{rows}": best[rows] / rows * 1e6 for rows in best},
        "small_to_large": best[min(best)] / min(best) / (best[max(best)] / max(best)),
        "fixed_ms": float(line[0]) * 1e3,
        "off_the_line": float(np.abs((line[0] + line[1] * rows_) / seconds - 1).max()),
    }


def measure() -> dict[str, float]:
    """Run the benchmark.

    Returns
    -------
    dict of str to float
        Events a second (`*_rate`), the ratios the issue names, and megabytes (`*_mb`).
    """
    from nbtrack.schemas import Registry

    import_module("snowplow_tracker")  # which sets the level itself
    logging.getLogger("snowplow_tracker.emitters").setLevel(logging.CRITICAL)
    registry = Registry()
    registry.register(SCHEMA)
    registry.register(USER)
    with sink() as port, tempfile.TemporaryDirectory() as home:
        os.environ["NBTRACK_HOME"] = home
        frame = make_frame(ROWS)
        backfill_rate(frame[:10_000], port)
        rates: dict[str, list[float]] = defaultdict(list)
        shares: list[float] = []
        for _ in range(ROUNDS):
            rates["backfill_rate"].append(backfill_rate(frame, port))
            rates["reference_best_rate"].append(reference_rate(frame[:REFERENCE_BEST], port, best=True))
            rates["checked_rate"].append(backfill_rate(frame, port, registry=registry))
            rates["reference_default_rate"].append(
                reference_rate(frame[:REFERENCE_DEFAULT], port, best=False)
            )
            # one right after the other, as a machine's speed may change within a minute
            for _ in range(PAIRS):
                rates["encode_rate"].append(encode_rate(frame))
                rates["backfill_rate"].append(backfill_rate(frame, port))
                shares.append(rates["backfill_rate"][-1] / rates["encode_rate"][-1])
        found = {name: max(values) for name, values in rates.items()}
        found["ratio_to_best"] = found["backfill_rate"] / found["reference_best_rate"]
        found["ratio_to_default"] = found["backfill_rate"] / found["reference_default_rate"]
        found["checked_ratio_to_best"] = found["checked_rate"] / found["reference_best_rate"]
        found["share_of_encode"] = statistics.median(shares)
        found |= measure_linearity(port, LINEAR)
        found["pandas_extra_mb"] = extra_memory("pandas", ROWS, port)
        parquet = 10 * ROWS if os.environ.get("NBTRACK_LONG") else ROWS
        found["parquet_extra_mb"] = extra_memory("parquet", parquet, port)
    return found


def _answers(port: int) -> bool:
    import http.client

    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("POST", "/", b"{}")
        status = connection.getresponse().status
        connection.close()
    except OSError:
        return False
    return status == 200


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure_memory(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    else:
        for name, value in measure().items():
            print(f"{name:28} {value:14,.2f}")
