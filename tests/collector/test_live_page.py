"""The live page, in a real Chromium."""

import json
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.support.browser import browser
from tests.support.collector import JSON, page_view, self_describing
from tests.support.events import bodies, payload, struct
from tests.support.waiting import poll

pytestmark = pytest.mark.browser
TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
POST = "/com.snowplowanalytics.snowplow/tp2"


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture
def page(chromium, send):
    """The page, opened by the address with the token; no message on the console, no request to elsewhere."""
    context = chromium.new_context(viewport={"width": 1400, "height": 800})
    opened = context.new_page()
    said, asked = [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(send.collector.page_url)
    expect(opened.locator("body")).to_have_attribute("data-live", "yes")
    yield opened
    context.close()
    assert said == []
    own_place = urlsplit(send.collector.url).netloc
    assert {urlsplit(url).netloc for url in asked} == {own_place}


def shown(page):
    return expect(page.locator("#shown"))


def test_events_appear_as_they_arrive_and_the_token_leaves_the_address(page, send):
    assert "token" not in page.url
    shown(page).to_have_text("0 shown")
    send.post([page_view(aid="shop"), self_describing(TIMING, {})])
    shown(page).to_have_text("2 shown")
    assert page.locator(".nbt-row >> nth=0").inner_text().split("\n")[1:3] == ["✗ failed", "timing"]
    assert page.locator("#good").inner_text() == "1"
    assert page.locator("#bad").inner_text() == "1"


def test_filter_and_search_choose_events(page, send):
    send.post([page_view(aid="shop"), page_view(aid="blog", page="Ångström"), self_describing(TIMING, {})])
    shown(page).to_have_text("3 shown")
    page.click("[data-filter=bad]")
    shown(page).to_have_text("1 of 3 shown")
    page.click("[data-filter=all]")
    page.fill("#search", "ångström blog")
    shown(page).to_have_text("1 of 3 shown")
    page.fill("#search", "$.category")
    shown(page).to_have_text("1 of 3 shown")
    page.fill("#search", "")
    shown(page).to_have_text("3 shown")
    page.click(".nbt-bar >> nth=3")
    shown(page).to_have_text("0 of 3 shown")
    assert page.locator(".nbt-bar >> nth=3").get_attribute("aria-pressed") == "true"
    page.click(".nbt-chip")
    shown(page).to_have_text("3 shown")


def test_the_database_is_searched_beyond_what_the_page_holds(page, send):
    send.post([self_describing(TIMING, {}, aid="early"), page_view(aid="early")])
    for body in bodies(struct, 6000):
        assert send(POST, body, "POST", Content_Type=JSON).status == 200
    shown(page).to_have_text("6,002 shown", timeout=20_000)
    page.reload()
    # the page is sent the newest 500, and reads the others where somebody looks
    shown(page).to_have_text("6,002 shown", timeout=20_000)
    page.focus("#grid")
    page.evaluate("document.getElementById('grid').scrollTop = 1e9")
    expect(page.locator(".nbt-row", has_text="timing")).to_be_visible()
    page.click("[data-filter=bad]")
    shown(page).to_have_text("1 of 6,002 shown")
    assert "filter=bad" in page.url
    page.reload()
    shown(page).to_have_text("1 of 6,002 shown")
    page.click("[data-filter=all]")
    page.fill("#search", "early")
    shown(page).to_have_text("2 of 6,002 shown")
    page.fill("#search", "nowhere")
    shown(page).to_have_text("0 of 6,002 shown")
    assert page.locator("#empty").inner_text() == "No event matches."


def column(page, name):
    """Return what a column of the table shows, from the top."""
    names = [
        head.split("\n")[0].strip(" ↓↑▾") for head in page.locator(".nbt-head .nbt-cell").all_inner_texts()
    ]
    place = names.index(name) + 1
    rows = page.locator(f".nbt-row:visible .nbt-cell:nth-child({place})").all_inner_texts()
    order = page.locator(".nbt-row:visible").evaluate_all(
        "rows => rows.map(row => Number(row.dataset.index))"
    )
    return [text for _, text in sorted(zip(order, rows, strict=True))]


def test_a_columns_name_sorts_by_it_in_the_database(page, send):
    send.post([page_view(aid=name) for name in ("b", "c", "a")])
    shown(page).to_have_text("3 shown")
    assert poll(lambda: column(page, "app_id") == ["a", "c", "b"])
    page.get_by_role("button", name="app_id", exact=True).click()
    shown(page).to_have_text("3 of 3 shown")
    assert poll(lambda: column(page, "app_id") == ["a", "b", "c"])
    page.get_by_role("button", name="app_id ↑").click()
    expect(page.locator(".nbt-head [aria-sort=descending]")).to_contain_text("app_id")
    expect(page.locator(".nbt-row").first).to_contain_text("c")
    page.reload()
    shown(page).to_have_text("3 of 3 shown")
    assert poll(lambda: column(page, "app_id") == ["c", "b", "a"])
    send.post([page_view(aid="d")])
    shown(page).to_have_text("4 of 4 shown")
    page.get_by_role("button", name="app_id ↓").click()
    shown(page).to_have_text("4 shown")
    assert poll(lambda: column(page, "app_id") == ["d", "a", "c", "b"])


def test_a_column_is_filtered_by_several_values(page, send):
    send.post([page_view(aid=name) for name in ("shop", "blog", "help", "shop")])
    shown(page).to_have_text("4 shown")
    page.get_by_label("Filter by app_id").click()
    page.locator("#menu").get_by_label("shop").check()
    shown(page).to_have_text("2 of 4 shown")
    page.locator("#menu").get_by_label("help").check()
    shown(page).to_have_text("3 of 4 shown")
    page.keyboard.press("Escape")
    assert page.locator("#menu").is_hidden()
    page.get_by_label("Filter by event").click()
    page.fill("#menu input >> nth=0", "nothing, page_view")
    page.keyboard.press("Enter")
    shown(page).to_have_text("3 of 4 shown")
    page.reload()
    shown(page).to_have_text("3 of 4 shown")
    assert page.locator(".nbt-chip").all_inner_texts() == [
        "app_id: shop, help ✕",
        "event: nothing, page_view ✕",
    ]
    page.click(".nbt-chip >> nth=0")
    shown(page).to_have_text("4 of 4 shown")
    page.click(".nbt-chip")
    shown(page).to_have_text("4 shown")


def test_a_span_of_time_is_chosen_in_the_zone_that_is_named(page, send):
    send.post([page_view()])
    shown(page).to_have_text("1 shown")
    zone = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    assert page.locator(".nbt-head .nbt-cell >> nth=0").inner_text().startswith("time · ")
    page.click("#time summary")
    assert zone in page.locator("#zone").inner_text()
    page.fill("#until", "2020-01-01T00:00:00")
    shown(page).to_have_text("0 of 1 shown")
    assert page.locator("#empty").inner_text() == "No event matches."
    page.fill("#since", "2020-01-01T00:00:00")
    page.fill("#until", "2199-01-01T00:00:00")
    shown(page).to_have_text("1 of 1 shown")
    page.reload()
    shown(page).to_have_text("1 of 1 shown")


def test_the_reason_has_a_column_once_something_failed(page, send):
    send.post([page_view()])
    shown(page).to_have_text("1 shown")
    assert "reason" not in page.locator("#head").inner_text()
    send.post([self_describing(TIMING, {})])
    shown(page).to_have_text("2 shown")
    expect(page.locator("#head")).to_contain_text("reason")


def test_an_empty_page_says_why(page, send):
    assert page.locator("#empty").inner_text().startswith("Nothing has arrived yet.")
    send.post([page_view(aid="mine")])
    shown(page).to_have_text("1 shown")
    page.click("[data-filter=bad]")
    shown(page).to_have_text("0 of 1 shown")
    assert page.locator("#empty").inner_text() == "No event matches."
    page.click("[data-filter=all]")
    send.collector.forget(app_id="mine")
    shown(page).to_have_text("0 shown, 1 removed")
    assert page.locator("#empty").inner_text().startswith("No event is stored; 1 was removed")


def test_the_reason_of_a_failure_stands_next_to_its_field(page, send):
    send.post([self_describing(TIMING, {"timing": "3", "category": "io"}, vid="many")])
    said = page.locator(".nbt-row >> nth=0").inner_text()
    assert (
        "unstruct_event $.timing: string found, number expected · unstruct_event $.variable: is missing"
        in said
    )
    page.click(".nbt-row")
    keys = page.locator(".nbt-line[data-bad] .nbt-key").all_inner_texts()
    reasons = page.locator(".nbt-line[data-bad] .nbt-reason").all_inner_texts()
    assert dict(zip(keys, reasons, strict=True)) == {
        '"timing"': "string found, number expected",
        '"variable"': "is missing, but required",
        '"vid"': "integer of 32 bits expected, 'many' found",
    }
    why = page.locator(".nbt-why li").all_inner_texts()
    assert len(why) == 3
    assert "domain_sessionidx: integer of 32 bits expected, 'many' found" in why
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()


def test_the_keyboard_is_enough(page, send):
    send.post([page_view(aid=f"shop-{number}") for number in range(30)])
    shown(page).to_have_text("30 shown")
    page.keyboard.press("/")
    page.keyboard.type("shop-29")
    shown(page).to_have_text("1 of 30 shown")  # a search begins anew what the arrows have chosen
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    page.keyboard.press("f")
    expect(page.locator("[data-filter=bad]")).to_have_attribute("aria-pressed", "true")


def test_columns_are_chosen_and_remembered(page, send):
    send.post([page_view(aid="shop", uid="me")])
    shown(page).to_have_text("1 shown")
    page.click("#columns summary")
    page.get_by_label("user_id").check()
    assert "user_id" in page.locator("#head").inner_text()
    assert "me" in page.locator(".nbt-row").inner_text()
    page.reload()
    shown(page).to_have_text("1 shown")
    assert "user_id" in page.locator("#head").inner_text()


def test_what_a_tracker_sends_is_text_and_never_markup(page, send):
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    send.post([page_view(aid=evil, page=evil), self_describing(TIMING, {evil: evil, "timing": evil})])
    shown(page).to_have_text("2 shown")
    for number in range(2):
        page.click(f".nbt-row >> nth={number}")
        assert page.locator("#panel img, #panel script, #grid img, #grid script").count() == 0
        assert evil.replace('"', '\\"') in page.locator("#panel").inner_text()


def test_clearing_empties_the_page_and_the_collector(page, send):
    send.post([page_view()])
    shown(page).to_have_text("1 shown")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#clear")
    shown(page).to_have_text("0 shown")
    assert send.collector.counts()["total"] == 0
    send.post([page_view()])
    shown(page).to_have_text("1 shown")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(page, send, scheme):
    page.emulate_media(color_scheme=scheme)
    send.post([page_view(), self_describing(TIMING, {})])
    page.click(".nbt-row")
    for place in (
        "body",
        ".nbt-soft, .nbt-state",
        ".nbt-row .nbt-mark >> nth=0",
        ".nbt-reason >> nth=0",
        ".nbt-key >> nth=0",
    ):
        assert contrast(page, place) >= 4.5, place


def contrast(page, place):
    """The contrast of a text and what is behind it, as the accessibility guidelines count it."""
    ink, paper = page.locator(place).first.evaluate(
        """node => { const ink = getComputedStyle(node).color; let paper = 'rgba(0, 0, 0, 0)';
        for (let at = node; at && /, 0\\)|transparent/.test(paper); at = at.parentElement) paper = getComputedStyle(at).backgroundColor;
        return [ink, paper]; }"""
    )

    def brightness(colour):
        parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        red, green, blue = [
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted([brightness(ink), brightness(paper)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_narrow_window_shows_it_all_without_scrolling_sideways(page, send):
    page.set_viewport_size({"width": 400, "height": 800})
    send.post([page_view(), self_describing(TIMING, {})])
    shown(page).to_have_text("2 shown")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate("document.getElementById('grid').scrollWidth") <= 400
    page.click(".nbt-row")
    assert page.locator("#panel").bounding_box()["width"] == 400
    page.get_by_role("button", name="Close").click()
    assert page.locator("#panel").is_hidden()


def test_five_thousand_events_arrive_and_a_click_is_handled_at_once(page, send):
    page.evaluate(
        """() => { window.slowest = 0; window.clicks = 0;
        document.addEventListener('click', (click) => { const began = click.timeStamp;
          requestAnimationFrame(() => { window.clicks += 1; window.slowest = Math.max(window.slowest, performance.now() - began); }); }, true); }"""
    )
    filters = ["good", "bad", "all"]
    for number, body in enumerate(bodies(payload, 5000)):
        assert send(POST, body, "POST", Content_Type=JSON).status == 200
        page.locator(f"[data-filter={filters[number % 3]}]").dispatch_event("click")
    page.click("[data-filter=all]")
    shown(page).to_have_text("5,000 shown")
    began = time.monotonic()
    page.click(".nbt-row >> nth=4")
    assert page.locator("#panel").is_visible()
    assert time.monotonic() - began < 5
    assert page.locator(".nbt-row").count() < 100  # only what is in sight is drawn
    result = page.evaluate("({ clicks: window.clicks, slowest: window.slowest })")
    assert result["clicks"] >= 10, json.dumps(result)
    assert result["slowest"] < 200, json.dumps(result)


def test_without_the_token_the_page_says_what_to_do(chromium, send):
    context = chromium.new_context()
    opened = context.new_page()
    opened.goto(f"{send.collector.url}/micro/ui/")
    assert "open the URL that it printed" in opened.inner_text("body")
    context.close()
