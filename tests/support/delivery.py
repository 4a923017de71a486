"""Helpers for tests of delivery: tracking into an emitter, a transport without a network, a store of a user."""

import json
from collections import Counter
from collections.abc import Sequence

from nbtrack.delivery import Emitter
from nbtrack.delivery.models import Reply

QUICK = 0.02
"""`max_retry_delay_seconds` of a test that waits for retries."""


def track(emitter: Emitter, *event_ids: object, **values: str) -> list[str]:
    """Track one page view for each id; return the ids of those that were accepted."""
    return [
        str(event_id) for event_id in event_ids if emitter.input({"e": "pv", "eid": str(event_id), **values})
    ]


class Wire:
    """A transport that replies with `status`, and 413 to requests of more than `most` events."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.most = 10**9
        self.delivered: Counter[str] = Counter()
        self.sizes: list[int] = []
        self.raising: BaseException | None = None

    def post(
        self, parts: Sequence[bytes | memoryview], *, anonymous: bool = False, budget: float | None = None
    ) -> Reply:
        if self.raising is not None:
            raise self.raising
        body = b"".join(parts)
        self.sizes.append(len(body))
        events = json.loads(body)["data"]
        if len(events) > self.most:
            return Reply(413)
        if self.status == 200:
            self.delivered.update(event.get("eid", "") for event in events)
        return Reply(self.status)

    def get(self, query: str, *, anonymous: bool = False, budget: float | None = None) -> Reply:
        raise NotImplementedError

    def close(self) -> None: ...


class UserStore:
    """A store with the reference's four methods, as a user writes one."""

    def __init__(self, capacity: int = 100, *, removes: bool = True) -> None:
        self.events: list[dict[str, str]] = []
        self.done: list[str] = []
        self.capacity = capacity
        self.removes = removes

    def add_event(self, payload: dict[str, str]) -> bool:
        if len(self.events) >= self.capacity:
            return False
        self.events.append(payload)
        return True

    def get_events_batch(self) -> list[dict[str, str]]:
        batch = list(self.events)
        if self.removes:
            self.events.clear()
        return batch

    def cleanup(self, batch: list[dict[str, str]], need_retry: bool) -> None:
        for event in batch:
            if need_retry:
                if event not in self.events:
                    self.add_event(event)
            else:
                self.done.append(event["eid"])
                self.events = [other for other in self.events if other["eid"] != event["eid"]]

    def size(self) -> int:
        return len(self.events)
