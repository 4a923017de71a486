"""The local collector: a Snowplow collector and validator on this machine, and clients for it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrack.collector.client import CollectorClient, CollectorError
    from nbtrack.collector.local_collector import LocalCollector

__all__ = ["CollectorClient", "CollectorError", "LocalCollector"]


def __getattr__(name: str) -> Any:
    # the server's process imports this package too, and has no use for clients
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nbtrack.collector import client, local_collector  # noqa: PLC0415

    value = getattr(local_collector if name == "LocalCollector" else client, name)
    globals()[name] = value
    return value
