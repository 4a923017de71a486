"""The log of what ran: bounded, complete, and truthful about how far each event has come."""

import itertools
import threading
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nbtrack.activities import ActivityLog, Entry
from nbtrack.activities.log import in_tree_order

CELL_RUN = "iglu:io.github.nbtrack/cell_run/jsonschema/1-1-0"
ANALYSIS = "iglu:io.github.nbtrack/analysis/jsonschema/1-0-0"


@dataclass
class Request:
    event_ids: tuple[str, ...]
    status: int | None = 200
    error: str | None = None
    retry_in: float | None = None


def add_cell(log: ActivityLog, number: int, **data: Any) -> None:
    document = {"run_id": f"run-{number}", "status": "ok", "duration_ms": 250, **data}
    log.add(document, CELL_RUN, event_id=f"event-{number}", destination="local", ended=1_000.0 + number)


def test_a_cell_run_becomes_an_entry_with_its_start() -> None:
    log = ActivityLog("session-1")
    properties = [{"name": "rows", "value": 3}]
    add_cell(
        log, 1, name="load", execution_count=7, status="error", error_class="KeyError", properties=properties
    )
    (entry,) = log.entries()
    assert (entry.kind, entry.name, entry.count, entry.error) == ("cell", "load", 7, "KeyError")
    assert (entry.started, entry.seconds, entry.failed) == (1_000.75, 0.25, True)
    assert (entry.properties, entry.session, entry.delivery) == ({"rows": 3}, "session-1", "pending")


def test_other_data_of_an_event_is_not_kept() -> None:
    log = ActivityLog()
    add_cell(log, 1, source="secret()", traceback="secret", error_message="secret")
    log.add({"secret": 1}, "iglu:com.acme/purchase/jsonschema/1-0-0", event_id="2", destination="local")
    log.add(None, "pv", event_id="3", destination="local")
    assert "secret" not in repr(log.entries())
    assert [entry.name for entry in log.entries()] == ["", "purchase", "page_view"]


def test_the_log_is_bounded_and_counts_what_it_forgot() -> None:
    log = ActivityLog(most=10)
    for number in range(25):
        add_cell(log, number)
    assert [entry.event_id for entry in log.entries()] == [f"event-{number}" for number in range(15, 25)]
    assert log.forgotten == 15
    assert len(log.entries(3)) == 3


def test_requests_tell_how_far_events_have_come() -> None:
    log = ActivityLog()
    for number in range(4):
        add_cell(log, number)
    log.note_request(Request(("event-0", "event-1"), 503, retry_in=1.0))
    log.note_request(Request(("event-0",)))
    log.note_request(Request(("event-2", "unknown"), 400))
    log.note_request(Request(("event-3",), 200, error="a web page, not a collector", retry_in=1.0))
    assert [entry.delivery for entry in log.entries()] == ["delivered", "retrying", "refused", "retrying"]


def test_what_runs_is_there_until_it_ended() -> None:
    log = ActivityLog()
    log.begin("run-1", "cell", "load")
    log.begin("step-1", "step", "clean", "run-1")
    assert [(entry.name, entry.status, depth) for entry, depth in in_tree_order(log.entries())] == [
        ("load", "running", 0),
        ("clean", "running", 1),
    ]
    log.add(None, "pv", event_id="page", destination="local")  # the user's, within the cell
    log.add(
        {"name": "clean", "kind": "step", "step_id": "step-1", "run_id": "run-1", "status": "ok", "duration_ms": 5},
        ANALYSIS, event_id="2", destination="local",
    )  # fmt: skip
    add_cell(log, 1)
    assert [(entry.status, entry.parent) for entry in log.entries() if entry.kind != "cell"] == [
        ("ok", "run-1"),
        (None, "run-1"),
    ]
    log.begin("run-2", "cell", "lost")
    log.end("run-2")
    assert all(entry.status != "running" for entry in log.entries())


def test_copies_do_not_change_the_log() -> None:
    log = ActivityLog()
    add_cell(log, 1)
    log.entries()[0].delivery = "refused"
    assert log.entries()[0].delivery == "pending"


def test_many_threads_add_and_read() -> None:
    log = ActivityLog(most=10_000)

    def work(first: int) -> None:
        for number in range(first, first + 200):
            log.begin(f"run-{number}", "cell", "x")
            add_cell(log, number)
            log.note_request(Request((f"event-{number}",)))
            log.entries(20)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 1_000, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(log.entries()) == 1_000
    assert {entry.delivery for entry in log.entries()} == {"delivered"}


@given(st.lists(st.tuples(st.integers(0, 8), st.none() | st.integers(0, 8)), max_size=12))
def test_a_tree_holds_each_entry_once_whatever_the_parents(links: list[tuple[int, int | None]]) -> None:
    entries = [
        Entry(
            id=str(own),
            kind="step",
            name="",
            started=float(index),
            parent=None if parent is None else str(parent),
        )
        for index, (own, parent) in enumerate(links)
    ]
    ordered = in_tree_order(entries)
    assert sorted(id(entry) for entry, _ in ordered) == sorted(map(id, entries))
    for (entry, depth), (_, next_depth) in itertools.pairwise(ordered):
        assert next_depth <= depth + 1
        assert depth == 0 or entry.parent is not None
