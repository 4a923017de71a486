"""One cell run: measurements at its start and end, and its status."""

import sys
import time
from dataclasses import dataclass, field
from typing import Any

from nbtrack.notebook.header import Header
from nbtrack.steps import step as steps
from nbtrack.tracker.ids import new_id

try:
    from resource import RUSAGE_SELF, getrusage
except ImportError:  # not on Windows and Pyodide
    getrusage = None  # type: ignore[assignment]

_MAX_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes: Linux counts in KiB


def measure_memory() -> int | None:
    """Return the peak memory of this process in bytes; None if unknown."""
    return None if getrusage is None else getrusage(RUSAGE_SELF).ru_maxrss * _MAX_RSS_UNIT


@dataclass(slots=True)
class CellRun:
    """A cell run, measured from `start_clock` until `finish`.

    Parameters
    ----------
    info
        IPython's description of what it was asked to run.
    header
        The cell's ``%%track``, where it has one.
    """

    info: Any
    header: Header | None
    run_id: str = field(default_factory=new_id)
    started: float = field(default_factory=time.perf_counter)
    cpu: float = 0.0
    memory: int | None = field(default_factory=measure_memory)
    # what IPython had shown before: `%run` shows a script's error, and calls its cell a success
    shown: Any = None
    earlier_error: BaseException | None = field(default_factory=lambda: getattr(sys, "last_value", None))
    code_ended: float | None = None
    result: Any = None
    error: BaseException | None = None
    seconds: float = 0.0
    ended: float = 0.0
    """Unix timestamp in seconds of the end."""
    cpu_seconds: float = 0.0
    memory_delta: int | None = None
    left_out: list[str] = field(default_factory=list)
    """Properties and entities whose expression failed: what, and the class of the error."""
    notes: list[str] = field(default_factory=list)
    """What else its user should know, such as a switch of the header that is locked."""

    def start_clock(self) -> None:
        """Begin to measure, after the hooks before the cell."""
        self.started, self.cpu = time.perf_counter(), time.process_time()

    def stop_clock(self) -> None:
        """Note the end of the cell's code, before the hooks after it."""
        self.code_ended = time.perf_counter()

    def finish(self, result: Any, ended: float) -> None:
        """Note the end: IPython's result, None where it lost it, and the time by ``time.perf_counter()``."""
        ended = self.code_ended or ended
        self.seconds = max(0.0, ended - self.started)
        self.cpu_seconds = time.process_time() - self.cpu
        memory = measure_memory()
        self.memory_delta = None if memory is None or self.memory is None else memory - self.memory
        self.ended = time.time() - (time.perf_counter() - ended)
        self.result = result
        # an error that is here already is one of a cell that a magic ran inside this one
        self.error = self.own_error or self.error

    @property
    def own_error(self) -> BaseException | None:
        """The error in IPython's result."""
        # where both are there, IPython failed on showing the first one
        error: BaseException | None = getattr(self.result, "error_in_exec", None) or getattr(
            self.result, "error_before_exec", None
        )
        return error

    @property
    def status(self) -> str:
        """How it came out, in the schema's words."""
        if self.error is None:
            return "ok" if self.result is not None else "interrupted"
        if isinstance(self.error, GeneratorExit):  # the end of a generator is not the end of the cell
            return "error"
        status = steps.classify(self.error)
        # IPython compiles each statement when its turn comes: an interrupt between two is one "before execution", too
        refused = status == "error" and getattr(self.result, "error_before_exec", None) is self.error
        return "syntax_error" if refused else status

    def list_magics(self) -> list[str]:
        """List the names of the magics a cell uses, not what they are given."""
        code = getattr(self.info, "transformed_cell", None) or ""
        raw = self.info.raw_cell or ""
        found: dict[str, None] = {}
        if "%" not in raw and "run_line_magic" not in code:
            return []
        for line in raw.splitlines():
            word = line.lstrip().partition(" ")[0].strip()
            if (
                word.startswith("%")
                and len(word) > 1
                and (name := word.lstrip("%").rstrip("?")).isidentifier()
            ):
                found["%" * (2 if word.startswith("%%") else 1) + name[:62]] = None
        return [name for name in found if name != "%%track"][:50]
