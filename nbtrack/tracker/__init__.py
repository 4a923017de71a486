"""Trackers, subjects and events: every public name of snowplow-tracker 1.1.0, and more."""

import logging
from typing import TYPE_CHECKING, Any

from nbtrack._version import __version__
from nbtrack.common.errors import show_under
from nbtrack.tracker.aliases import (
    FORM_NODE_NAMES,
    FORM_TYPES,
    SUPPORTED_PLATFORMS,
    ElementClasses,
    FailureCallback,
    FormClasses,
    FormNodeName,
    HttpProtocol,
    JsonEncoderFunction,
    Method,
    PayloadDict,
    PayloadDictList,
    SuccessCallback,
    SupportedPlatform,
)
from nbtrack.tracker.compat.configuration import EmitterConfiguration, TrackerConfiguration
from nbtrack.tracker.compat.snowplow import Snowplow
from nbtrack.tracker.contracts import (
    InvalidEventWarning,
    contracts_enabled,
    disable_contracts,
    enable_contracts,
)
from nbtrack.tracker.events.base import Event, EventOptions
from nbtrack.tracker.events.core import PagePing, PageView, ScreenView, SelfDescribing, StructuredEvent
from nbtrack.tracker.events.ecommerce import AddToCart, RemoveFromCart, Transaction, TransactionItem
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.tracker.events.forms import FormChange, FormSubmit
from nbtrack.tracker.events.iglu import ApplicationError, LinkClick, SiteSearch, Timing
from nbtrack.tracker.hooks import Plugin
from nbtrack.tracker.payload import TRACKER_VERSION, Payload
from nbtrack.tracker.subject import Subject
from nbtrack.tracker.tracker import Tracker

if TYPE_CHECKING:
    from nbtrack.delivery import (
        AsyncEmitter,
        Emitter,
        EmitterProtocol,
        EventStore,
        InMemoryEventStore,
        RedisEventStore,
        SQLiteEventStore,
    )
    from nbtrack.tracker.events.builder import event_class
    from nbtrack.tracker.validation import InvalidEvent

__all__ = [
    "FORM_NODE_NAMES",
    "FORM_TYPES",
    "SUPPORTED_PLATFORMS",
    "TRACKER_VERSION",
    "AddToCart",
    "ApplicationError",
    "AsyncEmitter",
    "ElementClasses",
    "Emitter",
    "EmitterConfiguration",
    "EmitterProtocol",
    "Event",
    "EventOptions",
    "EventStore",
    "FailureCallback",
    "FormChange",
    "FormClasses",
    "FormNodeName",
    "FormSubmit",
    "HttpProtocol",
    "InMemoryEventStore",
    "InvalidEvent",
    "InvalidEventWarning",
    "JsonEncoderFunction",
    "LinkClick",
    "Method",
    "PagePing",
    "PageView",
    "Payload",
    "PayloadDict",
    "PayloadDictList",
    "Plugin",
    "RedisEventStore",
    "RemoveFromCart",
    "SQLiteEventStore",
    "ScreenView",
    "SelfDescribing",
    "SelfDescribingJson",
    "SiteSearch",
    "Snowplow",
    "StructuredEvent",
    "Subject",
    "SuccessCallback",
    "SupportedPlatform",
    "Timing",
    "Tracker",
    "TrackerConfiguration",
    "Transaction",
    "TransactionItem",
    "__version__",
    "contracts_enabled",
    "disable_contracts",
    "enable_contracts",
    "event_class",
    "logger",
]

logger = logging.getLogger("nbtrack")
"""Parent of every logger of the package: ``setLevel`` on it applies to all; nbtrack adds no handler that prints."""
logger.addHandler(logging.NullHandler())

show_under(__name__, [globals()[name] for name in __all__ if name in globals()])

_LAZY = {
    "event_class": "nbtrack.tracker.events.builder",
    "InvalidEvent": "nbtrack.tracker.validation",
    **dict.fromkeys(
        (
            "AsyncEmitter",
            "Emitter",
            "EmitterProtocol",
            "EventStore",
            "InMemoryEventStore",
            "RedisEventStore",
            "SQLiteEventStore",
        ),
        "nbtrack.delivery",
    ),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only for what is lazy

    value = getattr(import_module(_LAZY[name]), name)
    show_under(__name__, [value])
    globals()[name] = value
    return value
