"""What a store's disk, server or author does to it: events wait in memory, and what is gone is counted and said once."""

import time
from pathlib import Path

import pytest

from nbtrack.delivery import AsyncEmitter, Emitter, RedisEventStore, SQLiteEventStore
from tests.support.delivery import QUICK, UserStore, track
from tests.support.fault_server import FaultServer
from tests.support.waiting import poll

BOTH = pytest.mark.parametrize("kind", [Emitter, AsyncEmitter])


@BOTH
@pytest.mark.redis
@pytest.mark.parametrize("options", [{"decode_responses": True}, {"protocol": 3}, {"protocol": 2}])
def test_a_redis_client_may_decode_responses(
    redis_url: str, server: FaultServer, kind: type[Emitter], options: dict[str, object], tmp_path: Path
) -> None:
    import redis

    with redis.Redis.from_url(redis_url, **options) as client:
        store = RedisEventStore(client, key=f"decoded:{tmp_path.name}")
        with kind("127.0.0.1", "http", server.port, event_store=store, batch_size=99) as emitter:
            track(emitter, *range(5), page="ü")
            assert [event.event_id for event in emitter.pending()] == list("01234")
            assert emitter.payload("3")["page"] == "ü"
            assert emitter.flush(5).sent == 5
            assert store.routes() == []
        assert server.seen[0].events[0]["page"] == "ü"


@BOTH
@pytest.mark.redis
@pytest.mark.parametrize("how", ["flushall", "group"])
def test_a_redis_server_that_was_emptied_loses_no_later_event_and_says_so_once(
    redis_url: str,
    server: FaultServer,
    kind: type[Emitter],
    how: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    import redis

    store = RedisEventStore(redis_url, key=f"emptied:{tmp_path.name}")
    with (
        redis.Redis.from_url(redis_url) as client,
        kind("127.0.0.1", "http", server.port, event_store=store, batch_size=99) as emitter,
    ):
        if isinstance(emitter, AsyncEmitter):
            emitter.pause()  # or it may send before the server is emptied
        track(emitter, "a", "b")
        if how == "flushall":
            client.flushall()
        else:
            (stream,) = [
                key for key in client.keys(f"emptied:{tmp_path.name}:*") if client.type(key) == b"stream"
            ]
            client.xgroup_destroy(stream, "nbtrack")
        if isinstance(emitter, AsyncEmitter):
            emitter.resume()
        track(emitter, "c", "d")
        report = emitter.flush(5)
        assert (report.pending, report.timed_out) == (0, False)
        assert {"c", "d"} <= set(server.delivered)
        lost = {"a", "b"} - set(server.delivered)
        assert bool(lost) == (how == "flushall")
        assert emitter.stats().dropped == ({"server_emptied": len(lost)} if lost else {})
        track(emitter, "e")
        assert emitter.flush(5).pending == 0
    assert sum("was emptied" in record.message for record in caplog.records) == (how == "flushall")


def test_a_flush_with_a_store_that_fails_has_timed_out(server: FaultServer, tmp_path: Path) -> None:
    class UnreadableStore(SQLiteEventStore):
        def claim(self, *_: object, **__: object) -> list[object]:
            raise OSError("input/output error")

    with UnreadableStore(tmp_path / "outbox.sqlite") as store:
        emitter = Emitter("127.0.0.1", "http", server.port, event_store=store, batch_size=99)
        track(emitter, 1)
        report = emitter.flush(0.2)
        assert (report.pending, report.timed_out) == (1, True)
        emitter.close(timeout=0)


@BOTH
def test_an_outbox_that_the_user_deletes_is_replaced_and_its_events_counted(
    server: FaultServer, kind: type[Emitter], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "outbox.sqlite"
    with SQLiteEventStore(path) as store:
        emitter = kind("127.0.0.1", "http", server.port, event_store=store, batch_size=99)
        track(emitter, "a", "b")
        path.unlink()
        time.sleep(0.03)  # the store looks 50 times a second
        track(emitter, "c")
        assert path.exists()
        assert emitter.durable
        with SQLiteEventStore(path) as other:
            assert other.size() == 1
        assert emitter.flush(5).sent == 1
        assert emitter.stats().dropped == {"file_deleted": 2}
        emitter.close()
    assert set(server.delivered) == {"c"}
    assert sum("was deleted" in record.message for record in caplog.records) == 1
    assert list(tmp_path.glob("*corrupt*")) == []


@BOTH
def test_a_user_s_store_that_raises_for_a_moment_costs_nothing(
    server: FaultServer, kind: type[Emitter]
) -> None:
    class MoodyStore(UserStore):
        bad = False

        def add_event(self, payload: dict[str, str]) -> bool:
            if self.bad:
                raise RuntimeError("not now")
            return super().add_event(payload)

        def cleanup(self, batch: list[dict[str, str]], need_retry: bool) -> None:
            if self.bad:
                raise RuntimeError("not now")
            super().cleanup(batch, need_retry)

    store = MoodyStore()
    emitter = kind(
        "127.0.0.1", "http", server.port, event_store=store, batch_size=99, max_retry_delay_seconds=QUICK
    )
    track(emitter, "a", "b")
    store.bad = True
    assert track(emitter, "c") == ["c"]
    store.bad = False
    assert poll(lambda: emitter.flush(1).pending == 0)
    assert server.delivered == {"a": 1, "b": 1, "c": 1}
    emitter.close()
    assert sorted(store.done) == ["a", "b"]
