"""The collector's process: how it starts and ends, and what survives it."""

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from nbtrack.collector import CollectorClient, LocalCollector, shared_collector
from nbtrack.common.processes import process_started
from nbtrack.protocol import PAYLOAD_DATA, POST_PATH
from tests.support.collector import JSON, Sender, fetch, page_view
from tests.support.waiting import poll

FIXTURES = Path(__file__).parent / "fixtures"
KILLS = 50 if os.environ.get("NBTRACK_LONG") else 10
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX signals and fork")


def until(condition):
    assert poll(condition), "timed out"


def gone(pid):
    return process_started(pid) is None


def run(program, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True, **options
    )


def refuses(url):
    where = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((where.hostname, where.port)) != 0


def test_start_returns_before_the_process_is_ready_and_requests_wait_for_it():
    began = time.perf_counter()
    collector = LocalCollector()
    with collector.start():
        started = time.perf_counter() - began
        assert Sender(collector).post([page_view()]).status == 200
        answered = time.perf_counter() - began
        assert collector.counts()["good"] == 1
    assert started < answered
    assert answered < 10  # the bench holds it to less than one second


def test_close_ends_the_process_and_deletes_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    collector = LocalCollector().start()
    pid, url = collector.pid, collector.url
    collector.counts()
    assert list(tmp_path.iterdir())
    collector.close()
    collector.close()
    assert gone(pid)
    assert not list(tmp_path.iterdir())
    assert refuses(url)
    assert collector.pid is None


def test_a_port_that_is_taken_raises_at_the_start(collector):
    with pytest.raises(OSError, match="ddress already in use"):
        LocalCollector(port=urlsplit(collector.url).port).start()


@posix
def test_a_killed_collector_refuses_at_once():
    with LocalCollector() as collector:
        collector.counts()
        os.kill(collector.pid, signal.SIGKILL)
        assert collector.join(10)
        assert refuses(collector.url)
        with pytest.raises(OSError, match=r"refused|10061"):
            collector.summary()


PARENT = """
import sys, time
from nbtrack.collector import LocalCollector
collector = LocalCollector().start()
collector.counts()
print(collector.pid, collector.url, flush=True)
{then}
"""


def start_parent(then, folder, **options):
    """Start a program that starts a collector, with its temporary files in `folder`."""
    parent = run(PARENT.format(then=then), env=os.environ | {"TMPDIR": str(folder)}, **options)
    pid, url = parent.stdout.readline().split()
    return parent, int(pid), url


@posix
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
def test_the_collector_ends_with_its_parent(how, tmp_path):
    parent, pid, _ = start_parent("time.sleep(60)", tmp_path)
    with parent:
        os.kill(parent.pid, getattr(signal, how))
        parent.wait(10)
        until(lambda: gone(pid))
    assert not list(tmp_path.iterdir())


@posix
def test_a_program_that_forgets_to_close_leaves_nothing_behind(tmp_path):
    parent, pid, _ = start_parent("", tmp_path)
    with parent:
        assert parent.wait(15) == 0
        until(lambda: gone(pid))
    assert not list(tmp_path.iterdir())


@posix
def test_a_forked_child_does_not_keep_the_collector_alive(tmp_path):
    then = "import os\npid = os.fork()\nif pid == 0:\n    time.sleep(20)\n    os._exit(0)\nprint(pid, flush=True)\ntime.sleep(60)"
    parent, pid, _ = start_parent(then, tmp_path)
    with parent:
        child = int(parent.stdout.readline())
        try:
            os.kill(parent.pid, signal.SIGKILL)
            parent.wait(10)
            until(lambda: gone(pid))
            assert not gone(child)
        finally:
            os.kill(child, signal.SIGKILL)


@posix
def test_interrupting_the_kernel_leaves_the_collector_alive(tmp_path):
    # tests that run in the background inherit that interrupts are ignored
    heed = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    then = f"{heed}try:\n    print('ready', flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print(collector.counts()['total'], flush=True)\n    collector.close()"
    parent, pid, url = start_parent(then, tmp_path, start_new_session=True)
    with parent:
        assert parent.stdout.readline().strip() == "ready"  # an interrupt from here on is caught
        os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: the whole group
        assert parent.stdout.readline().strip() == "0"
        parent.wait(10)
        until(lambda: gone(pid))
        assert refuses(url)


@posix
@pytest.mark.parametrize("attempt", range(KILLS))
def test_what_was_answered_with_200_survives_a_kill(tmp_path, attempt):
    path, acknowledged, stop = tmp_path / "events.sqlite", [], threading.Event()

    def load(url):
        where = urlsplit(url)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
        try:
            while not stop.is_set():
                events = [{"e": "pv", "p": "web", "tv": "1", "eid": str(uuid.uuid4())} for _ in range(20)]
                body = json.dumps({"schema": PAYLOAD_DATA, "data": events})
                connection.request("POST", POST_PATH, body, {"Content-Type": JSON})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    acknowledged.extend(event["eid"] for event in events)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    with LocalCollector(db=path) as collector:
        threads = [threading.Thread(target=load, args=(collector.url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        rng = random.Random(attempt)
        enough = rng.randrange(200, 1500)
        until(lambda: len(acknowledged) > enough)
        time.sleep(rng.random() / 100)  # at any moment between two responses
        os.kill(collector.pid, signal.SIGKILL)
        collector.join(10)
        stop.set()
        for thread in threads:
            thread.join()
    with LocalCollector(db=path) as again:
        kept = {payload["eid"] for payload in again.payloads(good=True)}
    assert set(acknowledged) <= kept
    assert len(acknowledged) > enough


@posix
def test_two_kernels_that_start_at_once_share_one_collector(tmp_path):
    program = """
import sys, pathlib, os
from nbtrack.collector import shared_collector
client = shared_collector.connect(pathlib.Path(sys.argv[1]), port=0)
print(client.url, client.token, flush=True)
sys.stdin.readline()
"""
    kernels = [run(program, tmp_path, stdin=subprocess.PIPE) for _ in range(4)]
    try:
        said = {kernel.stdout.readline() for kernel in kernels}
        assert len(said) == 1
        client = shared_collector.find(tmp_path)
        assert client is not None
        assert said == {f"{client.url} {client.token}\n"}
        assert client.count_kernels() == 4
        assert (tmp_path / "collector.json").stat().st_mode & 0o777 == 0o600
    finally:
        for kernel in kernels:
            kernel.communicate("\n", timeout=10)
        shared_collector.stop(tmp_path)
    assert shared_collector.find(tmp_path) is None


def test_the_shared_collector_keeps_its_events_and_takes_another_port_when_its_own_is_taken(
    tmp_path, collector
):
    taken = urlsplit(collector.url).port
    client = shared_collector.connect(tmp_path, port=taken)
    try:
        assert urlsplit(client.url).port != taken
        Sender(client).post([page_view()])
        first = fetch(client.url + "/health").body
        assert first == b"ok"
    finally:
        assert shared_collector.stop(tmp_path)
    client = shared_collector.connect(tmp_path, port=0)
    try:
        assert client.counts()["good"] == 1
    finally:
        shared_collector.stop(tmp_path)


def test_nothing_is_found_or_joined_where_nothing_runs(tmp_path):
    assert shared_collector.find(tmp_path) is None
    assert shared_collector.stop(tmp_path) is False
    with pytest.raises(RuntimeError, match="no collector is running"):
        shared_collector.connect(tmp_path, start=False)
    (tmp_path / "collector.json").write_text(
        '{"url": "http://127.0.0.1:9", "token": "t", "pid": 1, "started": "0"}'
    )
    assert shared_collector.find(tmp_path) is None
    (tmp_path / "collector.json").write_text("{")
    assert shared_collector.find(tmp_path) is None


@posix
def test_the_shared_collector_ends_a_while_after_the_last_kernel_left(tmp_path):
    program = """
import sys, pathlib
from nbtrack.collector import shared_collector
shared_collector.connect(pathlib.Path(sys.argv[1]), port=0, idle_timeout=0.05)
print("here", flush=True)
sys.stdin.readline()
"""
    kernel = run(program, tmp_path, stdin=subprocess.PIPE)
    try:
        assert kernel.stdout.readline() == "here\n"
        pid = json.loads((tmp_path / "collector.json").read_text())["pid"]
        time.sleep(0.3)  # six times that: it has looked, and its kernel is still there
        assert not gone(pid)
    finally:
        kernel.communicate("\n", timeout=10)
    until(lambda: gone(pid))
    assert shared_collector.find(tmp_path) is None


def test_a_running_collector_of_a_later_version_is_joined_and_left_alone(tmp_path, caplog):
    first = shared_collector.connect(tmp_path, port=0)
    try:
        path = tmp_path / "collector.json"
        document = json.loads(path.read_text())
        path.write_text(json.dumps(document | {"version": document["version"] + 1}))
        assert shared_collector.connect(tmp_path, port=0).url == first.url
        assert json.loads(path.read_text())["pid"] == document["pid"]
        shared_collector.connect(tmp_path, port=0)
        assert (
            caplog.text.count(f"{first.url} is of a later version of nbtrack; it is used and left running")
            == 1
        )
    finally:
        first.shut_down()


def test_a_database_of_a_later_version_is_left_alone_and_named(tmp_path):
    path = Path(shutil.copy(FIXTURES / "version-0.sqlite", tmp_path / "collector.sqlite"))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(
        OSError, match=r"collector\.sqlite was written by a later version .*99.* update nbtrack"
    ):
        shared_collector.connect(tmp_path, port=0)
    assert path.read_bytes() == before
    assert not (tmp_path / "collector.json").exists()


def test_a_running_collector_of_an_earlier_version_is_replaced_at_its_address(tmp_path):
    first = shared_collector.connect(tmp_path, port=0)
    try:
        Sender(first).post([page_view()])
        address = tmp_path / "collector.json"
        document = json.loads(address.read_text())
        pid = document["pid"]
        del document["version"]  # as the version before wrote it
        address.write_text(json.dumps(document))
        second = shared_collector.connect(tmp_path, port=0)
        assert gone(pid)
        assert (second.url, second.token) == (first.url, first.token)
        # a client of the earlier version goes on, too
        Sender(first).post([page_view()])
        assert first.counts()["good"] == 2
    finally:
        shared_collector.stop(tmp_path)


FEW_DESCRIPTORS = """
import resource, sys
from nbtrack.collector import LocalCollector
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
collector = LocalCollector(db="memory").start()
collector.counts()
print(collector.pid, collector.url, flush=True)
sys.stdin.readline()
"""


@posix
def test_a_collector_without_file_descriptors_stays_refuses_and_recovers(tmp_path):
    log = tmp_path / "log"
    with log.open("w") as errors:
        parent = run(FEW_DESCRIPTORS, stdin=subprocess.PIPE, stderr=errors)
    pid, url = parent.stdout.readline().split()
    where = urlsplit(url)
    send = Sender(CollectorClient(url))
    idle = []
    try:
        assert send.post([page_view()]).status == 200
        for _ in range(150):
            connection = socket.create_connection((where.hostname, where.port), timeout=10)
            connection.settimeout(10)
            idle.append(connection)
        assert b"503" in idle[-1].recv(100)
        time.sleep(0.7)  # it has looked after its parent meanwhile
        assert not gone(int(pid))
        for connection in idle:
            connection.close()
        until(lambda: answers(send))
        assert log.read_text().count("out of file descriptors") == 1
        assert len(log.read_text()) < 2000
    finally:
        parent.communicate("\n", timeout=10)


def answers(send):
    try:
        return send.post([page_view()]).status == 200
    except OSError:
        return False
