"""What tracking adds to a cell, in a real kernel: all cells tracked, disk store, collector up and down; and the load."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nbtrack.collector import LocalCollector
from tests.notebook.kernel import Kernel, start_kernel

CELLS = 400
GOALS = {"p50 ms": 0.3, "p99 ms": 2.0, "load ms": 150.0}

# timers around the three places where a cell meets nbtrack
PROBE = """
import time as _t
_costs, _cell = [], [0.0]
_state = get_ipython()._nbtrack
def _timed(call, last=False):
    def timed(*a, **k):
        t = _t.perf_counter()
        try:
            return call(*a, **k)
        finally:
            _cell[0] += _t.perf_counter() - t
            if last:
                _costs.append(_cell[0]); _cell[0] = 0.0
    return timed
_shell = get_ipython()
_shell.events.unregister("pre_run_cell", _state.cells.begin)
_shell.events.unregister("post_run_cell", _state.cells.end)
_shell.events.register("pre_run_cell", _timed(_state.cells.begin))
_shell.events.register("post_run_cell", _timed(_state.cells.end, last=True))
from nbtrack.notebook.header import strip_header as _s
_shell.input_transformers_cleanup[:] = [_timed(f) if f is _s else f for f in _shell.input_transformers_cleanup]
"""


def costs(url: str) -> tuple[float, float]:
    """Give the p50 and p99 of what one tracked cell costs, in milliseconds."""
    with (
        tempfile.TemporaryDirectory() as folder,
        start_kernel(Path(folder), NBTRACK_COLLECTOR=url, NBTRACK_CELLS="all") as kernel,
    ):
        kernel.run("%load_ext nbtrack")
        kernel.run(PROBE)
        for number in range(CELLS):
            kernel.run(f"x = {number}")
        listed = kernel.run("print(' '.join(f'{c * 1000:.4f}' for c in _costs[20:]))").text
    values = sorted(float(value) for value in listed.split())
    return statistics.median(values), values[int(len(values) * 0.99)]


def round_trip(kernel: Kernel) -> float:
    """Give the median of a cell's round trip, in milliseconds."""
    times = []
    for number in range(CELLS // 2):
        started = time.perf_counter()
        kernel.run(f"x = {number}")
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def load_seconds() -> float:
    """Give what `%load_ext nbtrack` takes in a bare IPython."""
    code = (
        "import time; from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance(); "
        "t = time.perf_counter(); s.run_line_magic('load_ext', 'nbtrack'); print(time.perf_counter() - t)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(5)
    ]
    return statistics.median(float(run.split()[-1]) for run in runs)


def measure() -> dict[str, float]:
    """Measure; milliseconds."""
    with LocalCollector() as collector:
        up = costs(collector.url)
        with (
            tempfile.TemporaryDirectory() as one,
            tempfile.TemporaryDirectory() as other,
            start_kernel(Path(one), NBTRACK_COLLECTOR=collector.url, NBTRACK_CELLS="all") as tracked,
            start_kernel(Path(other)) as plain,
        ):
            tracked.run("%load_ext nbtrack")
            added = round_trip(tracked) - round_trip(plain)
    down = costs("http://127.0.0.1:9")
    return {
        "cell, collector up, p50 ms": up[0],
        "cell, collector up, p99 ms": up[1],
        "cell, collector down, p50 ms": down[0],
        "cell, collector down, p99 ms": down[1],
        "round trip, tracked less plain, ms": added,
        "load ms": load_seconds() * 1000,
    }


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:40} {value:8.3f}")
