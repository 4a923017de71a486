"""Render the pictures of the README and the tutorials from the real thing: JupyterLab and the collector's live page.

Run ``make screenshots``; needs Chromium. The pictures are written to ``docs/images``.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.browser import browser  # noqa: E402
from tests.support.lab import Notebook, start_lab  # noqa: E402 - the path comes first
from tests.support.waiting import poll  # noqa: E402

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 200_000
SIZE = {"width": 1180, "height": 1000}
WAITING = 24  # as the cells below leave it
CELLS = [
    """
    %load_ext nbtrack
    import nbtrack
    from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson
    """,
    "%nbtrack monitor",
    """
    %%track load-flights -p source=nycflights13 -p rows=len(flights)
    flights = list(range(336_776))
    """,
    """
    import time

    tracker = nbtrack.session().tracker
    TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
    pages = [("Flights", "flights"), ("Delays", "delays"), ("Airports", "airports")]
    for number in range(90):
        title, path = pages[number % 3]
        tracker.track(PageView(f"https://reports.acme.com/{path}", title))
        if number % 3 == 0:
            timing = {"category": "report", "variable": path, "timing": 120 + number}
            tracker.track(SelfDescribing(SelfDescribingJson(TIMING, timing)))
        time.sleep(0.02 + 0.12 * (number % 10 == 0))
    for wrong in ({"category": "report", "variable": "delays", "timing": "soon"}, {"category": "report", "timing": 3}):
        tracker.track(SelfDescribing(SelfDescribingJson(TIMING, wrong)))
    nbtrack.session().flush()
    nbtrack.session().emitter.pause()
    for number in range(12):
        title, path = pages[number % 3]
        tracker.track(PageView(f"https://reports.acme.com/{path}", title))
        timing = {"category": "report", "variable": path, "timing": 120 + number}
        tracker.track(SelfDescribing(SelfDescribingJson(TIMING, timing)))
    print("pictures", "please")
    """,
    'print("page:", nbtrack.session().collector.page_url)',
]


def take_picture(name: str, place: Any) -> None:
    """Write one picture, and refuse one that is too big for a repository."""
    path = IMAGES / f"{name}.png"
    place.screenshot(path=path, animations="disabled")
    size = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(ROOT)} {size:,} bytes\n")
    if size > MOST_BYTES:
        raise SystemExit(f"{path} has {size:,} bytes, {MOST_BYTES:,} at most")


def show_monitor(opened: Notebook) -> str:
    """Take the monitor's pictures; give the address of the live page."""
    opened.run_all()
    opened.wait_for_output("pictures please", 45)
    opened.wait_for_output("page:")
    told = opened.page.locator(".jp-OutputArea-output:has-text('page:')").first.text_content() or ""
    poll(lambda: opened.counter("waiting") == WAITING)
    opened.monitor.scroll_into_view_if_needed()
    opened.monitor.locator(".nbm-home tbody:not(.nbm-space) tr").nth(3).click()
    opened.monitor.locator("button:text-is('Copy as curl')").wait_for()
    opened.page.mouse.move(2, 2)
    take_picture("monitor", opened.monitor)
    opened.monitor.locator("button:text-is('Close')").click()
    opened.monitor.locator("[role=tab]:text-is('Collector')").click()
    opened.page.evaluate(
        "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    )
    poll(lambda: opened.monitor.get_attribute("data-theme") == "dark")
    poll(lambda: "2 bad" in opened.monitor.locator("caption").inner_text())
    opened.page.mouse.move(2, 2)
    opened.page.wait_for_timeout(300)
    take_picture("monitor-dark", opened.monitor)
    return told.partition("page:")[2].strip()


def show_live_page(chromium: Any, address: str) -> None:
    """Take the live page's picture with a failed event open."""
    context = chromium.new_context(viewport={"width": 1400, "height": 760})
    page = context.new_page()
    page.goto(address)
    page.locator(".nbt-row .nbt-mark[data-good=no]").first.wait_for()
    page.locator(".nbt-row:has(.nbt-mark[data-good=no])").first.click()
    page.mouse.move(2, 2)
    take_picture("live-page", page)
    context.close()


def main() -> None:
    """Render all pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        start_lab(Path(folder)) as lab,
        browser() as chromium,
    ):
        lab.write("flights", CELLS)
        with lab.open(chromium, "flights", viewport=SIZE) as opened:
            opened.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
            show_live_page(chromium, show_monitor(opened))


if __name__ == "__main__":
    main()
