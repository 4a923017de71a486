"""The wheel: what it holds, and that the demo runs from it in an environment of its own."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.environments import make_environment

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    if uv := shutil.which("uv"):
        command = [
            uv,
            "build",
            "--quiet",
            "--wheel",
            "--python",
            sys.executable,
            "--out-dir",
            str(folder),
            str(ROOT),
        ]
    else:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_schemas_scripts_and_styles_and_nothing_beside_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "nbtrack/schemas/iglu/io.github.nbtrack/cell_run/jsonschema/1-0-0" in names
    assert "nbtrack/py.typed" in names
    endings = {Path(name).suffix for name in names}
    assert {".js", ".css"} <= endings
    in_tree = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "nbtrack").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert in_tree <= names
    assert {name.partition("/")[0] for name in names} == {
        "nbtrack",
        next(n for n in names if ".dist-info" in n).partition("/")[0],
    }


@pytest.mark.timeout(600)
def test_the_demo_notebook_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    venv, home = tmp_path / "venv", tmp_path / "home"
    install = make_environment(venv)
    subprocess.run([*install, f"{wheel}[demo]"], check=True, timeout=400)
    notebook = tmp_path / "01_quickstart.ipynb"
    shutil.copy(ROOT / "notebooks" / "01_quickstart.ipynb", notebook)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("NBTRACK_", "PYTHON"))
    }
    shown = subprocess.run(
        [str(venv / "bin" / "nbtrack"), "demo", "--notebook", str(notebook)],
        env=environment | {"NBTRACK_HOME": str(home), "NBTRACK_LOCAL_PORT": "0"},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "336,776" in shown.stdout
    assert "backfill ok: 336,776 of 336,776 rows sent" in shown.stdout
    assert not home.exists()  # the demo has a home of its own, which goes with it
