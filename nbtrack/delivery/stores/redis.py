"""The store on a Redis server, for kernels whose disk is thrown away with them."""

import hashlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from nbtrack.common import lifecycle
from nbtrack.delivery.models import DeadEvent, Row, RowId
from nbtrack.delivery.stores.reference import ReferenceMethods

LEASE_MS = 120_000
TIMEOUT_SECONDS = 2.0
GROUP = "nbtrack"


class RedisEventStore(ReferenceMethods):
    """Events in Redis Streams: one stream a route, read by one consumer group.

    An event is deleted after its delivery, never before: what a dead kernel had claimed is claimed by another
    after two minutes, and whatever failed is free for all at once. Needs Redis 6.2 and ``nbtrack[redis]``.

    Parameters
    ----------
    client_or_url
        A `redis.Redis`, or a URL as "redis://host:6379/0".
    key
        Prefix of the keys.
    max_events
        Room for waiting events of a route, and for dead letters; new events are refused, old letters given up.
    max_age
        Seconds after which dead letters are given up.

    Raises
    ------
    ModuleNotFoundError
        For a URL, where the package ``redis`` is missing.

    Examples
    --------
    >>> store = RedisEventStore("redis://127.0.0.1:6379/0")  # connects at the first event
    """

    durable = True

    def __init__(
        self,
        client_or_url: Any,
        *,
        key: str = "nbtrack:outbox",
        max_events: int = 1_000_000,
        max_age: float = 30 * 86_400.0,
    ) -> None:
        if isinstance(client_or_url, str):
            try:
                import redis  # noqa: PLC0415 - an optional dependency, and slow to load
            except ModuleNotFoundError as fault:
                message = "RedisEventStore needs the package redis: pip install 'nbtrack[redis]'"
                raise ModuleNotFoundError(message, name=fault.name) from None
            client_or_url = redis.Redis.from_url(
                client_or_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
            )
        elif not hasattr(client_or_url, "xadd"):
            raise TypeError(
                f"RedisEventStore wants a redis.Redis, or a URL as redis://host:6379/0, not {client_or_url!r}"
            )
        self._client = client_or_url
        self._key = key
        self.max_events = max_events
        self.max_age = max_age
        self.after_fork_in_child()
        lifecycle.watch(self)

    def after_fork_in_child(self) -> None:
        """Become a consumer of our own; the client's connections look after themselves."""
        self._lock = threading.RLock()
        self._consumer = uuid.uuid4().hex
        self._streams: dict[str, str] = {}
        self._claims: dict[str, tuple[str, list[RowId]]] = {}
        self._drops: Counter[str] = Counter()

    def _stream(self, route: str) -> str:
        """Give a route's stream; made with its group at the first use."""
        stream = self._streams.get(route)
        if stream is None:
            stream = f"{self._key}:{hashlib.sha256(route.encode()).hexdigest()[:16]}"
            try:
                self._client.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except Exception as fault:
                if "BUSYGROUP" not in str(fault):
                    raise
            self._client.hset(f"{self._key}:routes", stream, route)
            self._streams[route] = stream
        return stream

    # What the engine works with

    def add(self, route: str, body: bytes, event_id: str, anonymous: bool, added: float) -> str | None:
        """Keep an event; give the reason when it was not taken."""
        stream = self._stream(route)
        pipe = self._client.pipeline(transaction=False)
        pipe.xadd(stream, {"b": body, "i": event_id, "a": int(anonymous), "t": repr(added)})
        pipe.xlen(stream)
        number, length = pipe.execute()
        if length <= self.max_events:
            return None
        self._client.xdel(stream, number)
        return "queue_full"

    def claim(self, route: str, token: str, *, events: int, size: int, cost: int) -> list[Row]:
        """Take the oldest events of a route: first those whose claim ended, then new ones."""
        stream = self._stream(route)
        rows: list[Row] = []
        with self._lock:
            old = self._client.xautoclaim(stream, GROUP, self._consumer, LEASE_MS, "0-0", count=events)[1]
            found = old
            if len(found) < events:
                new = self._client.xreadgroup(GROUP, self._consumer, {stream: ">"}, count=events - len(found))
                found = found + (new[0][1] if new else [])
            self._claims[token] = (stream, [number.decode() for number, _ in found])
            attempts = self._attempts(stream, old)
            for number, fields in found:
                row = _row(number, fields, token)
                row.attempts = attempts.get(row.id, 0)
                size -= len(row.body) + cost
                if rows and (size < 0 or row.anonymous != rows[0].anonymous):
                    break
                rows.append(row)
            taken = {row.id for row in rows}
            self._free(stream, [number for number in self._claims[token][1] if number not in taken])
            if not found:
                del self._claims[token]
        return rows

    def _attempts(self, stream: str, old: list[Any]) -> dict[RowId, int]:
        if not old:
            return {}
        known = self._client.xpending_range(
            stream, GROUP, min=old[0][0], max=old[-1][0], count=len(old), consumername=self._consumer
        )
        return {one["message_id"].decode(): one["times_delivered"] - 1 for one in known}

    def _free(self, stream: str, ids: Sequence[RowId]) -> None:
        """End claims: an idle time as long as a lease makes them anybody's."""
        if ids:
            self._client.xclaim(stream, GROUP, self._consumer, 0, list(ids), idle=LEASE_MS, justid=True)

    def _of_claims(self, ids: Sequence[RowId]) -> dict[str, list[RowId]]:
        """Sort ids by stream, and forget their claims."""
        wanted = set(ids)
        sorted_ids: dict[str, list[RowId]] = {}
        with self._lock:
            for token, (stream, held) in list(self._claims.items()):
                mine = [number for number in held if number in wanted]
                if mine:
                    sorted_ids.setdefault(stream, []).extend(mine)
                    rest = [number for number in held if number not in wanted]
                    self._claims[token] = (stream, rest)
                    if not rest:
                        del self._claims[token]
        return sorted_ids

    def ack(self, ids: Sequence[RowId]) -> None:
        """Forget delivered events."""
        for stream, numbers in self._of_claims(ids).items():
            pipe = self._client.pipeline(transaction=True)
            pipe.xack(stream, GROUP, *numbers)
            pipe.xdel(stream, *numbers)
            pipe.execute()

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""
        for stream, numbers in self._of_claims(ids).items():
            self._free(stream, numbers)

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""
        for stream, numbers in self._of_claims(ids).items():
            route = next((one for one, name in self._streams.items() if name == stream), "")
            pipe = self._client.pipeline(transaction=True)
            for number in numbers:
                for _, fields in self._client.xrange(stream, number, number):
                    letter = {**fields, "r": route, "w": reason, "s": "" if status is None else status}
                    pipe.xadd(self._dead, letter, maxlen=self.max_events, approximate=False)
            pipe.xack(stream, GROUP, *numbers)
            pipe.xdel(stream, *numbers)
            pipe.xtrim(self._dead, minid=int((time.time() - self.max_age) * 1000), approximate=False)
            pipe.execute()

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""
        with self._lock:
            stream, ids = self._claims.pop(token, ("", []))
        self._free(stream, ids)

    def count(self, route: str) -> int:
        """Count a route's events, waiting and claimed."""
        return int(self._client.xlen(self._stream(route)))

    def peek(self, route: str, limit: int) -> list[Row]:
        """Show the oldest events of a route."""
        entries = self._client.xrange(self._stream(route), count=limit)
        return [_row(number, fields, "") for number, fields in entries]

    def find(self, route: str, event_id: str) -> bytes | None:
        """Give the payload of one of the 10,000 oldest events."""
        rows = self.peek(route, 10_000)
        return next((row.body for row in rows if row.event_id == event_id), None)

    def take_drops(self) -> dict[str, int]:
        """Tell nothing: Redis trims dead letters by itself."""
        return {}

    @property
    def _dead(self) -> str:
        return f"{self._key}:dead"

    def dead(self, limit: int) -> list[DeadEvent]:
        """Show dead letters, the oldest first."""
        return [
            DeadEvent(
                number.decode(),
                fields[b"i"].decode(),
                fields[b"r"].decode(),
                fields[b"w"].decode(),
                int(fields[b"s"]) if fields[b"s"] else None,
                float(fields[b"t"]),
                fields[b"a"] == b"1",
                fields[b"b"],
            )
            for number, fields in self._client.xrange(self._dead, count=limit)
        ]

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Forget dead letters; give how many there were."""
        return int(self._client.xdel(self._dead, *ids)) if ids else 0

    def routes(self) -> list[str]:
        """Name the routes with events."""
        known = self._client.hgetall(f"{self._key}:routes")
        return [route.decode() for stream, route in known.items() if self._client.xlen(stream)]

    def settle(self) -> None:
        """Leave everything where it is: on the server."""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def size(self) -> int:
        """Count all the events that wait."""
        return sum(self.count(route) for route in self.routes())


def _row(number: bytes, fields: dict[bytes, bytes], token: str) -> Row:
    return Row(
        number.decode(),
        fields[b"i"].decode(),
        fields[b"b"],
        fields[b"a"] == b"1",
        float(fields[b"t"]),
        token=token,
    )
