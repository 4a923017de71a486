"""The collector's process: ``python -m nbtrack.collector.server.main``, its configuration as one line on standard input."""

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

from nbtrack.collector.launch import ServerConfig
from nbtrack.collector.server.app import create_application, create_state, raise_descriptor_limit, serve
from nbtrack.collector.server.auth import AccessPolicy
from nbtrack.collector.server.state import State
from nbtrack.common.processes import is_same_process

CHECK_SECONDS = 0.5
SWITCH_SECONDS = 0.001


def _stop_at_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Read the pipe that the parent holds: it ends with the parent."""
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(stop.set)


async def _watch(state: State, config: ServerConfig) -> None:
    """Stop the collector with its parent, or a while after the last kernel left."""
    parent = None if config.detached else config.starter
    idle = config.idle_timeout
    interval = CHECK_SECONDS if idle is None else min(CHECK_SECONDS, idle)
    while not state.stop.is_set():
        if parent and not is_same_process(parent["pid"], parent["started"]):
            state.stop.set()
        if idle is not None:
            for pid, started in list(state.kernels.items()):
                if not is_same_process(pid, started):
                    del state.kernels[pid]
                    state.touch()
            if not state.kernels and time.monotonic() - state.last_used > idle:
                state.stop.set()
        try:
            await asyncio.wait_for(state.stop.wait(), interval)
        except TimeoutError:
            continue


async def _run(config: ServerConfig, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    state = create_state(config, loop)
    policy = AccessPolicy(config.token, config.open, set(config.hosts))
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(signal_number, state.stop.set)
        except NotImplementedError:  # Windows has no signals to handle here
            break
    if config.detached:
        # its first kernel, which may be slow to register itself
        state.kernels[config.starter["pid"]] = config.starter["started"]
    else:
        reader = threading.Thread(target=_stop_at_end_of_input, args=(loop, state.stop), daemon=True)
        reader.start()
    state.pipeline.start()
    server = serve(create_application(state, policy), listener)
    watcher = asyncio.create_task(_watch(state, config))
    await state.stop.wait()
    server.stop()
    state.notify()  # so that pages that wait for a commit are released
    await asyncio.sleep(0)
    state.pipeline.close()
    await server.close_all_connections()
    await watcher
    state.close()
    state.database.close()
    if config.folder:
        shutil.rmtree(config.folder, ignore_errors=True)


def main() -> None:
    """Read the configuration and serve until stopped."""
    config = ServerConfig(**json.loads(sys.stdin.readline()))
    os.umask(
        0o077
    )  # events are personal: the database and SQLite's files beside it are readable by their user only
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    if config.fd is None:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        listener = socket.create_server((config.host, config.port), family=family)
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
    else:
        listener = socket.socket(fileno=config.fd)
    listener.setblocking(False)
    raise_descriptor_limit()
    # batches create many short-lived objects and no cycles: searching for cycles often would only cost time
    gc.freeze()
    # requests wait for the thread that validates: it lets them go first more often than by default
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(100_000, 20, 50)
    asyncio.run(_run(config, listener))
    # threads that wait for input or for a schema must not delay the end
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
