"""The activity of the running session, or of all sessions that the local collector knows."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from nbtrack.activities import Activity, Entry
from nbtrack.activities.entries import make_entry, mark_elsewhere
from nbtrack.common.payload_json import decode_fields
from nbtrack.runtime import events as own

if TYPE_CHECKING:
    from nbtrack.runtime.sessions import Session

MOST_PENDING = 5_000
MOST_READ = 1_000
"""Events of each schema that are read from the local collector, the newest."""
MOST_REASONS = 3
SESSIONS = ("this", "all")


def make_activity(
    session: "Session",
    *,
    failed: bool | None = None,
    name: str | None = None,
    sessions: Literal["this", "all"] = "this",
) -> Activity:
    """Return what a session did, or what all sessions did whose events the local collector has; see `nbtrack.activity`."""
    if sessions not in SESSIONS:
        raise ValueError(f"sessions must be 'this' or 'all', got {sessions!r}")
    if failed is not None and not isinstance(failed, bool):
        raise TypeError(f"failed must be a bool, got {failed!r}")
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name must be a str, got {name!r}")
    session.track_pending_cell()
    entries = find_entries(session)
    if sessions == "all":
        known = {entry.event_id for entry in entries}
        entries += [entry for entry in _read_all(session) if entry.event_id not in known]
        entries.sort(key=lambda entry: entry.started)
    return Activity(entries, failed=failed, name=name, forgotten=session.activities.forgotten)


def find_entries(session: "Session") -> list[Entry]:
    """Return the entries of a session, with how far their events have come and their validation results."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        session.check_results()
    entries = session.activities.entries()
    emitter = session.peek_emitter()
    pending = None
    if emitter is not None and any(entry.delivery == "pending" for entry in entries):
        pending = {event.event_id for event in emitter.pending(MOST_PENDING)}
    for entry in entries:
        if (
            entry.delivery == "pending"
            and entry.destination == session.destination
            and pending is not None
            and entry.event_id not in pending
        ):
            entry.delivery = "unknown"  # sent by another process, or never stored
    mark_elsewhere(entries, session.destination, session.count_elsewhere())
    return entries


def _read_all(session: "Session") -> list[Entry]:
    """Read the cells, steps and events of all sessions from the local collector, which is never started for it."""
    from nbtrack.collector import shared_collector  # noqa: PLC0415 - only where other sessions are asked for

    client = session.peek_collector() or shared_collector.find(session.home)
    if client is None:
        raise RuntimeError(
            "no local collector is running, and sessions='all' reads from it: "
            + ("%nbtrack collector" if session.has_magics else "nbtrack.session().collector")
            + " starts it"
        )
    reasons = client.failures(limit=MOST_READ)
    entries = []
    for schema in (*own.CELL_RUNS, own.ANALYSIS):
        for good in (True, False):
            for payload in client.payloads(schema=schema, good=good, limit=MOST_READ):
                if (entry := read_entry(payload)) is not None:
                    entry.delivery, entry.validation = "delivered", "valid" if good else "invalid"
                    entry.reasons = tuple(reasons.get(str(entry.event_id), ())[:MOST_REASONS])
                    entries.append(entry)
    return entries


def read_entry(payload: Mapping[str, Any]) -> Entry | None:
    """Return the entry of a payload, None if its data cannot be read."""
    try:
        decoded = decode_fields(dict(payload))
        document = (decoded.get("ue_px") or decoded["ue_pr"])["data"]
        contexts = decoded.get("cx") or decoded.get("co") or {}
        return make_entry(
            document["data"],
            document["schema"],
            event_id=str(payload.get("eid", "")),
            ended=float(payload.get("dtm") or payload.get("stm") or 0) / 1000,
            session=str(payload.get("sid", "")),
            notebook=_notebook_of(contexts.get("data", ())),
        )
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):
        return None


def _notebook_of(entities: Iterable[Mapping[str, Any]]) -> str:
    for entity in entities:
        if entity["schema"] in own.NOTEBOOKS:
            return str(entity["data"].get("name") or "")
    return ""
