"""The paths that trackers send to: statuses, headers and cookies of a Snowplow collector."""

import http.client
import json
import re
import socket
import uuid
from urllib.parse import urlsplit

import psutil
import pytest

from nbtrack.collector import LocalCollector
from nbtrack.collector.events.adapters import ANONYMOUS
from nbtrack.protocol import PAYLOAD_DATA
from tests.support.collector import JSON, Sender, fetch, page_view
from tests.support.waiting import poll

PIXEL_BYTES = 43


def test_a_post_of_events_gets_ok(send):
    reply = send.post([page_view(), page_view()])
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (
        200,
        b"ok",
        "text/plain; charset=UTF-8",
    )
    assert send.collector.counts() == {"total": 2, "good": 2, "bad": 0}


@pytest.mark.parametrize("path", ["/i", "/ice.png", "/com.snowplowanalytics.snowplow/tp1"])
def test_a_get_gets_a_pixel(send, path):
    reply = send(f"{path}?e=pp&p=web&tv=lol")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "image/gif"
    assert reply.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
    assert len(reply.body) == PIXEL_BYTES
    assert send.collector.counts()["good"] == 1


def test_head_accepts_an_event_as_get_does(send):
    assert send("/i?e=pp&p=web&tv=lol", method="HEAD").status == 200
    assert send.collector.counts()["good"] == 1


def test_micros_own_bad_example_is_bad_here_too(send):
    send("/i?e=pp&p=web&tv=lol&eid=invalidEventId")
    assert send.collector.counts() == {"total": 1, "good": 0, "bad": 1}


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/health", "GET", 200),
        ("/sink-health", "GET", 200),
        ("/robots.txt", "GET", 200),
        ("/i", "POST", 404),
        ("/one-segment", "GET", 404),
        ("/a/b/c", "GET", 404),
        ("/r/tp2?u=http%3A%2F%2Facme.com", "GET", 404),
        ("/com.acme/v1", "POST", 200),
        ("/com.acme/v1", "OPTIONS", 200),
        ("/i", "OPTIONS", 200),
        ("/anything/at/all", "OPTIONS", 200),
    ],
)
def test_each_path_has_its_status(send, path, method, status):
    assert send(path, b"{}" if method == "POST" else None, method).status == status


def test_a_preflight_request_allows_sending_from_any_page(send):
    reply = send("/com.snowplowanalytics.snowplow/tp2", method="OPTIONS", Origin="https://shop.example")
    assert reply.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert reply.headers["Access-Control-Allow-Headers"] == "Content-Type, SP-Anonymous"
    assert reply.headers["Access-Control-Max-Age"] == "3600"
    assert "Access-Control-Allow-Methods" not in reply.headers


def test_the_network_user_keeps_the_cookie(send):
    first = send.post([page_view()])
    cookie = first.headers["Set-Cookie"]
    nuid = re.match(r"sp=([0-9a-f-]{36});", cookie)[1]
    for part in ("Path=/", "Secure", "HttpOnly", "SameSite=None", "Expires="):
        assert part in cookie
    second = send.post([page_view()], Cookie=f"sp={nuid}")
    assert f"sp={nuid}" in second.headers["Set-Cookie"]
    assert set(send.collector.events()["network_userid"]) == {nuid}


def test_the_query_may_name_the_network_user(send):
    nuid = str(uuid.uuid4())
    send(f"/i?e=pv&p=web&tv=1&nuid={nuid}", Cookie=f"sp={uuid.uuid4()}")
    assert list(send.collector.events()["network_userid"]) == [nuid]


def test_an_anonymous_request_leaves_no_trace(send):
    reply = send.post(
        [page_view()],
        SP_Anonymous="*",
        Cookie=f"sp={uuid.uuid4()}",
        X_Forwarded_For="10.1.2.3",
        X_Real_IP="10.1.2.3",
    )
    assert reply.headers["Set-Cookie"].startswith("sp=; Expires=Thu, 01 Jan 1970")
    event = send.collector.events().iloc[0]
    assert (event["network_userid"], event["user_ipaddress"]) == (ANONYMOUS, "unknown")
    kept = " ".join(send.read("/micro/good").json[0]["rawEvent"]["context"]["headers"]).lower()
    assert "10.1.2.3" not in kept
    assert "cookie" not in kept


def test_a_body_above_two_mebibytes_is_rejected_and_the_next_request_works(send):
    assert send.post([page_view(page="x" * 3_000_000)]).status == 413
    assert send.post([page_view()]).status == 200
    assert send.collector.counts()["total"] == 1


def test_a_payload_above_one_mebibyte_is_one_size_violation(send):
    assert send.post([page_view(), page_view(page="x" * 1_100_000)]).status == 200
    bad = send.collector.bad()
    assert list(bad["kind"]) == ["size_violation"]
    assert "at most 1,048,576 allowed" in bad["reason"][0]


def test_an_event_too_large_for_some_sink_is_good_with_a_note(collector):
    with LocalCollector(lenient_lengths=True) as lenient:
        result = Sender(lenient).validate(page_view(), page_view(page="x" * 300_000))
    assert result["good"] == 2
    assert any("would be a size_violation on Amazon SQS" in note for note in result["notes"])


def test_the_reply_holds_counts_and_the_first_reasons_if_requested(send):
    bad = [page_view(vid="many") for _ in range(30)]
    result = send.validate(page_view(), *bad)
    assert (result["good"], result["bad"]) == (1, 30)
    assert len(result["reasons"]) == len(result["failed"]) == 10
    assert result["failed"][0] == {
        "event_id": bad[0]["eid"],
        "schema": "iglu:com.snowplowanalytics.snowplow/page_view/jsonschema/1-0-0",
        "reasons": ["domain_sessionidx: integer of 32 bits expected, 'many' found"],
    }


def test_paths_can_stand_for_others():
    with LocalCollector(paths={"/com.acme/track": "/com.snowplowanalytics.snowplow/tp2"}) as collector:
        body = json.dumps({"schema": PAYLOAD_DATA, "data": [page_view()]}).encode()
        assert Sender(collector)("/com.acme/track", body, "POST", Content_Type=JSON).status == 200
        assert collector.counts() == {"total": 1, "good": 1, "bad": 0}


def test_bodies_in_flight_are_bounded(send):
    where = urlsplit(send.collector.url)
    head = b"POST /com.acme/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1900000\r\n\r\n"
    process = psutil.Process(send.collector.pid)
    before = process.memory_info().rss
    connections = []
    try:
        for _ in range(60):
            connection = socket.create_connection((where.hostname, where.port), timeout=10)
            connection.sendall(head + b"x" * 1_899_000)
            connections.append(connection)
        assert process.memory_info().rss - before < 120 * 2**20
        assert fetch(send.collector.url + "/health").body == b"ok"
    finally:
        for connection in connections:
            connection.close()
    assert poll(lambda: send.post([page_view()]).status == 200)


def test_an_event_sent_again_is_counted_and_not_stored_again(send):
    event = page_view(dtm="1700000000000", stm="1700000000001")
    send.post([event, event])
    send.post([event | {"stm": "1800000000000", "dtm": "1800000000000"}])
    send.post([event | {"page": "another"}])
    summary = send.collector.summary()
    assert (summary["total"], summary["repeats"]) == (2, 2)


def test_the_iglu_webhook_takes_self_describing_json(send):
    uri = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
    body = f'{{"schema":"{uri}","data":{{"category":"a","variable":"b","timing":1}}}}'.encode()
    send("/com.snowplowanalytics.iglu/v1", body, "POST", Content_Type=JSON)
    send(f"/com.snowplowanalytics.iglu/v1?schema={uri}&category=a&variable=b&timing=1")
    assert send.collector.counts() == {"total": 2, "good": 1, "bad": 1}  # a query's values are text
    assert "string found, number expected" in send.collector.bad()["reason"][0]


def test_a_request_in_pieces_is_put_together(send):
    where = urlsplit(send.collector.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    try:
        connection.putrequest("POST", "/com.snowplowanalytics.snowplow/tp2")
        connection.putheader("Content-Type", JSON)
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        whole = (
            b'{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[%b]}'
            % (b'{"e":"pv","p":"web","tv":"1"}')
        )
        for start in range(0, len(whole), 20):
            piece = whole[start : start + 20]
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        assert connection.getresponse().read() == b"ok"
    finally:
        connection.close()
    assert send.collector.counts()["good"] == 1


def test_a_client_that_disconnects_halfway_does_no_harm(send):
    where = urlsplit(send.collector.url)
    with socket.create_connection((where.hostname, where.port)) as half:
        half.sendall(b"POST /com.acme/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{")
    assert fetch(send.collector.url + "/health").body == b"ok"
    assert send.collector.counts()["total"] == 0
