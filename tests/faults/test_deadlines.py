"""A flush ends when its time is over, whatever it waits for: a name, a connection, the upload or the reply."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from nbtrack.delivery import AsyncEmitter, Emitter
from tests.support.delivery import track
from tests.support.fault_server import Act, FaultServer

BOTH = pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])
SECONDS = 0.4
GRACE = 0.6
"""What a busy machine may add."""


def flush_in_time(emitter: Emitter) -> None:
    started = time.monotonic()
    report = emitter.flush(SECONDS)
    assert time.monotonic() - started < SECONDS + GRACE
    assert report.timed_out
    assert report.pending > 0
    emitter.close(timeout=0)


@pytest.fixture
def slow_reader() -> Iterator[int]:
    """Serve a port that reads 20 kB a second."""
    stop = threading.Event()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    def read() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while not stop.wait(0.05) and connection.recv(1_000):
                    pass

    thread = threading.Thread(target=read)
    thread.start()
    yield listener.getsockname()[1]
    stop.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.fixture
def full_port() -> Iterator[int]:
    """Listen on a port that accepts no more connections."""
    with FaultServer(accept=False) as server:
        blockers = [socket.socket() for _ in range(4)]
        for blocker in blockers:
            blocker.setblocking(False)
            blocker.connect_ex(("127.0.0.1", server.port))
        yield server.port
        for blocker in blockers:
            blocker.close()


@BOTH
@pytest.mark.parametrize("own_session", [True, False])
def test_a_slow_upload_ends_with_the_flush(slow_reader: int, kind: type[Emitter], own_session: bool) -> None:
    with requests.Session() as session:
        emitter = kind(
            "127.0.0.1",
            "http",
            slow_reader,
            batch_size=10**6,
            session=session if own_session else None,
            max_batch_bytes=10**7,
        )
        track(emitter, *range(900), page="x" * 10_000)
        flush_in_time(emitter)


@BOTH
@pytest.mark.parametrize("own_session", [True, False])
def test_a_reply_that_drips_ends_with_the_flush(kind: type[Emitter], own_session: bool) -> None:
    with FaultServer([Act(drip=0.05)]) as server, requests.Session() as session:
        emitter = kind(
            "127.0.0.1", "http", server.port, batch_size=10**6, session=session if own_session else None
        )
        track(emitter, 1)
        flush_in_time(emitter)


@BOTH
def test_a_resolver_that_hangs_ends_with_the_flush(
    kind: type[Emitter], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        released.wait(20)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    emitter = kind("collector.invalid", "http", batch_size=10**6)
    track(emitter, 1)
    try:
        flush_in_time(emitter)
    finally:
        released.set()


@BOTH
def test_several_addresses_that_do_not_answer_share_the_time(
    kind: type[Emitter], full_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", full_port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address] * 6)
    emitter = kind("collector.invalid", "http", full_port, batch_size=10**6)
    track(emitter, 1)
    flush_in_time(emitter)


@BOTH
def test_a_flush_that_sent_everything_has_not_timed_out(kind: type[Emitter]) -> None:
    with FaultServer([Act(after=0.1)]) as server:
        emitter = kind("127.0.0.1", "http", server.port, batch_size=10**6)
        track(emitter, 1)
        report = emitter.flush(5)
        assert (report.sent, report.pending, report.timed_out) == (1, 0, False)
        assert not emitter.flush(0).timed_out
        emitter.close()
