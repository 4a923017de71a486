"""A cell's event is made once the kernel has replied, and nobody can tell the difference."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.kernel import Kernel, start_kernel
from tests.support.payloads import unpack
from tests.support.waiting import poll


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    # nobody listens there: what was tracked waits on the disk
    with start_kernel(tmp_path, NBTRACK_COLLECTOR="http://127.0.0.1:9", NBTRACK_CELLS="all") as running:
        running.run("%load_ext nbtrack")
        yield running


def names_stored(folder: Path) -> list[Any]:
    """Give the names of the tracked cells and events on the disk, the oldest first; claimed ones, too."""
    path = folder / "home" / "outbox.sqlite"
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(path)) as outbox:
        try:
            bodies = outbox.execute("SELECT body FROM events ORDER BY id").fetchall()
        except sqlite3.OperationalError:  # the file is there, its table not yet
            return []
    found = [unpack(json.loads(body))[1] for (body,) in bodies]
    return [data["name"] for data in found if "name" in data]


def test_it_is_stored_without_another_cell(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run("%%track only\npass")
    assert poll(lambda: names_stored(tmp_path) == ["only"])


def test_the_next_cell_finds_it_stored_even_if_it_kills_the_kernel(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run("%%track first\npass")
    assert kernel.run("import nbtrack; print(nbtrack.session().emitter.stats().accepted)").text == "1\n"
    kernel.client.execute("%%track second\npass")
    kernel.client.execute("import os; os._exit(0)")
    assert poll(lambda: not kernel.manager.is_alive())
    assert names_stored(tmp_path) == ["first", "second"]


def test_a_shutdown_right_after_a_cell_loses_nothing(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run("%%track last\npass")
    kernel.manager.shutdown_kernel()
    assert names_stored(tmp_path) == ["last"]


def test_cells_that_were_asked_for_at_once_are_told_in_order_with_what_they_track(
    kernel: Kernel, tmp_path: Path
) -> None:
    for number in range(5):
        kernel.client.execute(f"%%track cell-{number}\n%track event-{number}")
    kernel.run("%nbtrack pause")
    expected = [f"{kind}-{number}" for number in range(5) for kind in ("event", "cell")]
    assert names_stored(tmp_path) == expected


def test_a_cell_that_stops_the_session_loses_none_before_it(kernel: Kernel, tmp_path: Path) -> None:
    kernel.client.execute("%%track before\npass")
    kernel.run("%unload_ext nbtrack")
    assert names_stored(tmp_path) == ["before"]


def test_what_runs_inside_a_cell_that_is_not_tracked_is_flushed_with_it(kernel: Kernel) -> None:
    kernel.run("%nbtrack config cells=marked")
    code = "get_ipython().run_cell('%%track inner\\npass', store_history=True)\nnbtrack.session().flush(0)\n"
    ran = kernel.run(f"import nbtrack\n{code}print(nbtrack.session().emitter.stats().accepted, 'accepted')")
    # old versions of IPython may print a word on their history, which holds two cells of one number now
    assert "2 accepted" in ran.text.splitlines()
