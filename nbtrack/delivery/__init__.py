"""How payloads leave: emitters, stores, retries, the send log."""

from nbtrack.delivery.background import AsyncEmitter
from nbtrack.delivery.emitters import Emitter, EmitterProtocol
from nbtrack.delivery.memory import InMemoryEventStore
from nbtrack.delivery.records import Attempt, DeadEvent, FlushReport, PendingEvent, Stats
from nbtrack.delivery.sqlite import SQLiteEventStore
from nbtrack.delivery.store import EventStore
from nbtrack.delivery.streams import RedisEventStore

__all__ = [
    "AsyncEmitter",
    "Attempt",
    "DeadEvent",
    "Emitter",
    "EmitterProtocol",
    "EventStore",
    "FlushReport",
    "InMemoryEventStore",
    "PendingEvent",
    "RedisEventStore",
    "SQLiteEventStore",
    "Stats",
]
