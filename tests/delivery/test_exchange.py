"""One request and its reply: whatever form the reply has, and whoever is between."""

import base64
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
import trustme

from nbtrack.delivery.http.exchange import join_small
from nbtrack.delivery.http.transport import Transport, merge_headers
from nbtrack.delivery.models import Reply
from tests.support.fault_server import Act, FaultServer, free_port

HEAD = b"HTTP/1.1 200 OK\r\n"


def post(server: FaultServer, parts: list[bytes] | None = None) -> Reply:
    client = Transport(server.url, timeout=(2, 2))
    reply = client.post(parts or [b"{}"])
    client.close()
    return reply


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\nay!\r\n0\r\n\r\n", b"okay!"),
        (HEAD + b"\r\nuntil the end", b"until the end"),
        (HEAD + b"Content-Length: 2\r\nX-Note: caf\xe9\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_a_reply_of_any_form_is_read(raw: bytes, body: bytes) -> None:
    with FaultServer([Act(raw=raw)]) as server:
        reply = post(server)
    assert (reply.error, reply.body) == (None, body)
    assert reply.status in {200, 204}


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Content-Length: 10\r\n\r\nok",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nok",
        HEAD + b"Content-Le",
        HEAD,
        b"",
        b"SSH-2.0-server\r\n",
    ],
)
def test_half_a_reply_is_none(raw: bytes) -> None:
    with FaultServer([Act(raw=raw)]) as server:
        reply = post(server)
    assert reply.status is None
    assert reply.error


def test_of_a_long_reply_the_beginning_is_kept_and_the_connection_is_not() -> None:
    with FaultServer([Act(body=b"x" * 100_000), Act()]) as server:
        client = Transport(server.url)
        assert len(client.post([b"{}"]).body) == 65_536
        assert client.post([b"{}"]).body == b"ok"
        client.close()
        assert server.connections == 2


def test_a_connection_is_kept_and_one_that_the_server_closed_is_replaced() -> None:
    with FaultServer() as server:
        client = Transport(server.url)
        for _ in range(3):
            assert client.post([b"{}"]).status == 200
        assert server.connections == 1
        server.drop_connections()
        assert client.post([b"{}"]).status == 200
        client.close()
        assert server.connections == 2


def test_threads_get_connections_of_their_own_of_which_the_pool_keeps_some() -> None:
    together = threading.Barrier(3)

    def act(_number: int, _body: bytes) -> Act:
        together.wait(5)
        return Act()

    with FaultServer(act) as server:
        client = Transport(server.url, pool=2)
        for turn in (1, 2):
            threads = [threading.Thread(target=client.post, args=[[b"{}"]]) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert server.connections == 2 + turn
        client.close()


def test_small_pieces_go_together_and_a_large_one_arrives_whole_uncopied() -> None:
    large = bytes(range(256)) * 8_000
    joined = list(join_small([b"head", b"[", large, b"]", b"end"]))
    assert joined == [b"head[", large, b"]end"]
    assert joined[1] is large
    with FaultServer() as server:
        assert post(server, [b"[", large, b"]"]).status == 200
        assert server.seen[0].body == b"[" + large + b"]"
        assert post(server, [b"small"] * 20_000).status == 200
        assert server.seen[1].body == b"small" * 20_000


def test_the_last_word_on_a_header_counts_whatever_its_case() -> None:
    merged = merge_headers({"User-Agent": "py"}, {"user-agent": "mine", "X-Key": "1"}, {"x-key": "2"})
    assert merged == {"user-agent": "mine", "x-key": "2"}
    with FaultServer() as server:
        client = Transport(server.url, headers={"host": "collector.acme.com", "Content-Length": "1"})
        assert client.post([b"{}"]).status == 200
        client.close()
        assert server.seen[0].headers["host"] == "collector.acme.com"
        assert server.seen[0].body == b"{}"


def test_a_header_that_no_request_can_carry_is_refused_and_not_shown() -> None:
    client = Transport("http://127.0.0.1:9", headers={"Authorization": "Bearer sécret→"})
    error = client.post([b"{}"]).error
    client.close()
    assert error == "headers: ValueError"


class Proxy:
    """Opens tunnels, and keeps the requests for them."""

    def __init__(self, answer: bytes = b"200 Connection established") -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4_096)
        self.asked.append(head)
        client.sendall(b"HTTP/1.1 " + self._answer + b"\r\n\r\n")
        if not self._answer.startswith(b"200"):
            client.close()
            return
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        server = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pump, args=[server, client], daemon=True).start()
        _pump(client, server)

    def close(self) -> None:
        self._listener.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        source.close()
        target.close()


@pytest.fixture
def secure(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """Serve HTTPS under a name that only the tunnel knows the way to."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("collector.acme.com").configure_cert(context)
    with authority.cert_pem.tempfile() as bundle, FaultServer(tls=context) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
        yield server


def test_https_goes_through_a_tunnel_of_the_proxy_which_alone_gets_its_password(
    secure: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy()
    monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")
    client = Transport(f"https://collector.acme.com:{secure.port}")
    large = b"x" * 1_000_000
    for body in (b"{}", large):
        assert client.post([b"[", body, b"]"]).status == 200
    client.close()
    proxy.close()
    assert [seen.body for seen in secure.seen] == [b"[{}]", b"[" + large + b"]"]
    assert secure.seen[0].target.startswith("/com.snowplow")
    assert "proxy-authorization" not in secure.seen[0].headers
    assert base64.b64encode(b"me:secret") in proxy.asked[0]
    assert len(proxy.asked) == 1


def test_a_plain_proxy_gets_the_password_with_each_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FaultServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:secret@"))
        client = Transport("http://collector.acme.com")
        assert client.post([b"{}"]).status == 200
        client.close()
        password = base64.b64encode(b"me:secret").decode()
        assert proxy.seen[0].headers["proxy-authorization"] == f"Basic {password}"
        assert proxy.seen[0].headers["host"] == "collector.acme.com"


def test_a_proxy_that_refuses_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = Proxy(b"407 Proxy Authentication Required")
    for port, words in ((refusing.port, "407"), (free_port(), "proxy")):
        monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{port}")
        client = Transport("https://collector.acme.com", timeout=(2, 2))
        error = client.post([b"{}"]).error
        client.close()
        assert error is not None
        assert words in error
        assert "secret" not in error
    refusing.close()
