"""Backfill: one event for each row of a DataFrame, table or file, with every row accounted for."""

from nbtrack.common.extras import MissingPackageError, require
from nbtrack.common.pyodide import IN_PYODIDE

if IN_PYODIDE:
    raise MissingPackageError(
        "a backfill needs threads and sockets, which Pyodide does not have; run it elsewhere, or track single events with "
        "nbtrack.track(event)"
    )
require("backfill", "a backfill")  # before what needs it is imported

from nbtrack.bulk.api import backfill, backfill_async
from nbtrack.bulk.encoding.compiler import TemplateError
from nbtrack.bulk.encoding.event_ids import make_event_id
from nbtrack.bulk.engines.batches import send_batches
from nbtrack.bulk.plan import BackfillPlan, make_namespace, make_plan
from nbtrack.bulk.previews import preview
from nbtrack.bulk.report import BackfillReport, ChunkReport
from nbtrack.bulk.sending.ledger import LedgerError
from nbtrack.bulk.sending.run import InvalidRow
from nbtrack.bulk.sources.chunks import MissingFileError, SourceError
from nbtrack.common.errors import show_under

__all__ = [
    "BackfillPlan",
    "BackfillReport",
    "ChunkReport",
    "InvalidRow",
    "LedgerError",
    "MissingFileError",
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
show_under(__name__, [globals()[name] for name in __all__])
