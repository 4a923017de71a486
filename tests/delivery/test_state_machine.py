"""Any order of tracking, sending, failing, crashing, reopening and forking keeps every accepted event."""

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nbtrack.delivery import Emitter, SQLiteEventStore
from nbtrack.delivery.models import Route
from nbtrack.delivery.retry import Backoff
from nbtrack.delivery.sender import Limits, Sender
from nbtrack.delivery.stores import sqlite_file
from nbtrack.delivery.stores.adapter import as_store
from tests.support.delivery import Wire, track

LONG = bool(os.environ.get("NBTRACK_LONG"))
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


ROUTE = Route("local", "/p", "post")


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
        self.emitter = Emitter(
            "local", event_store=self.store, batch_size=10**6, path="/p", resolve=str, transport=self.wire
        )
        self.sender = Sender(
            as_store(self.store),
            ROUTE,
            lambda: self.wire,
            limits=Limits(900_000),
            backoff=Backoff(0.0, cap=0.0),
            custom_retry_codes={},
            on_outcome=lambda _: None,
        )

    @rule(events=st.integers(1, 5))
    def add(self, events: int) -> None:
        self.accepted.update(track(self.emitter, *[f"e{self.number + count}" for count in range(events)]))
        self.number += events

    @rule(status=st.sampled_from([200, 503, 429, None, 400]), most=st.sampled_from([1, 2, 10**9]))
    def send(self, status: int | None, most: int) -> None:
        self.wire.status, self.wire.most = status, most
        self.sender.step()
        self.wire.status, self.wire.most = 200, 10**9

    @rule(after_reply=st.booleans())
    def crash(self, after_reply: bool) -> None:
        """Die within a request, or between its reply and the settlement; a new process opens the store."""
        rows = self.store.claim(ROUTE.key, "9", max_events=3, max_bytes=10**6, bytes_per_event=0)
        if after_reply:
            self.wire.delivered.update(row.event_id for row in rows)
            self.resent.update(row.event_id for row in rows)
        # the owner is dead: its process number is that of nobody
        self.store.close()
        token = f"{sqlite_file.machine()}|{2**22 - 1}|1|x|9"
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("UPDATE events SET token = ? WHERE token != ''", (token,))
        self.open()

    @rule()
    def reopen(self) -> None:
        self.emitter.close(timeout=0)
        self.store.close()
        self.open()

    @rule()
    def second_process(self) -> None:
        with SQLiteEventStore(self.path) as other:
            rows = other.claim(ROUTE.key, "1", max_events=2, max_bytes=10**6, bytes_per_event=0)
            self.sender.step()
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
        stored = {row.event_id for row in self.store.peek(ROUTE.key, 10**6)}
        dead = {letter.event_id for letter in self.store.dead(10**6)}
        assert self.accepted == stored | dead | set(self.wire.delivered)

    @invariant()
    def nothing_is_sent_twice_without_a_crash(self) -> None:
        if hasattr(self, "wire"):
            assert {event for event, times in self.wire.delivered.items() if times > 1} <= self.resent

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        self.reopen()
        assert self.emitter.close(20).pending == 0
        self.nothing_is_lost()
        self.store.close()
        self.folder.cleanup()


Outbox.TestCase.settings = settings(
    max_examples=200 if LONG else 20, stateful_step_count=30 if LONG else 20, deadline=None
)
TestOutbox = Outbox.TestCase
