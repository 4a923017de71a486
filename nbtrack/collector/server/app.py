"""The HTTP server: which path is answered by whom."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tornado.httpserver
import tornado.web

from nbtrack.collector.events.database import Database
from nbtrack.collector.events.pipeline import Pipeline
from nbtrack.collector.server.auth import Guard
from nbtrack.collector.server.tracker_routes import PlainHandler, TrackingHandler
from nbtrack.schemas import Registry, registry_of

MAX_HEADERS = 20_480 + 40_960
# a larger body is read and thrown away up to this size, so that its sender hears the 413
MAX_DRAINED = 256 * 1024 * 1024
SEGMENT = r"([^/]+)"


@dataclass(slots=True)
class State:
    """What the handlers share."""

    database: Database
    registry: Registry
    pipeline: Pipeline
    guard: Guard
    log: logging.Logger
    touched: float = field(default_factory=time.monotonic)
    kernels: dict[int, str] = field(default_factory=dict)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: set[asyncio.Event] = field(default_factory=set)

    def changed(self) -> None:
        """Wake all who wait for news; runs on the loop's thread."""
        for event in self._waiting:
            event.set()

    async def news(self, timeout: float) -> bool:  # noqa: ASYNC109 - a long poll's own bound
        """Wait for the next commit; False when none came in time."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            await asyncio.wait_for(event.wait(), timeout)
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._waiting.discard(event)


def application(state: State) -> tornado.web.Application:
    """Put the handlers together."""
    from nbtrack.collector.server import live_page as page  # noqa: PLC0415 - they need State
    from nbtrack.collector.server import micro_routes as micro  # noqa: PLC0415 - they need State
    from nbtrack.collector.server import nbtrack_routes as private  # noqa: PLC0415 - they need State

    shared = {"state": state}
    return tornado.web.Application(
        [
            (r"/(?:i|ice\.png)", TrackingHandler, shared),
            (r"/(?:health|sink-health)", PlainHandler),
            (r"/robots\.txt", PlainHandler, {"text": "User-agent: *\nDisallow: /"}),
            (r"/r/.*", PlainHandler, {"status": 404, "text": "redirects disabled"}),
            *page.routes(shared),
            *micro.routes(shared),
            *private.routes(shared),
            (rf"/{SEGMENT}/{SEGMENT}", TrackingHandler, shared),
        ],
        default_handler_class=PlainHandler,
        default_handler_args={"status": 404, "text": "404 not found"},
        log_function=lambda _handler: None,
        compress_response=False,
    )


def listen(app: tornado.web.Application, listener: socket.socket) -> tornado.httpserver.HTTPServer:
    """Answer on a socket that listens already."""
    server = tornado.httpserver.HTTPServer(
        app,
        max_header_size=MAX_HEADERS,
        max_body_size=MAX_DRAINED,
        # a client that sends a byte now and then holds a connection, but not for ever
        idle_connection_timeout=610,
        body_timeout=30,
    )
    server.add_sockets([listener])
    return server


def build(config: dict[str, Any], loop: asyncio.AbstractEventLoop, port: int) -> State:
    """Make the parts that a configuration names."""
    path = config["db"]
    database = Database(None if path == "memory" else Path(path), lasting=config["folder"] is None)
    registry = registry_of(
        config["iglu"], api_key=os.environ.get("NBTRACK_IGLU_API_KEY"), cache=config["cache"]
    )
    state: State

    def changed() -> None:
        loop.call_soon_threadsafe(state.changed)

    pipeline = Pipeline(database, registry, strict_lengths=config["strict_lengths"], changed=changed)
    guard = Guard(config["token"], config["open"], frozenset(config["hosts"]), port)
    state = State(database, registry, pipeline, guard, logging.getLogger("nbtrack.collector"))
    return state
