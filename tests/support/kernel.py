"""A real kernel that tests run cells in, with or without the extension."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

from tests.support.waiting import poll

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
TIMEOUT = 60


@dataclass
class Ran:
    """What a cell gave: the reply's status, its outputs as a person sees them, and its error's class and value."""

    status: str
    outputs: list[tuple[str, str]] = field(default_factory=list)
    error: str | None = None

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.outputs)


class Kernel:
    def __init__(self, manager: KernelManager, folder: Path) -> None:
        self.manager, self.folder = manager, folder
        self.client = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT)

    def run(self, code: str, *, interrupt_when: str | None = None, **options: Any) -> Ran:
        """Run a cell to its end; with `interrupt_when`, interrupt the kernel once a file of that name is there."""
        message_id = self.client.execute(code, **options)
        if interrupt_when:
            ready = self.folder / interrupt_when
            assert poll(ready.exists, TIMEOUT)
            ready.unlink()
            self.manager.interrupt_kernel()
        outputs: list[tuple[str, str]] = []
        error = None
        while True:
            message = self.client.get_iopub_msg(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                if outputs and outputs[-1][0] == content["name"]:
                    outputs[-1] = (content["name"], outputs[-1][1] + content["text"])
                else:
                    outputs.append((content["name"], content["text"]))
            elif kind in {"execute_result", "display_data"}:
                outputs.append((kind, content["data"].get("text/plain", "")))
            elif kind == "error":
                error = f"{content['ename']}: {content['evalue']}"
                outputs.append((kind, _ANSI.sub("", "\n".join(content["traceback"]))))
            elif kind == "status" and content["execution_state"] == "idle":
                break
        while True:
            reply = self.client.get_shell_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == message_id:
                return Ran(reply["content"]["status"], outputs, error)

    def complete(self, code: str) -> list[str]:
        message_id = self.client.complete(code, len(code))
        while True:
            reply = self.client.get_shell_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == message_id:
                return list(reply["content"]["matches"])


@contextmanager
def start_kernel(folder: Path, **environment: str) -> Iterator[Kernel]:
    """Start a kernel of this interpreter whose files are all below `folder`."""
    # sockets with names of their own: of two kernels that start at once, one may find its port taken
    sockets = tempfile.TemporaryDirectory(prefix="k")
    named = {"transport": "ipc", "ip": f"{sockets.name}/s"} if os.name == "posix" else {}
    manager = KernelManager(**named)
    manager.kernel_spec.argv[0] = sys.executable
    places = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    quiet = {name: value for name, value in os.environ.items() if name not in {"CI", "DO_NOT_TRACK"}}
    env = (
        quiet | {name: str(folder / name.lower()) for name in places} | {"NBTRACK_HOME": str(folder / "home")}
    )
    for name in places:
        (folder / name.lower()).mkdir(parents=True, exist_ok=True)
    manager.start_kernel(env=env | environment, cwd=str(folder))
    kernel = None
    try:
        kernel = Kernel(manager, folder)
        yield kernel
    finally:
        if kernel:
            kernel.client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        sockets.cleanup()


MASKS = (
    (r"(?<=[\s:])\d+(\.\d+)?(e[+-]\d+)? (ns|[μµu]s|ms|s)\b", "T"),
    (r"0x[0-9a-f]+", "ADDR"),
    (r"In\[\d+\]", "In"),
    (r"ipykernel_\d+", "ipykernel"),
    (r"/\S*/(tracked|plain)\d+/", "/"),
    (r"\(pid=\d+\)", "(pid=N)"),
    (r"\d{5,}", "N"),
)


def mask(text: str) -> str:
    for pattern, new in MASKS:
        text = re.sub(pattern, new, text)
    return text


def assert_same_run(one: Ran, other: Ran) -> None:
    """Two runs look alike but for times, addresses and execution counts."""
    assert [(kind, mask(text)) for kind, text in one.outputs] == [
        (kind, mask(text)) for kind, text in other.outputs
    ]
    assert (one.status, mask(one.error or "")) == (other.status, mask(other.error or ""))
