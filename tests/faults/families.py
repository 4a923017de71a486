"""Runs the program of a parent and its children (`tests.faults.programs`), and returns what it accepted."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.fault_server import FaultServer

ROOT = Path(__file__).parents[2]


def run_family(folder: Path, server: FaultServer, **plan: Any) -> tuple[set[str], str]:
    """Run a history; return the accepted ids and what was written to stderr."""
    plan = {
        "when": "after",
        "store": "memory",
        "emitter": "AsyncEmitter",
        "start": "fork",
        "ending": "return",
        "port": server.port,
        "folder": str(folder),
        **plan,
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.faults.programs", "family", json.dumps(plan)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return set((folder / "accepted").read_text().split()), done.stderr
