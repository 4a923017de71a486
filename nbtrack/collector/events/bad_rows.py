"""Why an event or a request failed, in Snowplow's shape and in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nbtrack.common.wording import iso_time
from nbtrack.protocol import SNOWPLOW_VENDOR
from nbtrack.schemas import Fault, SchemaNotFound

ATOMIC = f"iglu:{SNOWPLOW_VENDOR}/atomic/jsonschema/1-0-0"
VERSIONS = {
    "tracker_protocol_violations": "1-0-1",
    "adapter_failures": "1-0-0",
    "schema_violations": "2-0-1",
    "enrichment_failures": "2-0-1",
    "collector_payload_format_violation": "1-0-0",
    "size_violation": "1-0-0",
    "generic_error": "1-0-0",
}
SHOWN = 500


@dataclass(slots=True)
class Reason:
    """One reason in words.

    Attributes
    ----------
    message : str
        What was found and what is expected.
    field : str or None
        Where in the payload: its key, a column, or ``contexts[0]``.
    path : str or None
        JSON path within that field.
    schema : str or None
        URI of the schema that was not met.
    keyword : str or None
        The rule that was broken.
    nearest : str or None
        The schema that was probably meant.
    """

    message: str
    field: str | None = None
    path: str | None = None
    schema: str | None = None
    keyword: str | None = None
    nearest: str | None = None

    def __str__(self) -> str:
        where = self.field or ""
        if self.path and self.path != "$":
            where = f"{where} {self.path}" if where else self.path
        return f"{where}: {self.message}" if where else self.message


@dataclass(slots=True)
class Failure:
    """A bad row's ``failure``, and the same in words.

    Attributes
    ----------
    kind : str
        Name of the bad row's schema, such as ``schema_violations``.
    body : dict
        Everything of ``failure`` but the timestamp, the vendor and the version.
    reasons : list of Reason
    """

    kind: str
    body: dict[str, Any]
    reasons: list[Reason] = field(default_factory=list)

    @classmethod
    def of_faults(cls, kind: str, uri: str, faults: Iterable[Fault], field: str) -> Failure:
        """Report data that does not follow its schema."""
        return cls(
            kind,
            {"messages": [violation(uri, faults := list(faults))]},
            [reason_of(f, uri, field) for f in faults],
        )

    @classmethod
    def of_missing(cls, kind: str, error: SchemaNotFound, field: str) -> Failure:
        """Report a schema that nobody has."""
        return cls(kind, {"messages": [unresolved(error)]}, [missing_reason(error, field)])

    @classmethod
    def join(cls, kind: str, failures: Iterable[Failure]) -> Failure:
        """Make one failure of several."""
        messages: list[Any] = []
        reasons: list[Reason] = []
        for failure in failures:
            messages += failure.body["messages"]
            reasons += failure.reasons
        return cls(kind, {"messages": messages}, reasons)

    def at(self, field: str) -> Failure:
        """Give the same failure of another field."""
        return Failure(self.kind, self.body, [replace(reason, field=field) for reason in self.reasons])

    def as_dict(self) -> dict[str, Any]:
        """Give the form in which a database keeps it."""
        return {"kind": self.kind, "body": self.body, "reasons": [asdict(reason) for reason in self.reasons]}


def violation(uri: str, faults: Iterable[Fault]) -> dict[str, Any]:
    """Give the message of data that does not follow its schema."""
    reports = [
        {"message": str(fault), "path": fault.path, "keyword": fault.keyword, "targets": [fault.expected]}
        for fault in faults
    ]
    return {"schemaKey": uri, "error": {"error": "ValidationError", "dataReports": reports}}


def unresolved(error: SchemaNotFound) -> dict[str, Any]:
    """Give the message of a schema that nobody has."""
    now = iso_time()
    history = [
        {"repository": place, "errors": [{"error": "NotFound"}], "attempts": 1, "lastAttempt": now}
        for place in error.looked
    ]
    return {"schemaKey": error.uri, "error": {"error": "ResolutionError", "lookupHistory": history}}


def reason_of(fault: Fault, uri: str, field: str) -> Reason:
    """Say a fault in words."""
    return Reason(fault.message, field, fault.path, uri, fault.keyword)


def missing_reason(error: SchemaNotFound, field: str) -> Reason:
    """Say in words that a schema is unknown, and which one was probably meant."""
    nearest = error.suggestions[0] if error.suggestions else None
    hint = f"; did you mean {nearest}?" if nearest else ""
    return Reason(f"unknown schema {error.uri}{hint}", field, None, error.uri, "schema", nearest)


def atomic_fault(column: str, value: str | None, expectation: str) -> Failure:
    """Report a value that a column of ``atomic.events`` cannot hold."""
    shown = None if value is None else value[:SHOWN]
    message = expectation if value is None else f"{expectation}, {shown!r} found"
    report = {
        "message": f"$.{column}: {message}",
        "path": f"$.{column}",
        "keyword": "atomic",
        "targets": [expectation],
    }
    body = {
        "messages": [{"schemaKey": ATOMIC, "error": {"error": "ValidationError", "dataReports": [report]}}]
    }
    return Failure("schema_violations", body, [Reason(message, column, None, ATOMIC, "atomic")])


def field_problem(kind: str, name: str, value: str | None, expectation: str) -> Failure:
    """Report an input that is not what the protocol says."""
    shown = None if value is None else value[:SHOWN]
    text = expectation if not shown else f"{expectation}, {shown!r} found"
    return Failure(
        kind,
        {"messages": [{"field": name, "value": shown, "expectation": expectation}]},
        [Reason(text, name)],
    )


def invalid_json(kind: str, name: str, text: bytes | str, error: str) -> Failure:
    """Report an input that is not JSON."""
    shown = (text if isinstance(text, str) else text[:SHOWN].decode("utf-8", "replace"))[:SHOWN]
    reason = Reason(f"not valid JSON: {error}", name, None, None, "json")
    return Failure(
        kind, {"messages": [{"field": name, "value": shown, "error": f"invalid json: {error}"}]}, [reason]
    )


def not_iglu(kind: str, name: str, document: Any, code: str) -> Failure:
    """Report JSON that is not self-describing."""
    message = {
        "INVALID_DATA_PAYLOAD": "not self-describing JSON: an object with `schema` and `data` is expected",
        "INVALID_IGLUURI": "`schema` is not an Iglu URI such as iglu:com.acme/purchase/jsonschema/1-0-0",
    }[code]
    reason = Reason(message, name, "$.schema" if code == "INVALID_IGLUURI" else "$", None, "schema")
    return Failure(kind, {"messages": [{"json": _short(document), "error": code}]}, [reason])


def _short(document: Any) -> Any:
    """Keep a document that is small, the start of one that is not."""
    text = str(document)
    return document if len(text) <= SHOWN else text[:SHOWN]


def criterion_mismatch(kind: str, uri: str, criterion: str, name: str = "body") -> Failure:
    """Report self-describing JSON of another schema than the one this place takes."""
    reason = Reason(f"{uri} found, {criterion} expected", name, "$.schema", uri, "schema")
    return Failure(kind, {"messages": [{"schemaKey": uri, "schemaCriterion": criterion}]}, [reason])


def bad_row(
    failure: dict[str, Any], payload: Any, stamp: str, processor: dict[str, str], **extra: Any
) -> dict[str, Any]:
    """Build a bad row in Snowplow's shape."""
    kind = failure["kind"]
    body = {"timestamp": stamp, **extra, **failure["body"]}
    return {
        "schema": f"iglu:{SNOWPLOW_VENDOR}.badrows/{kind}/jsonschema/{VERSIONS[kind]}",
        "data": {"processor": processor, "failure": body, "payload": payload},
    }
