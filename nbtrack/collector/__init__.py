"""The local collector: a Snowplow collector and validator on this machine, and clients for it."""

from nbtrack.collector.client import CollectorClient, CollectorError
from nbtrack.collector.local_collector import LocalCollector
from nbtrack.common.errors import show_under

__all__ = ["CollectorClient", "CollectorError", "LocalCollector"]

show_under(__name__, [CollectorClient, CollectorError, LocalCollector])
