"""Parents and children that track: whatever starts them and however they end, each event arrives or is accounted for."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbtrack.delivery import Emitter, SQLiteEventStore
from tests.faults.families import run_family
from tests.support.fault_server import FaultServer


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.mark.parametrize("emitter", ["Emitter", "AsyncEmitter"])
@pytest.mark.parametrize("session", [True, False])
@pytest.mark.parametrize("start", ["fork", "raw", "mp-fork"])
def test_a_child_never_sends_over_a_connection_of_its_parent(
    tmp_path: Path, server: FaultServer, start: str, session: bool, emitter: str
) -> None:
    accepted, err = run_family(
        tmp_path,
        server,
        start=start,
        session=session,
        emitter=emitter,
        children=2,
        events=10,
        batch_size=1,
        flush=True,
    )
    assert accepted <= set(server.delivered), err
    assert len(accepted) == 40
    processes = defaultdict(set)
    for seen in server.seen:
        processes[seen.connection] |= {event_id.partition("-")[0] for event_id in seen.ids}
    assert [names for names in processes.values() if len(names) > 1] == []


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize("emitter", ["Emitter", "AsyncEmitter"])
def test_a_fork_that_runs_no_hooks_is_noticed(
    tmp_path: Path, server: FaultServer, emitter: str, store: str
) -> None:
    accepted, err = run_family(
        tmp_path, server, start="raw", emitter=emitter, store=store, flush=True, ending="os._exit"
    )
    assert "AssertionError" not in err
    assert set(server.delivered) == accepted
    assert len(accepted) == 15
    assert set(server.delivered.values()) == {1}


@pytest.mark.parametrize("start", ["mp-fork", "mp-spawn", "mp-forkserver"])
def test_a_child_of_multiprocessing_sends_what_it_tracked_last(
    tmp_path: Path, server: FaultServer, start: str
) -> None:
    accepted, err = run_family(tmp_path, server, start=start, events=7, batch_size=10)
    assert {event_id for event_id in accepted if event_id.startswith("child")} <= set(server.delivered), err
    assert len(accepted) == 21


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_may_happen_while_other_threads_create_emitters(tmp_path: Path) -> None:
    stop = threading.Event()

    def create() -> None:
        while not stop.is_set():
            Emitter("127.0.0.1:9", "http")

    threads = [threading.Thread(target=create) for _ in range(4)]
    with SQLiteEventStore(tmp_path / "outbox.sqlite") as store:
        for thread in threads:
            thread.start()
        try:
            for _ in range(40):
                child = os.fork()
                if child == 0:
                    os._exit(0)
                os.waitpid(child, 0)
                # from another thread: the lock's own thread may take it again
                with ThreadPoolExecutor(1) as pool:
                    assert pool.submit(store.size).result(5) == 0
        finally:
            stop.set()
            for thread in threads:
                thread.join()
