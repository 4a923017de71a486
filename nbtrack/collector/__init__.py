"""Who receives locally."""

from nbtrack.collector.client import CollectorClient, CollectorError
from nbtrack.collector.local import LocalCollector

__all__ = ["CollectorClient", "CollectorError", "LocalCollector"]
