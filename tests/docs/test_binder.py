"""Binder: its steps, in an environment of their own."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.environments import make_environment

ROOT = Path(__file__).parents[2]
RUN = """
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(book, timeout=60, kernel_name="python3").execute()
"""


@pytest.mark.timeout(600)
def test_the_steps_give_an_environment_that_runs_a_tutorial(tmp_path: Path):
    venv, home = tmp_path / "venv", tmp_path / "home"
    install = make_environment(venv)
    # as repo2docker does it: from the root of the clone
    subprocess.run([*install, "-r", "binder/requirements.txt"], cwd=ROOT, check=True, timeout=400)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NBTRACK_", "PYTHON", "JUPYTER", "VIRTUAL_ENV"))
    }
    environment = kept | {
        "HOME": str(home),
        "TMPDIR": str(tmp_path),
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    home.mkdir()
    for step in (
        ["binder/postBuild"],
        ["binder/start", "jupyter", "lab", "--version"],
        ["binder/start", "python", "-c", RUN, "notebooks/08_upgrading.ipynb"],
    ):
        ran = subprocess.run(
            step, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
