"""What goes to the browser: differences, in order, bounded, without content."""

import json
import time

import pytest

from nbtrack.delivery import Attempt, PendingEvent
from nbtrack.widget.messages import BIG_WINDOW, MESSAGE_BYTES, SMALL_WINDOW, Feed
from nbtrack.widget.snapshot import Snapshot


def waiting(*numbers, attempts=0, name="order"):
    return [PendingEvent(f"id-{number}", float(number), "ue", name, 900, attempts) for number in numbers]


def snapshot(buffer=(), attempts=(), total=None, results=None):
    counters = {"accepted": 0, "waiting": len(buffer) if total is None else total, "in flight": 0, "sent": 0}
    return Snapshot(time.time(), "local", "ok", "", counters, list(buffer), list(attempts), results)


def attempt(number, error=None):
    return Attempt(number, 1.0, 2, 300, 200, 5.0, None, error, ("secret-id",))


def test_a_message_tells_what_came_and_what_went():
    feed = Feed()
    first, _ = feed.next_message(snapshot(waiting(1, 2, 3)))
    second, _ = feed.next_message(snapshot(waiting(3, 4)))
    assert [row[0] for row in first["buffer"]["add"]] == [1, 2, 3]
    assert second["buffer"] == {"add": [[4, 4.0, "ue", "order", 900, 0]], "gone": [[1, 2]]}
    assert (first["seq"], second["seq"]) == (1, 2)
    assert first["fresh"]
    assert not second["fresh"]


def test_a_changed_row_is_told_again_under_its_number():
    feed = Feed()
    feed.next_message(snapshot(waiting(1, 2)))
    message, _ = feed.next_message(snapshot([*waiting(1, attempts=1), *waiting(2)]))
    assert message["buffer"]["add"] == [[1, 1.0, "ue", "order", 900, 1]]


def test_attempts_are_told_once():
    feed = Feed()
    feed.next_message(snapshot(attempts=[attempt(2), attempt(1)]))
    message, _ = feed.next_message(snapshot(attempts=[attempt(3), attempt(2), attempt(1)]))
    assert [row[0] for row in message["log"]] == [3]


def test_after_a_restart_all_is_told_with_the_same_numbers():
    feed = Feed()
    feed.next_message(snapshot(waiting(1, 2), [attempt(1)]))
    feed.restart()
    message, _ = feed.next_message(snapshot(waiting(2, 3), [attempt(1)]))
    assert message["fresh"]
    assert [row[0] for row in message["buffer"]["add"]] == [2, 3]
    assert len(message["log"]) == 1
    assert feed.find_event(2) == "id-2"
    assert feed.find_event(99) is None


@pytest.mark.parametrize("name", ["order", "ü" * 5_000])
def test_a_message_is_bounded_and_the_rest_follows(name):
    feed = Feed()
    events = waiting(*range(5_000), name=name)
    told = set()
    for _ in range(60):
        message, more = feed.next_message(snapshot(events[: feed.window], total=5_000))
        assert len(json.dumps(message, ensure_ascii=False).encode()) < MESSAGE_BYTES + 8_000
        told |= {row[0] for row in message["buffer"]["add"]}
        if not more:
            break
    assert len(told) == 5_000


def test_rows_that_rush_by_are_few_and_rows_that_stay_become_many():
    feed = Feed()
    for _ in range(9):
        feed.next_message(snapshot(waiting(*range(feed.window))))
    assert feed.window == BIG_WINDOW
    feed.next_message(snapshot(waiting(*range(10_000, 10_200))))
    assert feed.window == SMALL_WINDOW


def test_what_may_be_saved_holds_no_id_and_no_reason():
    feed = Feed()
    results = {
        "good": 1,
        "bad": 1,
        "repeats": 0,
        "last": [{"time": 1, "event_id": "secret-id", "schema": "s", "good": False, "reasons": ["'secret'"]}],
        "by_schema": [
            {"schema": f"iglu:com.acme/{n}/jsonschema/1-0-0", "good": n, "bad": 0} for n in range(60)
        ],
    }
    events = [PendingEvent("secret-id", 1.0, "ue", "order", 900, 0)] * 3
    saved = feed.summarise(snapshot(events, [attempt(1)], results=results))
    assert "secret" not in json.dumps(saved)
    assert len(json.dumps(feed.summarise(snapshot(waiting(*range(5_000)), [attempt(1)])))) < 10_000
    live, _ = feed.next_message(snapshot(events, results=results))
    assert live["collector"]["schemas"][:2] == [
        ["iglu:com.acme/0/jsonschema/1-0-0", 0, 0],
        ["iglu:com.acme/1/jsonschema/1-0-0", 1, 0],
    ]
    assert len(live["collector"]["schemas"]) == 50
    assert live["collector"]["last"][0]["reasons"] == ["'secret'"]
