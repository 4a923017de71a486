"""Stores of every kind, and a Redis server of the test's own."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbtrack.delivery import InMemoryEventStore, RedisEventStore, SQLiteEventStore
from nbtrack.delivery.stores.base import Store
from tests.support.fault_server import FaultServer, free_port
from tests.support.tools import require
from tests.support.waiting import poll


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as one:
        yield one


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    program, port = require("redis"), free_port()
    folder = tempfile.mkdtemp()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    import redis

    with redis.Redis(port=port) as client:

        def ready() -> bool:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

        assert poll(ready, 20)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder)


@pytest.fixture(
    params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.redis)],
)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Give a function that opens the same store once more, as another process would; one object for memory."""
    opened: list[Store] = []
    memory = InMemoryEventStore()

    def one() -> Store:
        if request.param == "memory":
            return memory
        if request.param == "sqlite":
            store: Store = SQLiteEventStore(tmp_path / "outbox.sqlite")
        else:
            store = RedisEventStore(request.getfixturevalue("redis_url"), key=f"t:{tmp_path.name}")
        opened.append(store)
        return store

    yield one
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Store:
    return reopen()
