"""Subclasses and tests written for the reference tracker keep working."""

import subprocess
import sys

import pytest
import requests
import requests_mock
import responses

from nbtrack.delivery import AsyncEmitter, Emitter
from tests.support.delivery import QUICK, track
from tests.support.fault_server import FaultServer

BOTH = pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])


class Response:
    status_code = 200


@BOTH
@pytest.mark.parametrize("reply", [200, Response()])
def test_an_overridden_http_post_sends_the_requests(kind: type[Emitter], reply: object) -> None:
    bodies: list[str] = []

    class Custom(kind):  # type: ignore[misc, valid-type]
        def http_post(self, data: str) -> object:
            bodies.append(data)
            return reply

    with Custom("http://127.0.0.1:9", batch_size=2) as emitter:
        track(emitter, 1, 2)
        assert emitter.flush(5).pending == 0
        assert emitter.stats().sent == 2
    assert bodies[0].startswith('{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/')


def test_an_overridden_http_get_gets_the_payload() -> None:
    payloads: list[dict[str, str]] = []

    class Custom(Emitter):
        def http_get(self, payload: dict[str, str]) -> int:
            payloads.append(payload)
            return 200

    with Custom("http://127.0.0.1:9", method="get") as emitter:
        track(emitter, 1, page="a b&c")
    assert payloads[0]["page"] == "a b&c"


def test_an_overridden_method_may_call_the_original_and_fail() -> None:
    failures = iter([-1, RuntimeError("no"), None])

    class Custom(Emitter):
        def http_post(self, data: str) -> object:
            for failure in failures:
                if isinstance(failure, Exception):
                    raise failure
                return failure
            return super().http_post(data)

    with FaultServer() as server, Custom(server.url, batch_size=9, max_retry_delay_seconds=QUICK) as emitter:
        track(emitter, 1)
        assert emitter.flush(5).sent == 1
        assert len(server.seen) == 1


def test_an_overridden_flush_is_called_at_close_and_at_exit() -> None:
    program = """
from nbtrack.delivery import Emitter

class Custom(Emitter):
    def flush(self):
        print("flush")
        return super().flush()

closed = Custom("http://127.0.0.1:9", batch_size=9, request_timeout=0.1, report_at_exit=False)
closed.close(0.1)
left = Custom("http://127.0.0.1:9", batch_size=9, request_timeout=0.1, report_at_exit=False)
left.input({"e": "pv"})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20
    )
    assert (done.stdout, done.stderr) == ("flush\nflush\n", "")


@BOTH
def test_requests_that_a_test_mocks_with_responses_are_seen(kind: type[Emitter]) -> None:
    with responses.RequestsMock() as mocked:
        mocked.post("https://sp.acme.com/com.snowplowanalytics.snowplow/tp2", body="ok")
        with kind("sp.acme.com", batch_size=1) as emitter:
            track(emitter, 1)
            assert emitter.flush(5).pending == 0
        assert '"eid":"1"' in mocked.calls[0].request.body.decode()


@BOTH
def test_requests_that_a_test_mocks_with_requests_mock_are_seen(kind: type[Emitter]) -> None:
    with requests_mock.Mocker() as mocked, kind("sp.acme.com", batch_size=1) as emitter:
        mocked.post("https://sp.acme.com/com.snowplowanalytics.snowplow/tp2", text="ok")
        track(emitter, 1)
        assert emitter.flush(5).pending == 0
        assert mocked.call_count == 1


def test_a_patched_session_send_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def send(_: requests.Session, request: requests.PreparedRequest, **__: object) -> requests.Response:
        seen.append(request.url or "")
        reply = requests.Response()
        reply.status_code = 200
        reply._content = b"ok"
        return reply

    monkeypatch.setattr(requests.Session, "send", send)
    with Emitter("sp.acme.com", batch_size=1) as emitter:
        track(emitter, 1)
        assert emitter.stats().sent == 1
    assert seen == ["https://sp.acme.com/com.snowplowanalytics.snowplow/tp2"]


def test_after_the_mock_requests_go_to_the_network_again() -> None:
    with FaultServer() as server, Emitter(server.url, batch_size=1) as emitter:
        with responses.RequestsMock() as mocked:
            mocked.post(f"{server.url}/com.snowplowanalytics.snowplow/tp2", body="ok")
            track(emitter, "mocked")
        track(emitter, "real")
        assert set(server.delivered) == {"real"}
