"""Frames to events: one event a row, at the speed of the hardware, every row accounted for."""

from nbtrack.bulk.api import backfill, backfill_async
from nbtrack.bulk.encoding.compiler import TemplateError
from nbtrack.bulk.encoding.event_ids import make_event_id
from nbtrack.bulk.engines.batches import send_batches
from nbtrack.bulk.plan import BackfillPlan, make_namespace, make_plan
from nbtrack.bulk.preview import preview
from nbtrack.bulk.report import BackfillReport, ChunkReport
from nbtrack.bulk.sending.ledger import LedgerError
from nbtrack.bulk.sending.run import InvalidRow
from nbtrack.bulk.sources.chunks import SourceError

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
