"""Runs that never ended: noted while they go on, and reported by a later session if their kernel died."""

import contextlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from nbtrack.common.clock import monotonic
from nbtrack.common.home import make_home, open_private
from nbtrack.common.processes import is_same_process, process_started
from nbtrack.delivery.timer import Timer
from nbtrack.notebook.runs import CellRun
from nbtrack.runtime import Session
from nbtrack.runtime import events as own
from nbtrack.tracker import SelfDescribing, SelfDescribingJson
from nbtrack.tracker.ids import new_id

NOTE_SECONDS = 1.0
"""A run that takes longer is noted, and noted again as often."""
IDLE_SECONDS = 5.0
"""The timer ends when no cell has run for this long."""
FOLDER = "running"
MOST_MILLISECONDS = 2**31 - 1


class LostRuns:
    """Writes the running cell to a file in nbtrack's home, and reports the cells whose process is gone.

    A cell of less than a second costs nothing but two assignments: one timer looks now and then.

    Parameters
    ----------
    session
        Where events go.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._lock = threading.Lock()
        self._run: CellRun | None = None
        self._path: Path | None = None
        self._last_used = 0.0
        self._watching = False
        self._timer: Timer | None = None
        self._reported: Session | None = None

    def begin(self, run: CellRun) -> None:
        """Note that a run began."""
        self._run, self._last_used = run, monotonic()
        if not self._watching:
            self._watching = True
            self._wait()

    def end(self) -> None:
        """Note that the run has ended."""
        self._run, self._last_used = None, monotonic()
        if self._path is not None:
            self._forget()

    def _wait(self) -> None:
        self._timer = Timer(NOTE_SECONDS, self._look)
        try:
            self._timer.start()
        except RuntimeError:  # no thread can be started
            self._watching = False

    def close(self) -> None:
        """End the timer."""
        self.end()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        run = self._run
        if run is not None and time.perf_counter() - run.started >= NOTE_SECONDS:
            with contextlib.suppress(OSError):  # nowhere to write: then nothing is noted
                self._note(run)
            if self._run is not run:
                self._forget()
        elif run is None and monotonic() - self._last_used > IDLE_SECONDS:
            self._watching = False
            if self._run is None:  # else one began meanwhile, and saw the timer at work
                return
            self._watching = True
        self._wait()

    def _note(self, run: CellRun) -> None:
        with self._lock:
            if self._path is not None:
                os.utime(self._path)
                return
            pid = os.getpid()
            header = run.header
            document = {
                "run_id": run.run_id,
                "name": header.name if header else None,
                "label": header.label if header else None,
                "cell_id": getattr(run.info, "cell_id", None),
                "pid": pid,
                "process_started": process_started(pid),
                "started": time.time() - (time.perf_counter() - run.started),
            }
            folder = make_home(self.session.home) / FOLDER
            folder.mkdir(mode=0o700, exist_ok=True)
            path = folder / f"{pid}-{run.run_id}.json"
            with open_private(path) as file:
                json.dump(document, file)
            self._path = path

    def _forget(self) -> None:
        with self._lock:
            path, self._path = self._path, None
        if path is not None:
            path.unlink(missing_ok=True)

    def report(self) -> None:
        """Track the runs whose kernel died, once in a session; each is claimed by one session."""
        if self._reported is self.session:
            return
        self._reported = self.session
        folder = self.session.home / FOLDER
        for path in list(folder.glob("*.json")) if folder.is_dir() else ():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                document = json.loads(path.read_text("utf-8"))
                if is_same_process(document["pid"], document["process_started"] or ""):
                    continue
                noted = path.stat().st_mtime
                claimed = path.with_suffix(f".{os.getpid()}")
                path.rename(claimed)  # another session fails here
                self._track(document, noted)
                claimed.unlink()

    def _track(self, document: dict[str, Any], noted: float) -> None:
        lasted = max(0, round((noted - document["started"]) * 1000))
        data = own.drop_unknown(
            {
                "run_id": document["run_id"],
                "name": document["name"] and str(document["name"])[: own.NAME_LENGTH],
                "label": document["label"] and str(document["label"])[: own.TEXT_LENGTH],
                "cell_id": document["cell_id"] and str(document["cell_id"])[:64],
                "status": "lost",
                "duration_ms": min(lasted, MOST_MILLISECONDS),
            }
        )
        event = SelfDescribing(
            SelfDescribingJson(own.LOST_RUN, data),
            event_id=new_id(),
            true_timestamp=round(noted * 1000),
        )
        self.session.track_safely(event, "a lost cell", ended=noted)
