"""Who receives locally."""

from nbtrack.collector.asking import CollectorError
from nbtrack.collector.client import CollectorClient
from nbtrack.collector.local import LocalCollector

__all__ = ["CollectorClient", "CollectorError", "LocalCollector"]
