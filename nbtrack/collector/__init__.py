"""Who receives locally."""

from nbtrack.collector.asking import CollectorError
from nbtrack.collector.client import CollectorClient
from nbtrack.collector.local_collector import LocalCollector

__all__ = ["CollectorClient", "CollectorError", "LocalCollector"]
