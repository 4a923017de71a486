"""A test of a user that freezes the time: timestamps are frozen, waits are not; and the line at exit."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from freezegun import freeze_time

from nbtrack.delivery import AsyncEmitter, Emitter, SQLiteEventStore
from nbtrack.tracker import PageView, Tracker
from tests.support.delivery import QUICK, track
from tests.support.fault_server import Act, FaultServer

FROZEN = "2020-01-02T03:04:05"
FROZEN_MS = "1577934245000"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer([Act(503), Act(503), Act()]) as running:
        yield running


@pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])
@pytest.mark.parametrize("durable", [True, False])
def test_a_frozen_clock_freezes_timestamps_and_stops_nothing(
    kind: type[Emitter], durable: bool, server: FaultServer, tmp_path: Path
) -> None:
    store = SQLiteEventStore(tmp_path / "outbox.sqlite") if durable else None
    with freeze_time(FROZEN):
        emitter = kind(
            "127.0.0.1",
            "http",
            server.port,
            event_store=store,
            batch_size=99,
            max_retry_delay_seconds=QUICK,
        )
        Tracker("clocks", emitter).track(PageView("https://acme.com"))
        report = emitter.flush(10)
        assert (report.sent, report.timed_out) == (1, False)
        emitter.close()
    (event,) = server.seen[-1].events
    assert (event["dtm"], event["stm"]) == (FROZEN_MS, FROZEN_MS)
    if store:
        store.close()


def test_a_flush_ends_in_time_although_the_clock_stands(server: FaultServer) -> None:
    server.script = [Act(503, {"Retry-After": "100"})]
    started = time.monotonic()
    with freeze_time(FROZEN):
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=99)
        track(emitter, 1)
        assert emitter.flush(0.2).timed_out
        emitter.close(timeout=0)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("prepare", "options", "written"),
    [("", "", True), ("", ", report_at_exit=False", False), ("sys.stderr = None", "", False)],
    ids=["stderr", "switched off", "no stderr"],
)
def test_the_line_at_exit_goes_to_stderr_or_nowhere(prepare: str, options: str, written: bool) -> None:
    program = (
        f"import sys\nfrom nbtrack.delivery import Emitter\n{prepare}\n"
        f"Emitter('http://127.0.0.1:9', batch_size=9{options}).input({{'e': 'pv'}})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    assert ("1 unsent event" in done.stderr) == written
