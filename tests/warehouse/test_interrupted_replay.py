"""A replay that ended early is continued by the same call: each event arrives once, and the arithmetic closes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fault_server import Act, FaultServer
from tests.warehouse.test_repair import THING, event_id, parameters, schema_violation

COUNT = 1_500
PROGRAM = """
import json, resource, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it from the start
import nbtrack
from nbtrack.schemas import Registry
file, url, schema, limit, divisor = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))  # a full disk, for files that grow above it
registry = Registry()
registry.register(json.loads(schema))
repaired = nbtrack.read_failed(file).repair({"ue.n": lambda n: n if int(n) % int(divisor) else int(n)}, registry=registry)
try:
    report = repaired.replay(url, max_body_bytes=5_000, progress=False, give_up_after=0.3)
except nbtrack.bulk.LedgerError as error:
    sys.exit(f"LedgerError: {error}")
print(report.rows, report.sent, report.resumed, report.skipped, report.failed, int(report.ok), int(report.interrupted))
"""


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    path = tmp_path / "failed.ndjson"
    rows = (schema_violation(parameters(n=str(n)) | {"eid": event_id(n)}) for n in range(COUNT))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def start(failed: Path, server: FaultServer, limit: int = 0, divisor: int = 1) -> "subprocess.Popen[str]":
    words = [str(failed), server.url, json.dumps(THING), str(limit), str(divisor)]
    environment = {**os.environ, "NBTRACK_HOME": str(failed.parent / "home")}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def counts(output: str) -> list[int]:
    rows, sent, resumed, skipped, unsent, *flags = map(int, output.split())
    assert rows == COUNT == sent + resumed + skipped + unsent
    return [sent, resumed, skipped, unsent, *flags]


@pytest.mark.parametrize("end", ["kill", "interrupt", "collector away", "full disk", "half of the recipe"])
def test_a_replay_that_ended_early_is_continued(failed: Path, end: str) -> None:
    with FaultServer(lambda _number, _body: Act(after=0.02)) as server:
        if end == "collector away":
            server.script = lambda number, _body: Act(status=200 if number < 20 else 503)
        process = start(
            failed, server, limit=60_000 * (end == "full disk"), divisor=1 + (end == "half of the recipe")
        )
        if end in {"kill", "interrupt"}:
            assert server.wait_for(COUNT // 10)
            process.send_signal(signal.SIGKILL if end == "kill" else signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        before = len(server.delivered)
        assert 0 < before < COUNT
        if end == "full disk":
            assert "LedgerError: cannot record in " in errors
            assert "so the run stopped; free disk space, then resume it" in errors
        elif end == "half of the recipe":
            assert counts(output) == [COUNT // 2, 0, COUNT // 2, 0, 0, 0]
        elif end != "kill":
            sent, resumed, _, unsent, ok, interrupted = counts(output)
            assert (resumed, unsent, ok, interrupted) == (0, COUNT - sent, 0, 1)
            assert 0 < sent <= before
        server.script = lambda _number, _body: Act()
        output, errors = start(failed, server).communicate(timeout=60)
        sent, resumed, skipped, unsent, ok, _ = counts(output)
        assert (skipped, unsent, ok) == (0, 0, 1), errors
        assert 0 < resumed <= before
        assert set(server.delivered) == {event_id(number) for number in range(COUNT)}
        if end in {
            "collector away",
            "half of the recipe",
        }:  # what was on the way then is sent again, under its id
            assert set(server.delivered.values()) == {1}
        output, errors = start(failed, server).communicate(timeout=60)
        assert counts(output) == [0, COUNT, 0, 0, 1, 0], errors
