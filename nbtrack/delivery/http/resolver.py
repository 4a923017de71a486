"""Names of hosts, looked up on a thread of their own: Python cannot interrupt a lookup, but can stop waiting for it."""

import os
import socket
import threading
from typing import Any

Address = tuple[Any, Any, int, str, Any]
"""Family, type, protocol, canonical name and address, as `socket.getaddrinfo` returns them."""
_running: "dict[tuple[int, str, int], _Lookup]" = {}


class _Lookup:
    """A lookup that several waits can share; a resolver that hangs holds one thread, not one for each attempt."""

    def __init__(self, host: str, port: int) -> None:
        self.done = threading.Event()
        self.addresses: list[Address] = []
        self.error: Exception | None = None
        self._host, self._port = host, port
        self._key = (os.getpid(), host, port)
        _running[self._key] = self
        thread = threading.Thread(target=self._run, name="nbtrack-resolver", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be started
            self._run()

    def _run(self) -> None:
        try:
            self.addresses = list(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - raised to whoever waits
            self.error = error
        finally:
            _running.pop(self._key, None)
            self.done.set()


def resolve(host: str, port: int, timeout: float) -> list[Address]:
    """Return the addresses of a host.

    Parameters
    ----------
    host : str
        Name or address, ASCII.
    port : int
        Port.
    timeout : float
        Seconds to wait.

    Raises
    ------
    OSError
        If there are none, or not in time (TimeoutError).
    """
    if _is_address(host):
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    lookup = _running.get((os.getpid(), host, port)) or _Lookup(host, port)
    if not lookup.done.wait(max(0.0, timeout)):
        raise TimeoutError(f"host name {host} was not resolved in time")
    if lookup.error is not None:
        raise lookup.error
    return lookup.addresses


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False
