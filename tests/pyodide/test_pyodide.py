"""Pyodide: trackers, cells and steps send from a page, and what cannot run there says so."""

import pytest

from tests.support.fault_server import free_port

pytestmark = [pytest.mark.pyodide, pytest.mark.timeout(120)]

TRACK = """
import json
from nbtrack.tracker import AsyncEmitter, Emitter, PageView, Tracker

for kind in (Emitter, AsyncEmitter):
    emitter = kind(URL, batch_size=1)
    Tracker("page", emitter).track(PageView("https://acme.com/ü"))
    report = await emitter.flush_async(10)
    stats = emitter.stats()
    print(json.dumps([report.sent, report.pending, stats.sent, stats.pending, stats.last_status]))
"""

SHELL = """
import json
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

config = Config()
config.HistoryManager.enabled = False
config.InteractiveShell.colors = "nocolor"
shell = InteractiveShell.instance(config=config)

async def run(cell):
    # as kernels run a cell that may await: IPython leaves the events after it to them
    result = await shell.run_cell_async(cell, store_history=True, transformed_cell=shell.transform_cell(cell))
    shell.events.trigger("post_execute")
    shell.events.trigger("post_run_cell", result)
    if result.error_in_exec is not None:
        print("error:", result.error_in_exec)
"""


def test_both_emitters_deliver_by_the_event_loop(run_in_node, collector):
    assert run_in_node(TRACK, URL=collector.url) == [[1, 0, 1, 0, 200]] * 2
    assert collector.wait_for(2, timeout=10) == 2
    assert collector.counts() == {"total": 2, "good": 2, "bad": 0}
    assert set(collector.events()["page_url"]) == {"https://acme.com/ü"}


def test_events_leave_without_a_flush_and_a_flush_that_cannot_wait_keeps_them(run_in_node, collector):
    code = """
import asyncio, json
from nbtrack.tracker import AsyncEmitter, PageView, Tracker

emitter = AsyncEmitter(URL, batch_size=1)
Tracker("page", emitter).track(PageView("https://acme.com"))
report = emitter.flush(5)
print(json.dumps([report.sent, report.pending, report.timed_out]))
while emitter.stats().pending:
    await asyncio.sleep(0.01)
Tracker("page", emitter).track(PageView("https://acme.com"))
report = emitter.close()
print(json.dumps([report.sent, report.pending, emitter.is_sending_later]))
while emitter.stats().pending:
    await asyncio.sleep(0.01)
print(json.dumps([emitter.stats().sent, emitter.close().pending]))
"""
    assert run_in_node(code, URL=collector.url) == [[0, 1, True], [0, 1, True], [2, 0]]
    assert collector.wait_for(2, timeout=10) == 2


def test_a_missing_collector_is_told_and_its_return_is_noticed(run_in_node, collector):
    code = """
import asyncio, json
from nbtrack.tracker import AsyncEmitter, PageView, Tracker

urls = [DEAD, DEAD, URL]
emitter = AsyncEmitter("later", batch_size=1, resolve=lambda: urls.pop(0), max_retry_delay_seconds=0.1)
Tracker("page", emitter).track(PageView("https://acme.com"))
report = await emitter.flush_async(0)
print(json.dumps([report.sent, report.pending, report.timed_out]))
while not emitter.stats().sent:
    await asyncio.sleep(0.01)
print(json.dumps([[attempt.status, attempt.error] for attempt in emitter.log]))
"""
    first, log = run_in_node(code, URL=collector.url, DEAD=f"http://127.0.0.1:{free_port()}")
    assert first == [0, 1, True]
    assert [status for status, _ in log] == [None, None, 200]
    assert all("ECONNREFUSED" in error for _, error in log[:2])
    assert collector.wait_for(1, timeout=10) == 1


def test_cells_steps_and_magics_in_ipython(run_in_node, collector):
    code = (
        SHELL
        + """
await run("%load_ext nbtrack")
await run(f"%nbtrack collector {URL}")
await run("%%track load -p n=x\\nx = 1")
await run("import nbtrack\\nwith nbtrack.track('fit'):\\n    pass")
await run("%track done a=1")
await run("%nbtrack flush")
await run("report = await nbtrack.session().emitter.flush_async(10)")
await run("%nbtrack status")
await run("%unload_ext nbtrack")
"""
    )
    lines = run_in_node(code, URL=collector.url)
    assert lines[0].startswith("nbtrack: events wait in memory: the local collector does not run in Pyodide")
    assert "Unsent events are lost when the page closes." in lines[1]
    assert lines[2] == "3 pending (they leave when this cell has ended); 0 sent this session."
    assert "  events        3 accepted, 3 sent" in lines
    assert any(line.startswith("  here          Pyodide has no threads") for line in lines)
    assert collector.wait_for(3, timeout=10) == 3
    assert collector.counts() == {"total": 3, "good": 3, "bad": 0}
    assert set(collector.events()["event_name"]) == {"cell_run", "analysis"}


def test_what_cannot_run_says_so_and_no_event_vanishes(run_in_node):
    code = (
        SHELL
        + """
await run("%load_ext nbtrack")
await run("%config NBTrack.validate = 'warn'")
await run("%track kept")
await run("%nbtrack flush 0")
await run("%nbtrack collector")
await run("%nbtrack doctor")
await run("import nbtrack\\nnbtrack.backfill")
await run("print(nbtrack.session().emitter.stats().pending, list(nbtrack.session().faults))")
"""
    )
    lines = run_in_node(code)
    assert lines[1] == "1 pending (they leave when this cell has ended); 0 sent this session."
    errors = [line for line in lines if isinstance(line, str) and line.startswith("error:")]
    assert "the local collector does not run in Pyodide; give the URL of a collector" in errors[0]
    assert "nbtrack doctor needs a process of its own, which Pyodide does not have" in errors[1]
    assert "a backfill needs threads and sockets, which Pyodide does not have" in errors[2]
    assert lines[-1] == "1 []"


def test_the_monitor_is_refreshed_by_the_event_loop(run_in_node):
    code = """
import asyncio, json
from nbtrack.widget.refresher import Refresher

class View:
    ticks = 0
    def tick(self):
        self.ticks += 1
        return None if self.ticks > 1 else 0.01

view, faults = View(), []
refresher = Refresher(view.tick, faults.append)
refresher.start()
for _ in range(9):
    refresher.poke()
await asyncio.sleep(1)
print(json.dumps([view.ticks, len(faults)]))
refresher.stop()
refresher.poke()
await asyncio.sleep(0.4)
print(json.dumps([view.ticks]))
"""
    assert run_in_node(code) == [[2, 0], [2]]


def test_options_that_are_the_browsers_are_refused(run_in_node):
    code = """
from nbtrack.tracker import Emitter
try:
    Emitter("https://sp.acme.com", verify=False)
except ValueError as error:
    print(error)
"""
    assert run_in_node(code) == ["proxies and verify cannot be set in Pyodide: connections are the browser's"]


def test_a_page_of_chromium_sends_across_origins_and_its_flush_waits(run_in_chromium, collector):
    code = """
import json
from nbtrack.tracker import AsyncEmitter, PageView, Tracker

emitter = AsyncEmitter(URL, batch_size=1, server_anonymisation=True)
Tracker("page", emitter).track(PageView("https://acme.com"))
report = emitter.flush(10)
print(json.dumps([report.sent, report.pending]))
report = emitter.close()
print(json.dumps([report.sent, report.pending]))
"""
    assert run_in_chromium(code, URL=collector.url) == [[1, 0], [0, 0]]
    assert collector.wait_for(1, timeout=10) == 1
    assert collector.counts() == {"total": 1, "good": 1, "bad": 0}


def test_code_that_cannot_wait_sends_by_requests_that_block(run_in_chromium, collector):
    code = """
import json
from nbtrack.tracker import Emitter, PageView, Tracker

emitter = Emitter(URL, method=METHOD, batch_size=10)
Tracker("page", emitter).track(PageView("https://acme.com"))
report = emitter.flush(10)
print(json.dumps([report.sent, report.pending]))
dead = Emitter(DEAD, batch_size=10)
Tracker("page", dead).track(PageView("https://acme.com"))
report = dead.flush(10)
print(json.dumps([report.sent, report.pending, report.timed_out]))
print(dead.stats().last_error)
"""
    dead = f"http://127.0.0.1:{free_port()}"
    sent, unsent, error = run_in_chromium(code, blocking=True, URL=collector.url, DEAD=dead, METHOD="get")
    assert (sent, unsent) == ([1, 0], [0, 1, True])
    assert "does not allow its origin (CORS)" in error
    assert collector.wait_for(1, timeout=10) == 1
