"""Searches of the live page: what a list in Python would find, a page at a time."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.collector.events.database import Database, EventFilter
from nbtrack.collector.server import search
from nbtrack.collector.server.live_page import page_values
from nbtrack.collector.server.search import Condition, Scan
from tests.support.collector import page_view, self_describing, validated

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
APPS = st.sampled_from(["shop", "Blog", "help", ""])
USERS = st.sampled_from(["1", "2", "10", "ann", None])


@given(
    st.lists(st.tuples(APPS, USERS), max_size=30),
    st.sets(st.sampled_from(["shop", "blog", "nothing"])),
    st.sampled_from([None, ("user_id", True), ("user_id", False)]),
    st.integers(0, 10),
    st.integers(1, 10),
)
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_a_page_is_what_a_sorted_list_has_there(rows, apps, sort, first, size):
    database = Database(None)
    events = [
        page_view(aid=app, **({} if user is None else {"uid": user}), page=str(number))
        for number, (app, user) in enumerate(rows)
    ]
    if events:
        database.write([validated(*events)])
    conditions = [Condition("app_id", frozenset(apps))] if apps else []
    scan = Scan(database, EventFilter(), conditions, (), sort, page_values)
    scan.advance()
    expected = [event for event in reversed(events) if not apps or event["aid"].lower() in apps]
    if sort is not None:
        filled = [event for event in expected if "uid" in event]
        filled.sort(key=lambda event: sort_key(event["uid"]), reverse=sort[1])
        expected = filled + [event for event in expected if "uid" not in event]
    found = database.read_ids(scan.page(first, size))
    assert [event.payload["page"] for event in found] == [
        event["page"] for event in expected[first : first + size]
    ]
    assert (scan.found, scan.searched, scan.is_done) == (len(expected), len(rows), True)
    database.close()


def sort_key(text):
    """Numbers come before words, and in the order of numbers."""
    return (0, float(text), "") if text.isdigit() else (1, 0, text)


def test_a_search_tells_what_it_found_so_far_and_goes_on(monkeypatch):
    monkeypatch.setattr(search, "SCANNED_AT_ONCE", 10)
    database = Database(None)
    database.write([validated(*(page_view(aid="shop" if number % 3 else "blog") for number in range(25)))])
    scan = Scan(database, EventFilter(), [Condition("app_id", frozenset(["blog"]))], (), None, page_values)
    seen = []
    while not scan.is_done:
        scan.advance(0)
        seen.append((scan.searched, scan.found))
    assert seen == [(10, 4), (20, 7), (25, 9), (25, 9)]
    database.close()


def test_the_page_asks_for_columns_values_and_an_order(send):
    timings = [
        self_describing(TIMING, {"category": "io", "variable": "read", "timing": number}, aid="shop")
        for number in (5, 30, 4)
    ]
    send.post([*timings, page_view(aid="blog"), self_describing(TIMING, {}, aid="shop")])

    def find(**query):
        text = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
        return send.read(f"/nbtrack/search?{text}").json

    def rows(found):
        return [line[0] for line in found["rows"]]

    everything = find()
    assert (everything["found"], everything["is_done"], rows(everything)) == (5, True, [5, 4, 3, 2, 1])
    assert rows(find(sort="data.timing", desc=1, filter="good")) == [2, 1, 3, 4]
    where = json.dumps([["app_id", ["SHOP", "other"]], ["status", ["good"]]])
    assert rows(find(where=where, first=1, size=1)) == [2]
    assert rows(find(where=json.dumps([["reason", ["is missing"]]]))) == [5]
    assert rows(find(q="blog")) == [4]
    assert rows(find(before=3, sort="time", desc=0)) == [1, 2]


@pytest.mark.parametrize("where", ["{", "5", "[5]", '[["a"]]', '[["a", 5]]'])
def test_filters_of_another_shape_are_rejected(send, where):
    response = send.read(f"/nbtrack/search?where={quote(where)}")
    assert response.status == 400
    assert response.json["error"].startswith("where must be")
