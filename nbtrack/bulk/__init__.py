"""Frames to events: one event a row, at the speed of the hardware, every row accounted for."""

from nbtrack.bulk.compiler import TemplateError, make_event_id
from nbtrack.bulk.job import backfill, backfill_async
from nbtrack.bulk.report import BackfillReport

__all__ = ["BackfillReport", "TemplateError", "backfill", "backfill_async", "make_event_id"]
