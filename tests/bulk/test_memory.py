"""A backfill needs the memory of a few chunks, however many rows there are."""

import subprocess
import sys

PROGRAM = """
import os, threading
os.cpu_count = lambda: 2  # an encoder for each
import psutil
from nbtrack import backfill, col
from tests.support.backfills import orders, purchase

def run(frame):
    assert backfill(frame, purchase(order=col("order"), note="x" * 400), key="order", dry_run=True, progress=False).sent == len(frame)

frame = orders(400_000)
run(frame[:1_000])  # what is loaded once is no cost of rows
process, done = psutil.Process(), threading.Event()
highest = before = process.memory_info().rss

def watch():
    global highest
    while not done.wait(0.01):
        highest = max(highest, process.memory_info().rss)

watcher = threading.Thread(target=watch)
watcher.start()
run(frame)
done.set()
watcher.join()
print((highest - before) / 1e6)
"""


def test_a_large_frame_needs_the_memory_of_a_few_chunks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=True
    )
    assert float(done.stdout) < 142  # megabytes; the events have three times as many
