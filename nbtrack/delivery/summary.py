"""Short forms of events and states for people."""

from nbtrack.common.payload_json import schema_of
from nbtrack.delivery.encoding import decode
from nbtrack.delivery.models import PayloadDict, PendingEvent, Row, State
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
            name = _schema_name(payload) or name
    except ValueError:
        # a row that no emitter of ours wrote
        name = "unreadable"
    return PendingEvent(row.event_id, row.added, kind, name, len(row.body), row.attempts)


def _schema_name(payload: PayloadDict) -> str | None:
    uri = schema_of(payload)
    return uri.split("/")[1] if uri and uri.count("/") > 1 else None
