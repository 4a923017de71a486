"""Random event ids, made a handful at a time."""

from __future__ import annotations

import os

AT_ONCE = 32
"""One call of the system gives the chance for this many; one call an id would cost more than the id."""
# RFC 9562: the 13th digit of a random UUID is 4, and the two highest bits of the 17th are 1 and 0
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
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
    digits = os.urandom(16 * AT_ONCE).hex()
    return [
        f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{_VARIANT[d[16]]}{d[17:20]}-{d[20:]}"
        for d in (digits[start : start + 32] for start in range(0, len(digits), 32))
    ]
