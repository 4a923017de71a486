"""The page "In production" holds: gunicorn, celery and gevent, in an environment of their own."""

import os
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.environments import make_environment
from tests.support.fault_server import FaultServer, free_port
from tests.support.waiting import poll

LONG = bool(os.environ.get("NBTRACK_LONG"))
ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not LONG, reason="installs gunicorn, celery and gevent: NBTRACK_LONG=1"),
    pytest.mark.timeout(600),
]
TRACKING = """
import os
from nbtrack.delivery import AsyncEmitter

emitter = AsyncEmitter("127.0.0.1", "http", int(os.environ["COLLECTOR_PORT"]), batch_size=100)
"""
GUNICORN = """
from tracking import emitter

emitter.input({"e": "pv", "eid": "preload"})

def app(environ, start_response):
    emitter.input({"e": "pv", "eid": environ["PATH_INFO"]})
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
"""
CELERY = """
from celery import Celery
from tracking import emitter

app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"
}

@app.task
def work(number):
    emitter.input({"e": "pv", "eid": f"task-{number}"})
"""
GEVENT = """
from gevent import monkey
monkey.patch_all()
from tracking import emitter

for number in range(7):
    emitter.input({"e": "pv", "eid": str(number)})
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    venv = tmp_path_factory.mktemp("production") / "venv"
    subprocess.run(
        [*make_environment(venv), str(ROOT), "celery", "gevent", "gunicorn"], check=True, timeout=300
    )
    return str(venv / "bin" / "python")


def write(folder: Path, name: str, program: str) -> None:
    (folder / "tracking.py").write_text(TRACKING)
    (folder / f"{name}.py").write_text(program)


def environment(server: FaultServer) -> dict[str, str]:
    return {**os.environ, "COLLECTOR_PORT": str(server.port)}


def test_gunicorn_with_preload(python: str, tmp_path: Path) -> None:
    write(tmp_path, "web", GUNICORN)
    port = free_port()

    def answers(path: str) -> bool:
        try:
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5).read())
        except OSError:
            return False

    with FaultServer() as server:
        process = subprocess.Popen(
            [python, "-m", "gunicorn", "--preload", "-w", "2", "-b", f"127.0.0.1:{port}", "web:app"],
            cwd=tmp_path,
            env=environment(server),
        )
        assert poll(lambda: answers("first"), 30)
        assert all(answers(str(number)) for number in range(20))
        process.terminate()
        process.wait(30)
        assert set(server.delivered) == {"preload", "/first", *(f"/{number}" for number in range(20))}
        assert set(server.delivered.values()) == {1}


def test_celery_s_prefork_pool(python: str, tmp_path: Path) -> None:
    write(tmp_path, "tasks", CELERY)
    for folder in ("queue", "control"):
        (tmp_path / folder).mkdir()
    with FaultServer() as server:
        enqueue = "from tasks import work\nfor number in range(7): work.delay(number)"
        subprocess.run([python, "-c", enqueue], cwd=tmp_path, env=environment(server), check=True, timeout=60)
        worker = subprocess.Popen(
            [python, "-m", "celery", "-A", "tasks", "worker", "-P", "prefork", "-c", "2", "--without-mingle"],
            cwd=tmp_path,
            env=environment(server),
            stderr=subprocess.DEVNULL,
        )
        assert poll(lambda: not list((tmp_path / "queue").glob("*celery*")), 60)
        time.sleep(1)  # the tasks were taken: they run
        worker.terminate()
        worker.wait(60)
        assert set(server.delivered) == {f"task-{number}" for number in range(7)}


def test_gevent(python: str, tmp_path: Path) -> None:
    write(tmp_path, "greenlets", GEVENT)
    with FaultServer() as server:
        subprocess.run(
            [python, "greenlets.py"], cwd=tmp_path, env=environment(server), check=True, timeout=60
        )
        assert set(server.delivered) == set("0123456")
