"""The pytest plugin, in a separate run of pytest."""

import subprocess
import sys

HEADER = """
import json, urllib.request, uuid
TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"

def send(collector, data):
    event = {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0", "data": {"schema": TIMING, "data": data}}
    payload = {"e": "ue", "p": "pc", "tv": "t", "eid": str(uuid.uuid4()), "ue_pr": json.dumps(event)}
    body = {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": [payload]}
    request = urllib.request.Request(collector.url + "/com.snowplowanalytics.snowplow/tp2", json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()

GOOD = {"category": "a", "variable": "b", "timing": 1}
"""
PASSING = """
def test_first(nbtrack_collector, assert_tracked, assert_no_bad):
    send(nbtrack_collector, GOOD)
    assert assert_tracked(schema=TIMING, data={"timing": 1}, count=1) == [GOOD]
    assert_no_bad()
    globals()["seen"] = nbtrack_collector.pid

def test_second_is_empty_and_the_same_process(nbtrack_collector):
    assert nbtrack_collector.counts()["total"] == 0
    assert nbtrack_collector.pid == seen
"""
FAILING = """
def test_other_data(nbtrack_collector, assert_tracked):
    send(nbtrack_collector, GOOD)
    assert_tracked(schema=TIMING, data={"timing": 2})

def test_nothing(assert_tracked):
    assert_tracked(schema=TIMING, timeout=0.1)

def test_bad(nbtrack_collector, assert_no_bad):
    send(nbtrack_collector, {"category": "a", "timing": "1"})
    assert_no_bad()
"""


def run(folder, text):
    (folder / "test_it.py").write_text(HEADER + text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-W",
        "error",
        str(folder),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    return done.stdout


def test_tracking_is_asserted_and_each_test_starts_empty(tmp_path):
    assert "2 passed" in run(tmp_path, PASSING)


def test_a_failure_says_what_arrived_and_why(tmp_path):
    said = run(tmp_path, FAILING)
    assert "3 failed" in said
    assert '-  "timing": 2' in said
    assert '+  "timing": 1' in said
    assert "arrived: 1 good iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0" in said
    assert "0 of 1 good" in said
    assert "arrived: nothing" in said
    assert "unstruct_event $.timing: string found, number expected" in said
    assert "unstruct_event $.variable: is missing, but required" in said
