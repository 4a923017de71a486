"""What the database is asked."""

from __future__ import annotations

from typing import Any

import orjson

from nbtrack.collector.events.database import Database

LAST = 20


def counts(database: Database) -> dict[str, int]:
    """Count what was received; a repeat is not counted again."""
    return {"total": database.good + database.bad, "good": database.good, "bad": database.bad}


def condition(
    *, good: bool | None = None, schema: str = "", event_id: str = "", after: int = 0
) -> tuple[str, list[Any]]:
    """Build the WHERE of a query on events."""
    parts = ["e.id > ?"]
    values: list[Any] = [after]
    if good is not None:
        parts.append("e.good = ?")
        values.append(int(good))
    if schema:
        pattern = schema if schema.startswith("iglu:") else f"iglu:{schema}"
        parts.append("e.schema GLOB ?" if "*" in pattern else "e.schema = ?")
        values.append(pattern)
    if event_id:
        parts.append("e.event_id = ?")
        values.append(event_id)
    return " AND ".join(parts), values


def matching(database: Database, *, good: bool | None, schema: str, event_id: str) -> int:
    """Count the events that match."""
    if not schema and not event_id:
        return {True: database.good, False: database.bad, None: database.good + database.bad}[good]
    where, values = condition(good=good, schema=schema, event_id=event_id)
    return int(database.read(f"SELECT count(*) FROM events e WHERE {where}", values)[0][0])  # noqa: S608 - built here


def by_schema(database: Database) -> list[dict[str, Any]]:
    """Count by the event's schema."""
    rows = database.read(
        "SELECT schema, sum(good), sum(NOT good) FROM events GROUP BY schema ORDER BY count(*) DESC, schema"
    )
    return [{"schema": schema, "good": good, "bad": bad} for schema, good, bad in rows]


def reasons_of(failure: str | None) -> list[dict[str, Any]]:
    """Read the reasons of a stored failure."""
    return list(orjson.loads(failure)["reasons"]) if failure else []


def sentence(reason: dict[str, Any]) -> str:
    """Say a stored reason in one line."""
    where = " ".join(part for part in (reason["field"], reason["path"]) if part and part != "$")
    return f"{where}: {reason['message']}" if where else str(reason["message"])


def summary(database: Database) -> dict[str, Any]:
    """Give counts, the newest events and the newest failed ones, newest first."""
    return {
        **counts(database),
        "repeats": database.repeats,
        "epoch": database.epoch,
        "last": _newest(database, "1"),
        "last_bad": _newest(database, "good = 0") if database.bad else [],
    }


def _newest(database: Database, condition: str) -> list[dict[str, Any]]:
    rows = database.read(
        f"SELECT time, event_id, schema, good, failure FROM events WHERE {condition} ORDER BY id DESC LIMIT ?",  # noqa: S608 - ours
        (LAST,),
    )
    return [
        {
            "time": time,
            "event_id": event_id,
            "schema": schema,
            "good": bool(good),
            "reasons": [sentence(reason) for reason in reasons_of(failure)],
        }
        for time, event_id, schema, good, failure in rows
    ]


def export_rows(
    database: Database, *, good: bool | None, schema: str, event_id: str, after: int, limit: int, newest: bool
) -> bytes:
    """Give stored events as JSON lines; what is JSON already is passed on as it is.

    A line is ``[id, good, schema, failure, notes, payload, request]`` with the request as
    ``[time, vendor, version, method, ip, useragent, referer, nuid, hostname]``.
    """
    where, values = condition(good=good, schema=schema, event_id=event_id, after=after)
    rows = database.read(
        "SELECT '[' || e.id || ',' || e.good || ',' || coalesce(json_quote(e.schema), 'null') || ',' ||"  # noqa: S608
        " coalesce(e.failure, 'null') || ',' || coalesce(e.notes, 'null') || ',' || coalesce(e.payload, 'null') ||"
        " ',' || json_array(r.time, r.vendor, r.version, r.method, r.ip, r.useragent, r.referer, r.nuid, r.hostname)"
        f" || ']' FROM events e JOIN requests r ON r.id = e.request WHERE {where}"
        f" ORDER BY e.id {'DESC' if newest else ''} LIMIT ?",
        [*values, limit],
    )
    return "\n".join(row[0] for row in rows).encode()
