"""Delivery: how payloads leave. Emitters, stores, retries and the send log."""

from nbtrack.common.errors import show_under
from nbtrack.delivery.async_emitter import AsyncEmitter
from nbtrack.delivery.emitter import Emitter, EmitterProtocol
from nbtrack.delivery.models import Attempt, DeadEvent, FlushReport, PendingEvent, Stats
from nbtrack.delivery.stores.base import EventStore
from nbtrack.delivery.stores.memory import InMemoryEventStore
from nbtrack.delivery.stores.redis import RedisEventStore
from nbtrack.delivery.stores.sqlite import SQLiteEventStore

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
show_under(__name__, [globals()[name] for name in __all__])
