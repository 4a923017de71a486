"""What the server's handlers share."""

import asyncio
import time
from dataclasses import dataclass, field

from nbtrack.collector.events.database import Database
from nbtrack.collector.events.pipeline import Pipeline
from nbtrack.schemas import Registry


@dataclass(slots=True)
class State:
    """The parts of a running collector.

    Attributes
    ----------
    database : Database
    registry : Registry
    pipeline : Pipeline
    last_used : float
        When the last request came, by the monotonic clock.
    kernels : dict of int to str
        Process id and start time of the kernels that use a shared collector.
    stop : asyncio.Event
        Set when the collector must end.
    """

    database: Database
    registry: Registry
    pipeline: Pipeline
    last_used: float = field(default_factory=time.monotonic)
    kernels: dict[int, str] = field(default_factory=dict)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
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

    def reset(self) -> dict[str, int]:
        """Delete all events, and return the counts."""
        self.database.reset()
        self.notify()
        return self.database.counts()
