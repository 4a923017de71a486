"""The built documentation, opened from its files: it asks no host for anything, and its search finds messages."""

from pathlib import Path
from typing import Any

import pytest

SITE = Path(__file__).parents[2] / "site"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="the site is not built: make docs"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_home_page_needs_no_network_and_shows_the_picture_of_its_theme(chromium: Any, theme: str):
    context = chromium.new_context(color_scheme=theme)
    page, asked, errors = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"file://{SITE}/index.html")
    shown = [
        picture.get_attribute("src")
        for picture in page.locator("img[src*=activity]").all()
        if picture.is_visible()
    ]
    assert [name.rpartition("#")[2] for name in shown] == [f"only-{theme}"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert errors == []
    context.close()


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("cannot reach the collector", "messages/collector.html"),
        ("HTTP 403 dead letters", "messages/delivery.html"),
        ("since= needs key", "messages/bulk.html"),
        ("share an event id", "messages/bulk.html"),
    ],
)
def test_search_finds_a_message_without_a_server(chromium: Any, message: str, place: str):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"file://{SITE}/index.html")
    page.locator("input.md-search__input").click()
    page.locator(".md-search-result__meta:has-text('Type to start searching')").wait_for(timeout=30_000)
    page.locator("input.md-search__input").press_sequentially(message)
    page.locator(".md-search-result__item").first.wait_for(timeout=30_000)
    found = [link.get_attribute("href") or "" for link in page.locator(".md-search-result__link").all()[:6]]
    assert any(place in link for link in found), found
    context.close()


def test_no_page_is_wider_than_a_phone(chromium: Any):
    context = chromium.new_context(viewport={"width": 400, "height": 800})
    page, wide = context.new_page(), []
    for path in sorted(SITE.rglob("*.html")):
        page.goto(f"file://{path}", wait_until="domcontentloaded")
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(path.name)
    assert wide == []
    context.close()


def test_a_name_in_a_table_is_in_one_piece(chromium: Any):
    split = """(column) => [...document.querySelectorAll(`.md-typeset td:nth-child(${column}) code`)]
        .filter((code) => /^[\\w.]+$/.test(code.textContent) && code.getClientRects().length > 1)
        .map((code) => code.textContent)"""
    for width, columns in ((400, [1]), (1280, [1, 2])):
        context = chromium.new_context(viewport={"width": width, "height": 800})
        page = context.new_page()
        for path in sorted((SITE / "reference").glob("*.html")):
            page.goto(f"file://{path}", wait_until="domcontentloaded")
            assert [page.evaluate(split, column) for column in columns] == [[]] * len(columns), path.name
        context.close()


def test_tables_and_outputs_are_whole(chromium: Any):
    empty = """() => [...document.querySelectorAll(".md-typeset table:not([class]) thead")]
        .filter((head) => !head.textContent.trim() && head.getClientRects().length).length"""
    cut = """() => [...document.querySelectorAll(".jp-OutputArea-output pre")]
        .filter((output) => getComputedStyle(output).wordBreak === "break-all").length"""
    context = chromium.new_context()
    page = context.new_page()
    for path in sorted(SITE.rglob("*.html")):
        page.goto(f"file://{path}", wait_until="domcontentloaded")
        assert (path.name, page.evaluate(empty), page.evaluate(cut)) == (path.name, 0, 0)
        # an escape that Markdown needs in a table of GitHub is shown as it is in code
        assert [one for one in page.locator("td code").all_text_contents() if "\\|" in one] == []
    context.close()
