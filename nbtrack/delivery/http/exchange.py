"""One request and its response over an open connection.

A general client takes three times the processor time of the sending itself, which a backfill pays a thousand times in
two seconds. What a collector receives and replies needs little of HTTP.
"""

import contextlib
import io
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from nbtrack.common.clock import monotonic
from nbtrack.delivery.http.errors import InvalidReplyError, TruncatedReplyError

SMALL_BYTES = 65_536
"""Parts of a body below this are joined."""
TLS_BYTES = 131_072
"""TLS takes all that it is given within one timeout, where a plain socket returns how much it took."""
MAX_LINE_BYTES = 65_536
MAX_HEADERS = 100
NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)
"""Flag of `send`: a closed connection is an error, not a signal."""
WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Response:
    """What a server sent back.

    Parameters
    ----------
    status : int
        HTTP status.
    headers : mapping of str to str
        By name in lower case.
    body : bytes
        Its first bytes.
    reusable : bool
        Whether another request can follow on the connection.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    reusable: bool


def write_head(method: str, target: str, headers: Mapping[str, str | bytes]) -> bytes:
    """Return the request line and headers of a request.

    Raises
    ------
    UnicodeEncodeError
        If a request cannot carry them.
    """
    lines = [f"{method} {target} HTTP/1.1".encode("ascii")]
    for name, value in headers.items():
        content = value if isinstance(value, bytes) else value.encode("latin-1")
        lines.append(b"%b: %b" % (name.encode("ascii"), content))
    return b"\r\n".join([*lines, b"", b""])


def send_request(
    sock: socket.socket,
    head: bytes,
    parts: Sequence[bytes | memoryview],
    *,
    timeout: float,
    deadline: float,
    max_body: int,
) -> Response:
    """Send a request and read the response.

    Parameters
    ----------
    sock : socket
        Of an open connection.
    head : bytes
        Request line and headers.
    parts : sequence of bytes
        The body; large parts are not copied.
    timeout : float
        Seconds that may pass without a byte being taken, and seconds for the whole response.
    deadline : float
        When to give up in any case, on the monotonic clock.
    max_body : int
        Bytes of the response's body to keep.

    Raises
    ------
    OSError
        If there is no whole response.
    """
    # the server may have replied before it closed, as with a body that is too large
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _send(sock, [head, *parts], timeout, deadline)
    with io.BufferedReader(_DeadlineReader(sock, min(deadline, monotonic() + timeout))) as stream:
        return _read_response(stream, max_body)


def _send(sock: socket.socket, parts: Sequence[bytes | memoryview], timeout: float, deadline: float) -> None:
    plain = type(sock) is socket.socket
    at_once, flags = (1 << 30, NO_SIGNAL) if plain else (TLS_BYTES, 0)
    for part in join_small(parts):
        view = memoryview(part)
        while view:
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError("sending took too long")
            sock.settimeout(min(timeout, left))
            view = view[sock.send(view[:at_once], flags) :]


@contextlib.contextmanager
def no_sigpipe() -> Iterator[None]:
    """Keep a closed connection from killing a process that handles SIGPIPE in the system's default way."""
    if not hasattr(signal, "pthread_sigmask") or signal.getsignal(signal.SIGPIPE) is not signal.SIG_DFL:
        yield
        return
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE not in blocked:
            # what arrived for this thread meanwhile must not be delivered
            while signal.SIGPIPE in signal.sigpending():
                signal.sigwait({signal.SIGPIPE})
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def join_small(parts: Sequence[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Join neighbours of up to 64 KiB together, so that a small request is one packet."""
    small: list[bytes | memoryview] = []
    size = 0
    for part in parts:
        if small and size + len(part) > SMALL_BYTES:
            yield b"".join(small)
            small, size = [], 0
        if len(part) > SMALL_BYTES:
            yield part
        else:
            small.append(part)
            size += len(part)
    if small:
        yield b"".join(small)


class _DeadlineReader(io.RawIOBase):
    """A socket that is read until a deadline.

    A plain timeout starts anew with each byte, so a server that sends a byte a second would hold us for ever.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the reply took too long")
        self._sock.settimeout(left)
        return self._sock.recv_into(buffer)


def read_head(sock: socket.socket, deadline: float) -> int:
    """Read the head of a reply and nothing beyond it; return the status."""
    data = bytearray()
    while not data.endswith(b"\r\n\r\n"):
        left = deadline - monotonic()
        if left <= 0 or len(data) > MAX_LINE_BYTES:
            raise TimeoutError("the reply took too long")
        sock.settimeout(left)
        byte = sock.recv(1)
        if not byte:
            raise InvalidReplyError(f"not an HTTP reply: {bytes(data[:80])!r}")
        data += byte
    return _read_status(io.BytesIO(data))[1]


def _read_response(stream: BinaryIO, max_body: int) -> Response:
    status = 100
    while 100 <= status < 200:  # noqa: PLR2004 - "100 Continue" and the like: the response follows
        version, status = _read_status(stream)
        headers = _read_headers(stream)
    body, complete = _read_body(stream, status, headers, max_body)
    connection = headers.get("connection", "").lower()
    kept = "close" not in connection if version == b"HTTP/1.1" else "keep-alive" in connection
    return Response(status, headers, body, complete and kept)


def _read_status(stream: BinaryIO) -> tuple[bytes, int]:
    line = stream.readline(MAX_LINE_BYTES)
    if not line:
        raise ConnectionResetError("the connection was closed without a reply")
    version, _, rest = line.rstrip().partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        error = InvalidReplyError if line.endswith(b"\n") else TruncatedReplyError
        raise error(f"not an HTTP reply: {line[:80]!r}")
    return version, int(rest[:3])


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS + 1):
        line = _read_line(stream)
        if not line:
            return headers
        name, _, value = line.partition(b":")
        headers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
    raise InvalidReplyError(f"more than {MAX_HEADERS} headers")


def _read_line(stream: BinaryIO) -> bytes:
    line = stream.readline(MAX_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise TruncatedReplyError("the reply was cut off")
    return line.strip()


def _read_body(
    stream: BinaryIO, status: int, headers: Mapping[str, str], max_body: int
) -> tuple[bytes, bool]:
    """Return the body's first bytes, and whether they are all of it, so that nothing is left on the connection."""
    if status in WITHOUT_BODY:
        return b"", True
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _read_chunks(stream, max_body)
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return stream.read(max_body), False
    body = stream.read(min(int(length), max_body))
    if len(body) < min(int(length), max_body):
        raise TruncatedReplyError(f"the reply was cut off: {len(body):,} of {int(length):,} bytes arrived")
    return body, int(length) <= max_body


def _read_chunks(stream: BinaryIO, max_body: int) -> tuple[bytes, bool]:
    body = b""
    while size := _read_chunk_size(stream):
        body += stream.read(min(size, max_body - len(body)))
        if len(body) == max_body:
            return body, False
        if _read_line(stream):
            raise InvalidReplyError("a chunk of the reply is longer or shorter than announced")
    while _read_line(stream):
        pass
    return body, True


def _read_chunk_size(stream: BinaryIO) -> int:
    line = _read_line(stream)
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise InvalidReplyError(f"invalid length of a chunk: {line[:80]!r}") from None
