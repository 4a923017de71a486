"""A real JupyterHub with its proxy: users whose servers and kernels run on this machine."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from nbtrack.collector import shared_collector
from nbtrack.common.collector_address import ADDRESS_FILE
from tests.support.lab import find_port
from tests.support.tools import require
from tests.support.waiting import poll

HOST = "hub.nbtrack.test"
"""Not this machine's name: a browser finds it by a rule of its own."""
START_SECONDS = 60
CLOSE_SECONDS = 2
PACKAGE = Path(__file__).parents[1] / "places" / "hub" / "package.json"
CONFIGURATION = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.cookie_secret_file = {folder!r} + "/cookie_secret"
c.JupyterHub.db_url = "sqlite:///" + {folder!r} + "/hub.sqlite"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {folder!r} + "/homes/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.start_timeout = 60
"""
LAST = """
c.Spawner.args.append("--allow-root")
c.JupyterHub.services.append({{"name": "tests", "api_token": {token!r}}})
c.JupyterHub.load_roles.append(
    {{"name": "tests", "scopes": ["admin:users", "admin:servers", "access:servers"], "services": ["tests"]}}
)
"""


@dataclass
class Ran:
    """What a cell printed and showed, and its error."""

    text: str = ""
    error: str | None = None


async def _read_to_end(connection: Any) -> None:
    while await connection.read_message() is not None:
        pass


@dataclass
class RemoteKernel:
    """A kernel of a Jupyter server, which may be behind a hub's proxy."""

    server: str
    id: str
    token: str = ""
    session: str = field(default_factory=lambda: uuid.uuid4().hex)

    def run(self, code: str, timeout: float = 60) -> Ran:
        # on a thread of its own: a test that drives a browser has an event loop running on this one
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, asyncio.wait_for(self._run(code), timeout)).result()

    async def _run(self, code: str) -> Ran:
        address = f"{self.server}/api/kernels/{self.id}/channels"
        request = HTTPRequest(address, headers={"Authorization": f"token {self.token}"})
        connection = await websocket_connect(request)
        message_id, ran = uuid.uuid4().hex, Ran()
        header = {
            "msg_id": message_id, "username": "test", "session": self.session, "msg_type": "execute_request", "version": "5.3",
        }  # fmt: skip
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        await connection.write_message(
            json.dumps(
                {
                    "header": header,
                    "parent_header": {},
                    "metadata": {},
                    "content": content,
                    "channel": "shell",
                    "buffers": [],
                }
            )
        )
        waits = {"idle", "reply"}
        while waits:
            text = await connection.read_message()
            if text is None:
                ran.error = "the kernel's connection was closed"
                break
            message = json.loads(text)
            if message["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                ran.text += content["text"]
            elif kind in {"execute_result", "display_data"}:
                ran.text += content["data"].get("text/plain", "")
            elif kind == "error":
                ran.error = f"{content['ename']}: {content['evalue']}"
            elif kind == "execute_reply":
                waits.discard("reply")
            elif kind == "status" and content["execution_state"] == "idle":
                waits.discard("idle")
        connection.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_read_to_end(connection), CLOSE_SECONDS)
        return ran


class Hub:
    """A running hub."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder
        self.token = secrets.token_hex(16)
        self.url = f"http://{HOST}:{port}"

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Any:
        """Send a request as the hub's service; return the reply's JSON, or None where it has none."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"token {self.token}", **headers},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            text = reply.read()
        with contextlib.suppress(ValueError):
            return json.loads(text)
        return None

    def start_server(self, user: str) -> None:
        with contextlib.suppress(urllib.error.HTTPError):  # the user is known already
            self.ask(f"hub/api/users/{user}", "POST")
        assert poll(lambda: self._starts(user), START_SECONDS, wait=_pause), self.log()

    def _starts(self, user: str) -> bool:
        if not self.is_ready(user):
            # refused while the server starts, or while one that was stopped ends
            with contextlib.suppress(urllib.error.HTTPError):
                self.ask(f"hub/api/users/{user}/server", "POST", {})
        return self.is_ready(user)

    def is_ready(self, user: str) -> bool:
        servers = self.ask(f"hub/api/users/{user}").get("servers", {})
        return bool(servers.get("", {}).get("ready"))

    def start_kernel(self, user: str, path: str = "work.ipynb") -> RemoteKernel:
        """Start a kernel of a user, whose server is started if need be."""
        self.start_server(user)
        session = {
            "path": path,
            "name": path,
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        made = self.ask(f"user/{user}/api/sessions", "POST", session)
        return RemoteKernel(f"ws://127.0.0.1:{self.port}/user/{user}", made["kernel"]["id"], self.token)

    def has_kernel(self, user: str, kernel: RemoteKernel) -> bool:
        return any(one["id"] == kernel.id for one in self.ask(f"user/{user}/api/kernels"))

    def home(self, user: str) -> Path:
        return self.folder / "homes" / user

    def log_in(self, page: Any, user: str) -> None:
        """Log a browser in, and wait for the user's server."""
        self.start_server(user)
        page.goto(f"{self.url}/hub/login")
        page.fill("#username_input", user)
        page.fill("#password_input", "any")
        page.click("#login_submit")
        page.wait_for_url(f"**/user/{user}/**", timeout=60_000)

    def log(self) -> str:
        return (self.folder / "hub.log").read_text()[-4000:]


def install_proxy(folder: Path) -> Path:
    """Install configurable-http-proxy with npm, and return its program."""
    require("node")
    npm = require("npm")
    shutil.copy(PACKAGE, folder)
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"],
        cwd=folder,
        check=True,
        timeout=180,
    )
    return folder / "node_modules" / ".bin" / "configurable-http-proxy"


@contextmanager
def start_hub(folder: Path, proxy: Path, configuration: str = "") -> Iterator[Hub]:
    """Start a hub, with lines of configuration besides those that keep it on this machine."""
    port, hub_port, api_port = find_port(), find_port(), find_port()
    hub = Hub(port, folder)
    (folder / "homes").mkdir()
    file = folder / "jupyterhub_config.py"
    values = {
        "port": port, "hub_port": hub_port, "api_port": api_port, "proxy": str(proxy), "folder": str(folder),
        "python": sys.executable, "token": hub.token,
    }  # fmt: skip
    own = configuration.replace("{port}", str(port))
    file.write_text(CONFIGURATION.format(**values) + own + LAST.format(**values))
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("NBTRACK_", "JUPYTER"))
    }
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", str(file)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        assert poll(lambda: _answers(hub) or process.poll() is not None, START_SECONDS), hub.log()
        assert process.poll() is None, hub.log()
        yield hub
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        stop_collectors(folder)


def stop_collectors(folder: Path) -> None:
    """End the shared collectors of all homes below a folder, which would stay for ten minutes."""
    for address in folder.rglob(ADDRESS_FILE):
        shared_collector.stop(address.parent)


def _pause(_: float) -> None:
    time.sleep(0.3)


def _answers(hub: Hub) -> bool:
    try:
        hub.ask("hub/api/")
    except OSError:
        return False
    return True
