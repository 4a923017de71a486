"""Whatever fails on the way, every row arrives at least once with its one id, and is accounted for."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from nbtrack import backfill
from nbtrack.bulk import BackfillReport
from tests.support.backfills import check_accounts, orders, purchase, purchase_ids
from tests.support.fault_server import Act, FaultServer, free_port

ROWS = 200_000 if os.environ.get("NBTRACK_LONG") else 20_000
BODY = 900_000 if os.environ.get("NBTRACK_LONG") else 200_000
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
from nbtrack.bulk import backfill
from nbtrack.bulk.sources import chunks
from tests.support.backfills import orders, purchase
chunks.CHUNK_ROWS = 2_000
print("ready", flush=True)
report = backfill(orders(int(sys.argv[2])), purchase(), key="order", collector=sys.argv[1], resume="resume" in sys.argv,
                      max_body_bytes=50_000, byte_rate=float(sys.argv[3]), progress=False)
print(report.sent, report.resumed, report.rows, report.skipped, report.failed, report.ok, flush=True)
"""


def send(server: FaultServer, **options: Any) -> BackfillReport:
    return backfill(
        orders(ROWS),
        purchase(),
        key="order",
        collector=server.url,
        **{"max_body_bytes": BODY, "progress": False, **options},
    )


def check_delivered(report: BackfillReport, server: FaultServer) -> None:
    assert report.ok, report
    assert report.rows == ROWS
    check_accounts(report)
    assert set(server.delivered) == purchase_ids(orders(ROWS)["order"])


def test_a_third_of_the_responses_are_errors() -> None:
    rng = random.Random(11)

    def script(number: int, body: bytes) -> Act:
        return Act(status=rng.choice([500, 503, 429])) if rng.random() < 0.3 else Act()

    with FaultServer(script) as server:
        report = send(server)
        check_delivered(report, server)
    assert report.requests == len(server.seen)


def test_connections_are_reset_in_the_middle_of_a_body() -> None:
    acts = [Act() if number % 3 else Act(reset_at=10_000) for number in range(30)]
    with FaultServer([*acts, Act()]) as server:
        report = send(server)
        check_delivered(report, server)
    assert report.retries > 0


def test_a_body_is_sent_again_if_its_response_is_incomplete() -> None:
    with FaultServer(lambda number, body: Act(cut=5, cut_reset=True) if number % 4 == 1 else Act()) as server:
        check_delivered(send(server), server)


def test_bodies_too_large_for_the_collector_are_halved() -> None:
    with FaultServer(lambda number, body: Act(status=413 if len(body) > BODY // 3 else 200)) as server:
        report = send(server)
        check_delivered(report, server)
    assert set(server.delivered.values()) == {1}


def test_the_collector_is_away_for_a_while() -> None:
    port = free_port()
    servers: list[FaultServer] = []

    def come_back() -> None:
        time.sleep(20 if os.environ.get("NBTRACK_LONG") else 0.8)
        servers.append(FaultServer(port=port))

    thread = threading.Thread(target=come_back)
    thread.start()
    try:
        report = backfill(
            orders(ROWS),
            purchase(),
            key="order",
            collector=f"http://127.0.0.1:{port}",
            max_body_bytes=BODY,
            progress=False,
        )
        thread.join()
        check_delivered(report, servers[0])
    finally:
        thread.join()
        for server in servers:
            server.stop()


def start(server: FaultServer, rate: float, *more: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, server.url, str(ROWS), str(rate), *more],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_run_that_is_killed_is_resumed() -> None:
    rng = random.Random(os.getpid())
    with FaultServer() as server:
        process = start(server, ROWS * 100)  # some three seconds for all
        assert server.wait_for(rng.randrange(ROWS // 10, ROWS // 2), timeout=60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        before = len(server.delivered)
        assert 0 < before < ROWS
        process = start(server, 1e9, "resume")
        output, _ = process.communicate(timeout=60)
    sent, resumed, rows, skipped, failed, ok = output.split()
    assert (int(sent) + int(resumed), int(rows), int(skipped), int(failed), ok) == (ROWS, ROWS, 0, 0, "True")
    assert 0 < int(resumed) <= before
    assert set(server.delivered) == purchase_ids(orders(ROWS)["order"])


def test_an_interrupt_ends_the_run_with_a_report(tmp_path: Path) -> None:
    with FaultServer() as server:
        process = start(server, ROWS * 100)
        assert server.wait_for(ROWS // 10, timeout=60)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        output, _ = process.communicate(timeout=30)
        assert time.monotonic() - started < 10
        sent, _, rows, skipped, failed, ok = output.split()
        assert ok == "False"
        assert int(rows) == int(sent) + int(skipped) + int(failed) == ROWS
        assert int(sent) <= len(server.delivered) < ROWS
        process = start(server, 1e9, "resume")
        output, _ = process.communicate(timeout=60)
    assert output.split()[-1] == "True"
    assert set(server.delivered) == purchase_ids(orders(ROWS)["order"])


def test_every_row_is_accounted_for_if_all_are_refused() -> None:
    with FaultServer([Act(status=401)]) as server:
        report = send(server)
    assert (report.failed, report.unsent, report.sent) == (ROWS, 0, 0)
    assert report.reasons == {"HTTP 401": ROWS}
    assert len(report.errors) == ROWS


@pytest.mark.parametrize("stop_after", [1, 2])
def test_every_row_is_accounted_for_wherever_a_run_ends(stop_after: int) -> None:
    with FaultServer(lambda number, body: Act(status=200 if number < stop_after else 503)) as server:
        report = send(server, give_up_after=0.3, connections=2)
    assert not report.ok
    assert report.rows == report.sent + report.skipped + report.failed == ROWS
    assert report.sent == len(server.delivered)
