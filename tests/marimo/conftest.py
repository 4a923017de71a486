"""marimo's server, and viewers in Chromium."""

import contextlib
import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from nbtrack.collector import LocalCollector
from tests.support.browser import browser
from tests.support.fault_server import free_port
from tests.support.waiting import poll


@pytest.fixture(scope="session")
def chromium():
    pytest.importorskip("marimo")
    with browser() as running:
        yield running


@pytest.fixture
def collector():
    with LocalCollector() as running:
        yield running


@pytest.fixture
def serve(tmp_path):
    """Return a function that serves a notebook to viewers, and returns the address."""
    with contextlib.ExitStack() as stack:

        def start(notebook, mode="run", **environment):
            port = free_port()
            options = ["--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
            env = {
                **os.environ,
                "HOME": str(tmp_path),
                "NBTRACK_HOME": str(tmp_path / "home"),
                "MARIMO_SKIP_UPDATE_CHECK": "1",
                **environment,
            }
            log = stack.enter_context((tmp_path / "marimo.log").open("w"))
            process = subprocess.Popen(
                [sys.executable, "-m", "marimo", "-q", mode, str(notebook), *options],
                cwd=tmp_path,
                env=env,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            url = f"http://127.0.0.1:{port}"
            assert poll(lambda: _responds(url), 60), (tmp_path / "marimo.log").read_text()
            return url

        yield start


def _responds(url):
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def view(chromium):
    """Return a function that opens an address as a viewer of its own."""
    with contextlib.ExitStack() as stack:

        def open_page(url):
            context = chromium.new_context()
            stack.callback(context.close)
            page = context.new_page()
            page.goto(url)
            return page

        yield open_page
