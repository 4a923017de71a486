"""The history that pipelines hold: failed events as DataFrames, repaired and sent again."""

from nbtrack.common.errors import show_under
from nbtrack.common.extras import require

require("backfill", "reading events of a warehouse")  # before what needs it is imported

from nbtrack.warehouse.events import FailedEvent, FailureReason
from nbtrack.warehouse.failed import BadLine, FailedEvents, read_failed
from nbtrack.warehouse.repair import RepairedEvents

__all__ = ["BadLine", "FailedEvent", "FailedEvents", "FailureReason", "RepairedEvents", "read_failed"]
show_under(__name__, [globals()[name] for name in __all__])
