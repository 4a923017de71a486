"""Our own HTTP client and `requests` agree: the same request arrives, and the same outcome is reported."""

import gzip
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests
import trustme

from nbtrack.delivery.http.requests_transport import RequestsTransport
from nbtrack.delivery.http.transport import Transport, TransportProtocol
from nbtrack.delivery.http.urls import split_credentials
from nbtrack.delivery.models import Reply
from tests.support.fault_server import Act, FaultServer, free_port

TIMEOUT = (2.0, 2.0)
HEAD = b"HTTP/1.1 200 OK\r\n"


def transports(url: str, path: str = "/com.acme/tp2") -> list[TransportProtocol]:
    """Return our client, and one over a session of requests."""
    base, credentials = split_credentials(url)
    session = requests.Session()
    return [
        Transport(base, path=path, headers=lambda: credentials, timeout=TIMEOUT),
        RequestsTransport(session, base, path=path, headers=lambda: credentials, timeout=TIMEOUT),
    ]


def outcomes(url: str, send: Callable[[TransportProtocol], Reply] | None = None) -> list[Reply]:
    replies = []
    for transport in transports(url):
        replies.append((send or (lambda client: client.post([b'{"data":[]}'])))(transport))
        transport.close()
    return replies


def same_outcome(url: str, send: Callable[[TransportProtocol], Reply] | None = None) -> Reply:
    own, theirs = outcomes(url, send)
    assert (own.status, own.body, own.retry_after) == (theirs.status, theirs.body, theirs.retry_after)
    assert (own.error is None) == (theirs.error is None), (own.error, theirs.error)
    assert own.refused == theirs.refused
    return own


def same_request(server: FaultServer) -> None:
    own, theirs = server.seen
    assert (own.method, own.target, own.body) == (theirs.method, theirs.target, theirs.body)
    for name in (
        "host",
        "content-type",
        "content-length",
        "authorization",
        "proxy-authorization",
        "sp-anonymous",
    ):
        assert own.headers.get(name) == theirs.headers.get(name), name


@pytest.mark.parametrize(
    "base", ["", "/base", "/bäse", "/with space", "/a%2Fb", "/a%zz", "/semi;colon,comma"], ids=repr
)
def test_paths_are_quoted_alike(base: str) -> None:
    with FaultServer() as server:
        same_outcome(server.url + base)
        same_request(server)


@pytest.mark.parametrize("query", ["e=pv&page=a+b", "page=%C3%A9", "url=https%3A%2F%2Facme.com%2F%3Fa%3Db"])
def test_queries_are_sent_alike(query: str) -> None:
    with FaultServer() as server:
        same_outcome(server.url, lambda client: client.get(query, anonymous=True))
        same_request(server)


@pytest.mark.parametrize("userinfo", ["user:pass", "user:p%40ss", "user:", "us%C3%A9r:x"])
def test_credentials_are_sent_alike(userinfo: str) -> None:
    with FaultServer() as server:
        same_outcome(server.url.replace("//", f"//{userinfo}@"))
        same_request(server)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "bücher.example", "LOCALHOST"])
def test_hosts_are_found_and_named_alike(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _, port, *rest, **more: real("127.0.0.1", port, *rest, **more)
    )
    with FaultServer() as server:
        own, theirs = outcomes(f"http://{host}:{server.port}")
        assert (own.status, theirs.status) == (200, 200)
        assert server.seen[0].headers["host"].lower() == server.seen[1].headers["host"].lower()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_address_of_version_6_is_refused_alike() -> None:
    same_outcome(f"http://[::1]:{free_port()}")


@pytest.mark.parametrize(
    ("variables", "proxied"),
    [
        ({"http_proxy": "{proxy}"}, True),
        ({"HTTP_PROXY": "{proxy}"}, True),
        ({"all_proxy": "{proxy}"}, True),
        ({"http_proxy": "{bare}"}, True),
        ({"http_proxy": "{secret}"}, True),
        ({"http_proxy": "{proxy}", "no_proxy": "127.0.0.1"}, False),
        ({"http_proxy": "{proxy}", "NO_PROXY": "127.0.0.0/8"}, False),
        ({"http_proxy": "{proxy}", "no_proxy": "acme.com"}, True),
        ({"https_proxy": "{proxy}"}, False),
    ],
    ids=str,
)
def test_proxies_of_the_environment_are_used_alike(
    variables: dict[str, str], proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer() as proxy, FaultServer() as server:
        names = {
            "proxy": proxy.url,
            "bare": urlsplit(proxy.url).netloc,
            "secret": proxy.url.replace("//", "//me:s%40cret@"),
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(**names))
        same_outcome(server.url)
        same_request(proxy if proxied else server)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("name", ["127.0.0.1", "other.acme.com"])
def test_certificates_are_checked_alike(trusted: bool, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with FaultServer(tls=context) as server, authority.cert_pem.tempfile() as bundle:
        if trusted:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
        reply = same_outcome(server.url)
        assert (reply.status == 200) == (trusted and name == "127.0.0.1")


@pytest.mark.parametrize(
    "act",
    [
        Act(204, body=b""),
        Act(302, {"Location": "/login"}),
        Act(400),
        Act(429, {"Retry-After": "7"}),
        Act(503),
        Act(raw=HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        Act(raw=b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok"),
        Act(raw=b"HTTP/1.0 200 OK\r\n\r\nold"),
        Act(raw=HEAD + b"Content-Length: 10\r\n\r\nok"),
        Act(raw=HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nok"),
        Act(raw=b""),
        Act(raw=b"SSH-2.0-server\r\n"),
        Act(raw=HEAD + b"\r\nuntil the end"),
        Act(silent=True),
        Act(cut=5, cut_reset=True),
        Act(raw=HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        Act(raw=HEAD + b"Content-Length: 2\r\nContent-Length: 7\r\n\r\nok"),
    ],
    ids=lambda act: repr(act.raw)[:60] if act.raw is not None else f"{act.status} {act.headers} {act.cut}",
)
def test_replies_are_read_alike(act: Act) -> None:
    with FaultServer([act]) as server:
        same_outcome(server.url)


def test_a_compressed_reply_is_a_delivery_to_both() -> None:
    body = gzip.compress(b"ok")
    with FaultServer([Act(200, {"Content-Encoding": "gzip"}, body)]) as server:
        own, theirs = outcomes(server.url)
        # we do not ask for compression, and need not read the body
        assert (own.status, own.error, theirs.status, theirs.error) == (200, None, 200, None)


def test_a_closed_port_is_refused_alike() -> None:
    assert same_outcome(f"http://127.0.0.1:{free_port()}").refused
