"""The monitor in real JupyterLab."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from nbtrack.collector import LocalCollector
from tests.support.lab import find_port
from tests.support.waiting import poll

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
FLOOD_SECONDS = 10 if os.environ.get("NBTRACK_LONG") else 3
EVIL = "<img src=x onerror='window.evil=1'><script>window.evil=2</script>"

PRIVATE = """
import nbtrack, time, warnings
from nbtrack.collector import LocalCollector
warnings.simplefilter("ignore")  # one shows the line of code that tracks a title that is too long
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson, StructuredEvent
collector = LocalCollector()
collector.start()
session = nbtrack.start(collector, store="memory")
nbtrack.monitor()
"""
TIMING = 'SelfDescribing(SelfDescribingJson("iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0", {"timing": "3"}))'
WORK = f"""
for number in range(40):
    session.tracker.track(StructuredEvent("shop", "buy"))
    time.sleep(0.05)  # values that change for two seconds are what is looked at
session.tracker.track({TIMING})
session.emitter.flush(10)
session.emitter.pause()
for number in range(30):
    session.tracker.track(PageView("http://acme.com/it's", {EVIL!r} + "\\u202e" + "x" * 800_000 * (number == 0)))
print("cell", "done")
"""


def rows(opened, view=0):
    return opened.monitors.nth(view).locator(".nbm-home tbody:not(.nbm-space) tr")


def tab(opened, name, view=0):
    opened.monitors.nth(view).locator(f"[role=tab]:text-is({name!r})").click()


def test_values_change_while_the_cell_is_busy_and_views_show_all(notebook):
    opened = notebook(PRIVATE, "nbtrack.monitor()", WORK)
    opened.run_all()
    opened.monitors.nth(1).wait_for(timeout=30_000)
    seen = set()
    done = opened.page.locator(".jp-OutputArea-output:has-text('cell done')")
    while not done.count():
        seen.add((opened.counter("sent"), opened.counter("sent", 1)))
        opened.page.wait_for_timeout(50)
    assert len({first for first, _ in seen}) >= 5
    assert len({second for _, second in seen}) >= 5

    # both views, the buffer, the log, the validation results
    assert poll(lambda: opened.counter("waiting") == opened.counter("waiting", 1) == 30)
    assert opened.state() == "paused"
    tab(opened, "Buffer")
    assert poll(lambda: rows(opened).count() >= 8)
    tab(opened, "Send log", 1)
    assert "✓ 200" in rows(opened, 1).first.inner_text()
    assert rows(opened).first.inner_text().split()[1:3] == ["pv", "page_view"]
    tab(opened, "Collector")
    assert poll(lambda: "40 good, 1 failed" in opened.monitor.locator(".nbm-table caption").inner_text())
    # the last events, and with them what the live page has above its own: the counts by schema
    schemas = opened.monitor.locator(".nbm-schemas tbody tr")
    assert [row.split("\t") for row in schemas.all_inner_texts()] == [
        ["structured event", "40", "0"],
        ["timing 1-0-0 · com.snowplowanalytics.snowplow", "0", "1"],
    ]
    bad = rows(opened).filter(has_text="✗ failed").first
    bad.scroll_into_view_if_needed()
    assert "category: is missing" in bad.inner_text()
    bad.click()
    content = opened.monitor.locator(".nbm-json")
    assert poll(lambda: '"eid"' in content.inner_text())
    assert "category: is missing" in json.loads(content.inner_text())["why it is bad"][0]

    # one click shows an event, hostile as it is, as text
    tab(opened, "Buffer")
    rows(opened).first.click()
    assert poll(lambda: "800,0" in content.inner_text() or EVIL[:20] in content.inner_text())
    assert "\u202e" not in content.inner_text()
    shown = json.loads(content.inner_text())
    assert shown["url"] == "http://acme.com/it's"
    assert shown["cx (contexts, decoded)"]["data"]
    rows(opened).nth(1).click()
    assert poll(lambda: opened.monitor.locator("button:text-is('Copy as curl')").is_visible())
    opened.monitor.locator("button:text-is('Copy as curl')").click()
    command = poll(lambda: opened.page.evaluate("() => navigator.clipboard.readText()"))
    assert command.startswith("curl --request POST http://127.0.0.1:")
    assert "'\"'\"'s" in command
    opened.page.keyboard.press("Escape")
    assert opened.monitor.locator(".nbm-panel").is_hidden()
    assert opened.page.evaluate("() => window.evil") is None
    width = opened.page.evaluate(
        "() => { const m = document.querySelector('.nbtrack-monitor'); return m.scrollWidth - m.clientWidth }"
    )
    assert width <= 0

    # themes
    assert opened.monitor.get_attribute("data-theme") == "light"
    theme = "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    opened.page.evaluate(theme)
    assert poll(lambda: opened.monitor.get_attribute("data-theme") == "dark")


def test_a_collector_that_is_down_is_said_to_be_retried_and_drained_when_it_returns(notebook):
    port = find_port()
    opened = notebook(
        f"""
        import nbtrack, time
        from nbtrack.tracker import StructuredEvent
        session = nbtrack.start("http://127.0.0.1:{port}", store="memory")
        nbtrack.monitor()
        """,
        """
        for number in range(20):
            session.tracker.track(StructuredEvent("shop", "buy"))
        while session.emitter.stats().pending:
            time.sleep(0.05)
        print("all", "sent")
        """,
    )
    opened.run_all()
    opened.monitor.wait_for(timeout=30_000)
    assert poll(lambda: opened.counter("waiting") == 20)
    assert poll(lambda: opened.state() == "retrying")
    reason = opened.monitor.locator(".nbm-reason")
    assert poll(lambda: re.match(r"(in \d+ s|now): ", reason.inner_text()))
    assert opened.is_busy()
    tab(opened, "Send log")
    assert "✗ none" in rows(opened).first.inner_text()
    assert opened.monitor.locator("[role=tab]:text-is('Collector')").is_hidden()
    with LocalCollector(port=port) as collector:
        opened.wait_for_output("all sent", 60)
        assert collector.wait_for(20) == 20
        assert poll(lambda: (opened.state(), opened.counter("waiting")) == ("ok", 0))


LOADED = PRIVATE.replace("session = ", "get_ipython().run_line_magic('load_ext', 'nbtrack')\nsession = ")
WAIT = """
%%track long -p rows=3
import time, pathlib
with nbtrack.track("inside") as step:
    step.rows_out = 7
while not pathlib.Path("go").exists():
    time.sleep(0.05)
pathlib.Path("go").unlink()
print("cell", "done")
"""
KERNEL_SETTINGS = "lab/api/settings/@jupyterlab/apputils-extension:kernels-settings"


@pytest.fixture
def without_subshells(lab):
    """A front end that sends widgets' messages where cells run, as all did before JupyterLab 4.4."""

    def change(raw):
        request = urllib.request.Request(
            f"{lab.url}/{KERNEL_SETTINGS}", json.dumps({"raw": raw}).encode(), method="PUT"
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    change('{"commsOverSubshells": "disabled"}')
    yield
    change("{}")


def test_buttons_act_while_a_cell_runs(notebook, lab):
    opened = notebook(LOADED, WAIT, 'session.tracker.track(StructuredEvent("shop", "buy"))')
    opened.run(0)
    opened.monitor.wait_for(timeout=30_000)
    opened.run(1)
    assert poll(lambda: "◐ long" in rows(opened).first.inner_text(), wait=opened.pause)
    hint = opened.monitor.locator(".nbm-hint")
    assert poll(lambda: hint.inner_text() == "", wait=opened.pause)
    opened.monitor.locator("button:text-is('Pause')").click()
    assert poll(lambda: opened.state() == "paused", 5, wait=opened.pause)
    rows(opened).nth(1).click()
    content = opened.monitor.locator(".nbm-json")
    assert poll(lambda: '"eid"' in content.inner_text(), 5, wait=opened.pause)
    assert opened.is_busy()
    (lab.folder / "go").touch()
    opened.wait_for_output("cell done")


def test_buttons_that_wait_for_a_cell_say_so(notebook, lab, without_subshells):
    opened = notebook(LOADED, WAIT, 'session.tracker.track(StructuredEvent("shop", "buy"))')
    opened.run(0)
    opened.monitor.wait_for(timeout=30_000)
    hint = opened.monitor.locator(".nbm-hint")
    assert hint.inner_text() == "", "no cell runs"
    opened.run(1)
    assert poll(lambda: hint.inner_text().startswith("Buttons and details act"), wait=opened.pause)
    pause = opened.monitor.locator("button:text-is('Pause')")
    assert pause.get_attribute("aria-describedby") == hint.get_attribute("id")
    pause.click()
    assert hint.inner_text() == "Asked to pause: acts when the running cell ends at the latest."
    (lab.folder / "go").touch()
    opened.wait_for_output("cell done")
    resume = opened.monitor.locator("button:text-is('Resume')")
    resume.wait_for(timeout=10_000)
    assert opened.state() == "paused"
    assert poll(lambda: hint.inner_text() == "", wait=opened.pause)
    accepted = opened.counter("accepted")
    opened.run(2)
    assert poll(lambda: opened.counter("accepted") == accepted + 1, wait=opened.pause)
    assert opened.counter("waiting") > 0
    resume.click()
    assert poll(lambda: (opened.state(), opened.counter("sent")) == ("ok", accepted + 1), wait=opened.pause)
    opened.monitor.locator("button:text-is('Flush now')").click()
    assert poll(lambda: hint.inner_text() == "")


def test_without_a_kernel_the_saved_table_is_shown_and_nbconvert_needs_no_network(notebook, lab, chromium):
    opened = notebook(PRIVATE, WORK, "nbtrack.monitor()", "1 + 1", name="saved")
    opened.run_all()
    opened.wait_for_output("cell done")
    opened.monitors.nth(1).wait_for(timeout=20_000)
    opened.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = lab.folder / "saved.ipynb"
    assert poll(lambda: "nbtrack-still" in saved.read_text())
    text = saved.read_text()
    outputs = "".join(outputs_of(text))
    assert "the oldest 20 of 30" in outputs
    assert "acme.com" not in outputs
    assert "onerror" not in outputs

    body = json.loads(text)
    body["metadata"]["kernelspec"]["name"] = "gone"
    (lab.folder / "reopened.ipynb").write_text(json.dumps(body))
    again = notebook(name="reopened", kernel=False)
    still = again.page.locator(".nbtrack-still")
    still.first.wait_for(timeout=30_000)
    assert "Events so far" in still.first.inner_text()
    assert again.monitors.count() == 0

    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", str(saved), "--log-level=ERROR"]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    context = chromium.new_context(offline=True)
    page = context.new_page()
    page.goto(f"file://{saved.with_suffix('.html')}", wait_until="domcontentloaded")
    assert "the oldest 20 of 30" in page.locator(".nbtrack-still").last.inner_text()
    context.close()


def outputs_of(text):
    return [json.dumps(cell.get("outputs", [])) for cell in json.loads(text)["cells"]]


def test_a_flood_neither_floods_the_browser_nor_the_kernel(notebook):
    opened = notebook(
        PRIVATE,
        f"""
        import json, threading, uuid
        import psutil

        def flood():
            begun, number = time.monotonic(), 0
            while time.monotonic() - begun < {FLOOD_SECONDS}:
                while number < (time.monotonic() - begun) * 10_000:
                    session.emitter.input({{"e": "pv", "eid": str(uuid.uuid4()), "p": "srv", "tv": "flood"}})
                    number += 1
                time.sleep(0.005)
            return number

        # when messages leave is noted here: when a browser sees them is its and the server's doing, too
        monitor, left = nbtrack.monitor(), []
        send = monitor.send
        def note(message, **options):
            left.append((time.monotonic(), message["seq"]))
            send(message, **options)
        monitor.send = note

        monitor_thread = next(one for one in threading.enumerate() if one.name == "nbtrack-monitor")
        def spent():
            return next(sum(one[1:]) for one in psutil.Process().threads() if one.id == monitor_thread.native_id)

        before, begun, given = spent(), time.monotonic(), []
        thread = threading.Thread(target=lambda: given.append(flood()))
        thread.start()
        print("flood", "begins")
        thread.join()
        length = time.monotonic() - begun
        told = dict(rate=given[0] / length, share=(spent() - before) / length, length=length, left=left)
        print(json.dumps(told), "flood ended")
        """,
    )
    opened.run_all()
    opened.wait_for_output("flood begins")
    slowest = 0
    for number in range(5):
        slowest = max(slowest, opened.page.evaluate(CLICK, number % 3))
    opened.wait_for_output("flood ended", FLOOD_SECONDS + 30)
    shown = opened.page.locator(".jp-OutputArea-output:has-text('flood ended')").first.inner_text()
    told = json.loads(shown[shown.index("{") : shown.rindex("}") + 1])
    times, numbers = zip(*told["left"], strict=True)
    assert poll(lambda: set(numbers) <= ticks_received(opened).keys(), wait=opened.pause)
    sizes = [ticks_received(opened)[number] for number in numbers]
    print(
        f"rate {told['rate']:.0f}/s, share {told['share']:.2%}, {len(times) / told['length']:.2f} messages/s, "
        f"{sum(sizes) / told['length'] / 1000:.0f} kB/s, slowest click {slowest:.0f} ms"
    )
    assert told["rate"] > 5_000
    assert len(times) > 4
    # no second holds five messages, and no more came to the browser than left
    assert all(fifth - first >= 1 for first, fifth in zip(times, times[4:], strict=False))
    received = [number for number in ticks_received(opened) if numbers[0] <= number <= numbers[-1]]
    assert sorted(received) == sorted(numbers)
    assert len(received) <= 4 * told["length"] + 1
    assert sum(sizes) / told["length"] < 200_000
    assert told["share"] < 0.05
    assert slowest < 200


def ticks_received(opened):
    """Give the sizes of the monitor's messages seen on the websocket, by their numbers."""
    found = {}
    for _, size, text in opened.received:
        if number := re.search(r'"kind": ?"tick", ?"seq": ?(\d+)', text):
            assert int(number[1]) not in found
            found[int(number[1])] = size
    return found


CLICK = """async (place) => {
  const tab = document.querySelectorAll('.nbtrack-monitor [role=tab]')[place];
  const begun = performance.now();
  tab.click();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  if (tab.getAttribute('aria-selected') !== 'true') throw new Error('the click had no effect');
  return performance.now() - begun;
}"""


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_activity_is_live_while_a_cell_runs_and_stays_in_the_saved_file(notebook, lab, app):
    name = f"activity_{app[:3]}"
    opened = notebook(LOADED, WAIT, "nbtrack.monitor()", name=name, app=app)
    opened.run_all()
    opened.monitor.wait_for(timeout=30_000)
    shown = rows(opened)
    assert poll(lambda: "◐ long" in shown.first.inner_text(), wait=opened.pause)
    assert poll(lambda: shown.count() == 2 and "✓ inside" in shown.nth(1).inner_text(), wait=opened.pause)
    assert "→ 7" in shown.nth(1).inner_text()
    assert opened.is_busy()
    (lab.folder / "go").touch()
    assert poll(lambda: "✓ [" in shown.first.inner_text(), wait=opened.pause)
    assert poll(lambda: "delivered, valid" in shown.first.inner_text(), wait=opened.pause)
    opened.monitors.nth(1).wait_for(timeout=20_000)
    saved = lab.folder / f"{name}.ipynb"
    opened.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    assert poll(lambda: "nbtrack-activity" in saved.read_text(), wait=opened.pause)

    # after a reload the page has the live view again
    opened.page.reload()
    opened.monitor.wait_for(timeout=60_000)
    assert poll(lambda: shown.count() == 2 and "✓ [2] long" in shown.first.inner_text(), wait=opened.pause)
    opened.monitor.locator("button:text-is('Pause')").click()
    assert poll(lambda: opened.state() == "paused", wait=opened.pause)

    # without a kernel the file shows the last state
    body = json.loads(saved.read_text())
    body["metadata"]["kernelspec"]["name"] = "gone"
    (lab.folder / f"{name}_later.ipynb").write_text(json.dumps(body))
    later = notebook(name=f"{name}_later", kernel=False, app=app)
    still = later.page.locator(".nbtrack-still .nbtrack-activity").last
    still.wait_for(timeout=30_000)
    assert "inside" in still.inner_text()
    assert later.monitors.count() == 0


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_a_kernel_that_was_killed_is_shown_as_ended(notebook, app):
    first = LOADED.replace("nbtrack.monitor()", 'import os; print("pid", os.getpid())\nnbtrack.monitor()')
    opened = notebook(first, WAIT, app=app)
    opened.run(0)
    opened.monitor.wait_for(timeout=30_000)
    opened.run(1)
    assert poll(lambda: "◐ long" in rows(opened).first.inner_text(), wait=opened.pause)
    printed = opened.page.locator(".jp-OutputArea-output:has-text('pid')").first.inner_text()
    os.kill(int(printed.split("pid")[1].split()[0]), signal.SIGKILL)
    assert poll(lambda: opened.state() == "kernel ended", 15, wait=opened.pause)
    assert "its last known state" in opened.monitor.locator(".nbm-reason").inner_text()
    assert opened.monitor.locator(".nbm-head button:disabled").count() == 2
    assert rows(opened).first.inner_text().startswith("✗ long: lost")
    stopped = rows(opened).first.inner_text()
    counters = opened.monitor.locator(".nbm-counters")
    assert "grayscale" in counters.evaluate("(one) => getComputedStyle(one).filter")

    opened.page.locator(".jp-Dialog button:has-text('Ok')").click(timeout=20_000)
    assert opened.state() == "kernel ended"
    assert rows(opened).first.inner_text() == stopped, "its clock has stopped"
    rows(opened).nth(1).click()
    assert "The kernel has ended" in opened.monitor.locator(".nbm-note").inner_text()
    opened.run(0)
    assert poll(
        lambda: opened.monitors.count() == 1 and opened.state() != "kernel ended", 30, wait=opened.pause
    )
    assert opened.monitor.locator(".nbm-head button:disabled").count() == 0
