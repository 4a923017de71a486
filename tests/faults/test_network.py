"""Faults 5 to 19: what the network and the collector can do to a request."""

import random
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.delivery import AsyncEmitter, Emitter, InMemoryEventStore
from nbtrack.delivery.http.transport import Transport
from nbtrack.delivery.retry import Backoff, parse_retry_after
from tests.support.delivery import QUICK, Wire, track
from tests.support.fault_server import Act, FaultServer, free_port
from tests.support.waiting import poll


def emitter_for(server: FaultServer, kind: type[Emitter] = Emitter, **options: object) -> Emitter:
    options = {"max_retry_delay_seconds": QUICK, "request_timeout": 2.0, "batch_size": 1000, **options}
    return kind("127.0.0.1", "http", server.port, **options)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as one:
        yield one


def test_05_after_a_sleep_of_the_laptop_a_stale_connection_costs_one_attempt_at_most(
    server: FaultServer,
) -> None:
    with emitter_for(server) as emitter:
        track(emitter, 0)
        emitter.flush()
        server.drop_connections()
        track(emitter, 1)
        report = emitter.flush(5)
        assert (report.sent, report.pending) == (1, 0)
        assert len(emitter.log) <= 3
    assert set(server.delivered) == {"0", "1"}


def test_06_with_the_collector_down_events_wait_and_track_is_not_slowed() -> None:
    emitter = AsyncEmitter("127.0.0.1", "http", free_port(), batch_size=1)
    slowest = []
    for number in range(500):
        started = time.perf_counter()
        emitter.input({"e": "pv", "eid": str(number)})
        slowest.append(time.perf_counter() - started)
    assert sorted(slowest)[250] < 0.005
    assert emitter.stats().pending == 500
    assert poll(lambda: emitter.stats().state == "retrying")
    # a probe a second at most, although each of 500 events asked for sending
    assert len(emitter.log) <= 3
    assert emitter.close(timeout=0).pending == 500


def test_06_delivery_resumes_within_a_second_of_the_return_if_an_event_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_port()
    monkeypatch.setattr("nbtrack.delivery.emitter.BACKOFF_SECONDS", 1000.0)
    emitter = AsyncEmitter("127.0.0.1", "http", port, batch_size=1)
    track(emitter, 0)
    assert poll(lambda: emitter.stats().state == "retrying")
    with FaultServer(port=port) as server:
        track(emitter, 1)
        assert server.wait_for(2, timeout=3.0)
        assert poll(lambda: emitter.stats().pending == 0)
        assert len(emitter.log) <= 3
        emitter.close()


def test_06_a_probe_never_comes_before_retry_after() -> None:
    with FaultServer([Act(503, {"Retry-After": "100"})]) as server:
        emitter = emitter_for(server, AsyncEmitter, batch_size=1)
        track(emitter, 0)
        assert server.wait_for_requests(1)
        assert poll(lambda: emitter.stats().state == "retrying")
        track(emitter, *range(1, 6))
        assert emitter.stats().retry_at > time.time() + 90
        assert len(server.seen) == 1
        emitter.close(timeout=0)


@pytest.mark.parametrize("act", [Act(silent=True), Act(drip=0.05)], ids=["never answers", "drips"])
def test_07_a_slow_collector_costs_the_timeout_and_no_more(act: Act) -> None:
    with FaultServer([act, Act()]) as server, emitter_for(server, request_timeout=0.3) as emitter:
        track(emitter, *range(3))
        started = time.monotonic()
        report = emitter.flush(10)
        assert time.monotonic() - started < 8
        assert (report.sent, report.pending) == (3, 0)
        assert emitter.log[0].error == "reply timed out"


def test_07_a_port_that_never_accepts_costs_the_connect_timeout() -> None:
    with FaultServer(accept=False) as server:
        blockers = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", server.port))
            blockers.append(one)
        client = Transport(server.url, timeout=(0.2, 0.2))
        reply = client.post([b"{}"])
        assert reply.status is None
        assert reply.elapsed < 5
        client.close()
        for one in blockers:
            one.close()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_08_a_server_error_keeps_the_whole_batch(status: int) -> None:
    with FaultServer([Act(status), Act(status), Act()]) as server, emitter_for(server) as emitter:
        ids = track(emitter, *range(20))
        report = emitter.flush(10)
        assert report.sent == 20
        assert emitter.stats().retried == 40
    assert set(server.delivered) == set(ids)
    assert set(server.delivered.values()) == {1}


@given(failures=st.integers(0, 2000), seed=st.integers(0, 99))
def test_08_delays_are_full_jitter_under_the_cap(failures: int, seed: int) -> None:
    backoff = Backoff(0.5, 60.0, random.Random(seed))
    backoff.failures = failures
    assert 0 <= backoff.next() <= min(60.0, 0.5 * 2 ** min(failures, 30))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("1e9", 1e9),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
        (formatdate(1_000_030, usegmt=True), 30.0),
        (formatdate(900_000, usegmt=True), 0.0),
        ("Wed, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_09_retry_after_is_read_or_ignored(header: str | None, expected: float | None) -> None:
    assert parse_retry_after(header, now=1_000_000.0) == expected


def test_09_retry_after_is_a_minimum_and_clamped() -> None:
    backoff = Backoff(0.5, 60.0)
    assert 7.0 <= backoff.next(7.0) < 8.0
    assert backoff.next(1e9) == 300.0


@pytest.mark.parametrize("status", [408, 425, 429])
def test_10_later_statuses_are_repeated_with_the_same_event_id(status: int) -> None:
    with FaultServer([Act(status), Act()]) as server, emitter_for(server) as emitter:
        track(emitter, *range(2))
        assert emitter.flush(10).sent == 2
    assert server.arrived == {"0": 2, "1": 2}


@pytest.mark.parametrize("early", [False, True])
def test_11_a_413_is_split_until_one_event_is_alone_and_buried(early: bool) -> None:
    def script(number: int, body: bytes) -> Act:
        return Act(413) if b"poison" in body else Act()

    with FaultServer(script) as server, emitter_for(server) as emitter:
        good = track(emitter, *range(8))
        emitter.input({"e": "pv", "eid": "bad", "page": "poison"})
        good += track(emitter, *range(8, 16))
        report = emitter.flush(10)
        assert (report.sent, report.dead, report.pending) == (16, 1, 0)
        (letter,) = emitter.event_store.dead(10)
        assert (letter.event_id, letter.reason, letter.status) == ("bad", "too_large", 413)
    assert set(server.delivered) == set(good)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=40), limit=st.integers(1500, 20_000))
def test_12_no_body_is_above_the_limit_whatever_the_sizes(sizes: list[int], limit: int) -> None:
    wire = Wire()
    emitter = Emitter("c.example.com", batch_size=10**6, max_batch_bytes=limit, transport=wire)
    accepted = sum(emitter.input({"e": "pv", "x": "é" * (size // 2)}) for size in sizes)
    report = emitter.close()
    assert report.sent == accepted
    assert emitter.stats().dropped.get("too_large", 0) == len(sizes) - accepted
    assert all(size <= limit for size in wire.sizes)


def test_12_a_body_is_filled_to_the_last_byte() -> None:
    with FaultServer() as server:
        probe = emitter_for(server)
        track(probe, *range(9))
        probe.close()
        exact = len(server.seen[0].body)
        for limit, requests in ((exact, 1), (exact - 1, 2)):
            before = len(server.seen)
            with emitter_for(server, max_batch_bytes=limit) as emitter:
                track(emitter, *range(9))
            assert len(server.seen) - before == requests


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_13_a_refusal_is_not_repeated_and_seen(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with FaultServer([Act(status)]) as server, emitter_for(server) as emitter:
        for start in (0, 5):
            track(emitter, *range(start, start + 5))
            emitter.flush(5)
        assert len(server.seen) == 2
        stats = emitter.stats()
        assert (stats.dead, stats.pending, stats.last_status) == (10, 0, status)
    warnings = [one for one in caplog.records if one.name == "nbtrack.delivery"]
    assert len(warnings) == (1 if status in {401, 403, 404} else 0)


@pytest.mark.parametrize("status", [301, 302, 303])
def test_14_a_redirect_that_would_change_the_method_is_not_followed(status: int) -> None:
    with FaultServer([Act(status, {"Location": "/elsewhere"})]) as server, emitter_for(server) as emitter:
        track(emitter, *range(2))
        assert emitter.flush(5).dead == 2
        assert [seen.method for seen in server.seen] == ["POST"]


@pytest.mark.parametrize("status", [307, 308])
def test_14_a_redirect_that_keeps_the_method_is_followed_on_the_same_server_only(status: int) -> None:
    with FaultServer([Act(status, {"Location": "/moved"}), Act()]) as server, emitter_for(server) as emitter:
        track(emitter, *range(2))
        assert emitter.flush(5).sent == 2
        assert [(seen.method, seen.target) for seen in server.seen][1] == ("POST", "/moved")
        assert server.seen[1].body == server.seen[0].body
    with FaultServer() as other, FaultServer([Act(status, {"Location": other.url})]) as server:
        with emitter_for(server) as emitter:
            track(emitter, *range(2))
            assert emitter.flush(5).dead == 2
        assert not other.seen


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def tls_server(authority: trustme.CA, name: str) -> FaultServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return FaultServer(tls=context)


def test_15_tls_is_checked_and_a_fault_is_named_and_not_repeated_fast(authority: trustme.CA) -> None:
    with (
        tls_server(authority, "127.0.0.1") as server,
        Emitter(server.url, batch_size=100, max_retry_delay_seconds=QUICK) as emitter,
    ):
        track(emitter, 0)
        assert emitter.flush(0.5).pending == 1
        assert emitter.log[0].error.startswith("TLS: ")
        assert len(emitter.log) == 1
        assert emitter.log[0].retry_in >= 30
        emitter.close(timeout=0)
    assert not server.seen


def test_15_certificates_come_from_the_environment_and_names_must_match(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority.cert_pem.tempfile() as bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
        with tls_server(authority, "127.0.0.1") as server, Emitter(server.url) as emitter:
            track(emitter, 0)
            assert emitter.flush(5).sent == 1
        with tls_server(authority, "other.example.com") as server:
            client = Transport(server.url)
            assert client.post([b"{}"]).error.startswith("TLS: ")
            client.close()


def test_15_https_to_a_plain_port_is_never_downgraded(server: FaultServer) -> None:
    client = Transport(f"https://127.0.0.1:{server.port}", timeout=(1, 1))
    reply = client.post([b"{}"])
    assert reply.status is None
    assert not server.delivered
    client.close()


def test_16_a_name_that_flaps_is_looked_up_again(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = socket.getaddrinfo, []

    def flap(host: str, *arguments: object, **options: object) -> object:
        calls.append(host)
        if len(calls) < 3:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return real("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", flap)
    with Emitter(
        "nope.invalid", "http", server.port, batch_size=100, max_retry_delay_seconds=QUICK
    ) as emitter:
        track(emitter, 0)
        assert emitter.flush(10).sent == 1
        assert [one.error for one in emitter.log][:2] == ["host name not found"] * 2


@pytest.mark.parametrize(
    "act",
    [
        Act(reset_at=10),
        Act(cut=5, cut_reset=True),
        Act(cut=30),
        Act(cut=0),
        Act(raw=b"HTP/9 what\r\n\r\n"),
        Act(headers={"Content-Length": "50"}, close=True),
    ],
    ids=["RST mid-body", "RST mid-reply", "truncated reply", "closed", "garbage status line", "short body"],
)
def test_17_an_unknown_outcome_is_repeated_with_the_same_ids(act: Act) -> None:
    with FaultServer([act, act, Act()]) as server, emitter_for(server) as emitter:
        ids = track(emitter, *range(30))
        report = emitter.flush(10)
        assert (report.pending, report.dead) == (0, 0)
    assert set(server.delivered) == set(ids)


def test_18_an_early_reply_to_a_big_body_neither_hangs_nor_blocks_the_rest() -> None:
    def script(number: int, body: bytes) -> Act:
        return Act(413) if len(body) > 30_000 else Act()

    with FaultServer([Act(413, early=True), Act()]) as server, emitter_for(server) as emitter:
        track(emitter, *range(40), page="x" * 20_000)
        report = emitter.flush(20)
        # the early reply may be lost to the RST; then smaller probes find their way
        assert (report.sent + report.dead, report.pending) == (40, 0)
        assert report.dead == 0


def test_19_proxies_of_the_environment_are_used_and_excepted(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    with Emitter("collector.example.com", "http") as emitter:
        track(emitter, 0)
        assert emitter.flush(5).sent == 1
    assert server.seen[0].target.startswith("http://collector.example.com/")
    monkeypatch.setenv("http_proxy", f"http://user:secret@127.0.0.1:{free_port()}")
    with Emitter("collector.example.com", "http", max_retry_delay_seconds=QUICK) as emitter:
        track(emitter, 0)
        emitter.flush(0.2)
        assert "secret" not in str(emitter.stats())
        emitter.close(timeout=0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with emitter_for(server) as emitter:
        track(emitter, 1)
        assert emitter.flush(5).sent == 1
    assert server.seen[1].target.startswith("/")


def test_19_a_captive_portal_that_redirects_is_no_delivery() -> None:
    store = InMemoryEventStore()
    with (
        FaultServer([Act(302, {"Location": "/login"})]) as server,
        emitter_for(server, event_store=store) as emitter,
    ):
        track(emitter, 0)
        emitter.flush(5)
        assert emitter.stats().sent == 0
        assert len(store.dead(10)) == 1


def test_19_a_captive_portal_that_answers_200_with_its_page_is_no_delivery() -> None:
    page = Act(200, {"Content-Type": "text/html"}, b"\n<!DOCTYPE html><title>Welcome aboard</title>")
    with FaultServer([page, Act()]) as server, emitter_for(server) as emitter:
        track(emitter, 0)
        emitter.flush(0.05)
        assert "sign-in page" in str(emitter.stats().last_error)
        assert emitter.flush(5).pending == 0
        assert emitter.stats().sent == 1
    assert len(server.seen) == 2
