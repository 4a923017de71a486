"""Pages of stored events, as a collector sends them to its clients: by request, with bodies as they are."""

from itertools import repeat
from operator import attrgetter
from typing import Any

import orjson

from nbtrack.collector.events.adapters import PayloadForm, Request
from nbtrack.collector.events.database import StoredEvent

NO_RESULT = (None, None, None)
NONE: list[Any] = []
GOOD, NOTHING, EMPTY = repeat(True), repeat(None), repeat(NONE)


def read_page(body: bytes) -> list[StoredEvent]:
    """Return the events of a collector's response, by the requests they came in."""
    events: list[StoredEvent] = []
    for document in orjson.loads(body):
        request = Request(**document["request"])
        payload = document["payload"]
        if document["form"] == PayloadForm.BODY:
            payload = payload["data"]
        results = document["results"]
        if not results:
            # most events are good, and have no notes
            payloads = [payload[position] for position in document["positions"]]
            rows = zip(
                document["ids"], GOOD, NOTHING, EMPTY, payloads, NOTHING, EMPTY, repeat(request), strict=False
            )
            events += map(StoredEvent._make, rows)
            continue
        for row, position in zip(document["ids"], document["positions"], strict=True):
            schema, failure, notes = results.get(str(row), NO_RESULT)
            own = payload[position] if position >= 0 else None
            events.append(
                StoredEvent(row, failure is None, schema, NONE, own, failure, notes or NONE, request)
            )
    events.sort(key=attrgetter("id"))
    return events
