"""Endpoints: international names, and what cannot be an endpoint is refused where it is given."""

import socket

import pytest

from nbtrack.delivery import Emitter
from tests.support.delivery import track
from tests.support.fault_server import FaultServer


@pytest.mark.parametrize(
    ("host", "ascii_host"),
    [("bücher.example", "xn--bcher-kva.example"), ("пример.рф", "xn--e1afmkfd.xn--p1ai")],
)
def test_an_international_host_name_is_looked_up_and_sent_in_its_ascii_form(
    host: str, ascii_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, names = socket.getaddrinfo, []

    def find(name: str, port: int, **options: object) -> object:
        names.append(name)
        return real("127.0.0.1", port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find)
    with FaultServer() as server, Emitter(f"http://{host}:{server.port}") as emitter:
        track(emitter, 1)
        assert emitter.flush(5).sent == 1
        assert names == [ascii_host]
        assert server.seen[0].headers["host"] == f"{ascii_host}:{server.port}"


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("https://sp.acme.com?key=1", "a query"),
        ("https://sp.acme.com/base?key=1", "a query"),
        ("https://sp.acme.com#top", "a fragment"),
        ("https://sp.acme.com/com.snowplowanalytics.snowplow/tp2", "the path of requests"),
        ("https://sp.acme.com/i", "the path of requests"),
    ],
)
def test_an_endpoint_with_more_than_a_base_url_is_refused(endpoint: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^endpoint .* contains {reason}"):
        Emitter(endpoint)


def test_a_leading_path_stays_allowed() -> None:
    assert Emitter("https://sp.acme.com/base").endpoint == (
        "https://sp.acme.com/base/com.snowplowanalytics.snowplow/tp2"
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://u:sesame@sp.acme.com?token=1",
        "https://sp.acme.com/i?token=sesame",
        "sp.acme.com?token=sesame@x",
        "https://sp.acme.com/#sesame",
        "https://u:sesame@sp.acme.com/com.snowplowanalytics.snowplow/tp2",
        "https://u:sesame@sp.acme.com:port",
        "https://u:sesame@/",
    ],
)
def test_a_refused_endpoint_is_shown_without_its_secrets(endpoint: str) -> None:
    with pytest.raises(ValueError, match="endpoint") as raised:
        Emitter(endpoint)
    assert "sesame" not in str(raised.value)
