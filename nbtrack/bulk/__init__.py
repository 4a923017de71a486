"""Frames to events: one event a row, at the speed of the hardware, every row accounted for."""

from nbtrack.bulk.batches import send_batches
from nbtrack.bulk.chunks import SourceError
from nbtrack.bulk.compiler import TemplateError
from nbtrack.bulk.ids import make_event_id
from nbtrack.bulk.job import backfill, backfill_async
from nbtrack.bulk.ledger import LedgerError
from nbtrack.bulk.plan import BackfillPlan, make_namespace, make_plan
from nbtrack.bulk.report import BackfillReport, ChunkReport
from nbtrack.bulk.run import InvalidRow
from nbtrack.bulk.sampling import preview

__all__ = [
    "BackfillPlan",
    "BackfillReport",
    "ChunkReport",
    "InvalidRow",
    "LedgerError",
    "SourceError",
    "TemplateError",
    "backfill",
    "backfill_async",
    "make_event_id",
    "make_namespace",
    "make_plan",
    "preview",
    "send_batches",
]
