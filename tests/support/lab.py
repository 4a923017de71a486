"""A real Jupyter server and its notebooks in a real Chromium: JupyterLab and Notebook 7."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat

from tests.support.waiting import poll

PLACES = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
START_SECONDS = 60
READY = "() => window.jupyterapp?.shell.currentWidget?.sessionContext"
RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }"
RUN_ONE = """(place) => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.deselectAll();
  panel.content.activeCellIndex = place;
  window.jupyterapp.commands.execute('notebook:run-cell');
}"""
# browsers say these of Jupyter's own pages, whatever the notebook holds
NOT_OURS = ("Failed to load resource", "favicon", "[Violation]")
# Notebook 7 has no file browser, which a plugin it shares with JupyterLab asks for
OF_NOTEBOOK_7 = ("filebrowser:open-path", "reading 'schema'")


class Notebook:
    """One notebook, open in a page."""

    def __init__(self, page: Any, foreign: tuple[str, ...]) -> None:
        self.page, self._foreign = page, foreign
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.received: list[tuple[float, int, str]] = []
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self._note_error(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket_: socket_.on("framereceived", self._note_frame))

    def _note_console(self, message: Any) -> None:
        if message.type == "error":
            self._note_error(message.text)

    def _note_error(self, text: str) -> None:
        if not any(part in text for part in self._foreign):
            self.errors.append(text)

    def _note_frame(self, frame: Any) -> None:
        text = frame if isinstance(frame, str) else bytes(frame).decode("utf-8", "replace")
        self.received.append((time.monotonic(), len(text.encode()), text))

    @property
    def monitors(self) -> Any:
        return self.page.locator(".nbtrack-monitor")

    @property
    def monitor(self) -> Any:
        return self.monitors.first

    def run_all(self) -> None:
        self.page.evaluate(RUN_ALL)

    def run(self, place: int) -> None:
        self.page.evaluate(RUN_ONE, place)

    def pause(self, seconds: float) -> None:
        """Wait while the page's events go on; a plain sleep would hold them."""
        self.page.wait_for_timeout(seconds * 1000)

    def is_busy(self) -> bool:
        # newer kernels answer widgets on a thread of their own and call themselves idle meanwhile
        return bool(self.page.locator(".jp-InputPrompt:text-is('[*]:')").count())

    def wait_for_output(self, text: str, timeout: float = 30) -> None:
        self.page.locator(f".jp-OutputArea-output:has-text({text!r})").first.wait_for(timeout=timeout * 1000)

    def counter(self, name: str, view: int = 0) -> int:
        """Read one of the monitor's counters."""
        box = self.monitors.nth(view).locator(f".nbm-counters div:has(dt:text-is({name!r})) dd")
        return int(box.inner_text().replace(",", ""))

    def state(self) -> str:
        return str(self.monitor.locator(".nbm-state strong").inner_text())

    def places_asked(self) -> set[str | None]:
        """Tell which hosts the page asked for anything."""
        return {urlsplit(url).hostname for url in self.asked if not url.startswith(("data:", "blob:"))}


class Lab:
    """A Jupyter server with a folder of notebooks."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def write(self, name: str, cells: list[str]) -> Path:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        path = self.folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        return path

    @contextmanager
    def open(
        self, chromium: Any, name: str, *, app: str = "lab/tree", kernel: bool = True, **context: Any
    ) -> Iterator[Notebook]:
        """Open a notebook of the folder in a browser of its own, with its kernel ready."""
        options = {"viewport": {"width": 1400, "height": 1000}, **context}
        browser = chromium.new_context(**options)
        browser.grant_permissions(["clipboard-read", "clipboard-write"])
        try:
            notebook = Notebook(
                browser.new_page(), NOT_OURS if app.startswith("lab") else NOT_OURS + OF_NOTEBOOK_7
            )
            query = "?reset" if app.startswith("lab") else ""
            notebook.page.goto(f"{self.url}/{app}/{name}.ipynb{query}")
            notebook.page.wait_for_function(READY, timeout=60_000)
            if kernel:
                notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.ready")
            yield notebook
        finally:
            browser.close()
            self._end_kernels()

    def _end_kernels(self) -> None:
        with urllib.request.urlopen(f"{self.url}/api/sessions", timeout=10) as answer:
            sessions = json.load(answer)
        for session in sessions:
            request = urllib.request.Request(f"{self.url}/api/sessions/{session['id']}", method="DELETE")
            with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=20):
                pass


def find_port() -> int:
    """Find a free port, for what must be known before it listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def start_lab(folder: Path) -> Iterator[Lab]:
    """Start a Jupyter server whose files are all below `folder`."""
    port, notebooks = find_port(), folder / "notebooks"
    places = {name: folder / name.lower() for name in PLACES}
    for place in (notebooks, *places.values()):
        place.mkdir(parents=True, exist_ok=True)
    asked = places["JUPYTER_CONFIG_DIR"] / "lab/user-settings/@jupyterlab/apputils-extension"
    asked.mkdir(parents=True, exist_ok=True)
    (asked / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "DO_NOT_TRACK"}}
    environment |= {name: str(place) for name, place in places.items()}
    environment |= {"NBTRACK_HOME": str(folder / "nbtrack"), "NBTRACK_STORE": "memory"}
    command = [
        sys.executable,
        "-m",
        "jupyter",
        "lab",
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        "--ServerApp.disable_check_xsrf=True",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={notebooks}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        if not poll(lambda: _answers(url) or server.poll() is not None, START_SECONDS) or not _answers(url):
            raise RuntimeError(
                f"the Jupyter server did not start: {(folder / 'server.log').read_text()[-2000:]}"
            )
        yield Lab(url, notebooks)
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(5)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/status", timeout=1):
            return True
    except OSError:
        return False
