"""What the engine is given and what it tells: senders, clocks, limits, outcomes."""

import enum
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nbtrack.delivery.http.transport import Reply
from nbtrack.delivery.models import Attempt, Row


class Sender(Protocol):
    """What the engine needs of a transport."""

    def post(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        """POST a body."""

    def get(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        """GET with a query."""

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True)
class Timing:
    """Clocks and chance, to be replaced in tests: `monotonic` measures waits, `wall` stamps."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    rng: random.Random | None = None
    base: float = 0.5


@dataclass(frozen=True)
class Limits:
    """Bounds of one request and of one event's stay."""

    batch_bytes: int
    max_age: float | None = None
    max_attempts: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What observers are told after a request: the events it delivered and those it did not."""

    attempt: Attempt
    sent: Sequence[Row]
    failed: Sequence[Row]


class Step(enum.Enum):
    """How a step ended."""

    EMPTY = "nothing waits"
    SENT = "something left"
    FAILED = "wait and try again"
    WAIT = "not yet"
