"""The tutorials as tests: they run in a home of their own, and their collector ends with them.

``TUTORIALS_HOME`` names a folder that is kept instead: with it they run as on a used machine, again and again.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from nbtrack.collector import shared_collector

_MINE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Give the kernels, which inherit this environment, places of their own."""
    kept = os.environ.get("TUTORIALS_HOME")
    scratch = config.stash[_MINE] = kept or tempfile.mkdtemp(prefix="nbtrack-notebooks-")
    for name in ("NBTRACK_HOME", "IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        os.environ[name] = str(Path(scratch) / name.lower())
    for name in ("DO_NOT_TRACK", "NBTRACK_DISABLED", "NBTRACK_COLLECTOR"):
        os.environ.pop(name, None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the collector that the notebooks shared, and clear up."""
    if scratch := config.stash.get(_MINE, None):
        shared_collector.stop(Path(scratch) / "nbtrack_home")
        if scratch != os.environ.get("TUTORIALS_HOME"):
            shutil.rmtree(scratch, ignore_errors=True)
