"""The page *Run nbtrack on JupyterHub*, followed by a hub: locks, culling, kills; nothing is lost."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbtrack.collector import LocalCollector
from nbtrack.common.payload_json import decode_fields
from tests.support.lab import find_port
from tests.support.waiting import poll

pytest.importorskip("jupyterhub", reason="make test-hub has an environment with JupyterHub")
from tests.support.hub import start_hub

pytestmark = pytest.mark.hub
PAGE = Path(__file__).parents[2] / "docs" / "pages" / "guides" / "jupyterhub.md"
CULL_SECONDS = 6


class Company:
    """The company's collector, which can be down."""

    def __init__(self, folder: Path) -> None:
        self.options = {"port": find_port(), "db": folder / "company.sqlite"}
        self.url = f"http://127.0.0.1:{self.options['port']}"
        self.collector = LocalCollector(**self.options).start()

    def go_down(self) -> None:
        self.collector.close()

    def come_up(self) -> None:
        assert poll(self._starts, 10)

    def _starts(self) -> bool:
        try:
            self.collector = LocalCollector(**self.options).start()
        except OSError:
            return False
        return True

    def names(self) -> list[str]:
        """List the names of the tracked cells that arrived."""
        return sorted(filter(None, (run.get("name") for run in self.cell_runs())))

    def cell_runs(self) -> list[dict]:
        """List the data of the cells that arrived."""
        payloads = self.collector.payloads(schema="iglu:io.github.nbtrack/cell_run/*")
        return [decode_fields(payload)["ue_px"]["data"]["data"] for payload in payloads]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    running = Company(tmp_path_factory.mktemp("company"))
    yield running
    running.go_down()


@pytest.fixture(scope="module")
def hub(tmp_path_factory, proxy, company):
    """Start a hub as the page says, with the files that it names below this environment's prefix."""
    ipython, spawner, culling = blocks("text")
    settings = blocks("toml")[0].replace("https://sp.acme.com", company.url)
    files = {
        Path(sys.prefix, "etc", "ipython", "ipython_config.py"): ipython,
        Path(sys.prefix, "etc", "nbtrack", "nbtrack.toml"): settings,
    }
    culling = culling.replace("3600", str(CULL_SECONDS)).replace("300", "1")
    configuration = spawner.replace("https://sp.acme.com", company.url) + culling
    for path, text in files.items():
        assert not path.exists(), f"{path} is in the way"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    try:
        with start_hub(tmp_path_factory.mktemp("guide"), proxy, configuration) as running:
            yield running
    finally:
        for path in files:
            path.unlink()


def run_cells(kernel, prefix: str, number: int) -> list[str]:
    names = [f"{prefix}-{place}" for place in range(number)]
    for name in names:
        ran = kernel.run(f"%%track {name}\nvalue = 1")
        assert (ran.text, ran.error) == ("", None)
    return names


def test_every_kernel_has_it_and_a_locked_setting_holds(hub, company):
    kernel = hub.start_kernel("ann")
    status = kernel.run("%nbtrack status")
    assert status.error is None
    assert company.url in status.text
    assert kernel.run("%%track locked-source --source\nsecret = 'in the source'").error is None
    assert "source is locked at False" in kernel.run("%nbtrack preview").text
    refused = kernel.run("%nbtrack config source=true")
    assert "locked at False by" in refused.text
    assert "nothing pending" in kernel.run("%nbtrack flush").text
    sent = [one for one in company.cell_runs() if one.get("name") == "locked-source"]
    assert len(sent) == 1
    assert not sent[0].get("source")
    # `cells = "all"`: also those without a header
    assert len(company.cell_runs()) > 1


def test_nothing_is_lost_when_kernels_and_servers_end_while_the_collector_is_down(hub, company):
    before = set(company.names())
    company.go_down()
    started = time.monotonic()
    expected = []

    killed = hub.start_kernel("bob", "killed.ipynb")
    pid = int(killed.run("import os; print(os.getpid())").text)
    expected += run_cells(killed, "killed", 20)
    os.kill(pid, signal.SIGKILL)

    culled = hub.start_kernel("bob", "culled.ipynb")
    expected += run_cells(culled, "culled", 13)
    assert poll(lambda: not hub.has_kernel("bob", culled), CULL_SECONDS + 20)

    stopped = hub.start_kernel("bob", "stopped.ipynb")
    expected += run_cells(stopped, "stopped", 13)
    command = [
        sys.executable, "-m", "jupyterhub_idle_culler", f"--url=http://127.0.0.1:{hub.port}/hub/api", "--timeout=1",
        "--cull-every=1",
    ]  # fmt: skip
    with subprocess.Popen(
        command, env={**os.environ, "JUPYTERHUB_API_TOKEN": hub.token}, stderr=subprocess.DEVNULL
    ) as culler:
        try:
            assert poll(lambda: not hub.is_ready("bob"), 40)
        finally:
            culler.terminate()

    company.come_up()
    assert set(company.names()) == before
    fresh = hub.start_kernel("bob", "fresh.ipynb")
    assert fresh.run("%%track after\nvalue = 1").error is None
    assert poll(lambda: set(expected) <= set(company.names()), 30), (
        set(expected) - set(company.names()),
        time.monotonic() - started,
    )
    arrived = [name for name in company.names() if name in set(expected)]
    assert len(expected) == 46
    assert arrived == sorted(expected)  # each once
