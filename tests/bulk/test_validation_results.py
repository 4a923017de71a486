"""What the collector says about the events is in the report, and decides whether it is ok."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from nbtrack import backfill, col
from nbtrack.collector import LocalCollector, shared_collector
from nbtrack.tracker import SelfDescribing, SelfDescribingJson
from tests.support.backfills import check_accounts
from tests.support.fault_server import FaultServer

URI = "iglu:com.acme/thing/jsonschema/1-0-0"
SCHEMA = {
    "self": {"vendor": "com.acme", "name": "thing", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
    "properties": {"x": {"type": "integer", "maximum": 2}},
}
EVENT = SelfDescribing(SelfDescribingJson(URI, {"x": col("x")}))
FRAME = pd.DataFrame({"x": [1, 2, 3]})


def test_events_of_an_unknown_schema_make_the_report_not_ok() -> None:
    with LocalCollector() as collector:
        report = backfill(FRAME, EVENT, key="x", collector=collector)
        check_accounts(report)
        assert (report.sent, report.good, report.bad, report.ok) == (3, 0, 3, False)
        assert str(report).startswith("backfill NOT ok: 3 of 3 rows sent, 3 of them invalid,")
        assert "3 events failed the collector's validation" in str(report)
        assert any("com.acme/thing" in reason for reason in report.bad_reasons)
        assert collector.counts() == {"total": 3, "good": 0, "bad": 3}


def test_valid_and_failed_events_are_counted_as_the_collector_counts_them() -> None:
    with LocalCollector() as collector:
        collector.register(SCHEMA)
        report = backfill(FRAME, EVENT, key="x", collector=collector)
        assert (report.sent, report.good, report.bad, report.ok) == (3, 2, 1, False)
        assert collector.counts() == {"total": 3, "good": 2, "bad": 1}
        valid = backfill(FRAME[:2], EVENT, key="x", namespace="again", collector=collector)
        assert (valid.good, valid.bad, valid.ok) == (2, 0, True)
        assert str(valid).startswith("backfill ok: 2 of 2 rows sent, all valid,")


def test_a_large_backfill_has_exact_counts() -> None:
    frame = pd.DataFrame({"x": [1, 3] * 5_000, "n": range(10_000)})
    with LocalCollector() as collector:
        collector.register(SCHEMA)
        report = backfill(frame, EVENT, key="n", collector=collector)
        assert (report.sent, report.good, report.bad) == (10_000, 5_000, 5_000)


def test_a_collector_that_does_not_validate_is_said() -> None:
    with FaultServer() as server:
        report = backfill(FRAME, EVENT, key="x", collector=server.url)
    assert (report.ok, report.good, report.bad) == (True, 0, 0)
    assert str(report).startswith("backfill ok: 3 of 3 rows sent, not validated,")


def test_a_collector_of_this_process_is_asked_by_its_url_alone_until_it_ends() -> None:
    with LocalCollector() as collector:
        url = collector.url
        for given in (url, f"{url}/"):
            assert backfill(FRAME, EVENT, key="x", namespace=given, collector=given).bad == 3
        port = int(url.rpartition(":")[2])
    with FaultServer(port=port) as server:
        assert backfill(FRAME, EVENT, key="x", collector=url).ok
        assert "x-nbtrack-token" not in server.seen[0].headers


def test_the_users_own_collector_is_asked_by_its_url_from_any_process(home: Path) -> None:
    client = shared_collector.connect(home, port=0)
    try:
        report = backfill(FRAME, EVENT, key="x", collector=client.url)
        assert (report.good, report.bad) == (0, 3)
        (home / "collector.json").unlink()
        assert backfill(FRAME, EVENT, key="x", collector=client.url).bad == 0
    finally:
        client.shut_down()


PROGRAM = """
import sys
import pandas as pd
from nbtrack import backfill, col
from nbtrack.tracker import SelfDescribing, SelfDescribingJson

event = SelfDescribing(SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {"x": col("x")}))
report = backfill(pd.DataFrame({"x": [1, 2, 3]}), event, key="x", namespace=sys.argv[2], collector=sys.argv[1])
print(report)
sys.exit(not report.ok)
"""


def test_another_process_learns_by_the_url_alone_what_the_users_collector_found(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "things.csv").write_text("x\n1\n2\n3\n")
    event = {"schema": URI, "data": {"x": {"$col": "x"}}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    (tmp_path / "program.py").write_text(PROGRAM)

    def run(url: str, namespace: str, folder: Path) -> list[tuple[int, str]]:
        command = ["-m", "nbtrack", "backfill", "things.csv", "--event", "event.json", "--quiet"]
        options = ["--collector", url, "--key", "x", "--namespace", f"{namespace} of the command line"]
        results = []
        for arguments in (["program.py", url, namespace], [*command, *options]):
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=tmp_path,
                env={**os.environ, "NBTRACK_HOME": str(folder)},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            results.append(
                (done.returncode, (done.stdout or done.stderr).splitlines()[0].partition(" in ")[0])
            )
        return results

    client = shared_collector.connect(home, port=0)
    try:
        by_name = client.url.replace("127.0.0.1", "localhost")
        invalid = (1, "backfill NOT ok: 3 of 3 rows sent, 3 of them invalid,")
        assert run(client.url, "number", home) == [invalid, invalid]
        assert run(by_name, "name", home) == [invalid, invalid]
        # a number in a CSV file is a string to a schema that nobody has when the rows are encoded
        client.register(SCHEMA | {"properties": {"x": {"type": ["integer", "string"]}}})
        valid = (0, "backfill ok: 3 of 3 rows sent, all valid,")
        assert run(client.url, "valid", home) == [valid, valid]
        unknown = (0, "backfill ok: 3 of 3 rows sent, not validated,")
        assert run(client.url, "elsewhere", tmp_path / "another home") == [unknown, unknown]
        counts = client.summary()
        assert (counts["good"], counts["bad"], counts["repeats"]) == (12, 12, 0)
    finally:
        client.shut_down()


def test_the_token_is_for_the_users_collector_alone(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "collector.json").write_text('{"url": "http://127.0.0.1:9", "token": "s3cret", "pid": 1}')
    with FaultServer() as server:
        assert backfill(FRAME, EVENT, key="x", collector=server.url).ok
        assert "x-nbtrack-token" not in server.seen[0].headers


def test_a_stale_address_hands_the_token_to_nobody(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with FaultServer() as server:  # it took the port of a collector that ended without removing its file
        address = {"url": server.url, "token": "s3cret", "pid": ended.pid, "started": "1"}
        (home / "collector.json").write_text(json.dumps(address))
        assert backfill(FRAME, EVENT, key="x", collector=server.url).ok
        assert "s3cret" not in str([seen.headers for seen in server.seen])
