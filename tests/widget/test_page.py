"""The monitor's page: its script with a stub model, in a real Chromium."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nbtrack.widget.model import Monitor
from tests.support.bare_page import Bare, logged, ran, row
from tests.support.browser import browser
from tests.support.tools import require

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror='window.evil=1'><script>window.evil=2</script>\u202e\x07"
TALL = {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture
def bare(chromium):
    context = chromium.new_context(viewport=TALL)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    made = Bare(context.new_page())
    yield made
    assert made.errors == []
    context.close()


def test_differences_arrive_in_order(bare):
    bare.start(add=[row(1), row(2, "order")])
    bare.tell(add=[row(3, "add_to_cart"), row(2, "order", 1)], gone=[[1, 1]], counters={"waiting": 2})
    assert bare.names() == ["order", "add_to_cart"]
    assert bare.rows().first.inner_text().split("\t")[-1] == "1"
    assert bare.sent("hello") == [{"kind": "hello"}]
    before = bare.names()
    bare.seq -= 1
    bare.tell(gone=[[1, 9]])
    assert bare.names() == before, "a message that came before is not applied again"


def test_after_a_gap_all_is_asked_for_again(bare):
    bare.start()
    bare.tell(fresh=True, points=[])
    bare.seq += 3
    bare.tell(add=[row(7)])
    assert len(bare.sent("hello")) == 2
    bare.tell(fresh=True, points=[], add=[row(7), row(8)])
    assert len(bare.names()) == 2


def test_a_second_view_and_a_late_one_show_the_same(bare):
    bare.start(add=[row(1)])
    bare.tell(add=[row(2)], log=[logged(1)])
    bare.page.evaluate("() => window.show('two')")
    bare.tab("Buffer", "two")
    bare.tell(add=[row(3)])
    assert bare.names("one") == bare.names("two") == ["page_view"] * 3
    bare.page.evaluate("() => { window.ends[0]() }")
    bare.tell(add=[row(4)])
    assert bare.page.locator("#one .nbtrack-monitor").count() == 0
    assert len(bare.names("two")) == 4


def test_five_thousand_rows_scroll_smoothly(bare):
    bare.start(add=[row(number, f"event {number}") for number in range(5_000)])
    assert bare.rows().count() < 60
    most, seen = bare.page.evaluate(
        """async () => {
          const scroll = document.querySelector('.nbm-scroll');
          let drawn = 0, most = 0, seen = new Set();
          new MutationObserver((records) => records.forEach((record) => record.addedNodes.forEach((node) => {
            drawn += node.nodeName === 'TR' ? 1 : node.querySelectorAll?.('tr').length ?? 0;
          }))).observe(scroll, {childList: true, subtree: true});
          for (let step = 0; step < 60; step += 1) {
            scroll.scrollTop = step * 2200;
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            most = Math.max(most, drawn);
            drawn = 0;
            seen.add(document.querySelector('.nbm-home tbody:not(.nbm-space) tr:last-child td:nth-child(3)').textContent);
          }
          return [most, seen.size];
        }"""
    )
    assert seen >= 55
    # the work of a frame, and not its time, which is that of the machine: only what comes into sight is drawn
    assert 0 < most < 60
    assert bare.rows().last.inner_text().split("\t")[2] == "event 4999"
    assert bare.page.locator("#one table").first.get_attribute("aria-rowcount") == "5001"


def test_place_focus_and_selection_survive_updates(bare):
    bare.start(add=[row(number, f"event {number}") for number in range(1_000)])
    top = "() => { const s = document.querySelector('.nbm-scroll').getBoundingClientRect(); return [...document.querySelectorAll('.nbm-home tbody:not(.nbm-space) tr')].find((r) => r.getBoundingClientRect().top > s.top + 40).cells[2].textContent }"
    bare.page.evaluate("() => { document.querySelector('.nbm-scroll').scrollTop = 5200 }")
    bare.settle()
    seen = bare.page.evaluate(top)
    middle = bare.rows().nth(10)
    name = middle.inner_text().split("\t")[2]
    middle.locator("button").focus()
    bare.page.evaluate(
        "(name) => { const cell = [...document.querySelectorAll('td')].find((one) => one.textContent === name);"
        " getSelection().selectAllChildren(cell) }",
        name,
    )
    for first in range(0, 100, 10):
        bare.tell(gone=[[first, first + 9]], add=[row(2_000 + first, "new")], counters={"waiting": 900})
    assert bare.page.evaluate(top) == seen
    assert bare.page.evaluate("() => getSelection().toString()") == name
    focused = "() => document.activeElement.closest('tr')?.cells[2].textContent"
    assert bare.page.evaluate(focused) == name
    # the row that has the focus is sent: the keyboard goes on from the table
    number = int(name.split()[1])
    bare.tell(gone=[[number, number]])
    assert bare.page.evaluate("() => document.activeElement.className") == "nbm-scroll"


def test_holding_keeps_the_rows_while_the_counters_go_on(bare):
    bare.start(add=[row(1)])
    bare.page.locator("#one button:text-is('Hold')").click()
    bare.tell(gone=[[1, 1]], add=[row(2, "order")], counters={"sent": 77})
    assert bare.names() == ["page_view"]
    assert "held since" in bare.page.locator("#one caption").inner_text()
    assert "77" in bare.page.locator("#one .nbm-counters").inner_text()
    bare.page.locator("#one button:text-is('Hold')").click()
    assert bare.names() == ["order"]


def test_rows_are_filtered_by_all_words(bare):
    bare.start(add=[row(1), row(2, "order"), row(3, "order_line")])
    bare.page.get_by_label("Filter rows").fill("ORDER pv")
    assert bare.names() == ["order", "order_line"]
    bare.page.get_by_label("Filter rows").fill("nothing of that kind")
    assert "No row matches" in bare.page.locator("#one .nbm-empty").inner_text()
    bare.tab("Send log")
    assert bare.page.get_by_label("Filter rows").input_value() == ""


def test_the_keyboard_is_enough(bare):
    bare.start(add=[row(number, f"event {number}") for number in range(300)], log=[logged(1)])
    bare.page.locator("#one .nbm-scroll").focus()
    for key in ("ArrowDown", "ArrowDown", "PageDown", "End"):
        bare.page.keyboard.press(key)
        bare.settle()
    bare.page.keyboard.press("Enter")
    assert bare.sent("event")[-1]["number"] == 299
    assert "Asked the kernel" in bare.page.locator("#one .nbm-note").inner_text()
    bare.answer("event", content={"e": "pv"}, note=None, curl="curl x")
    assert json.loads(bare.page.locator("#one .nbm-json").inner_text()) == {"e": "pv"}
    bare.page.keyboard.press("Escape")
    assert (
        bare.page.evaluate("() => document.activeElement.closest('tr').cells[2].textContent") == "event 299"
    )
    bare.page.locator("#one [role=tab]").first.focus()
    bare.page.keyboard.press("ArrowRight")
    assert bare.page.evaluate("() => document.activeElement.textContent") == "Send log"
    assert bare.rows().count() == 1


def test_content_is_copied_as_json_and_as_curl(bare):
    bare.start(add=[row(1)])
    bare.rows().first.click()
    bare.answer("event", content={"e": "pv", "page": EVIL}, note=None, curl="curl 'it'\"'\"'s'")
    read = "() => navigator.clipboard.readText()"
    bare.page.locator("#one button:text-is('Copy JSON')").click()
    bare.page.locator("#one button:text-is('Copied')").wait_for()
    assert json.loads(bare.page.evaluate(read)) == {"e": "pv", "page": EVIL}
    bare.page.locator("#one button:text-is('Copy as curl')").click()
    bare.page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('curl')")
    assert bare.page.evaluate(read) == "curl 'it'\"'\"'s'"


def test_hostile_content_is_text_and_the_layout_holds(bare):
    result = {"number": 1, "time": 1.0, "schema": EVIL, "good": False, "reasons": [EVIL * 50]}
    bare.start(
        add=[row(1, EVIL), row(2, "x" * 20_000)],
        log=[logged(1, EVIL)],
        destination=EVIL,
        state="retrying",
        reason=EVIL * 100,
        counters={f"dropped: {EVIL}": 3},
        collector={"good": 0, "bad": 1, "repeats": 0, "schemas": [[EVIL, 0, 1]], "last": [result]},
    )
    bare.rows().first.click()
    bare.answer("event", content={EVIL: EVIL, "long": "y" * 100_000}, note=EVIL, curl=None)
    for name in ("Send log", "Collector"):
        bare.tab(name)
        assert "<script>window.evil" in bare.rows().first.inner_text()
    bare.rows().first.click()
    assert bare.page.evaluate("() => window.evil") is None
    assert bare.page.locator("#one img, #one script").count() == 0
    text = bare.page.locator("#one").inner_text()
    assert "\u202e" not in text
    assert "\\u202e" in text
    for width in (400, 1_400):
        bare.page.set_viewport_size({"width": width, "height": 900})
        bare.settle()
        assert bare.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_the_collectors_tab_has_the_counts_by_schema(bare):
    order, other = (f"iglu:com.acme/{name}/jsonschema/1-0-0" for name in ("order", "other"))
    counts = {"good": 1_234, "bad": 5, "repeats": 0, "last": []}
    bare.start(collector={**counts, "schemas": [[order, 1_230, 5], [other, 4, 0]]})
    table = bare.page.locator("#one .nbm-schemas")
    assert table.count() == 0
    bare.tab("Collector")
    shown = [row.split("\t") for row in table.inner_text().splitlines()]
    assert shown == [
        ["Events by schema, the most frequent first"],
        ["schema", "good", "failed"],
        ["order 1-0-0 · com.acme", "1,230", "5"],
        ["other 1-0-0 · com.acme", "4", "0"],
    ]
    bare.tell(collector={**counts, "schemas": [[order, 1_231, 5]]})
    bare.settle()
    assert "1,231" in table.inner_text()
    assert "other" not in table.inner_text()
    bare.tab("Buffer")
    assert table.count() == 0


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("error", "✗ cell 1: error"),
        ("interrupted", "‖ cell 1: interrupted"),
        ("syntax_error", "✗ cell 1: syntax error"),
    ],
)
def test_a_status_has_its_sign(bare, status, shown):
    entry = ran(1, status)
    entry[12] = None  # without the number beside the cell
    bare.start(tab="Activity", activity={"rows": [entry], "order": [1]})
    assert bare.rows().first.inner_text().startswith(shown)


def test_what_waits_for_another_collector_stands_beside_this_one(bare):
    bare.start(
        destination="local",
        elsewhere="2 events wait for https://sp.acme.com: nbtrack outbox drain sends them",
    )
    to = bare.page.locator("#one .nbm-to")
    assert to.inner_text().startswith("events go to local; 2 events wait for https://sp.acme.com")
    bare.tell(elsewhere="")
    assert to.inner_text() == "events go to local"


def test_warnings_stand_above_the_counters(bare):
    bare.start()
    warnings = bare.page.locator("#one .nbm-warnings")
    assert warnings.is_hidden()
    bare.tell(warnings=[f"the collector does not know {EVIL}"])
    assert warnings.inner_text().startswith("Warning: the collector does not know <img")
    bare.tell(warnings=[])
    assert warnings.is_hidden()


@pytest.mark.parametrize("width", [400, 700, 1_400])
def test_it_fits_narrow_and_wide(bare, width):
    bare.page.set_viewport_size({"width": width, "height": 900})
    bare.start(
        add=[row(1)], state="retrying", reason="in 12 s: connection refused", counters={"waiting": 12_345}
    )
    bare.rows().first.click()
    for one in bare.page.locator("#one button:visible").all():
        box = one.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert bare.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_the_wait_for_a_retry_counts_down_without_messages(bare):
    import time

    bare.start(state="retrying", reason="in 9 s: connection refused", retry_at=time.time() + 9)
    reason = bare.page.locator("#one .nbm-reason")
    assert re.fullmatch(r"in [89] s: connection refused", reason.inner_text())
    bare.page.wait_for_function("() => /in [567] s/.test(document.querySelector('.nbm-reason').textContent)")


def test_buttons_say_when_they_act_and_are_off_when_tracking_is(bare):
    bare.start()
    hint = bare.page.locator("#one .nbm-hint")
    assert hint.inner_text() == "", "no cell that is known of runs"
    bare.page.locator("#one button:text-is('Pause')").click()
    assert hint.inner_text().startswith("Asked to pause")
    bare.tell(state="paused", done=[bare.sent("pause")[0]["mark"]])
    assert hint.inner_text() == ""
    bare.page.locator("#one button:text-is('Resume')").click()
    assert len(bare.sent("resume")) == 1
    bare.tell(state="off", reason="DO_NOT_TRACK is set")
    assert "DO_NOT_TRACK" in bare.page.locator("#one .nbm-state").inner_text()
    assert bare.page.locator("#one .nbm-head button:disabled").count() == 2


def test_a_kernel_that_is_silent_where_a_message_is_due_may_have_ended(bare):
    bare.page.clock.install()
    bare.start(tab="Activity", beats=True, activity={"rows": [ran(1, "running")], "order": [1]})
    state, buttons = bare.page.locator("#one .nbm-state"), bare.page.locator("#one .nbm-head button:disabled")
    bare.page.clock.run_for(7_000)
    assert state.inner_text().endswith("ok")
    bare.page.clock.run_for(3_000)
    assert "no answer" in state.inner_text()
    assert "or is busy" in state.inner_text()
    assert buttons.count() == 2
    # it was only busy
    bare.tell(state="sending", beats=False, fresh=True, points=[])
    assert state.inner_text().endswith("sending")
    assert buttons.count() == 0
    # an idle one sends nothing, and is not asked
    sent = len(bare.page.evaluate("() => window.sent"))
    bare.page.clock.run_for(60_000)
    assert state.inner_text().endswith("sending")
    assert len(bare.page.evaluate("() => window.sent")) == sent
    # what a person asks is answered, or shows it
    bare.page.locator("#one button:text-is('Flush now')").click()
    bare.page.clock.run_for(10_000)
    assert "no answer" in state.inner_text()


def test_one_voice_and_not_too_often(bare):
    bare.start()
    live = bare.page.locator("#one [role=status]")
    assert live.count() == 1
    said = set()
    for number in range(10):
        bare.tell(state="retrying" if number % 2 else "ok")
        said.add(live.inner_text())
    assert len(said) <= 2


def test_what_a_saved_notebook_keeps_quotes_no_value(bare):
    result = {"number": 1, "time": 1.0, "schema": "s", "good": False, "reasons": ["'secret' found"]}
    bare.start()
    bare.tell(fresh=True, points=[], add=[row(number) for number in range(400)])
    bare.page.evaluate("() => { window.state.summary = null }")
    bare.page.evaluate("() => { const now = Date.now; Date.now = () => now() + 60000 }")
    bare.tell(collector={"good": 0, "bad": 1, "repeats": 0, "last": [result]})
    saved = bare.page.evaluate("() => window.state.summary")
    assert saved["collector"]["bad"] == 1
    assert "secret" not in json.dumps(saved)
    assert len(saved["buffer"]["add"]) == 50


def test_a_front_end_names_the_colours_and_white_parents_do_not_shine_through(bare):
    bare.start()
    bare.page.evaluate(
        "() => { document.body.style.background = 'white';"
        " document.documentElement.style.setProperty('--vscode-editor-background', '#1e1e1e');"
        " document.documentElement.style.setProperty('--vscode-editor-foreground', '#d4d4d4') }"
    )
    bare.page.wait_for_function("() => document.querySelector('.nbtrack-monitor').dataset.theme === 'dark'")
    style = "() => { const { backgroundColor, color } = getComputedStyle(document.querySelector('.nbtrack-monitor')); return [backgroundColor, color] }"
    assert bare.page.evaluate(style) == ["rgb(30, 30, 30)", "rgb(212, 212, 212)"]
    bare.page.evaluate("() => document.documentElement.style.setProperty('--jp-layout-color1', 'white')")
    bare.page.wait_for_function("() => document.querySelector('.nbtrack-monitor').dataset.theme === 'light'")


def test_motion_and_colours_are_the_readers_choice(bare):
    bare.page.emulate_media(reduced_motion="reduce", forced_colors="active")
    bare.start(add=[row(1)])
    bare.rows().first.click()
    moving = "() => [...document.querySelectorAll('.nbtrack-monitor *')].filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0).length"
    assert bare.page.evaluate(moving) == 0
    outline = "() => getComputedStyle(document.querySelector('tr[data-chosen]')).outlineStyle"
    assert bare.page.evaluate(outline) == "solid"


def test_no_rule_reaches_beyond_the_monitor():
    css = re.sub(r"/\*.*?\*/", "", Monitor._css, flags=re.DOTALL)
    selectors = [one.strip() for one in re.findall(r"([^{};]+)\{", css)]
    assert [
        one for one in selectors if not one.startswith((".nbtrack-monitor", "@media", "@container"))
    ] == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """axe-core at its exact version, installed into a folder that is thrown away."""
    require("node")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not here: apt-get install npm")
    folder = tmp_path_factory.mktemp("axe")
    shutil.copy(Path(__file__).parent / "package.json", folder)
    options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    run = subprocess.run(
        [npm, "install", *options], cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )
    if run.returncode != 0:
        pytest.skip(f"axe-core cannot be installed: {run.stderr[-300:]}")
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(bare, axe, scheme):
    bare.page.emulate_media(color_scheme=scheme)
    result = {
        "time": 1.0,
        "number": 1,
        "schema": "iglu:com.acme/order/jsonschema/1-0-0",
        "good": False,
        "reasons": ["is missing"],
    }
    bare.start(
        add=[row(number) for number in range(200)],
        log=[logged(1), logged(2, "connection refused")],
        state="retrying",
        reason="in 9 s: connection refused",
        counters={"refused": 2, "waiting": 200},
        collector={
            "good": 3,
            "bad": 1,
            "repeats": 0,
            "schemas": [["iglu:com.acme/order/jsonschema/1-0-0", 3, 1]],
            "last": [result, result | {"number": 2, "good": True, "reasons": []}],
        },
        activity={"rows": [ran(1, "ok"), ran(2, "error"), ran(3, "running")], "order": [1, 2, 3]},
    )
    assert bare.page.locator("#one .nbtrack-monitor").get_attribute("data-theme") == scheme
    bare.page.evaluate(axe)
    kinds = {"Activity": "activity", "Buffer": "event", "Send log": "attempt", "Collector": "result"}
    for name, kind in kinds.items():
        bare.tab(name)
        bare.rows().first.click()
        bare.page.mouse.move(5, 5)
        bare.answer(kind, content={"e": "pv"}, note="cut", curl="curl x")
        found = bare.page.evaluate("async () => (await axe.run('#one')).violations")
        serious = [
            (one["id"], [node["html"] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in {"serious", "critical", "moderate"}
        ]
        assert serious == [], name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_where_the_kernel_has_ended(bare, axe, scheme):
    bare.page.emulate_media(color_scheme=scheme)
    bare.page.clock.install()
    rows = [ran(1, "ok"), ran(2, "error"), ran(3, "running")]
    bare.start(
        tab="Activity", beats=True, counters={"refused": 2}, activity={"rows": rows, "order": [1, 2, 3]}
    )
    bare.page.clock.run_for(10_000)
    assert "no answer" in bare.page.locator("#one .nbm-state").inner_text()
    bare.page.clock.resume()
    bare.page.evaluate(axe)
    found = bare.page.evaluate("async () => (await axe.run('#one')).violations")
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []
