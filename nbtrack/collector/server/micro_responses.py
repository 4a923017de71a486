"""An event as it is kept, and the shapes in which Micro and its page show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from nbtrack._version import __version__
from nbtrack.collector.events.adapters import MAX_PAYLOAD, Request
from nbtrack.collector.events.bad_rows import bad_row
from nbtrack.collector.events.database import Database
from nbtrack.collector.events.enrichment import COLUMNS, TIMESTAMPS, Received, atomic, flat
from nbtrack.collector.events.queries import condition
from nbtrack.common.wording import iso_time

PROCESSOR = {"artifact": "nbtrack-collector", "version": __version__}
FAILURE = "iglu:com.snowplowanalytics.snowplow/failure/jsonschema/1-0-0"
ENVELOPES = frozenset({"contexts", "unstruct_event", "derived_contexts"})
PAGE = 500
# limits of the bad rows' own schemas
LONGEST = {"name": 512, "value": 512, "header": 8192}
# a bad row writes these as text, and flags as 0 and 1
AS_TEXT = ("se_value", "tr_total", "tr_tax", "tr_shipping", "ti_price", "txn_id")


@dataclass(slots=True)
class Stored:
    """A row of the database with the request it came in."""

    row: int
    good: bool
    schema: str | None
    contexts: list[str]
    payload: dict[str, str] | None
    failure: dict[str, Any] | None
    notes: list[str]
    request: Request

    @property
    def columns(self) -> dict[str, Any]:
        """The columns it fills, timestamps as text."""
        request = self.request
        received = Received(
            request.time, request.vendor, request.version, request.method, request.ip, request.useragent,
            request.referer, request.nuid, request.hostname,
        )  # fmt: skip
        event = atomic(self.payload or {}, received, self.row)
        return {name: iso_time(value) if name in TIMESTAMPS else value for name, value in event.items()}

    @property
    def kind(self) -> str | None:
        """The event's type by its long name, such as ``page_view``."""
        return self.columns.get("event")

    def good_event(self) -> dict[str, Any]:
        """Give Micro's GoodEvent."""
        columns = self.columns
        return {
            "rawEvent": self.raw_event(),
            "eventType": columns.get("event"),
            "schema": self.schema,
            "contexts": self.contexts,
            "event": {name: columns.get(name, {} if name in ENVELOPES else None) for name in COLUMNS},
            "incomplete": not self.good,
        }

    def raw_event(self) -> dict[str, Any]:
        """Give Micro's rawEvent."""
        return {
            "api": {"vendor": self.request.vendor, "version": self.request.version},
            "parameters": self.payload or {},
            "contentType": self.request.content_type,
            **self._origin(),
        }

    def _origin(self) -> dict[str, Any]:
        request = self.request
        return {
            "source": {"name": PROCESSOR["artifact"], "encoding": "UTF-8", "hostname": request.hostname},
            "context": {
                "timestamp": iso_time(request.time),
                "ipAddress": request.ip,
                "useragent": request.useragent,
                "refererUri": request.referer,
                "headers": request.headers,
                "userId": request.nuid,
            },
        }

    def bad_event(self) -> dict[str, Any]:
        """Give Micro's BadEvent."""
        request = self.request
        headline = (
            "Error while extracting event(s) from collector payload and validating it/them."
            if self.payload is None
            else "Error while validating the event."
        )
        return {
            "collectorPayload": {
                "api": {"vendor": request.vendor, "version": request.version},
                "querystring": [f"{name}={value}" for name, value in _pairs(request.query)],
                "contentType": request.content_type,
                "body": request.body.decode("utf-8", "replace") or None,
                **self._origin(),
            },
            "rawEvent": None if self.payload is None else self.raw_event(),
            "errors": [headline, orjson.dumps(self.bad_row()).decode()],
        }

    def bad_row(self) -> dict[str, Any]:
        """Give the bad row in Snowplow's shape."""
        failure, request = self.failure or {}, self.request
        kind, stamp = failure.get("kind", "generic_error"), iso_time(request.time)
        if kind == "size_violation":
            return bad_row(
                failure, request.body[: MAX_PAYLOAD // 10].decode("utf-8", "replace"), stamp, PROCESSOR
            )
        if self.payload is not None:
            payload = {"enriched": _partially(self.columns), "raw": self._raw()}
            return bad_row(failure, payload, stamp, PROCESSOR)
        extra = (
            {}
            if kind == "generic_error"
            else {"vendor": request.vendor[:64], "version": request.version[:16]}
        )
        return bad_row(failure, self._collector_payload(), stamp, PROCESSOR, **extra)

    def _raw(self) -> dict[str, Any]:
        parameters = [
            {"name": name[: LONGEST["name"]], "value": value[: LONGEST["value"]]}
            for name, value in (self.payload or {}).items()
        ]
        return {
            **self._api(),
            "parameters": parameters,
            "loaderName": PROCESSOR["artifact"],
            "userId": self.request.nuid,
        }

    def _collector_payload(self) -> dict[str, Any]:
        request = self.request
        query = [
            {"name": name[: LONGEST["name"]], "value": value[: LONGEST["value"]]}
            for name, value in _pairs(request.query)
        ]
        body = request.body.decode("utf-8", "replace") or None
        return {
            **self._api(),
            "querystring": query,
            "body": body,
            "collector": PROCESSOR["artifact"],
            "networkUserId": request.nuid,
        }

    def _api(self) -> dict[str, Any]:
        request = self.request
        return {
            "vendor": request.vendor[:64],
            "version": request.version[:16],
            "contentType": request.content_type and request.content_type[:256],
            "encoding": "UTF-8",
            "hostname": request.hostname,
            "timestamp": iso_time(request.time),
            "ipAddress": request.ip and request.ip[:128],
            "useragent": request.useragent and request.useragent[:4096],
            "refererUri": request.referer and request.referer[: LONGEST["header"]],
            "headers": [line[: LONGEST["header"]] for line in request.headers],
        }

    def sdk_event(self) -> dict[str, Any]:
        """Give the analytics SDK's form; a failed event says in an entity why it failed."""
        columns = self.columns
        if self.good:
            return flat(columns)
        reasons = (self.failure or {}).get("reasons", [])
        failed = {str(reason["field"]).partition("[")[0] for reason in reasons}
        for name in failed | ({"contexts"} if {"cx", "co"} & failed else set()):
            columns.pop(name, None)
        if {"ue_px", "ue_pr"} & failed:
            columns.pop("unstruct_event", None)
        columns["derived_contexts"] = {
            "data": [{"schema": FAILURE, "data": entity} for entity in self._why()]
        }
        try:
            return flat(columns)
        except (LookupError, TypeError, ValueError):
            return {name: value for name, value in columns.items() if name not in ENVELOPES}

    def _why(self) -> list[dict[str, Any]]:
        entities = []
        for reason in (self.failure or {}).get("reasons", []):
            unknown = reason["keyword"] == "schema"
            error = {
                "message": reason["message"],
                "source": reason["field"],
                "path": reason["path"],
                "keyword": reason["keyword"],
            }
            entities.append(
                {
                    "failureType": "ResolutionError" if unknown else "ValidationError",
                    "errors": [error],
                    "schema": reason["schema"],
                    "data": None,
                    "timestamp": iso_time(self.request.time),
                    "componentName": PROCESSOR["artifact"],
                    "componentVersion": PROCESSOR["version"],
                    "_schema_version": "1-0-0",
                }
            )
        return entities


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return [("", query)]


def _partially(columns: dict[str, Any]) -> dict[str, Any]:
    """Give the columns as a bad row's schema has them."""
    result: dict[str, Any] = {}
    for name, value in columns.items():
        if isinstance(value, bool):
            result[name] = int(value)
        elif name in ENVELOPES:
            result[name] = orjson.dumps(value).decode()
        else:
            result[name] = str(value) if name in AS_TEXT else value
    return result


def newest(
    database: Database, *, good: bool | None = None, schema: str = "", event_id: str = ""
) -> Iterator[Stored]:
    """Give stored events, newest first, a page of rows at a time."""
    before = 1 << 62
    while True:
        where, values = condition(good=good, schema=schema, event_id=event_id)
        rows = database.read(
            "SELECT e.id, e.good, e.schema, e.contexts, e.payload, e.failure, e.notes, r.time, r.method, r.vendor,"  # noqa: S608
            " r.version, r.query, r.content_type, r.headers, r.ip, r.useragent, r.referer, r.nuid, r.hostname, r.body"
            f" FROM events e JOIN requests r ON r.id = e.request WHERE {where} AND e.id < ? ORDER BY e.id DESC LIMIT ?",
            [*values, before, PAGE],
        )
        for row in rows:
            headers, body = orjson.loads(row[13]), row[19] or b""
            request = Request(
                time=row[7],
                method=row[8],
                vendor=row[9],
                version=row[10],
                query=row[11],
                content_type=row[12],
                headers=headers,
                ip=row[14],
                useragent=row[15],
                referer=row[16],
                nuid=row[17],
                hostname=row[18],
                body=body,
            )
            yield Stored(
                row[0],
                bool(row[1]),
                row[2],
                row[3].split() if row[3] else [],
                orjson.loads(row[4]) if row[4] else None,
                orjson.loads(row[5]) if row[5] else None,
                orjson.loads(row[6]) if row[6] else [],
                request,
            )
        if len(rows) < PAGE:
            return
        before = rows[-1][0]
