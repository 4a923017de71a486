"""Pages of stored events, as a collector sends them to its clients: by request, with bodies as they are."""

from operator import attrgetter

import orjson

from nbtrack.collector.events.adapters import PayloadForm, Request
from nbtrack.collector.events.database import StoredEvent


def read_page(body: bytes) -> list[StoredEvent]:
    """Return the events of a collector's response, by the requests they came in."""
    events = []
    for document in orjson.loads(body):
        request = Request(**document["request"])
        payload = document["payload"]
        if document["form"] == PayloadForm.BODY:
            payload = payload["data"]
        for row, position, good, schema, failure, notes in document["events"]:
            own = payload[position] if position >= 0 else None
            events.append(StoredEvent(row, bool(good), schema, [], own, failure, notes or [], request))
    events.sort(key=attrgetter("id"))
    return events
