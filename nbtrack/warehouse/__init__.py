"""The history that pipelines hold: failed events as DataFrames, repaired and sent again."""

from nbtrack.common.errors import show_under
from nbtrack.common.extras import require

require("backfill", "reading events of a warehouse")  # before what needs it is imported

from nbtrack.warehouse.enriched import EnrichedEvents, EnrichedReport, read_enriched
from nbtrack.warehouse.events import FailedEvent, FailureReason
from nbtrack.warehouse.failed import BadLine, FailedEvents, read_failed
from nbtrack.warehouse.repair import RepairedEvents

__all__ = [
    "BadLine",
    "EnrichedEvents",
    "EnrichedReport",
    "FailedEvent",
    "FailedEvents",
    "FailureReason",
    "RepairedEvents",
    "read_enriched",
    "read_failed",
]
show_under(__name__, [globals()[name] for name in __all__])
