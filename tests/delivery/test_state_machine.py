"""Any order of tracking, sending, failing, crashing, reopening and forking keeps every accepted event."""

import os
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nbtrack.delivery import Emitter, SQLiteEventStore
from nbtrack.delivery.encoding import decode
from nbtrack.delivery.http.transport import Reply
from nbtrack.delivery.terms import Timing

LONG = bool(os.environ.get("NBTRACK_LONG"))
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


class Wire:
    """A transport that answers as it is told and remembers what it took."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.delivered: Counter[str] = Counter()
        self.most = 10**9

    def post(self, parts: list[bytes], **_: object) -> Reply:
        events = decode(b"".join(parts))["data"]
        if len(events) > self.most:
            return Reply(413)
        if self.status == 200:
            self.delivered.update(event["eid"] for event in events)
        return Reply(self.status)

    def close(self) -> None: ...


class Outbox(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "outbox.sqlite"
        self.wire = Wire()
        self.accepted: set[str] = set()
        self.resent: set[str] = set()
        self.number = 0
        self.open()

    def open(self) -> None:
        self.store = SQLiteEventStore(self.path)
        timing = Timing(base=0.0)
        self.emitter = Emitter("local", event_store=self.store, batch_size=10**6, resolve=str, timing=timing)
        self.emitter._engine._connect = lambda: self.wire

    def track(self, emitter: Emitter) -> None:
        self.number += 1
        if emitter.input({"e": "pv", "eid": f"e{self.number}"}):
            self.accepted.add(f"e{self.number}")

    @rule(events=st.integers(1, 5))
    def add(self, events: int) -> None:
        for _ in range(events):
            self.track(self.emitter)

    @rule(status=st.sampled_from([200, 503, 429, None, 400]), most=st.sampled_from([1, 2, 10**9]))
    def send(self, status: int | None, most: int) -> None:
        self.wire.status, self.wire.most = status, most
        self.emitter._engine.step()
        self.wire.status, self.wire.most = 200, 10**9

    @rule(after_reply=st.booleans())
    def crash(self, after_reply: bool) -> None:
        """Die within a request, or between its reply and the settlement; a new process opens the store."""
        rows = self.store.claim(self.emitter._engine.route.key, "9", events=3, size=10**6, cost=0)
        if after_reply:
            self.wire.delivered.update(row.event_id for row in rows)
            self.resent.update(row.event_id for row in rows)
        # the owner is dead: its process number is that of nobody
        host = self.store._owner.split("|")[0]
        self.store._connection.execute(
            "UPDATE events SET token = ? WHERE token != ''", (f"{host}|{2**22 - 1}|1|x|9",)
        )
        self.store.close()
        self.open()

    @rule()
    def reopen(self) -> None:
        self.emitter.close(timeout=0)
        self.store.close()
        self.open()

    @rule()
    def second_process(self) -> None:
        with SQLiteEventStore(self.path) as other:
            rows = other.claim(self.emitter._engine.route.key, "1", events=2, size=10**6, cost=0)
            self.emitter._engine.step()
            self.wire.delivered.update(row.event_id for row in rows)
            other.ack([row.id for row in rows])

    @rule(events=st.integers(1, 3))
    def fork(self, events: int) -> None:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for number in range(events):
                    if not self.emitter.input({"e": "pv", "eid": f"f{self.number + number + 1}"}):
                        break
                else:
                    code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        self.accepted.update(f"f{self.number + number + 1}" for number in range(events))
        self.number += events

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "store"):
            return
        stored = {row.event_id for row in self.store.peek(self.emitter._engine.route.key, 10**6)}
        dead = {letter.event_id for letter in self.store.dead(10**6)}
        assert self.accepted == stored | dead | set(self.wire.delivered)

    @invariant()
    def nothing_is_sent_twice_without_a_crash(self) -> None:
        if hasattr(self, "wire"):
            assert {one for one, times in self.wire.delivered.items() if times > 1} <= self.resent

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        self.store._cared_at = float("-inf")
        deadline = time.monotonic() + 20
        while self.emitter.stats().pending and time.monotonic() < deadline:
            self.emitter._engine.step()
        self.nothing_is_lost()
        assert self.emitter.close().pending == 0
        self.store.close()
        self.folder.cleanup()


Outbox.TestCase.settings = settings(
    max_examples=200 if LONG else 20, stateful_step_count=30 if LONG else 20, deadline=None
)
TestOutbox = Outbox.TestCase
