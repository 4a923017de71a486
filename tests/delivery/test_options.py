"""Options that users of such trackers ask for."""

import asyncio
import threading
import time

import pytest
import trustme

from nbtrack.delivery import AsyncEmitter, Emitter, InMemoryEventStore
from tests.support.delivery import QUICK, track
from tests.support.fault_server import Act, FaultServer

BOTH = pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])


@BOTH
async def test_flush_async_sends_without_blocking_the_loop(kind: type[Emitter]) -> None:
    with FaultServer([Act(after=0.3)]) as server:
        emitter = kind("127.0.0.1", "http", server.port, batch_size=99)
        track(emitter, 1)
        flush = asyncio.create_task(emitter.flush_async(5))
        longest = 0.0
        while not flush.done():
            started = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - started)
        assert (await flush).sent == 1
        assert longest < 0.2
        await asyncio.to_thread(emitter.close)


def test_a_flush_interval_starts_the_timer() -> None:
    with FaultServer() as server:
        emitter = Emitter("127.0.0.1", "http", server.port, batch_size=99, flush_interval=0.05)
        track(emitter, 1)
        assert server.wait_for(1)
        emitter.close()


def test_overflow_may_drop_the_oldest() -> None:
    with FaultServer() as server:
        emitter = Emitter(
            "127.0.0.1", "http", server.port, batch_size=99, buffer_capacity=3, overflow="drop_oldest"
        )
        emitter.pause()
        assert track(emitter, *range(5)) == list("01234")
        emitter.resume()
        emitter.flush()
        assert set(server.delivered) == {"2", "3", "4"}
        assert emitter.stats().dropped == {"overflow": 2}
        emitter.close()


@BOTH
def test_overflow_may_wait_for_room_but_not_for_ever(kind: type[Emitter]) -> None:
    store = InMemoryEventStore(buffer_capacity=2)
    with FaultServer([Act(after=0.05)]) as server:
        emitter = kind("127.0.0.1", "http", server.port, batch_size=2, event_store=store, overflow="block")
        assert len(track(emitter, *range(10))) == 10
        assert emitter.flush(5).pending == 0
        assert len(server.delivered) == 10
        emitter.close()
    with FaultServer([Act(503)]) as server:
        emitter = kind(
            "127.0.0.1",
            "http",
            server.port,
            batch_size=2,
            event_store=store,
            overflow="block",
            block_timeout=0.2,
            max_retry_delay_seconds=QUICK,
        )
        track(emitter, 1, 2)
        started = time.monotonic()
        assert track(emitter, 3) == []
        assert 0.2 <= time.monotonic() - started < 5
        assert emitter.stats().dropped == {"queue_full": 1}
        emitter.close(timeout=0)


def test_an_unknown_overflow_is_refused() -> None:
    with pytest.raises(
        ValueError, match="overflow must be one of 'drop_newest', 'drop_oldest', 'block', got 'x'"
    ):
        Emitter("sp.acme.com", overflow="x")  # type: ignore[arg-type]


def test_a_proxy_and_certificates_may_be_given() -> None:
    with FaultServer() as proxy:
        with Emitter("http://sp.acme.com", proxies={"http": proxy.url}) as emitter:
            track(emitter, 1)
            assert emitter.flush(5).sent == 1
        assert proxy.seen[0].target.startswith("http://sp.acme.com/")
    import ssl

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FaultServer(tls=context) as server, authority.cert_pem.tempfile() as bundle:
        for verify in (bundle, False):
            with Emitter(server.url, verify=verify) as emitter:
                track(emitter, 1)
                assert emitter.flush(5).sent == 1
    assert threading.active_count() < 50
