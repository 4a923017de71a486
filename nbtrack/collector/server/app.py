"""The HTTP server: which handler serves which path."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import time
from pathlib import Path
from typing import Any

import tornado.httpserver
import tornado.web

from nbtrack.collector.events.database import Database, ValidatedRequest
from nbtrack.collector.events.output import EventOutput
from nbtrack.collector.events.pipeline import Pipeline, Retention
from nbtrack.collector.launch import ServerConfig
from nbtrack.collector.server import live_page, micro_routes, nbtrack_routes
from nbtrack.collector.server.auth import AccessPolicy
from nbtrack.collector.server.state import State
from nbtrack.collector.server.tracker_routes import PlainHandler, TrackerHandler
from nbtrack.plans.checks import PlanChecks
from nbtrack.schemas import registry_of

MAX_HEADERS = 20_480 + 40_960
MAX_DRAINED = 256 * 1024 * 1024
"""A body that is too large is read and discarded up to this size, so that its sender receives the 413."""
IDLE_TIMEOUT = 610
CHUNK_SIZE = 512 * 1024
"""Bytes that are read at a time: a body of many events takes few steps."""
BODY_TIMEOUT = 30
"""Seconds: a client that sends a byte now and then holds a connection, but not forever."""
LOG = logging.getLogger("nbtrack.collector")
WARNING_SECONDS = 60.0
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
SEGMENT = r"([^/]+)"


def create_state(config: ServerConfig, loop: asyncio.AbstractEventLoop) -> State:
    """Return the parts that a configuration names."""
    database = Database(None if config.db == "memory" else Path(config.db), lasting=config.folder is None)
    api_key = os.environ.get("NBTRACK_IGLU_API_KEY")
    registry = registry_of(config.iglu, api_key=api_key, cache=config.cache)
    state: State

    output = EventOutput(config.output, config.log_events)

    def on_commit(requests: list[ValidatedRequest]) -> None:
        output.write(requests)
        loop.call_soon_threadsafe(state.notify)

    retention = Retention(config.keep_days, config.keep_events) if config.keep_days else None
    checks = None
    if config.tracking_plan is not None:
        checks = PlanChecks(config.tracking_plan)
        checks.register_schemas(registry)
    pipeline = Pipeline(
        database,
        registry,
        lenient_lengths=config.lenient_lengths,
        checks=checks,
        retention=retention,
        on_commit=on_commit,
    )
    state = State(database, registry, pipeline, campaigns=config.campaigns, paths=config.paths)
    return state


def create_application(state: State, policy: AccessPolicy) -> tornado.web.Application:
    """Return the application with all handlers."""
    protected = {"state": state, "policy": policy}
    return tornado.web.Application(
        [
            (r"/(?:i|ice\.png)", TrackerHandler, protected),
            (r"/(?:health|sink-health)", PlainHandler),
            (r"/robots\.txt", PlainHandler, {"text": "User-agent: *\nDisallow: /"}),
            (r"/r/.*", PlainHandler, {"status": 404, "text": "redirects disabled"}),
            *live_page.routes(protected),
            *micro_routes.routes(protected),
            *nbtrack_routes.routes(protected),
            (rf"/{SEGMENT}/{SEGMENT}", TrackerHandler, protected),
        ],
        default_handler_class=PlainHandler,
        default_handler_args={"status": 404, "text": "404 not found"},
        log_function=lambda _handler: None,
        compress_response=True,
    )


def serve(application: tornado.web.Application, listener: socket.socket) -> tornado.httpserver.HTTPServer:
    """Serve an application on a listening socket."""
    server = tornado.httpserver.HTTPServer(
        application,
        max_header_size=MAX_HEADERS,
        max_body_size=MAX_DRAINED,
        idle_connection_timeout=IDLE_TIMEOUT,
        body_timeout=BODY_TIMEOUT,
        chunk_size=CHUNK_SIZE,
    )
    server.add_sockets([PatientListener(listener)])
    return server


class PatientListener(socket.socket):
    """A listening socket that survives a lack of file descriptors.

    One descriptor is kept in reserve: with it a connection is accepted, told to come back later, and closed.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.family, listener.type, listener.proto, fileno=listener.detach())
        self.setblocking(False)
        self._reserve = os.open(os.devnull, os.O_RDONLY)
        self._warned = -WARNING_SECONDS

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection; without a descriptor, refuse it and report that there is none."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            self._refuse()
            raise BlockingIOError from None

    def _refuse(self) -> None:
        if time.monotonic() - self._warned > WARNING_SECONDS:
            self._warned = time.monotonic()
            LOG.warning("out of file descriptors: new connections are refused until others are closed")
        os.close(self._reserve)
        with contextlib.suppress(OSError):
            connection, _ = super().accept()
            with connection:
                connection.setblocking(False)
                connection.send(BUSY)
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            self._reserve = os.open(os.devnull, os.O_RDONLY)


def raise_descriptor_limit() -> None:
    """Allow as many open files as the system does."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - POSIX only

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
