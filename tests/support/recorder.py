"""A collector that writes down what it gets, and the payloads that it got."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MADE_ANEW = {"eid", "dtm", "stm", "tv"}
JSON_KEYS = {"ue_px": "ue", "ue_pr": "ue", "cx": "co", "co": "co"}


class Recorder:
    """The events that arrived, flat as they came."""

    def __init__(self) -> None:
        self.url = ""
        self._events: list[dict[str, str]] = []

    def keep(self, events: list[dict[str, str]]) -> None:
        self._events.extend(events)

    def take(self) -> list[dict[str, str]]:
        taken, self._events = self._events, []
        return taken


@contextmanager
def recording() -> Iterator[Recorder]:
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert body["schema"] == "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
            assert self.path == "/com.snowplowanalytics.snowplow/tp2"
            self.answer(body["data"])

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            assert parts.path == "/i"
            self.answer([dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))])

        def answer(self, events: list[dict[str, str]]) -> None:
            recorder.keep(events)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recorder.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def comparable(event: dict[str, str]) -> dict[str, Any]:
    """Leave out ids, times and versions, and decode what is JSON, but tell base64 from text."""
    assert event.keys() >= MADE_ANEW
    assert all(isinstance(value, str) for value in event.values())
    return {key: decoded(key, value) for key, value in event.items() if key not in MADE_ANEW}


def decoded(key: str, value: str) -> Any:
    if key in {"ue_px", "cx"}:
        value = base64.b64decode(value, altchars=b"-_", validate=True).decode()
    return json.loads(value, parse_constant=str) if key in JSON_KEYS else value
