"""Random event ids, made a handful at a time."""

from __future__ import annotations

import os

AT_ONCE = 32
"""One call of the system gives the chance for this many; one call an id would cost more than the id."""
_BYTES = 16 * AT_ONCE
# RFC 9562: of a random UUID's 128 bits six are fixed, the version (4) and the variant (binary 10)
_RANDOM = int("ffffffffffff0fff3fffffffffffffff" * AT_ONCE, 16)
_FIXED = int("00000000000040008000000000000000" * AT_ONCE, 16)
_ready: list[str] = []
if hasattr(os, "register_at_fork"):
    # parent and child must not give the same ids
    os.register_at_fork(after_in_child=_ready.clear)


def new_id() -> str:
    """Give a random UUID (version 4) as text."""
    while True:
        try:
            return _ready.pop()
        except IndexError:
            _ready.extend(_make())


def _make() -> list[str]:
    bits = int.from_bytes(os.urandom(_BYTES), "big") & _RANDOM | _FIXED
    d = bits.to_bytes(_BYTES, "big").hex()
    return [
        f"{d[s : s + 8]}-{d[s + 8 : s + 12]}-{d[s + 12 : s + 16]}-{d[s + 16 : s + 20]}-{d[s + 20 : s + 32]}"
        for s in range(0, 2 * _BYTES, 32)
    ]
