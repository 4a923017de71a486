"""Fuzzing: whatever is sent, the collector responds without an internal error, and goes on."""

import asyncio
import base64
import http.client
import importlib.util
import json
import os
import random
import socket
import threading
import time
from urllib.parse import quote, urlsplit

import psutil
import pytest

from nbtrack.collector.launch import ServerConfig
from nbtrack.collector.server import app
from nbtrack.collector.server.auth import AccessPolicy
from nbtrack.protocol import FIELDS, PAYLOAD_DATA, POST_PATH, UNSTRUCT_EVENT
from tests.support.collector import JSON, page_view

ENDINGS = ["tsv", "ndjson", "csv", *(["parquet"] if importlib.util.find_spec("pyarrow") else [])]

ROUNDS = 3000 if os.environ.get("NBTRACK_LONG") else 300
READ_ROUNDS = 15
TEXTS = ["", "a", "null", "{}", "[]", "1", "-1", "1e999", "NaN", "\ud7ff\uffff", "\x00", "ü" * 300, "x" * 5000, "%%%", "=" * 5,
         "http://[", "9" * 40, "iglu:a/b/jsonschema/1-0-0", "3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1"]  # fmt: skip


def raw(url, data, timeout=10.0):
    """Send bytes and return the response until the connection is closed."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=timeout) as connection:
        pieces = []
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                pieces.append(piece)
        except TimeoutError:
            raise
        except OSError:  # the collector may close the connection before it has read everything
            pass
    return b"".join(pieces)


def deep(levels):
    return "[" * levels + "]" * levels


def random_json(rng, depth=0):
    kind = rng.randrange(7 if depth < 4 else 5)
    if kind < 5:
        return rng.choice([None, True, 1, -1.5, 2**70, rng.choice(TEXTS)])
    if kind == 5:
        return [random_json(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {
        rng.choice(["schema", "data", "e", rng.choice(TEXTS)]): random_json(rng, depth + 1) for _ in range(3)
    }


def random_field(rng, key):
    if key in ("ue_px", "cx", "ue_pr", "co") and rng.random() < 0.7:
        document = rng.choice([deep(40), deep(41), deep(2000), json.dumps(random_json(rng)),
                               json.dumps({"schema": UNSTRUCT_EVENT, "data": random_json(rng)})])  # fmt: skip
        return base64.b64encode(document.encode()).decode() if key in ("ue_px", "cx") else document
    return rng.choice(TEXTS)


def random_request(rng):
    """Return the path, body and content type of a request."""
    kind = rng.randrange(4)
    if kind == 0:
        body = rng.randbytes(rng.randrange(2000))
    elif kind == 1:
        body = json.dumps(random_json(rng)).encode()
    else:
        keys = rng.sample(list(FIELDS), rng.randrange(1, 12))
        event = {"e": rng.choice(["pv", "ue", "se", "xx"]), "p": "web", "tv": "1"}
        event |= {key: random_field(rng, key) for key in keys if key not in event}
        body = json.dumps({"schema": PAYLOAD_DATA, "data": [event]}).encode()
    path = rng.choice([POST_PATH, POST_PATH, POST_PATH, "/com.snowplowanalytics.iglu/v1", "/x/y"])
    return path, body, rng.choice([JSON, JSON, JSON, "text/plain", "application/json; charset=latin-1"])


def random_query(rng):
    return "&".join(f"{key}={quote(str(random_field(rng, key)))}" for key in rng.sample(list(FIELDS), 4))


def test_everything_can_be_read_after_each_write(send, tmp_path):
    rng = random.Random(11)
    process = psutil.Process(send.collector.pid)
    warm = 0
    ends = time.monotonic() + (600 if os.environ.get("NBTRACK_LONG") else 0)
    rounds = 0
    while rounds < READ_ROUNDS or time.monotonic() < ends:
        rounds += 1
        if rng.random() < 0.3:
            assert send(f"/i?e={rng.choice(['pv', 'ue', 'xx'])}&{random_query(rng)}").status == 200
        else:
            path, body, content_type = random_request(rng)
            assert send(path, body, "POST", Content_Type=content_type).status == 200
        for read in ("good", "bad", "events", "columns", "all"):
            assert send.read(f"/micro/{read}").status == 200
        asked = {"page": 1, "pageSize": 5, "filters": [{"column": rng.choice(["app_id", "x.y"]), "values": ["a"]}],
                 "sorting": {"column": rng.choice(["collector_tstamp", "se_value", "contexts"]), "desc": True}}  # fmt: skip
        assert send.read("/micro/events", asked).status == 200
        events = send.collector.events()
        send.collector.bad(limit=20)
        send.collector.export(tmp_path / f"events.{rng.choice(ENDINGS)}")
        assert len(events) == send.collector.counts()["good"]
        if rounds % 100 == 0:
            send.collector.reset()
            warm = warm or process.memory_info().rss
    send.collector.reset()
    if warm:
        assert process.memory_info().rss - warm < 20 * 2**20


def test_random_requests(send):
    rng = random.Random(5)
    process = psutil.Process(send.collector.pid)
    before = process.memory_info().rss
    for _ in range(ROUNDS):
        path, body, content_type = random_request(rng)
        assert send(path, body, "POST", Content_Type=content_type).status == 200
    counts = send.collector.counts()
    assert counts["total"] + send.collector.summary()["repeats"] == ROUNDS
    assert send.read("/micro/bad").status == send.read("/micro/events").status == 200
    assert send.collector.bad(limit=100) is not None
    send.collector.events()
    assert process.memory_info().rss - before < 300 * 2**20


def test_random_bytes_on_the_wire(send):
    rng = random.Random(7)
    lines = [b"GET / HTTP/1.1\r\n", b"POST /com.acme/v1 HTTP/1.1\r\n", b"Host: 127.0.0.1\r\n", b"Content-Length: 5\r\n",
             b"Content-Length: -5\r\n", b"Content-Length: x\r\n", b"Transfer-Encoding: chunked\r\n", b"Cookie: =;;=\r\n",
             b"Cookie: sp=\xff\xfe\r\n", b"\r\n", b"\x00\r\n", b"X: " + b"y" * 70_000 + b"\r\n", b"fffffffffff\r\n", b"hello"]  # fmt: skip
    for _ in range(ROUNDS // 3):
        data = (
            b"".join(rng.choices(lines, k=rng.randrange(1, 8))) if rng.random() < 0.8 else rng.randbytes(500)
        )
        assert b"HTTP/1.1 5" not in raw(send.collector.url, data)
    assert send.post([page_view()]).status == 200


def test_random_queries(send):
    rng = random.Random(9)
    for _ in range(ROUNDS // 3):
        query = "&".join(
            f"{rng.choice([*FIELDS, 'nuid', '%ff', ''])}={rng.choice(['%ff', '%00', 'x', '%', '+', '%F0%9F%A6%86'])}"
            for _ in range(5)
        )
        assert send(f"/i?{query}").status == 200
    assert send("/i?" + "&".join(f"a{n}=1" for n in range(3000))).status == 400
    assert send.collector.counts()["total"] + send.collector.summary()["repeats"] == ROUNDS // 3


def test_a_batch_of_deeply_nested_documents_gets_a_response(send):
    events = [page_view(co=deep(n)) for n in (30, 39, 40, 41, 100, 1500, 20_000)]
    assert send.post(events).status == 200
    assert send.collector.counts() == {"total": 7, "good": 0, "bad": 7}
    body = f'{{"schema":"{PAYLOAD_DATA}","data":{deep(100_000)}}}'.encode()
    assert send(POST_PATH, body, "POST", Content_Type=JSON).status == 200


@pytest.mark.parametrize("text", [b"[", b'{"a":'])
def test_a_hundred_megabytes_of_brackets_delay_nobody(send, text):
    where = urlsplit(send.collector.url)
    size = 100 * 2**20 // len(text) * len(text)
    responses = []

    def flood():
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        chunks = (text * (2**20 // len(text)) for _ in range(size // (2**20 // len(text) * len(text))))
        connection.request("POST", POST_PATH, chunks, {"Content-Type": JSON}, encode_chunked=True)
        responses.append(connection.getresponse().status)
        connection.close()

    thread = threading.Thread(target=flood)
    thread.start()
    slowest = 0.0
    while thread.is_alive():
        began = time.monotonic()
        assert send("/health").status == 200
        slowest = max(slowest, time.monotonic() - began)
    assert (responses, send.collector.counts()["total"]) == ([413], 0)
    assert slowest < 1


def test_slow_senders_do_not_delay_others(send):
    where = urlsplit(send.collector.url)
    slow = [socket.create_connection((where.hostname, where.port)) for _ in range(50)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(
                b"POST /com.acme/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n" + b"\r\n{" * (number % 2)
            )
        began = time.monotonic()
        assert send.post([page_view()]).status == 200
        assert time.monotonic() - began < 5
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_drips_is_cut_off_and_what_was_held_of_it_released(monkeypatch, is_chunked):
    monkeypatch.setattr(app, "BODY_TIMEOUT", 0.4)
    framing = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: 1000000"
    piece = b"1f4\r\n%b\r\n" % (b"x" * 500) if is_chunked else b"x" * 500

    def drip(port, state):
        """Send a piece now and then; return how many the collector accepted, and the most bytes it held."""
        held = 0
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(
                b"POST %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n\r\n" % (POST_PATH.encode(), framing)
            )
            for number in range(200):
                try:
                    connection.sendall(piece)
                except OSError:
                    return number, held
                time.sleep(0.02)
                held = max(held, state.bytes_in_flight)
        return None, held

    async def serve_one():
        state = app.create_state(ServerConfig("127.0.0.1", 0, "memory", []), asyncio.get_running_loop())
        state.pipeline.start()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        port = listener.getsockname()[1]
        server = app.serve(app.create_application(state, AccessPolicy("token", False, set())), listener)
        accepted, most_held = await asyncio.to_thread(drip, port, state)
        held = state.bytes_in_flight
        server.stop()
        await server.close_all_connections()
        state.pipeline.close()
        state.close()
        state.database.close()
        return accepted, most_held, held

    accepted, most_held, held = asyncio.run(serve_one())
    assert accepted is not None
    assert most_held > 0
    assert held == 0


def test_many_large_bodies_leave_memory_bounded(send):
    process = psutil.Process(send.collector.pid)
    before = process.memory_info().rss
    for _ in range(20):
        assert send(POST_PATH, b"x" * 3 * 2**20, "POST", Content_Type=JSON).status == 413
    assert process.memory_info().rss - before < 64 * 2**20
    assert send.collector.counts()["total"] == 0
