"""What tracking adds to a cell, in a real kernel: all cells tracked, disk store, collector up and down; and the load.

Two figures, as a cell's event is made once the kernel has replied: what a cell itself is longer by, and what one cell
after the other is longer by, all told.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from nbtrack.collector import LocalCollector
from tests.support.kernel import Kernel, start_kernel

CELLS = 400
BLOCKS, BLOCK = 20, 20
GOALS = {"p50 ms": 0.3, "p99 ms": 2.0, "load ms": 150.0}

# timers around the places where a cell meets nbtrack: before the reply, and after it
PROBE = """
import time as _t
_costs, _later, _cell = [], [], [0.0]
_state = get_ipython()._nbtrack
def _timed(call, costs=None):
    def timed(*a, **k):
        t = _t.perf_counter()
        try:
            return call(*a, **k)
        finally:
            _cell[0] += _t.perf_counter() - t
            if costs is not None:
                costs.append(_cell[0]); _cell[0] = 0.0
    return timed
_shell = get_ipython()
_cells = _state.cells
_shell.events.unregister("pre_run_cell", _cells.begin)
_shell.events.unregister("post_run_cell", _cells.end)
_settle = _cells.track_pending
_cells.track_pending = lambda: _timed(_settle, _later)() if _cells._ended else None
_shell.events.register("pre_run_cell", _timed(_cells.begin))
_shell.events.register("post_run_cell", _timed(_cells.end, _costs))
from nbtrack.notebook.header import strip_header as _s
_shell.input_transformers_cleanup[:] = [_timed(f) if f is _s else f for f in _shell.input_transformers_cleanup]
"""


def costs(url: str) -> dict[str, float]:
    """Give the p50 and p99 of what one tracked cell costs, in milliseconds."""
    with (
        tempfile.TemporaryDirectory() as folder,
        start_kernel(Path(folder), NBTRACK_COLLECTOR=url, NBTRACK_CELLS="all") as kernel,
    ):
        kernel.run("%load_ext nbtrack")
        kernel.run(PROBE)
        for number in range(CELLS):
            kernel.run(f"x = {number}")
        cell, later = json.loads(kernel.run("import json; print(json.dumps([_costs, _later]))").text)
    found = {}
    for name, values in (("cell", cell[20:]), ("after its reply", later[20:])):
        ordered = sorted(value * 1000 for value in values)
        found[f"{name}, p50 ms"] = statistics.median(ordered)
        found[f"{name}, p99 ms"] = ordered[int(len(ordered) * 0.99)]
    return found


def run_block(kernel: Kernel) -> float:
    """Give what one cell of a row of them takes, from request to request, in milliseconds."""
    started = time.perf_counter()
    for number in range(BLOCK):
        kernel.run(f"x = {number}")
    return (time.perf_counter() - started) * 1000 / BLOCK


def added(url: str) -> tuple[float, float]:
    """Give a plain cell's round trip and what tracking adds to it: rows of cells with and without, in turn."""
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        tracked = stack.enter_context(start_kernel(folders[0], NBTRACK_COLLECTOR=url, NBTRACK_CELLS="all"))
        plain = stack.enter_context(start_kernel(folders[1]))
        tracked.run("%load_ext nbtrack")
        for kernel in (tracked, plain):
            run_block(kernel)
        pairs = [(run_block(tracked), run_block(plain)) for _ in range(BLOCKS)]
    return statistics.median(two for _, two in pairs), statistics.median(one - two for one, two in pairs)


def load_seconds() -> float:
    """Give what `%load_ext nbtrack` takes in a bare IPython."""
    code = (
        "import time; from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance(); "
        "t = time.perf_counter(); s.run_line_magic('load_ext', 'nbtrack'); print(time.perf_counter() - t)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(6)
    ]
    del runs[0]  # writes the bytecode
    return statistics.median(float(run.split()[-1]) for run in runs)


def measure() -> dict[str, float]:
    """Measure; milliseconds."""
    found: dict[str, float] = {}
    with LocalCollector() as collector:
        for name, url in (("up", collector.url), ("down", "http://127.0.0.1:9")):
            found |= {f"collector {name}: {what}": value for what, value in costs(url).items()}
            plain, more = added(url)
            found[f"collector {name}: row of cells, each without, ms"] = plain
            found[f"collector {name}: row of cells, each longer by, ms"] = more
    return found | {"load ms": load_seconds() * 1000}


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:50} {value:8.3f}")
