"""Pyodide of npm, with nbtrack and IPython in its file system, in Node and in Chromium."""

import functools
import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path

import IPython
import pytest

import nbtrack
from nbtrack.collector import LocalCollector
from tests.support.browser import browser
from tests.support.tools import require

HERE = Path(__file__).parent
PURE_PACKAGES = """
IPython asttokens decorator decorator.py executing ipython_pygments_lexers.py matplotlib_inline platformdirs
prompt_toolkit pure_eval
pygments stack_data traitlets typing_extensions.py wcwidth
"""
"""What IPython and nbtrack need, all of it Python; the page's own packages lie on a server that a test does not ask."""


@pytest.fixture(scope="session")
def pyodide_folder(tmp_path_factory):
    """A folder with npm's pyodide at an exact version, the archive of packages, and a page."""
    require("node")
    npm = require("npm")
    folder = tmp_path_factory.mktemp("pyodide")
    for name in ("package.json", "run.mjs"):
        shutil.copy(HERE / name, folder)
    options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    subprocess.run([npm, "install", *options], cwd=folder, capture_output=True, timeout=100, check=True)
    packages = folder / "packages"
    packages.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", "tests", "*.so")
    for package in [Path(nbtrack.__file__).parent, *_find_pure_packages()]:
        if package.is_dir():
            shutil.copytree(package, packages / package.name, ignore=unwanted)
        else:
            shutil.copy(package, packages)
    shutil.make_archive(str(packages), "zip", packages)
    (folder / "index.html").write_text("<!doctype html><title>pyodide</title>")
    return folder


def _find_pure_packages():
    site = Path(IPython.__file__).parent.parent
    return [site / name for name in PURE_PACKAGES.split() if (site / name).exists()]


@pytest.fixture
def collector():
    with LocalCollector() as running:
        yield running


@pytest.fixture
def run_in_node(pyodide_folder):
    """Run a program in Node, and return what it printed as JSON lines."""

    def run(code, **values):
        program = {"folder": str(pyodide_folder / "packages"), "code": code, "values": values}
        ran = subprocess.run(
            [require("node"), "run.mjs"],
            input=json.dumps(program),
            cwd=pyodide_folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr[-3000:]
        return _read_lines(ran.stdout)

    return run


@pytest.fixture(scope="session")
def page_url(pyodide_folder):
    """The address of a page that serves the folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    Quiet.extensions_map = {**Quiet.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}
    handler = functools.partial(Quiet, directory=str(pyodide_folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


START = """async ([code, values, blocking]) => {
  const { loadPyodide } = await import("/node_modules/pyodide/pyodide.mjs");
  const lines = [];
  const pyodide = await loadPyodide({ stdout: (line) => lines.push(line) });
  const archive = await (await fetch("/packages.zip")).arrayBuffer();
  pyodide.unpackArchive(archive, "zip", { extractDir: "/packages" });
  pyodide.runPython("import sys; sys.path.insert(0, '/packages')");
  for (const [name, value] of Object.entries(values)) pyodide.globals.set(name, value);
  if (blocking) pyodide.runPython(code);
  else await pyodide.runPythonAsync(code);
  return lines.join("\\n");
}"""


@pytest.fixture
def run_in_chromium(page_url):
    """Run a program in a page of Chromium, and return what it printed as JSON lines."""

    def run(code, *, blocking=False, **values):
        with browser() as chromium:
            page = chromium.new_page()
            page.goto(page_url)
            return _read_lines(page.evaluate(START, [code, values, blocking]))

    return run


def _read_lines(printed):
    return [json.loads(line) if line.startswith(("[", "{")) else line for line in printed.splitlines()]
