"""Programs that run notebooks, each with the name and the notebook that its events carry."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from nbtrack.collector import LocalCollector
from nbtrack.common.payload_json import decode_fields
from tests.support.lab import find_port
from tests.support.waiting import poll

pytest.importorskip("jupyterhub", reason="make test-hub has an environment with these programs")
import nbformat

from tests.support.hub import RemoteKernel, stop_collectors

pytestmark = pytest.mark.hub
CELLS = ["%load_ext nbtrack", "%track hello", "%nbtrack flush"]
START_SECONDS = 60


@pytest.fixture(scope="module")
def collector():
    with LocalCollector() as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "report.ipynb")
    return tmp_path


@pytest.fixture
def environment(folder, collector):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NBTRACK_", "JUPYTER", "JPY_"))
    }
    places = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    own = {name: str(folder / name.lower()) for name in places}
    for place in own.values():
        Path(place).mkdir()
    settings = {
        "NBTRACK_COLLECTOR": collector.url,
        "NBTRACK_HOME": str(folder / "nbtrack"),
        "NBTRACK_NOTEBOOK_NAME": "name",
        "NBTRACK_APP_ID": folder.name,
    }
    return {
        **kept,
        **own,
        **settings,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


@pytest.fixture
def sent(collector, folder):
    """Give a function that returns the notebook entity of the event that this test's notebook sent, with its schema."""

    def find():
        payloads = [one for one in collector.payloads(good=True) if one["aid"] == folder.name]
        if not payloads:
            return None
        entities = decode_fields(payloads[0])["cx"]["data"]
        return next((one["data"], one["schema"]) for one in entities if "/notebook/" in one["schema"])

    return find


def run(command, environment, folder):
    subprocess.run(command, env=environment, cwd=folder, check=True, timeout=120, capture_output=True)


@pytest.mark.parametrize(
    ("command", "host", "name"),
    [
        (["papermill", "report.ipynb", "out.ipynb"], "papermill", "report.ipynb"),
        (["jupyter", "nbconvert", "--to", "notebook", "--execute", "report.ipynb"], "nbconvert", "report.ipynb"),
        (["jupyter", "execute", "report.ipynb"], "execute", "report.ipynb"),
        ([sys.executable, "-c", "import nbclient, nbformat; nbclient.execute(nbformat.read('report.ipynb', 4))"],
         "nbclient", None),
    ],
)  # fmt: skip
def test_what_runs_a_notebook_is_named_as_what_it_is(
    command, host, name, environment, folder, sent, collector
):
    run(command, environment, folder)
    entity, schema = sent()
    assert entity == {"host": host} | ({"name": name} if name else {})
    assert schema.endswith("1-1-0" if host in {"nbconvert", "execute"} else "1-0-0")
    assert collector.counts()["bad"] == 0


# JupyterLab's are those of the hub's tests
@pytest.mark.parametrize(("application", "host"), [("notebook", "notebook"), ("nbclassic", "nbclassic")])
def test_a_servers_kernel_is_named_by_its_application(application, host, environment, folder, sent):
    port = find_port()
    options = [
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",
    ]
    with serve(["jupyter", application, *options], environment, folder, port, "api/status"):
        session = {
            "path": "report.ipynb",
            "name": "report.ipynb",
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        made = post(port, "api/sessions", session)
        kernel = RemoteKernel(f"ws://127.0.0.1:{port}", made["kernel"]["id"])
        for cell in CELLS:
            assert kernel.run(cell).error is None
        assert sent()[0] == {"host": host, "name": "report.ipynb"}


CLASSIC_READY = "() => window.Jupyter?.notebook?.kernel?.is_connected()"


def test_the_monitor_in_nbclassic(chromium, environment, folder):
    """It is live; its buttons wait for the running cell, and a kernel that was killed is shown by its silence."""
    cells = [
        "import os\nprint('pid', os.getpid())\nimport nbtrack\nnbtrack.monitor()",
        "%%track long\nimport pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)",
        "%%track again\ntime.sleep(60)",
    ]
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in ["%load_ext nbtrack", *cells]],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(made, folder / "classic.ipynb")
    port = find_port()
    options = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="]
    command = ["jupyter", "nbclassic", *options, "--ServerApp.disable_check_xsrf=True"]
    with serve(command, environment, folder, port, "api/status"):
        context = chromium.new_context(viewport={"width": 1400, "height": 1000})
        page = context.new_page()

        def run(place):
            page.evaluate("(place) => Jupyter.notebook.execute_cells([place])", place)

        def wait_for(condition, seconds=20):
            return poll(condition, seconds, wait=lambda pause: page.wait_for_timeout(pause * 1000))

        page.goto(f"http://127.0.0.1:{port}/nbclassic/notebooks/classic.ipynb")
        page.wait_for_function(CLASSIC_READY, timeout=60_000)
        for place in (0, 1):
            run(place)
        monitor = page.locator(".nbtrack-monitor")
        monitor.wait_for(timeout=30_000)
        rows, state = (
            monitor.locator(".nbm-home tbody:not(.nbm-space) tr"),
            monitor.locator(".nbm-state strong"),
        )
        run(2)
        assert wait_for(lambda: rows.count() and "◐ long" in rows.first.inner_text())
        monitor.locator("button:text-is('Pause')").click()
        assert "when the running cell ends" in monitor.locator(".nbm-hint").inner_text()
        (folder / "go").touch()
        assert wait_for(lambda: state.inner_text() == "paused")

        run(3)
        assert wait_for(lambda: rows.count() == 2 and "◐ again" in rows.nth(1).inner_text())
        printed = page.locator(".output_stream:has-text('pid')").first.inner_text()
        os.kill(int(printed.split("pid")[1].split()[0]), signal.SIGKILL)
        assert wait_for(lambda: state.inner_text() == "no answer")
        assert monitor.locator(".nbm-head button:disabled").count() == 2
        context.close()


def test_voila(environment, folder, sent):
    port = find_port()
    with serve(
        ["voila", "report.ipynb", "--no-browser", f"--port={port}"], environment, folder, port, "static/none"
    ):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as reply:
            reply.read()
        assert poll(sent)
        assert sent()[0] == {"host": "voila", "name": "report.ipynb"}


def test_jupyter_console(environment, folder, sent):
    import pexpect

    program = pexpect.spawn(
        "jupyter",
        ["console", "--simple-prompt"],
        env=environment,
        cwd=str(folder),
        timeout=60,
        encoding="utf-8",
    )
    try:
        for place, cell in enumerate(CELLS, 1):
            program.expect_exact(f"In [{place}]:")
            program.sendline(cell)
        assert poll(sent)
        assert sent()[0] == {"host": "console"}
    finally:
        program.close(force=True)


def test_a_jupytext_script_is_told_the_line_that_starts_a_session(environment, folder, sent):
    cells = [
        "%load_ext nbtrack",
        "import nbtrack\nwith nbtrack.track('a step'):\n    value = 1",
        "%track hello",
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(made, folder / "script.ipynb")
    run(["jupytext", "--to", "py:percent", "script.ipynb"], environment, folder)
    silent = subprocess.run(
        [sys.executable, "script.py"], env=environment, cwd=folder, check=True, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert silent.stderr.count("import nbtrack; nbtrack.start()") == 1
    assert sent() is None
    # with that line it tracks, and says nothing more
    text = (folder / "script.py").read_text("utf-8")
    (folder / "script.py").write_text(text.replace("# %load_ext nbtrack", "import nbtrack; nbtrack.start()"))
    told = subprocess.run(
        [sys.executable, "script.py"], env=environment, cwd=folder, check=True, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert "nothing is tracked" not in told.stderr
    assert poll(sent)
    assert sent()[0] == {"host": "script"}


def test_a_saved_progress_bar_shows_how_far_it_came(environment, folder):
    """Without the widgets' state a saved notebook shows the bar's text."""
    cells = [
        "import pandas as pd, nbtrack\nfrom nbtrack.template import col\nfrom nbtrack.tracker import PageView",
        (
            "nbtrack.start(collector='local', quiet=True)\n"
            "frame = pd.DataFrame({'page': [f'https://acme.com/{n}' for n in range(500)]})\n"
            "report = nbtrack.backfill(frame, PageView(col('page')), key='page', progress=True)"
        ),
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(made, folder / "backfill.ipynb")
    run(["jupyter", "execute", "--inplace", "backfill.ipynb"], environment, folder)
    stop_collectors(folder)
    outputs = nbformat.read(folder / "backfill.ipynb", 4).cells[1].outputs
    bars = [
        output.data["text/plain"]
        for output in outputs
        if "data" in output and "|" in output.data["text/plain"]
    ]
    assert len(bars) == 1
    assert "100%" in bars[0]


@contextlib.contextmanager
def serve(command, environment, folder, port, path):
    """Run a server until the test ends."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        assert poll(lambda: answers(port, path) or process.poll() is not None, START_SECONDS)
        assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def answers(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def post(port, path, body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)
