"""The HTTP server: which handler serves which path."""

import asyncio
import os
import socket
from pathlib import Path

import tornado.httpserver
import tornado.web

from nbtrack.collector.events.database import Database
from nbtrack.collector.events.pipeline import Pipeline
from nbtrack.collector.launch import ServerConfig
from nbtrack.collector.server import live_page, micro_routes, nbtrack_routes
from nbtrack.collector.server.auth import AccessPolicy
from nbtrack.collector.server.state import State
from nbtrack.collector.server.tracker_routes import PlainHandler, TrackerHandler
from nbtrack.schemas import registry_of

MAX_HEADERS = 20_480 + 40_960
MAX_DRAINED = 256 * 1024 * 1024
"""A body that is too large is read and discarded up to this size, so that its sender receives the 413."""
IDLE_TIMEOUT = 610
BODY_TIMEOUT = 30
"""Seconds: a client that sends a byte now and then holds a connection, but not forever."""
SEGMENT = r"([^/]+)"


def create_state(config: ServerConfig, loop: asyncio.AbstractEventLoop) -> State:
    """Return the parts that a configuration names."""
    database = Database(None if config.db == "memory" else Path(config.db), lasting=config.folder is None)
    api_key = os.environ.get("NBTRACK_IGLU_API_KEY")
    registry = registry_of(config.iglu, api_key=api_key, cache=config.cache)
    state: State

    def on_commit() -> None:
        loop.call_soon_threadsafe(state.notify)

    pipeline = Pipeline(database, registry, strict_lengths=config.strict_lengths, on_commit=on_commit)
    state = State(database, registry, pipeline)
    return state


def create_application(state: State, policy: AccessPolicy) -> tornado.web.Application:
    """Return the application with all handlers."""
    public = {"state": state}
    protected = {"state": state, "policy": policy}
    return tornado.web.Application(
        [
            (r"/(?:i|ice\.png)", TrackerHandler, public),
            (r"/(?:health|sink-health)", PlainHandler),
            (r"/robots\.txt", PlainHandler, {"text": "User-agent: *\nDisallow: /"}),
            (r"/r/.*", PlainHandler, {"status": 404, "text": "redirects disabled"}),
            *live_page.routes(protected),
            *micro_routes.routes(protected),
            *nbtrack_routes.routes(protected),
            (rf"/{SEGMENT}/{SEGMENT}", TrackerHandler, public),
        ],
        default_handler_class=PlainHandler,
        default_handler_args={"status": 404, "text": "404 not found"},
        log_function=lambda _handler: None,
        compress_response=False,
    )


def serve(application: tornado.web.Application, listener: socket.socket) -> tornado.httpserver.HTTPServer:
    """Serve an application on a listening socket."""
    server = tornado.httpserver.HTTPServer(
        application,
        max_header_size=MAX_HEADERS,
        max_body_size=MAX_DRAINED,
        idle_connection_timeout=IDLE_TIMEOUT,
        body_timeout=BODY_TIMEOUT,
    )
    server.add_sockets([listener])
    return server
