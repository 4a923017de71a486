"""A collector that misbehaves by script, on loopback, and records every event id it was given."""

import contextlib
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.support.waiting import poll

RST = struct.pack("ii", 1, 0)
IDS = re.compile(rb'"eid":\s?"([^"]*)"')


@dataclass(frozen=True)
class Act:
    """What happens to one request.

    `status` and `headers` of the reply; seconds `before` the body is read and `after` it; `reset_at`: bytes of the
    body read before a RST; `early`: reply before the body is read, then close; `cut`: bytes of the reply sent
    before a close (`cut_reset`: a RST); `drip`: seconds between two bytes of the reply; `close`: no keep-alive;
    `silent`: read all, never answer; `raw`: these bytes instead of a reply.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    before: float = 0.0
    after: float = 0.0
    reset_at: int | None = None
    early: bool = False
    cut: int | None = None
    cut_reset: bool = False
    drip: float = 0.0
    close: bool = False
    silent: bool = False
    raw: bytes | None = None


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    ids: list[str]
    time: float
    connection: int
    act: Act

    @property
    def events(self) -> list[dict[str, str]]:
        if self.method == "GET":
            query = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
            return [{key: values[0] for key, values in query.items()}]
        return json.loads(self.body)["data"]


class FaultServer:
    """Serves on 127.0.0.1; the script is a list of acts (the last one stays) or a function of the request's number and body.

    `delivered` counts the event ids of requests answered 2xx in full; `arrived` those of all whole requests.
    """

    def __init__(
        self,
        script: Iterable[Act] | Callable[[int, bytes], Act] = (),
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        accept: bool = True,
    ) -> None:
        self.script = script if callable(script) else list(script)
        self.seen: list[Seen] = []
        self.delivered: Counter[str] = Counter()
        self.arrived: Counter[str] = Counter()
        self.connections = 0
        self._tls = tls
        self._accept = accept
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=16 if accept else 0)
        self.port = self._listener.getsockname()[1]
        self._stopping = threading.Event()
        if accept:
            self._spawn(self._serve)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port and every connection; what was recorded stays."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()
        for thread in list(self._threads):
            thread.join(2.0)

    def drop_connections(self) -> None:
        """Close every connection, as a server does with idle ones."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def wait_for(self, events: int, timeout: float = 60.0) -> bool:
        """Wait until so many different events are delivered; a busy machine may need seconds to start their process."""
        return poll(lambda: len(self.delivered) >= events, timeout)

    def wait_for_requests(self, number: int, timeout: float = 60.0) -> bool:
        return poll(lambda: len(self.seen) >= number, timeout)

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._open.add(connection)
            self._spawn(self._converse, connection, number)

    def _converse(self, plain: socket.socket, number: int) -> None:
        connection = plain
        with contextlib.suppress(OSError, ValueError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(plain, server_side=True)
                with self._lock:
                    self._open.discard(plain)
                    self._open.add(connection)
            stream = connection.makefile("rb")
            with stream:
                while self._exchange(connection, stream, number):
                    pass
        with self._lock:
            self._open.discard(connection)
            self._open.discard(plain)
        connection.close()
        plain.close()

    def _next(self, body: bytes) -> Act:
        number = len(self.seen)
        if callable(self.script):
            return self.script(number, body)
        return self.script[min(number, len(self.script) - 1)] if self.script else Act()

    def _exchange(self, connection: socket.socket, stream: object, number: int) -> bool:
        line = stream.readline()
        if not line:
            return False
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while (line := stream.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        peek = self._next(b"") if not callable(self.script) else Act()
        if peek.before:
            time.sleep(peek.before)
        if peek.early:
            self._record(method, target, headers, b"", [], number, peek)
            connection.sendall(_reply(peek))
            _reset(connection)
            return False
        if peek.reset_at is not None:
            stream.read(min(peek.reset_at, length))
            self._record(method, target, headers, b"", [], number, peek)
            _reset(connection)
            return False
        body = stream.read(length)
        ids = [one.decode() for one in IDS.findall(body)]
        if method == "GET":
            ids = parse_qs(urlsplit(target).query).get("eid", [])
        act = self._next(body)
        if act.after:
            time.sleep(act.after)
        whole = act.cut is None and not act.silent and act.raw is None
        if whole and 200 <= act.status < 300 and not self._stopping.is_set():
            with self._lock:
                self.delivered.update(ids)
        self._record(method, target, headers, body, ids, number, act)
        return self._answer(connection, act)

    def _record(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes,
        ids: list[str],
        number: int,
        act: Act,
    ) -> None:
        with self._lock:
            self.arrived.update(ids)
            self.seen.append(Seen(method, target, headers, body, ids, time.monotonic(), number, act))

    def _answer(self, connection: socket.socket, act: Act) -> bool:
        if act.silent:
            self._stopping.wait(30.0)
            return False
        reply = _reply(act) if act.raw is None else act.raw
        if act.cut is not None:
            connection.sendall(reply[: act.cut])
            if act.cut_reset:
                _reset(connection)
            return False
        if act.drip:
            for position in range(len(reply)):
                connection.sendall(reply[position : position + 1])
                if self._stopping.wait(act.drip):
                    return False
            return not act.close
        connection.sendall(reply)
        return not (act.close or act.raw is not None)


def _reply(act: Act) -> bytes:
    headers = {"Content-Length": str(len(act.body)), **act.headers}
    if act.close:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {act.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + act.body


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    connection.close()


def free_port() -> int:
    """Give a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
