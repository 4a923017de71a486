"""The monitor's activity: what goes to the browser, what is saved, and what the page makes of it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

import nbtrack
from nbtrack.activities import Entry
from nbtrack.tracker import Emitter, PageView, SelfDescribing, SelfDescribingJson, Tracker
from nbtrack.widget import Snapshot, render_html, render_text, take_snapshot
from nbtrack.widget.messages import MESSAGE_BYTES, Feed
from nbtrack.widget.snapshot import fetch_validation_results
from tests.support.bare_page import Bare
from tests.support.browser import browser

SECRET = "secret-value"
COUNTERS = {"accepted": 0, "waiting": 0, "in flight": 0, "sent": 0}


def entry(number: int, **values: Any) -> Entry:
    known = {
        "id": str(number),
        "kind": "cell",
        "name": f"cell {number}",
        "started": float(number),
        "status": "ok",
    }
    return Entry(**{**known, "seconds": 1.0, "event_id": f"event-{number}", **values})


def snapshot(*entries: Entry) -> Snapshot:
    return Snapshot(time.time(), "local", "ok", "", COUNTERS, activity=list(entries))


def told(feed: Feed, *entries: Entry) -> dict[str, Any] | None:
    message, _ = feed.next_message(snapshot(*entries))
    return message.get("activity")


def test_rows_that_changed_are_told_with_the_order_of_all() -> None:
    feed = Feed()
    first = told(feed, entry(1), entry(2, status="running", seconds=None))
    assert first is not None
    assert [row[3] for row in sorted(first["rows"])] == ["cell 1", "cell 2"]
    assert told(feed, entry(1), entry(2, status="running", seconds=None)) is None
    second = told(feed, entry(1), entry(3, kind="step", parent="1"), entry(2))
    assert second is not None
    assert [row[3] for row in second["rows"]] == ["cell 2", "cell 3"]
    # the step stands behind its cell, one deeper
    assert second["order"] == [first["order"][0], second["rows"][1][0], first["order"][1]]
    assert second["rows"][1][4] == 1


def test_a_run_keeps_its_number_and_finds_its_event() -> None:
    feed = Feed()
    first = told(feed, entry(1, status="running", event_id=None))
    assert first is not None
    (number,) = first["order"]
    assert feed.find_activity(number) is None
    second = told(feed, entry(1))
    assert second is not None
    assert second["order"] == [number]
    assert feed.find_activity(number) == "event-1"
    assert feed.find_activity(99) is None


def test_after_a_restart_all_is_told_again() -> None:
    feed = Feed()
    before = told(feed, entry(1), entry(2))
    feed.restart()
    assert told(feed, entry(1), entry(2)) == before


def test_a_message_is_bounded_and_the_rest_follows() -> None:
    feed = Feed()
    properties = {key * 40: "é" * 90 for key in "abcdef"}
    many = [entry(number, name="é" * 300, error="é" * 300, properties=properties) for number in range(100)]
    rows: dict[int, Any] = {}
    for _ in range(9):
        message, more = feed.next_message(snapshot(*many))
        activity = message.get("activity", {"rows": []})
        assert len(json.dumps(activity, ensure_ascii=False).encode()) < MESSAGE_BYTES + 2_000
        rows |= {row[0]: row for row in activity["rows"]}
        if not more:
            break
    assert len(rows) == 100


def test_numbers_of_what_is_no_longer_kept_are_forgotten() -> None:
    feed = Feed()
    for first in range(0, 5_000, 50):
        told(feed, *[entry(number) for number in range(first, first + 50)])
    assert len(feed._activity_numbers) <= 1_050
    assert len(feed._activity_ids) <= 1_050


def test_no_value_of_the_user_is_saved_with_the_notebook() -> None:
    found = entry(
        1,
        name="load",
        properties={"source": SECRET},
        reasons=(SECRET,),
        validation="invalid",
        error="KeyError",
    )
    assert SECRET in json.dumps(told(Feed(), found))
    saved = [
        json.dumps(Feed().summarise(snapshot(found))),
        render_html(snapshot(found)),
        render_text(snapshot(found)),
    ]
    assert not any(SECRET in text for text in saved)
    assert "load" in saved[1]
    assert "1 entry" in saved[2]


def test_a_session_is_shown_with_what_runs_and_validation_results(session: Any) -> None:
    monitor = nbtrack.monitor()
    try:
        with nbtrack.track("outer"):
            assert "1 running" in repr(monitor.still())
        session.flush()
        monitor._results = fetch_validation_results(session)
        assert [found.validation for found in monitor._look(50).activity] == ["valid"]
    finally:
        monitor.close()
    assert session.activities._subscribers == ()


def test_lists_call_events_by_their_names_and_say_what_failed(session: Any) -> None:
    session.emitter.pause()
    with pytest.raises(KeyError), nbtrack.track("join"):
        raise KeyError
    nbtrack.track(PageView("https://acme.com"))
    monitor = nbtrack.monitor()
    try:
        message = monitor._feed.next_message(monitor._look(50))[0]
        assert [row[3] for row in message["buffer"]["add"]] == ["join: KeyError · analysis", "page_view"]
        session.emitter.resume()
        session.flush()
        monitor._results = fetch_validation_results(session)
        message = monitor._feed.next_message(monitor._look(50))[0]
        titles = {row["schema"].split("/")[1]: row["title"] for row in message["collector"]["last"]}
        assert titles == {"analysis": "join: KeyError", "page_view": "page_view"}
    finally:
        monitor.close()


# The page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture
def bare(chromium: Any) -> Iterator[Bare]:
    context = chromium.new_context(viewport={"width": 1400, "height": 700})
    made = Bare(context.new_page())
    yield made
    assert made.errors == []
    context.close()


def row(number: int, title: str, **values: Any) -> list[Any]:
    known: dict[str, Any] = {
        "started": time.time() - 60,
        "kind": "cell",
        "title": title,
        "depth": 0,
        "status": "ok",
        "error": "",
        "seconds": 1.0,
        "rows_in": None,
        "rows_out": None,
        "delivery": "delivered",
        "validation": "valid",
        "count": number,
        "properties": [],
    }
    return [number, *(known | values).values()]


def texts(bare: Bare) -> list[list[str]]:
    return [line.split("\t") for line in bare.rows().all_inner_texts()]


@pytest.mark.browser
def test_activity_is_the_first_tab_and_changes_live(bare: Bare) -> None:
    running = row(2, "fit", status="running", seconds=None, delivery="", validation="not checked", count=None)
    bare.start("Activity", activity={"rows": [row(1, "load", rows_out=336_776), running], "order": [1, 2]})
    first = bare.page.locator("#one [role=tab]").first
    assert (first.inner_text(), first.get_attribute("aria-selected")) == ("Activity", "true")
    found = texts(bare)
    assert found[0][:3] == ["✓ [1] load", "1 s", "→ 336,776"]
    assert found[1][0] == "◐ fit"
    body = "document.querySelector('#one .nbm-table').textContent"
    bare.page.wait_for_function(f"() => !{body}.includes({found[1][1]!r})")
    assert bare.page.locator("#one .nbm-hint").inner_text().startswith("Buttons and details act")
    bad = row(2, "fit", status="error", error="KeyError", validation="invalid")
    bare.tell(activity={"rows": [bad, row(3, "clean", kind="step", depth=1, count=None)], "order": [1, 3, 2]})
    assert [line[0].strip() for line in texts(bare)] == ["✓ [1] load", "✓ clean", "✗ [2] fit: KeyError"]
    assert "1 failed" in bare.page.locator("#one caption").inner_text()
    assert bare.page.locator("#one .nbm-hint").inner_text() == ""
    bare.page.locator("#one input").fill("clean")
    assert len(texts(bare)) == 1


@pytest.mark.browser
def test_a_row_opens_its_event_and_names_are_text(bare: Bare) -> None:
    evil = "<img src=x onerror='window.evil=1'>\u202e"
    bare.start("Activity", activity={"rows": [row(1, evil, properties=[evil])], "order": [1]})
    bare.rows().first.click()
    assert bare.sent("activity")[0]["number"] == 1
    bare.answer("activity", content={"e": "ue"}, note=None, curl=None)
    assert '"e": "ue"' in bare.page.locator("#one .nbm-json").inner_text()
    assert bare.page.evaluate("() => window.evil") is None
    assert "\u202e" not in bare.page.locator("#one .nbm-home").inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("width", [400, 1_400])
def test_the_longest_bar_fills_its_cell_and_nothing_leaves_the_monitor(chromium: Any, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 700})
    bare = Bare(context.new_page())
    bare.start("Activity", activity={"rows": [row(1, "a"), row(2, "b" * 90, seconds=4.0)], "order": [1, 2]})
    shares = bare.page.evaluate(
        "() => [...document.querySelectorAll('#one .nbm-bar-cell')]"
        ".map((cell) => cell.style.getPropertyValue('--nbm-share'))"
    )
    assert shares == ["25%", "100%"]
    overflow = (
        "() => { const m = document.querySelector('.nbtrack-monitor'); return m.scrollWidth - m.clientWidth }"
    )
    assert bare.page.evaluate(overflow) <= 0
    assert bare.errors == []
    context.close()


@pytest.mark.browser
def test_what_the_page_saves_holds_no_values(bare: Bare) -> None:
    bare.start("Activity", activity={"rows": [row(1, "load", properties=[SECRET])], "order": [1]})
    bare.tell(activity={"rows": [row(2, "fit", properties=[SECRET])], "order": [1, 2]})
    summary = bare.page.evaluate("() => JSON.stringify(window.state.summary)")
    assert "fit" in summary
    assert SECRET in bare.page.locator("#one .nbm-home").inner_text()
    assert [found[13] for found in json.loads(summary)["activity"]["rows"]] == [[], []]


def test_results_are_known_without_a_call_however_much_others_sent(session, running):
    unknown = SelfDescribing(SelfDescribingJson("iglu:com.acme/nobody_has_it/jsonschema/1-0-0", {}))
    with nbtrack.track("load"):
        pass
    nbtrack.track(unknown)
    assert session.flush(timeout=10).pending == 0
    with Tracker("elsewhere", Emitter(running.url, batch_size=2_000)) as other:
        for _ in range(1_100):
            other.track(unknown)
    running.wait_for(1, bad=1_101)
    known = {entry.name: entry.validation for entry in take_snapshot(session).activity}
    assert known == {"load": "valid", "nobody_has_it": "invalid"}
    assert {entry.name: entry.validation for entry in nbtrack.activity()} == known
