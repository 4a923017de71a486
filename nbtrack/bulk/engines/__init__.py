"""Frames that their own engine sends: each task encodes and posts its part, with the ids that any other try has."""

import importlib
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import pyarrow as pa

from nbtrack.bulk.plan import BackfillPlan
from nbtrack.bulk.report import BackfillReport, ChunkReport
from nbtrack.bulk.sending.dead_letters import DeadLetters

_ENGINES = {"dask": "nbtrack.bulk.engines.dask", "pyspark": "nbtrack.bulk.engines.spark"}


class Engine(Protocol):
    """A module that sends a frame."""

    def empty(self, data: Any) -> pa.Table:
        """Give a table without rows that has the frame's columns."""

    def send(self, data: Any, plan: BackfillPlan, *, dry: bool) -> Iterable[ChunkReport]:
        """Send the rows; give a report of each part, once."""

    def count_repeated(self, data: Any, columns: Sequence[str]) -> int:
        """Count the rows whose values in some columns an earlier row has; rows with a gap there do not count."""


def find_engine(data: Any) -> Any | None:
    """Give the engine of a frame; None for one that this machine sends."""
    name = next((kind.__module__.partition(".")[0] for kind in type(data).__mro__ if _is_engine(kind)), None)
    return None if name is None else importlib.import_module(_ENGINES[name])


def run_engine(
    engine: Engine,
    data: Any,
    plan: BackfillPlan,
    report: BackfillReport,
    letters: DeadLetters,
    *,
    resume: bool,
) -> None:
    """Let an engine send a frame, and add up what its tasks report.

    Raises
    ------
    ValueError
        Without a key, as the order of rows is not the same in each try; and for ``resume=True``.
    """
    own_id = dict(plan.event.pairs).get("eid")
    key = plan.key if own_id is None else (own_id.name,)
    if not key:
        raise ValueError("the rows of this frame have no stable order: give key=[…], or event_id=col(…)")
    if resume:
        raise ValueError(
            "resume=True is for data that this machine sends: send all again, the ids are the same"
        )
    for part in engine.send(data, plan, dry=report.dry_run):
        report.add(part)
        letters.add(part.letters)
    if report.dry_run:
        report.repeated_keys, report.repeated_rows = engine.count_repeated(data, key), []
    else:
        report.notes.append(
            "rows that share a key were looked for within each part of the frame; dry_run=True finds them across parts"
        )


def _is_engine(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in _ENGINES
