"""Faults 1 to 4, 23 to 26, 30 to 33 and 35: what happens to processes."""

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nbtrack.delivery import AsyncEmitter, Emitter, SQLiteEventStore, outbox
from nbtrack.delivery.stores import sqlite, sqlite_file
from tests.support.delivery import QUICK, track
from tests.support.fault_server import Act, FaultServer, free_port
from tests.support.waiting import poll

LONG = bool(os.environ.get("NBTRACK_LONG"))
ROUNDS = 100 if LONG else 10
ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as one:
        yield one


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.programs", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(*arguments: object) -> tuple[str, str]:
    with start(*arguments) as process:
        out, err = process.communicate(timeout=60)
    return out.decode(), err.decode()


def acknowledged(process: subprocess.Popen[bytes]) -> list[str]:
    out = process.stdout.read().decode()
    # the last line may be cut by the kill: then its acknowledgement was never given
    return out[: out.rfind("\n") + 1].split()


def drain(path: Path) -> None:
    with SQLiteEventStore(path) as store:
        outbox.drain(store, timeout=20)
        assert store.size() == 0


def oracle(path: Path, server: FaultServer, accepted: set[str]) -> None:
    """Check that every accepted event is stored, delivered or dead, and a repeated one was sent again on purpose."""
    with SQLiteEventStore(path) as store:
        stored = {row.event_id for route in store.routes() for row in store.peek(route, 10**6)}
        dead = {letter.event_id for letter in store.dead(10**6)}
    assert accepted <= stored | dead | set(server.delivered)


def kill_rounds(path: Path, server: FaultServer, rounds: int, kernels: int) -> None:
    rng = random.Random(1)
    accepted: set[str] = set()
    for number in range(rounds):
        processes = [
            start("track", path, server.port, f"r{number}k{kernel}", 0.0005) for kernel in range(kernels)
        ]
        try:
            for process in processes:
                # the first acknowledgement: imports are over
                accepted.add(process.stdout.readline().decode().strip())
            time.sleep(rng.uniform(0.0, 0.3))  # the kill comes at a time of chance
        finally:
            for process in processes:
                process.send_signal(signal.SIGKILL)
        for process in processes:
            accepted.update(acknowledged(process))
            process.wait()
            process.stdout.close()
            process.stderr.close()
        oracle(path, server, accepted)
    drain(path)
    assert accepted <= set(server.delivered)
    assert len(accepted) > rounds


def test_01_kill_9_while_tracking_loses_nothing_accepted(path: Path, server: FaultServer) -> None:
    kill_rounds(path, server, ROUNDS, kernels=1)


def test_01_four_kernels_on_one_store_are_killed_and_lose_nothing(path: Path, server: FaultServer) -> None:
    kill_rounds(path, server, ROUNDS, kernels=4)


def test_02_kill_9_while_sending_frees_the_claim_at_once(
    path: Path, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emitter(
        "127.0.0.1", "http", server.port, batch_size=100, event_store=SQLiteEventStore(path)
    ) as emitter:
        for number in range(20):
            emitter.input({"e": "pv", "eid": str(number)})
        with start("hold", path, server.port) as process:
            assert process.stdout.readline() == b"10\n"
            assert emitter.flush(5).pending == 10
            process.kill()
        monkeypatch.setattr(sqlite, "MAINTENANCE_SECONDS", 0.0)
        assert emitter.flush(5).pending == 0
        emitter.event_store.close()
    assert len(server.delivered) == 20


def test_03_memory_stays_flat_with_the_collector_down() -> None:
    out, _ = run("fill", free_port(), 1_000_000 if LONG else 60_000)
    early, late, dropped = map(int, out.split())
    assert dropped > 50_000
    assert late - early < 8 * 2**20


def test_04_a_kernel_restart_during_a_cell_loses_nothing(path: Path, server: FaultServer) -> None:
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(ROOT))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute(
            "import time\nfrom nbtrack.delivery import AsyncEmitter, SQLiteEventStore\n"
            f"emitter = AsyncEmitter('127.0.0.1', 'http', {server.port}, event_store=SQLiteEventStore({str(path)!r}))\n"
            "for number in range(7): emitter.input({'e': 'pv', 'eid': str(number)})\n"
            f"open({str(path)!r} + '.done', 'w').close()\ntime.sleep(60)"
        )
        assert poll(Path(f"{path}.done").exists, 30)
        manager.restart_kernel(now=True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
    drain(path)
    assert set(server.delivered) == set("0123456")


def test_05_a_stopped_process_goes_on_without_a_burst(path: Path, server: FaultServer) -> None:
    with start("track", path, server.port, "a", 0.01) as process:
        process.stdout.readline()
        assert server.wait_for(5)
        process.send_signal(signal.SIGSTOP)
        server.drop_connections()
        before = len(server.seen)
        time.sleep(0.3)  # thirty of its events, were it not stopped
        assert len(server.seen) <= before + 1
        process.send_signal(signal.SIGCONT)
        assert server.wait_for(len(server.delivered) + 5)
        process.kill()


def test_23_two_kernels_share_a_store_without_losing_or_claiming_twice(
    path: Path, server: FaultServer
) -> None:
    stores = [SQLiteEventStore(path) for _ in range(4)]
    emitters = [AsyncEmitter("127.0.0.1", "http", server.port, event_store=store) for store in stores]

    def work(emitter: Emitter, name: int) -> None:
        for number in range(100):
            emitter.input({"e": "pv", "eid": f"{name}-{number}"})

    threads = [threading.Thread(target=work, args=(one, number)) for number, one in enumerate(emitters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for emitter in emitters:
        emitter.flush(20)
    assert server.wait_for(400)
    for emitter, store in zip(emitters, stores, strict=True):
        emitter.close()
        store.close()
    assert set(server.delivered.values()) == {1}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("durable", [False, True], ids=["memory", "sqlite"])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "mid-post"])
def test_24_a_fork_sends_nothing_twice_and_loses_nothing(path: Path, durable: bool, busy: bool) -> None:
    with FaultServer([Act(after=0.3)] if busy else []) as server:
        store = SQLiteEventStore(path) if durable else None
        emitter = AsyncEmitter("127.0.0.1", "http", server.port, batch_size=3, event_store=store)
        for number in range(3 if busy else 2):
            emitter.input({"e": "pv", "eid": f"parent{number}"})
        if busy:
            assert poll(lambda: emitter.stats().in_flight)
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                for number in range(4):
                    emitter.input({"e": "pv", "eid": f"child{number}"})
                emitter.flush(20)
                code = 0 if emitter.stats().accepted == 4 else 2
            os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        emitter.input({"e": "pv", "eid": "parent9"})
        assert emitter.flush(20).pending == 0
        emitter.close()
        if store:
            store.close()
        expected = (
            {f"child{n}" for n in range(4)} | {f"parent{n}" for n in range(3 if busy else 2)} | {"parent9"}
        )
        assert set(server.delivered) == expected
        assert set(server.delivered.values()) == {1}


def _in_worker(port: int) -> None:
    emitter = AsyncEmitter("127.0.0.1", "http", port, batch_size=100)
    emitter.input({"e": "pv", "eid": "worker"})


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_24_a_worker_of_multiprocessing_sends_its_tail(server: FaultServer) -> None:
    process = multiprocessing.get_context("fork").Process(target=_in_worker, args=(server.port,))
    process.start()
    process.join()
    assert "worker" in server.delivered


def test_25_events_of_a_process_that_left_by_os_exit_are_sent_later(path: Path, server: FaultServer) -> None:
    run("leave", path, server.port, "_exit")
    assert not server.delivered
    drain(path)
    assert len(server.delivered) == 5


@pytest.mark.parametrize("jump", [3600.0, -3600.0, -1.7e9], ids=["forward", "back", "1970"])
def test_26_a_clock_that_jumps_neither_blocks_nor_loses(
    path: Path, server: FaultServer, jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SQLiteEventStore(path, clock=lambda: time.time(), max_age=10**10) as store:  # noqa: PLW0108 - the patched one
        emitter = Emitter(
            "127.0.0.1",
            "http",
            server.port,
            batch_size=100,
            event_store=store,
            path="/p",
            max_retry_delay_seconds=QUICK,
        )
        track(emitter, *range(4))
        # a claim whose owner cannot be asked
        held = store.claim(f"post /p {server.url}", "x", max_events=2, max_bytes=10**6, bytes_per_event=0)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE events SET token = 'elsewhere|1|1|x' WHERE token != ''")
        assert len(held) == 2
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + jump)
        emitter.flush(5)
        assert len(server.delivered) == 4
        emitter.close()


@pytest.mark.parametrize("durable", [False, True], ids=["memory", "sqlite"])
def test_30_ctrl_c_at_any_point_leaves_everything_in_order(
    path: Path, server: FaultServer, durable: bool
) -> None:
    out, err = run("interrupt", path if durable else "memory", server.port)
    accepted, pending = out.splitlines()
    assert pending == "0", err
    assert set(accepted.split()) <= set(server.delivered)


@pytest.mark.parametrize("way", ["plain", "atexit", "del"])
def test_32_the_last_events_of_an_interpreter_are_sent_or_stay(
    path: Path, server: FaultServer, way: str
) -> None:
    _, err = run("leave", path, server.port, way)
    assert "Traceback" not in err
    drain(path)
    assert {f"e{number}" for number in range(5)} <= set(server.delivered)


def test_32_at_exit_a_second_is_enough_and_what_is_left_is_named_once(path: Path) -> None:
    with FaultServer([Act(silent=True)]) as server:
        started = time.monotonic()
        _, err = run("leave", path, server.port, "plain")
        assert time.monotonic() - started < 15
    assert err.count("nbtrack: 5 unsent events") == 1
    assert "stored, will be sent later" in err


def test_32_at_exit_nothing_is_tried_when_the_last_attempt_failed() -> None:
    with FaultServer([Act(503, {"Retry-After": "60"})]) as server:
        _, err = run("leave", "memory", server.port, "failed")
        assert len(server.seen) == 1
    assert "5 unsent events" in err
    assert "lost with this process" in err


def test_33_a_reused_process_number_is_not_taken_for_the_owner_of_a_lease() -> None:
    me = sqlite_file.new_owner()
    host, pid, begun, rest = me.split("|")
    assert sqlite_file.is_alive(f"{me}|1")
    assert not sqlite_file.is_alive(f"{host}|{pid}|{int(begun) - 1}|{rest}|1")
    assert not sqlite_file.is_alive(f"{host}|{2**22 - 1}|5|{rest}|1")
    assert sqlite_file.is_alive(f"other|{pid}|1|{rest}|1")
    assert sqlite_file.is_alive("garbage")


@pytest.mark.long
@pytest.mark.skipif(not LONG, reason="ten minutes: NBTRACK_LONG=1")
def test_35_a_soak_leaks_neither_threads_nor_files_nor_memory(path: Path) -> None:
    rng = random.Random(3)

    def script(number: int, body: bytes) -> Act:
        dice = rng.random()
        if dice < 0.9:
            return Act()
        return rng.choice(
            [Act(503), Act(429, {"Retry-After": "1"}), Act(cut=5, cut_reset=True), Act(cut=0), Act(500)]
        )

    seconds = float(os.environ.get("NBTRACK_SOAK_SECONDS", "600"))
    process, samples = psutil.Process(), []
    with FaultServer(script) as server, SQLiteEventStore(path) as store:
        emitter = AsyncEmitter(
            "127.0.0.1", "http", server.port, event_store=store, max_retry_delay_seconds=0.05
        )
        begun = time.monotonic()
        number = 0
        while (passed := time.monotonic() - begun) < seconds:
            while number < passed * 1000:
                emitter.input({"e": "pv", "eid": str(number), "page": "x" * 200})
                number += 1
            server.seen.clear()
            if len(samples) < passed / seconds * 20:
                wal = Path(f"{path}-wal").stat().st_size
                samples.append((threading.active_count(), process.num_fds(), process.memory_info().rss, wal))
            time.sleep(0.01)
        assert emitter.flush(60).pending == 0
        emitter.close()
        assert len(server.delivered) == number
    early, late = samples[5], samples[-1]
    assert late[0] <= early[0] + 3
    assert late[1] <= early[1] + 5
    # the server's own record of ids grows, about 200 bytes each
    assert late[2] - early[2] < 40 * 2**20 + number * 300
    assert max(sample[3] for sample in samples) < 16 * 2**20
