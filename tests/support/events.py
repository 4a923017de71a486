"""Events as notebooks and backfills send them, each with its own ids, and the bodies of requests with many of them."""

import base64
import time
import uuid

import orjson

from nbtrack.protocol import CONTEXTS, OWN_VENDOR, PAYLOAD_DATA, SNOWPLOW_VENDOR, UNSTRUCT_EVENT, iglu

BATCH = 500
SESSION = str(uuid.uuid4())


def payload(number: int) -> dict[str, str]:
    """Return an event as a notebook sends it: a self-describing event with a session, base64 as by default."""
    run = {
        "run_id": str(uuid.uuid4()),
        "status": "ok",
        "duration_ms": number,
        "name": "load",
        "magics": ["time"],
    }
    own = {"schema": UNSTRUCT_EVENT, "data": {"schema": iglu(OWN_VENDOR, "cell_run"), "data": run}}
    session = {
        "userId": str(uuid.uuid4()),
        "sessionId": str(uuid.uuid4()),
        "sessionIndex": 1,
        "eventIndex": number,
        "storageMechanism": "SQLITE",
    }
    entities = {
        "schema": CONTEXTS,
        "data": [{"schema": iglu(SNOWPLOW_VENDOR, "client_session", "1-0-2"), "data": session}],
    }
    return {
        "e": "ue",
        "p": "pc",
        "tv": "py-nbtrack-1.0.0",
        "tna": "bench",
        "aid": "bench",
        "eid": str(uuid.uuid4()),
        "dtm": str(time.time_ns() // 1_000_000),
        "stm": str(time.time_ns() // 1_000_000),
        "ue_px": base64.urlsafe_b64encode(orjson.dumps(own)).decode(),
        "cx": base64.urlsafe_b64encode(orjson.dumps(entities)).decode(),
    }


def notebook_event(number: int) -> dict[str, str]:
    """Return an event with the three entities of a notebook's session; only the session's changes from event to event."""
    kernel = {
        "kernel_id": SESSION,
        "started_at": "2026-01-05T09:00:00.000Z",
        "python_version": "3.11.9",
        "implementation": "CPython",
        "ipython_version": "9.0.0",
        "ipykernel_version": "7.0.0",
        "nbtrack_version": "1.0.0",
        "os_name": "Linux",
        "machine": "x86_64",
        "cpu_count": 8,
        "memory_mb": 16384,
        "interactive": True,
    }
    session = {
        "userId": SESSION,
        "sessionId": SESSION,
        "sessionIndex": 1,
        "eventIndex": number,
        "storageMechanism": "SQLITE",
    }
    entities = {
        "schema": CONTEXTS,
        "data": [
            {"schema": iglu(OWN_VENDOR, "notebook"), "data": {"host": "lab", "name_hash": "0" * 64}},
            {"schema": iglu(OWN_VENDOR, "kernel"), "data": kernel},
            {"schema": iglu(SNOWPLOW_VENDOR, "client_session", "1-0-2"), "data": session},
        ],
    }
    return payload(number) | {"cx": base64.urlsafe_b64encode(orjson.dumps(entities)).decode()}


def row_event(number: int) -> dict[str, str]:
    """Return an event as a backfill makes one of a row: a self-describing event in base64, without entities."""
    event = payload(number)
    del event["cx"]
    return event | {"ttm": "1357034400000"}


def struct(number: int) -> dict[str, str]:
    """Return a flat event, as a backfill of a table often sends them."""
    return {
        "e": "se",
        "p": "srv",
        "tv": "py-nbtrack-1.0.0",
        "aid": "bench",
        "eid": str(uuid.uuid4()),
        "dtm": str(time.time_ns() // 1_000_000),
        "ttm": "1357034400000",
        "se_ca": "flight",
        "se_ac": "departed",
        "se_la": f"N{number}",
        "se_va": str(number),
    }


CASES = {
    "notebook": notebook_event,
    "with_entities": payload,
    "self_describing": row_event,
    "struct": struct,
}


def bodies(make: object, count: int) -> list[bytes]:
    """Return POST bodies of 500 events."""
    return [
        orjson.dumps({"schema": PAYLOAD_DATA, "data": [make(first + n) for n in range(BATCH)]})
        for first in range(0, count, BATCH)
    ]
