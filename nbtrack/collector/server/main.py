"""The collector's own process: ``python -m nbtrack.collector.server.main``, its settings as one line on standard input."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import time
from typing import Any

from nbtrack.collector.server.app import State, application, build, listen
from nbtrack.common.processes import process_started

CHECK = 0.5


def _await_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Wait on the pipe that the parent holds: it ends with the parent."""
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(stop.set)


async def _watch(state: State, config: dict[str, Any]) -> None:
    """End with the parent, or a while after the last kernel left."""
    parent, idle = None if config["detached"] else config["starter"], config["idle_timeout"]
    interval = CHECK if idle is None else min(CHECK, idle)
    while not state.stop.is_set():
        if parent and process_started(parent["pid"]) != parent["started"]:
            state.stop.set()
        if idle is not None:
            for pid, started in list(state.kernels.items()):
                if process_started(pid) != started:
                    del state.kernels[pid]
                    state.touched = time.monotonic()
            if not state.kernels and time.monotonic() - state.touched > idle:
                state.stop.set()
        try:
            await asyncio.wait_for(state.stop.wait(), interval)
        except TimeoutError:
            continue


async def _serve(config: dict[str, Any], listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    state = build(config, loop, listener.getsockname()[1])
    for name in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(name, state.stop.set)
        except NotImplementedError:  # Windows has no signals to handle here
            break
    if config["detached"]:
        # its first kernel, which may be slow to say so
        state.kernels[config["starter"]["pid"]] = config["starter"]["started"]
    else:
        reader = threading.Thread(target=_await_end_of_input, args=(loop, state.stop), daemon=True)
        reader.start()
    state.pipeline.start()
    server = listen(application(state), listener)
    watcher = asyncio.create_task(_watch(state, config))
    await state.stop.wait()
    server.stop()
    state.changed()  # pages that wait for news are let go
    await asyncio.sleep(0)
    state.pipeline.close()
    await server.close_all_connections()
    await watcher
    state.database.close()
    if config["folder"]:
        shutil.rmtree(config["folder"], ignore_errors=True)


def main() -> None:
    """Read the settings and serve until told to end."""
    config = json.loads(sys.stdin.readline())
    os.umask(0o077)  # events are personal: the database and what SQLite keeps beside it are its user's alone
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    if config["fd"] is None:
        listener = socket.create_server((config["host"], config["port"]))
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
    else:
        listener = socket.socket(fileno=config["fd"])
    listener.setblocking(False)
    # batches make many short-lived objects and no cycles: looking for cycles often would only cost time
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    asyncio.run(_serve(config, listener))
    # threads that wait for input or for a lookup must not hold up the end
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
