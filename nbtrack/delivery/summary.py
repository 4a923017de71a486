"""Short forms of events and states for people."""

import base64
import re

from nbtrack.delivery.envelope import decode
from nbtrack.delivery.records import PayloadDict, PendingEvent, Row, State
from nbtrack.protocol import EVENT_NAMES


def state_of(closed: bool, paused: bool, failing: bool, sending: bool) -> State:
    """Name the state of an emitter."""
    if closed:
        return "closed"
    if paused:
        return "paused"
    if failing:
        return "retrying"
    return "sending" if sending else "idle"


def summarise(row: Row) -> PendingEvent:
    """Show a waiting event without its values."""
    kind = name = ""
    try:
        payload = decode(row.body)
        kind = str(payload.get("e", ""))
        name = EVENT_NAMES.get(kind, kind)
        if kind == "ue":
            name = schema_name(payload) or name
    except ValueError:
        # a row that no emitter of ours wrote
        name = "unreadable"
    return PendingEvent(row.event_id, row.added, kind, name, len(row.body), row.attempts)


def schema_name(payload: PayloadDict) -> str | None:
    """Name the schema of a self-describing event: the second Iglu URI in it, after the envelope's."""
    text = str(payload.get("ue_pr") or "")
    if not text and "ue_px" in payload:
        coded = str(payload["ue_px"])
        text = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode("utf-8", "replace")
    found = re.findall(r"iglu:[^/\"]+/([^/\"]+)/", text)
    return found[1] if len(found) > 1 else None
