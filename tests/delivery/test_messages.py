"""Messages of emitters and stores: what is wrong, where, why, and what to do; the page lists them."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from nbtrack import NbtrackError
from nbtrack.delivery import Emitter, InMemoryEventStore, RedisEventStore, SQLiteEventStore
from nbtrack.delivery.outbox import open_outbox
from tests.support.messages import Messages, message_tests

NOBODY = "http://127.0.0.1:9"


MESSAGES: Messages = {
    "no host at all": (
        lambda: Emitter(""),
        ValueError,
        "endpoint is missing: give the collector's host or URL, such as 'https://sp.acme.com'",
    ),
    "a port that is not a number": (
        lambda: Emitter("sp.acme.com:https"),
        ValueError,
        "invalid port in endpoint 'sp.acme.com:https': a port is a number up to 65535",
    ),
    "a method that collectors do not have": (
        lambda: Emitter("sp.acme.com", method="put"),
        ValueError,
        "method must be 'get' or 'post', got 'put'",
    ),
    "a number as a str": (
        lambda: Emitter("sp.acme.com", batch_size="10"),
        TypeError,
        "batch_size must be a number, got '10'",
    ),
    "a number that is too small": (
        lambda: Emitter("sp.acme.com", buffer_capacity=0),
        ValueError,
        "buffer_capacity must be at least 1, got 0",
    ),
    "a port out of range": (
        lambda: Emitter("sp.acme.com", port=99_999),
        ValueError,
        "port must be between 1 and 65535, got 99999",
    ),
    "a str in place of a store": (
        lambda: Emitter(NOBODY, event_store="disk"),
        TypeError,
        "event_store must be a store, such as SQLiteEventStore('outbox.sqlite'), got 'disk'; it has no add_event,",
    ),
    "a class in place of a store": (
        lambda: Emitter(NOBODY, event_store=SQLiteEventStore),
        TypeError,
        "it is a class: create an instance",
    ),
    "headers that are not a dict": (
        lambda: Emitter(NOBODY, headers="a"),
        TypeError,
        "headers must be a dict such as {'Authorization': …}, got str",
    ),
    "a token read from a file with its line break": (
        lambda: Emitter(NOBODY, headers={"Authorization": "Bearer x\n"}),
        ValueError,
        "header 'Authorization': name and value must not contain a line break; use strip()",
    ),
    "a token with a character that no header can have": (
        lambda: Emitter(NOBODY, headers={"Authorization": "Bearer €"}),
        ValueError,
        "header 'Authorization': name and value must be Latin-1; a token is plain ASCII",
    ),
    "seconds as a str": (
        lambda: Emitter(NOBODY, request_timeout="3"),
        TypeError,
        "request_timeout must be a number, got '3'",
    ),
    "too few seconds": (
        lambda: Emitter(NOBODY, request_timeout=(0, 3)),
        ValueError,
        "request_timeout must be above 0, got 0",
    ),
    "three timeouts": (
        lambda: Emitter(NOBODY, request_timeout=(1, 2, 3)),
        ValueError,
        "request_timeout must be seconds or a pair (connect, read), got (1, 2, 3)",
    ),
    "a callback that cannot be called": (
        lambda: Emitter(NOBODY, on_failure="print"),
        TypeError,
        "on_failure must be a function, got 'print'",
    ),
    "retry codes without a rule": (
        lambda: Emitter(NOBODY, custom_retry_codes=[429]),
        TypeError,
        "custom_retry_codes must be a dict such as {429: False}, got [429]",
    ),
    "a flush timer with a str": (
        lambda: Emitter(NOBODY).set_flush_timer("5"),
        TypeError,
        "timeout must be a number, got '5'",
    ),
    "a capacity where the logger goes": (
        lambda: InMemoryEventStore(500),
        TypeError,
        "logger must be a logging.Logger, got 500",
    ),
    "a folder in place of a store's file": (
        lambda: SQLiteEventStore("/"),
        sqlite3.OperationalError,
        "cannot open / as an event store (unable to open database file): give a file in a folder that can be written",
    ),
    "None in place of a Redis client": (
        lambda: RedisEventStore(None),
        TypeError,
        "client_or_url must be a redis.Redis or a URL such as 'redis://host:6379/0', got None",
    ),
}


test_a_message_says_what_is_wrong_and_what_to_do, test_the_page_lists_every_message = message_tests(
    "delivery", MESSAGES
)


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nbtrack.common.extras.installed_version", lambda _: None)
    told = r"RedisEventStore needs other packages \(redis is not installed\): python -m pip install 'redis>=[0-9.]+'$"
    with pytest.raises(NbtrackError, match=told) as raised:
        RedisEventStore("redis://127.0.0.1:6379/0")
    assert isinstance(raised.value, ModuleNotFoundError)


def test_a_full_disk_is_told_once_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with SQLiteEventStore(tmp_path / "outbox.sqlite") as store:
        emitter = Emitter(NOBODY, event_store=store, batch_size=1_000)
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        for number in range(100):
            assert emitter.input({"e": "pv", "eid": str(number), "page": "x" * 500})
        store._connection.execute("PRAGMA max_page_count = 1000000")
        emitter.close(timeout=0)
    (record,) = caplog.records
    assert "The event store failed" in record.getMessage()
    assert "full); events are kept in memory until it works again" in record.getMessage()


def test_an_outbox_of_a_later_version_is_left_alone_and_named(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    SQLiteEventStore(path).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(
        sqlite3.DatabaseError,
        match=r"outbox\.sqlite was written by a later version of nbtrack .*update nbtrack",
    ):
        SQLiteEventStore(path)


def test_an_outbox_that_cannot_be_opened_is_told_once_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    open_outbox(tmp_path / "file" / "home").close()
    (record,) = caplog.records
    assert record.getMessage().endswith("unsent events are kept in memory and lost when the process ends")
