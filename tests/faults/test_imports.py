"""A fork while another thread imports leaves the child with a lock that nobody releases: senders import nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer

PROGRAM = """
import sys, threading
from nbtrack.delivery import AsyncEmitter

class Recorder:
    found = []
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            self.found.append((threading.current_thread().name, name))

sys.meta_path.insert(0, Recorder())
{body}
print(Recorder.found)
"""
EMITTER = """
emitter = AsyncEmitter({endpoint!r})
emitter.input({{"e": "pv"}})
emitter.flush(0.3)
emitter.close(timeout=0)
"""
SESSION = """
import nbtrack
from nbtrack.tracker import PageView
session = nbtrack.start()
session.tracker.track(PageView("https://acme.com"))
assert session.emitter.flush(20).sent == 1
nbtrack.stop()
"""


def imported_by_threads(body: str, tmp_path: Path, **environment: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**env, "NBTRACK_HOME": str(tmp_path / "home"), **environment},
    )
    return done.stdout.strip()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://localhost:9", "https://localhost:9"])
@pytest.mark.parametrize(
    "proxy", [{}, {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}]
)
def test_an_emitter_loads_everything_when_it_is_created(
    tmp_path: Path, endpoint: str, proxy: dict[str, str]
) -> None:
    assert imported_by_threads(EMITTER.format(endpoint=endpoint), tmp_path, **proxy) == "[]"


def test_so_does_a_session_that_sends_to_the_local_collector(tmp_path: Path) -> None:
    from nbtrack.collector import shared_collector

    try:
        assert imported_by_threads(SESSION, tmp_path) == "[]"
    finally:
        shared_collector.stop(tmp_path / "home")


def test_the_time_at_exit_is_for_sending_not_for_loading() -> None:
    program = """
import sys, time
from nbtrack.delivery import AsyncEmitter

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name in {{"encodings.idna", "requests", "urllib3"}}:
            time.sleep(1.2)  # longer than the time at exit: a busy machine

sys.meta_path.insert(0, Slow())
emitter = AsyncEmitter("http://localhost:{port}", batch_size=100)
for number in range(12):
    emitter.input({{"e": "pv", "eid": str(number)}})
"""
    with FaultServer() as server:
        done = subprocess.run(
            [sys.executable, "-c", program.format(port=server.port)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stderr == ""
        assert len(server.delivered) == 12
