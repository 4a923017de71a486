"""Details of one event or one request, fetched on demand; sent to the browser and never saved."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from nbtrack.common.payload_json import JSON_FIELDS, decode_fields
from nbtrack.delivery import AsyncEmitter
from nbtrack.protocol import FIELDS, PAYLOAD_DATA

LONGEST_VALUE = 10_000
"""Characters of a value that are shown."""
MOST_VALUES = 2_000
"""Values of an event that are shown."""
LONGEST_COMMAND = 100_000
"""Bytes that one argument of a command may have on Linux are 131,072."""


def show_event(
    payload: dict[str, Any] | None, endpoint: str, asked: dict[str, Any], reasons: Sequence[str] = ()
) -> dict[str, Any]:
    """Return an event's decoded content, and a command that sends it by hand.

    Parameters
    ----------
    payload
        The event; None if it is no longer available.
    endpoint
        Where the command sends it.
    asked
        The browser's request.
    reasons
        Why it failed, if it did.
    """
    answer = {"kind": "content", "mark": asked.get("mark")}
    if payload is None:
        return {
            **answer,
            "missing": "This event is no longer available: it has been sent, or was never tracked.",
        }
    why = {"why it failed": list(reasons)} if reasons else {}
    decoded, left = _bound(why | label_fields(payload), MOST_VALUES)
    cut = None if left > 0 else f"Only the first {MOST_VALUES:,} values are shown."
    return {**answer, "content": decoded, "note": cut, "curl": write_curl(endpoint, payload)}


def show_attempt(emitter: AsyncEmitter, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what a request sent: the ids of its events and the first bytes of its body."""
    number = asked.get("number", 0)
    answer = {"kind": "content", "mark": asked.get("mark")}
    found = next((one for one in emitter.log if one.number == number), None)
    if found is None:
        return {**answer, "missing": "The kernel's log no longer holds this attempt."}
    body = emitter.log.body(number)
    return {
        **answer,
        "content": {
            "status": found.status,
            "error": found.error and found.error[:LONGEST_VALUE],
            "events": found.events,
            "event ids": list(found.event_ids[:100]),
            "body begins": body if body is not None else "(kept for the last 20 attempts only)",
        },
        "note": None,
        "curl": None,
    }


def label_fields(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a payload with its JSON fields decoded, and named by what they hold."""
    decoded = decode_fields(payload)
    return {
        f"{key} ({FIELDS[key].column}{', decoded' if FIELDS[key].kind == 'base64_json' else ''})"
        if key in JSON_FIELDS and decoded[key] is not value
        else key: decoded[key]
        for key, value in payload.items()
    }


def write_curl(endpoint: str, payload: dict[str, Any]) -> str | None:
    """Return the command that sends an event by hand, quoted for a POSIX shell; None if it is too long for one.

    Headers of the settings are not in it: they may hold credentials.
    """
    body = json.dumps({"schema": PAYLOAD_DATA, "data": [payload]}, separators=(",", ":"))
    if len(body) > LONGEST_COMMAND or not endpoint.startswith("http"):
        return None
    return (
        f"curl --request POST {shlex.quote(endpoint)} --header 'Content-Type: application/json; charset=utf-8'"
        f" --data-binary {shlex.quote(body)}"
    )


def _bound(value: Any, room: int) -> tuple[Any, int]:
    """Cut long strings and many values; return the number of values left."""
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"{value[:LONGEST_VALUE]}… ({len(value):,} characters)", room - 1
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for key, one in value.items():
            if room <= 0:
                break
            kept[key[:LONGEST_VALUE]], room = _bound(one, room)
        return kept, room - 1
    if isinstance(value, list):
        items = []
        for one in value:
            if room <= 0:
                break
            item, room = _bound(one, room)
            items.append(item)
        return items, room - 1
    return value, room - 1
