"""What the environment of a process does to its requests: certificates, SOCKS proxies, SIGPIPE, odd ids."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbtrack.delivery import Emitter, SQLiteEventStore
from nbtrack.delivery.http.transport import Transport
from tests.support.fault_server import Act, FaultServer


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_missing_file_of_certificates_is_named_with_its_variable(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/nowhere/ca.pem")
    client = Transport("https://127.0.0.1:9")
    error = client.post([b"{}"]).error
    assert error is not None
    assert f"/nowhere/ca.pem (named by {variable})" in error
    client.close()


class SocksServer:
    """A SOCKS 5 proxy for one connection after the other."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client:
            client.recv(client.recv(2)[1])
            client.sendall(b"\x05\x00")
            kind = client.recv(4)[3]
            host = client.recv(client.recv(1)[0]) if kind == 3 else socket.inet_ntoa(client.recv(4)).encode()
            port = int.from_bytes(client.recv(2), "big")
            self.targets.append(host.decode())
            with socket.create_connection(("127.0.0.1", port)) as server:
                client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
                server.sendall(client.recv(65_536))
                client.sendall(server.recv(65_536))

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def socks() -> Iterator[SocksServer]:
    server = SocksServer()
    yield server
    server.close()


@pytest.mark.parametrize("variable", ["ALL_PROXY", "http_proxy"])
def test_a_socks_proxy_of_the_environment_is_used(
    socks: SocksServer, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"socks5h://127.0.0.1:{socks.port}")
    with FaultServer() as server:
        client = Transport(f"http://collector.acme.com:{server.port}", timeout=(2, 2))
        assert client.post([b"{}"]).status == 200
        client.close()
    assert socks.targets == ["collector.acme.com"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_closed_connection_does_not_kill_a_process_that_lets_sigpipe_kill(scheme: str) -> None:
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
        "from nbtrack.delivery import Emitter\n"
        "emitter = Emitter(f'http://127.0.0.1:{sys.argv[1]}', batch_size=10**6, max_retry_delay_seconds=0.01)\n"
        "for number in range(400): emitter.input({'e': 'pv', 'eid': str(number), 'page': 'x' * 2_000})\n"
        "emitter.flush(1); emitter.close(0); print('alive')\n"
    )
    if scheme == "https":
        program = program.replace("from nbtrack", "import requests\nfrom nbtrack").replace(
            "batch_size", "session=requests.Session(), batch_size"
        )
    with FaultServer([Act(reset_at=10)]) as server:
        done = subprocess.run(
            [sys.executable, "-c", program, str(server.port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode != -signal.SIGPIPE
    assert done.stdout == "alive\n"


def test_a_lone_surrogate_in_an_event_id_is_stored_and_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        FaultServer() as server,
        SQLiteEventStore(tmp_path / "outbox.sqlite") as store,
        Emitter(server.url, event_store=store, batch_size=99) as emitter,
    ):
        assert emitter.input({"e": "pv", "eid": "\ud800x"})
        assert store.size() == 1
        assert emitter.flush(5).sent == 1
    assert caplog.records == []
