"""What the server's handlers share."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from nbtrack.collector.events.database import Database
from nbtrack.collector.events.pipeline import Pipeline
from nbtrack.collector.server.search import Scans
from nbtrack.schemas import Registry

P = ParamSpec("P")
T = TypeVar("T")
READERS = 3
"""Threads that read beside the one that stores."""


@dataclass(slots=True)
class State:
    """The parts of a running collector.

    Attributes
    ----------
    database : Database
    registry : Registry
    pipeline : Pipeline
    campaigns : bool
        Whether the campaign in a page's URL is attributed.
    paths : dict of str to str
        Paths that trackers may send to, by the paths that they stand for.
    last_used : float
        When the last request came, by the monotonic clock.
    kernels : dict of int to str
        Process id and start time of the kernels that use a shared collector.
    scans : Scans
        The live pages' latest searches.
    bytes_in_flight : int
        Bytes of requests that have no reply yet.
    stop : asyncio.Event
        Set when the collector must end.
    """

    database: Database
    registry: Registry
    pipeline: Pipeline
    campaigns: bool = False
    paths: dict[str, str] = field(default_factory=dict)
    last_used: float = field(default_factory=time.monotonic)
    kernels: dict[int, str] = field(default_factory=dict)
    scans: Scans = field(default_factory=Scans)
    bytes_in_flight: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _readers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(READERS, thread_name_prefix="nbtrack-reader")
    )
    _waiting: set[asyncio.Event] = field(default_factory=set)

    def touch(self) -> None:
        """Note that the collector is in use."""
        self.last_used = time.monotonic()

    def notify(self) -> None:
        """Wake everyone who waits for a commit; runs on the loop's thread."""
        for event in self._waiting:
            event.set()

    async def wait_for_commit(self, timeout: float) -> bool:  # noqa: ASYNC109 - a long poll's own limit
        """Wait for the next commit, and return whether one came in time."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            await asyncio.wait_for(event.wait(), timeout)
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._waiting.discard(event)

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that reads the database on a thread for reading, so that others are served meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, lambda: function(*args, **kwargs))

    async def reset(self) -> dict[str, int]:
        """Delete all events, and return the counts."""
        await self.read(self.database.reset)
        self.notify()
        return self.database.counts()

    def close(self) -> None:
        """End the threads for reading."""
        self._readers.shutdown(cancel_futures=True)
