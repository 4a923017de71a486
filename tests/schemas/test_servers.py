"""Iglu servers: asked only if configured, rarely, and never for long."""

import http.server
import json
import socket
import threading
import time

import pytest

from nbtrack.schemas import IgluServer, Registry, SchemaNotFound, registry_of

ORDER = "iglu:com.acme/order/jsonschema/1-0-0"
BODY = {"type": "object", "properties": {"n": {"type": "integer"}}}


class Iglu(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("apikey")))
        status = self.server.status if self.path == "/schemas/com.acme/order/jsonschema/1-0-0" else 404
        text = json.dumps(BODY).encode() if status == 200 else b"{}"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args):
        pass


@pytest.fixture
def iglu():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Iglu) as server:
        server.asked, server.status = [], 200
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_server_is_asked_once_for_what_no_other_place_has(iglu):
    registry = Registry(servers=[IgluServer(iglu.url, api_key="secret")])
    assert registry.faults("iglu:com.snowplowanalytics.snowplow/parent_event/jsonschema/1-0-0", {}) != []
    assert iglu.asked == []
    for _ in range(3):
        assert registry.faults(ORDER, {"n": 1}) == []
    assert iglu.asked == [("/schemas/com.acme/order/jsonschema/1-0-0", "secret")]
    assert "secret" not in repr(registry.servers)


def test_a_url_is_enough_for_a_server(iglu):
    assert Registry(servers=[iglu.url]).find(ORDER) == BODY
    with pytest.raises(ValueError, match="must begin with http"):
        Registry(servers=["file:///etc"])


def test_a_schema_that_was_found_is_kept_on_disk(iglu, tmp_path):
    assert registry_of([iglu.url], cache=tmp_path).find(ORDER) == BODY
    iglu.status = 500
    assert registry_of([iglu.url], cache=tmp_path).find(ORDER) == BODY
    assert len(iglu.asked) == 1


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_server_that_does_not_have_it_is_not_asked_again_for_a_while(iglu, status):
    iglu.status = status
    registry = Registry(servers=[IgluServer(iglu.url, patience=60)])
    for _ in range(5):
        with pytest.raises(SchemaNotFound) as caught:
            registry.find(ORDER)
    assert caught.value.looked == ("the session", "the built-in registry", iglu.url)
    assert len(iglu.asked) == 1
    iglu.status = 200
    assert Registry(servers=[IgluServer(iglu.url)]).find(ORDER) == BODY


def test_a_server_that_does_not_respond_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        registry = Registry(servers=[IgluServer(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout=0.2)])
        began = time.monotonic()
        for _ in range(5):
            with pytest.raises(SchemaNotFound):
                registry.find(ORDER)
        assert time.monotonic() - began < 5
