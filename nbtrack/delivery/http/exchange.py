"""One request and its reply over an open connection.

A general client takes three times the processor's time of the sending itself, which a backfill pays a thousand times
in two seconds; what a collector is sent and what it answers needs little of HTTP.
"""

import contextlib
import io
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from nbtrack.common.errors import NbtrackError

_SMALL = 65_536
_TLS_BYTES = 131_072
"""TLS takes all that it is given within one timeout, where a plain socket says how much it took."""
_LINE_BYTES = 65_536
_MOST_HEADERS = 100
_WITHOUT_BODY = frozenset({204, 304})


class CutOffError(NbtrackError, OSError):
    """The connection ended within a reply."""


class ReplyError(NbtrackError, OSError):
    """What came back is not HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Parameters
    ----------
    status
        Of HTTP.
    headers
        By name in lower case.
    body
        Its first bytes.
    reusable
        Whether another request can follow on the connection.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    reusable: bool


def write_head(method: str, target: str, headers: Mapping[str, str | bytes]) -> bytes:
    """Write a request's line and headers.

    Raises
    ------
    UnicodeEncodeError
        For what no request can carry.
    """
    lines = [f"{method} {target} HTTP/1.1".encode("ascii")]
    for name, value in headers.items():
        content = value if isinstance(value, bytes) else value.encode("latin-1")
        lines.append(b"%b: %b" % (name.encode("ascii"), content))
    return b"\r\n".join([*lines, b"", b""])


def ask(
    sock: socket.socket, head: bytes, parts: Sequence[bytes | memoryview], seconds: float, most: int
) -> Answer:
    """Send a request and read the reply.

    Parameters
    ----------
    sock
        Of an open connection.
    head
        The request's line and headers.
    parts
        Its body; large ones are not copied.
    seconds
        That may pass without a byte going on its way; and for the whole reply.
    most
        Bytes of the reply's body to keep.

    Raises
    ------
    OSError
        When there is no whole reply.
    """
    sock.settimeout(seconds)
    # the server may have replied before it closed: too large a body, say
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _send(sock, [head, *parts])
    with io.BufferedReader(_DeadlineReader(sock, time.monotonic() + seconds)) as stream:
        return _read_answer(stream, most)


def _send(sock: socket.socket, parts: Sequence[bytes | memoryview]) -> None:
    most = 1 << 30 if type(sock) is socket.socket else _TLS_BYTES
    for part in _join_small(parts):
        view = memoryview(part)
        while view:
            view = view[sock.send(view[:most]) :]


def _join_small(parts: Sequence[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Join neighbours as long as they have 64 KiB together: a small request is one packet."""
    small: list[bytes | memoryview] = []
    size = 0
    for part in parts:
        if small and size + len(part) > _SMALL:
            yield b"".join(small)
            small, size = [], 0
        if len(part) > _SMALL:
            yield part
        else:
            small.append(part)
            size += len(part)
    if small:
        yield b"".join(small)


class _DeadlineReader(io.RawIOBase):
    """A socket read until a moment on the monotonic clock.

    A plain timeout starts anew with each byte, so a server that drips a byte a second would hold us for ever.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the reply took too long")
        self._sock.settimeout(left)
        return self._sock.recv_into(buffer)


def _read_answer(stream: BinaryIO, most: int) -> Answer:
    status = 100
    while 100 <= status < 200:  # noqa: PLR2004 - "continue" and its like: the reply follows
        version, status = _read_status(stream)
        headers = _read_headers(stream)
    body, whole = _read_body(stream, status, headers, most)
    wish = headers.get("connection", "").lower()
    kept = "close" not in wish if version == b"HTTP/1.1" else "keep-alive" in wish
    return Answer(status, headers, body, whole and kept)


def _read_status(stream: BinaryIO) -> tuple[bytes, int]:
    line = stream.readline(_LINE_BYTES)
    if not line:
        raise ConnectionResetError("the connection was closed without a reply")
    version, _, rest = line.rstrip().partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise (ReplyError if line.endswith(b"\n") else CutOffError)(f"no HTTP reply: {line[:80]!r}")
    return version, int(rest[:3])


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS + 1):
        line = _read_line(stream)
        if not line:
            return headers
        name, _, value = line.partition(b":")
        headers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
    raise ReplyError(f"more than {_MOST_HEADERS} headers")


def _read_line(stream: BinaryIO) -> bytes:
    line = stream.readline(_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise CutOffError("the reply was cut off")
    return line.strip()


def _read_body(stream: BinaryIO, status: int, headers: Mapping[str, str], most: int) -> tuple[bytes, bool]:
    """Read the body's first bytes; tell whether they are all, and nothing is left on the way."""
    if status in _WITHOUT_BODY:
        return b"", True
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _read_chunks(stream, most)
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return stream.read(most), False
    body = stream.read(min(int(length), most))
    if len(body) < min(int(length), most):
        raise CutOffError(f"the reply was cut off: {len(body):,} of {int(length):,} bytes came")
    return body, int(length) <= most


def _read_chunks(stream: BinaryIO, most: int) -> tuple[bytes, bool]:
    body = b""
    while size := _read_size(stream):
        body += stream.read(min(size, most - len(body)))
        if len(body) == most:
            return body, False
        if _read_line(stream):
            raise ReplyError("a chunk of the reply has another length than it says")
    while _read_line(stream):
        pass
    return body, True


def _read_size(stream: BinaryIO) -> int:
    line = _read_line(stream)
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise ReplyError(f"no length of a chunk: {line[:80]!r}") from None
