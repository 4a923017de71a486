"""The store on a Redis server, for kernels whose disk is deleted with them."""

import hashlib
import logging
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from nbtrack.common import lifecycle
from nbtrack.common.clock import wall
from nbtrack.common.wording import plural
from nbtrack.delivery.models import DeadEvent, DropReason, Row, RowId
from nbtrack.delivery.stores.base import SnowplowStoreMethods

LOG = logging.getLogger("nbtrack.delivery")
LEASE_MS = 120_000
DEFERRED = "deferred"
"""The consumer that holds deferred events, so that they differ from those in flight."""
TIMEOUT_SECONDS = 2.0
GROUP = "nbtrack"
FIND_EVENTS = 10_000
KNOWN_EVENTS = 100_000
"""Events of this process that it can tell from others, should the server lose them."""


class RedisEventStore(SnowplowStoreMethods):
    """Events in Redis Streams: one stream for each route, read by one consumer group.

    An event is deleted after its delivery, never before: what a dead kernel had claimed is claimed by another one after
    two minutes, and events of a failed attempt are available to all at once. Needs Redis 6.2 and ``nbtrack[redis]``.

    Parameters
    ----------
    client_or_url : redis.Redis or str
        A client, or a URL such as "redis://host:6379/0".
    key : str
        Prefix of the keys.
    max_events : int
        Most waiting events of a route, and most dead letters; new events are refused, old dead letters deleted.
    max_age : float
        Seconds after which dead letters are deleted.

    Raises
    ------
    ModuleNotFoundError
        For a URL, if the package ``redis`` is missing.

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
            from nbtrack.common.extras import require  # noqa: PLC0415 - slow to load

            require("redis", "RedisEventStore")
            import redis  # noqa: PLC0415 - an optional dependency, and slow to load

            client_or_url = redis.Redis.from_url(
                client_or_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
            )
        elif not hasattr(client_or_url, "xadd"):
            raise TypeError(
                "client_or_url must be a redis.Redis or a URL such as 'redis://host:6379/0', "
                f"got {client_or_url!r}"
            )
        self._client = client_or_url
        self._key = key
        self.max_events = max_events
        self.max_age = max_age
        self.after_fork_in_child()
        lifecycle.watch(self)

    def after_fork_in_child(self) -> None:
        """Become a consumer of its own; the client takes care of its connections."""
        self._lock = threading.RLock()
        self._consumer = uuid.uuid4().hex
        self._streams: dict[str, str] = {}
        self._claims: dict[str, tuple[str, list[RowId]]] = {}
        self._added: dict[str, dict[str, int]] = {}
        self._drops: Counter[str] = Counter()

    def _stream(self, route: str) -> str:
        """Return the key of a route's stream; created with its group at the first use."""
        stream = self._streams.get(route)
        if stream is None:
            stream = f"{self._key}:{hashlib.sha256(route.encode()).hexdigest()[:16]}"
            try:
                self._client.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except Exception as error:
                if "BUSYGROUP" not in str(error):
                    raise
            self._client.hset(self._routes_key, stream, route)
            self._streams[route] = stream
        return stream

    @property
    def _routes_key(self) -> str:
        return f"{self._key}:routes"

    @property
    def _dead_key(self) -> str:
        return f"{self._key}:dead"

    # The methods of `Store`

    def add(
        self, *, route: str, body: bytes, event_id: str, anonymous: bool, added: float
    ) -> DropReason | None:
        """Store an event; return why it was not accepted, or None."""
        stream = self._stream(route)
        pipe = self._client.pipeline(transaction=False)
        pipe.xadd(stream, {"b": body, "i": event_id, "a": int(anonymous), "t": repr(added)})
        pipe.xlen(stream)
        entry_id, length = pipe.execute()
        if length <= self.max_events:
            own = self._added.setdefault(stream, {})
            # an emptied server numbers anew, and within a millisecond alike
            own[_text(entry_id)] = own.get(_text(entry_id), 0) + 1
            if len(own) > KNOWN_EVENTS:
                own.pop(next(iter(own)), None)
            return None
        self._client.xdel(stream, entry_id)
        return DropReason.QUEUE_FULL

    def claim(
        self, route: str, token: str, *, max_events: int, max_bytes: int, bytes_per_event: int
    ) -> list[Row]:
        """Claim the oldest events of a route: first those whose lease ended, then new ones."""
        stream = self._stream(route)
        rows: list[Row] = []
        with self._lock:
            try:
                expired, new = self._claim_entries(stream, max_events)
            except Exception as error:
                if "NOGROUP" not in str(error):
                    raise
                self._restore(route, stream)
                expired, new = self._claim_entries(stream, max_events)
            entries = expired + new
            if not entries:
                # what other processes took is theirs
                self._added.pop(stream, None)
            self._claims[token] = (stream, [_text(entry_id) for entry_id, _ in entries])
            attempts = self._attempts(stream, expired)
            for entry_id, fields in entries:
                row = _row(entry_id, fields, token)
                row.attempts = attempts.get(row.id, 0)
                max_bytes -= len(row.body) + bytes_per_event
                if rows and (max_bytes < 0 or row.anonymous != rows[0].anonymous):
                    break
                rows.append(row)
            taken = {row.id for row in rows}
            self._end_lease(stream, [row_id for row_id in self._claims[token][1] if row_id not in taken])
            if not entries:
                del self._claims[token]
        return rows

    def _claim_entries(self, stream: str, max_events: int) -> tuple[list[Any], list[Any]]:
        """Return the entries whose lease ended, and new ones."""
        expired = list(
            self._client.xautoclaim(stream, GROUP, self._consumer, LEASE_MS, "0-0", count=max_events)[1]
        )
        if len(expired) >= max_events:
            return expired, []
        new = self._client.xreadgroup(GROUP, self._consumer, {stream: ">"}, count=max_events - len(expired))
        if isinstance(new, dict):  # version 3 of Redis' protocol
            return expired, [entry for lists in new.values() for entries in lists for entry in entries]
        return expired, list(new[0][1]) if new else []

    def _restore(self, route: str, stream: str) -> None:
        """Create a stream's group again, after somebody emptied the server or restarted it without its data."""
        self._streams.pop(route, None)
        self._claims.clear()
        self._stream(route)
        added = self._added.pop(stream, {})
        if not added:
            return
        present = {_text(entry_id) for entry_id, _ in self._client.xrange(stream, min=next(iter(added)))}
        lost = sum(count - (entry_id in present) for entry_id, count in added.items())
        self._added[stream] = {entry_id: 1 for entry_id in added if entry_id in present}
        if lost:
            self._drops["server_emptied"] += lost
            LOG.warning("The Redis server was emptied; %s in it are gone", plural(lost, "unsent event"))

    def _attempts(self, stream: str, entries: list[Any]) -> dict[RowId, int]:
        if not entries:
            return {}
        pending = self._client.xpending_range(
            stream,
            GROUP,
            min=entries[0][0],
            max=entries[-1][0],
            count=len(entries),
            consumername=self._consumer,
        )
        return {_text(item["message_id"]): item["times_delivered"] - 1 for item in pending}

    def _end_lease(self, stream: str, ids: Sequence[RowId], seconds: float = 0.0) -> None:
        """Let anybody claim events, now or in some seconds: they count as idle for as long as a lease lasts."""
        if ids:
            idle = max(0, LEASE_MS - int(seconds * 1000))
            holder = DEFERRED if seconds else self._consumer
            self._client.xclaim(stream, GROUP, holder, 0, list(ids), idle=idle, justid=True)

    def _end_claims(self, ids: Sequence[RowId]) -> dict[str, list[RowId]]:
        """Remove ids from their claims, and return them by stream."""
        ended = set(ids)
        by_stream: dict[str, list[RowId]] = {}
        with self._lock:
            for token, (stream, claimed) in list(self._claims.items()):
                own = [row_id for row_id in claimed if row_id in ended]
                if own:
                    by_stream.setdefault(stream, []).extend(own)
                    rest = [row_id for row_id in claimed if row_id not in ended]
                    self._claims[token] = (stream, rest)
                    if not rest:
                        del self._claims[token]
        return by_stream

    def ack(self, ids: Sequence[RowId]) -> None:
        """Remove delivered events."""
        for stream, entry_ids in self._end_claims(ids).items():
            pipe = self._client.pipeline(transaction=True)
            pipe.xack(stream, GROUP, *entry_ids)
            pipe.xdel(stream, *entry_ids)
            pipe.execute()
            self._forget(stream, entry_ids)

    def _forget(self, stream: str, entry_ids: Sequence[RowId]) -> None:
        added = self._added.get(stream, {})
        for entry_id in entry_ids:
            added.pop(str(entry_id), None)

    def release(self, ids: Sequence[RowId]) -> None:
        """Let events wait again after a failed attempt."""
        for stream, entry_ids in self._end_claims(ids).items():
            self._end_lease(stream, entry_ids)

    def defer(self, ids: Sequence[RowId], seconds: float) -> None:
        """Let events wait again after a failed attempt, but not be claimed for some seconds."""
        for stream, entry_ids in self._end_claims(ids).items():
            self._end_lease(stream, entry_ids, seconds)

    def due_in(self, route: str) -> float | None:
        """Return the seconds until the first of a route's deferred events may be claimed; None if none is deferred."""
        pending = self._client.xpending_range(
            self._stream(route), GROUP, min="-", max="+", count=FIND_EVENTS, consumername=DEFERRED
        )
        return min((max(0, LEASE_MS - item["time_since_delivered"]) / 1000 for item in pending), default=None)

    def bury(self, ids: Sequence[RowId], reason: str, status: int | None) -> None:
        """Move events to the dead letters."""
        for stream, entry_ids in self._end_claims(ids).items():
            route = next((route for route, key in self._streams.items() if key == stream), "")
            pipe = self._client.pipeline(transaction=True)
            for entry_id in entry_ids:
                for _, fields in self._client.xrange(stream, entry_id, entry_id):
                    dead = {**fields, "r": route, "w": reason, "s": "" if status is None else status}
                    pipe.xadd(self._dead_key, dead, maxlen=self.max_events, approximate=False)
            pipe.xack(stream, GROUP, *entry_ids)
            pipe.xdel(stream, *entry_ids)
            oldest = int((wall() - self.max_age) * 1000)
            pipe.xtrim(self._dead_key, minid=oldest, approximate=False)
            pipe.execute()
            self._forget(stream, entry_ids)

    def abandon(self, token: str) -> None:
        """Let wait again whatever is still claimed under a token."""
        with self._lock:
            stream, ids = self._claims.pop(token, ("", []))
        self._end_lease(stream, ids)

    def count(self, route: str) -> int:
        """Return the number of a route's events, waiting and claimed."""
        return int(self._client.xlen(self._stream(route)))

    def peek(self, route: str, limit: int) -> list[Row]:
        """Return the oldest events of a route."""
        entries = self._client.xrange(self._stream(route), count=limit)
        return [_row(entry_id, fields, "") for entry_id, fields in entries]

    def find(self, route: str, event_id: str) -> bytes | None:
        """Return the payload of one of the 10,000 oldest events, or None."""
        rows = self.peek(route, FIND_EVENTS)
        return next((row.body for row in rows if row.event_id == event_id), None)

    def take_drops(self) -> dict[str, int]:
        """Return how many events an emptied server lost since the last call; it trims dead letters by itself."""
        drops, self._drops = dict(self._drops), Counter()
        return drops

    def dead(self, limit: int) -> list[DeadEvent]:
        """Return dead letters, oldest first."""
        events = []
        for entry_id, encoded in self._client.xrange(self._dead_key, count=limit):
            fields = _fields(encoded)
            events.append(
                DeadEvent(
                    _text(entry_id),
                    _text(fields["i"]),
                    _text(fields["r"]),
                    _text(fields["w"]),
                    int(fields["s"]) if fields["s"] else None,
                    float(fields["t"]),
                    _text(fields["a"]) == "1",
                    fields["b"],
                )
            )
        return events

    def remove_dead(self, ids: Sequence[RowId]) -> int:
        """Delete dead letters; return how many."""
        return int(self._client.xdel(self._dead_key, *ids)) if ids else 0

    def routes(self) -> list[str]:
        """Return the routes with events."""
        streams = self._client.hgetall(self._routes_key)
        return [_text(route) for stream, route in streams.items() if self._client.xlen(stream)]

    def persist_fallback(self) -> None:
        """Do nothing: everything is on the server."""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def size(self) -> int:
        """Return the number of waiting events of all routes."""
        return sum(self.count(route) for route in self.routes())


def _text(value: bytes | str) -> str:
    """Return a string; clients with `decode_responses` return strings already."""
    return value.decode() if isinstance(value, bytes) else value


def _fields(fields: dict[Any, Any]) -> dict[str, bytes]:
    return {
        _text(name): value.encode() if isinstance(value, str) else value for name, value in fields.items()
    }


def _row(entry_id: bytes | str, encoded: dict[Any, Any], token: str) -> Row:
    fields = _fields(encoded)
    return Row(
        _text(entry_id),
        _text(fields["i"]),
        fields["b"],
        _text(fields["a"]) == "1",
        float(fields["t"]),
        token=token,
    )
