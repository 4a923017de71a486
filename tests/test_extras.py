"""Extras: what is missing or too old is named with the command that fixes it; the tracker needs three packages only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.common import extras
from nbtrack.common.extras import MissingPackageError, list_requirements, require
from tests.support.environments import make_environment

ROOT = Path(__file__).parents[1]
TRACK = """
import sys
from nbtrack.tracker import AsyncEmitter, Emitter, SelfDescribing, SelfDescribingJson, Tracker

event = SelfDescribing(SelfDescribingJson("iglu:com.acme/purchase/jsonschema/1-0-0", {"amount": 9.5}))
for emitter in (Emitter(sys.argv[1]), AsyncEmitter(sys.argv[1])):
    with Tracker("bare", emitter) as tracker:
        tracker.track(event)
    print(emitter.stats().sent, emitter.stats().pending)
"""


def test_the_packages_of_an_extra_are_those_of_pyproject() -> None:
    assert dict(list_requirements("redis")).keys() == {"redis"}
    assert {"duckdb", "numpy", "pyarrow", "tqdm"} == dict(list_requirements("backfill")).keys()
    assert dict(list_requirements("backfill")).items() <= dict(list_requirements("demo")).items()
    assert {"pandas", "orjson", "tornado"} <= dict(list_requirements()).keys()
    assert not {"duckdb", "pyarrow"} & dict(list_requirements()).keys()


def test_what_is_installed_is_enough() -> None:
    require("backfill", "a backfill")


@pytest.mark.parametrize(
    ("installed", "reason"),
    [
        ({"duckdb": None}, "duckdb is not installed"),
        ({"duckdb": "1.1.3"}, "duckdb 1.1.3 is too old"),
        ({"duckdb": "1.10.0", "pyarrow": "9.0"}, "pyarrow 9.0 is too old"),
    ],
)
def test_what_is_missing_or_too_old_is_named_with_the_command(
    installed: dict[str, str | None], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = extras.installed_version
    monkeypatch.setattr(extras, "installed_version", lambda name: installed.get(name, version(name)))
    with pytest.raises(MissingPackageError, match="a backfill needs other packages") as raised:
        require("backfill", "a backfill")
    message = str(raised.value)
    assert f"({reason})" in message
    assert "\n" not in message
    bound = dict(list_requirements("backfill"))[reason.split(maxsplit=1)[0]]
    assert message.endswith(f"python -m pip install '{reason.split(maxsplit=1)[0]}>={bound}'")
    assert isinstance(raised.value, ModuleNotFoundError)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with nbtrack and three packages."""
    venv = tmp_path_factory.mktemp("bare") / "venv"
    install = make_environment(venv)
    subprocess.run([*install, "--no-deps", str(ROOT)], check=True, timeout=300)
    subprocess.run([*install, "orjson", "requests", "platformdirs"], check=True, timeout=300)
    return venv / "bin" / "python"


@pytest.mark.timeout(400)
def test_the_tracker_delivers_with_orjson_requests_and_platformdirs_alone(bare: Path, tmp_path: Path) -> None:
    from tests.support.fault_server import FaultServer

    with FaultServer() as server:
        done = subprocess.run(
            [bare, "-c", TRACK, server.url],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env={**os.environ, "NBTRACK_HOME": str(tmp_path)},
        )
    assert (done.stdout, done.stderr) == ("1 0\n1 0\n", "")


@pytest.mark.parametrize(
    "code",
    [
        "from nbtrack import backfill",
        "import nbtrack; nbtrack.backfill(None, None)",
        "import nbtrack.bulk",
    ],
)
@pytest.mark.timeout(400)
def test_a_backfill_without_its_packages_says_what_to_install(bare: Path, tmp_path: Path, code: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"import sys\n{code}\n")
    done = subprocess.run(
        [bare, program], check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode != 0
    (last,) = done.stderr.strip().splitlines()[-1:]
    assert "a backfill needs other packages (duckdb is not installed, " in last
    assert "python -m pip install 'duckdb>=" in last


def test_the_process_of_the_collector_loads_no_pandas_duckdb_or_pyarrow() -> None:
    code = (
        "import sys, nbtrack.collector.server.main, nbtrack.collector.server.app;"
        "print(sorted({'pandas', 'numpy', 'duckdb', 'pyarrow', 'IPython'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
