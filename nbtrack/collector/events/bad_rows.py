"""Bad rows: why an event or a request failed, in Snowplow's format and in words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

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
"""Version of each kind of bad row's schema."""
UNKNOWN_SCHEMA = "unknown schema "
MAX_SHOWN = 500
"""Characters of a wrong value that a bad row quotes."""


@dataclass(slots=True)
class Reason:
    """One reason in words.

    Attributes
    ----------
    message : str
        What was found and what is expected.
    field : str or None
        The payload's key, the column, or ``contexts[0]``.
    path : str or None
        JSON path within that field.
    schema : str or None
        URI of the schema that was violated.
    keyword : str or None
        The rule that was violated.
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
        return sentence(self.field, self.path, self.message)


def add_nearest(
    reasons: Iterable[dict[str, Any]], suggest: Callable[[str], Sequence[str]]
) -> list[dict[str, Any]]:
    """Return stored reasons with the schema that was probably meant, where one is unknown.

    Parameters
    ----------
    reasons : iterable of dict
        From `BadRow.as_dict`.
    suggest : callable
        Returns schemas that are similar to one, the nearest first.
    """
    result = []
    for reason in reasons:
        if reason["message"].startswith(UNKNOWN_SCHEMA) and "; did you mean" not in reason["message"]:
            nearest = next(iter(suggest(reason["schema"])), None)
            if nearest:
                message = f"{reason['message']}; did you mean {nearest}?"
                reason = reason | {"nearest": nearest, "message": message}  # noqa: PLW2901 - a copy
        result.append(reason)
    return result


def sentence(field: str | None, path: str | None, message: str) -> str:
    """Return a reason in one line: the place, a colon, what is wrong."""
    place = " ".join(part for part in (field, path) if part and part != "$")
    return f"{place}: {message}" if place else message


@dataclass(slots=True)
class BadRow:
    """The report that a bad row's ``failure`` is built by: each `add…` adds what Snowplow writes and the reason in words.

    Attributes
    ----------
    kind : str
        Name of the bad row's schema, such as ``schema_violations``.
    body : dict
        Everything of ``failure`` except its timestamp, vendor and version.
    reasons : list of Reason
    """

    kind: str
    body: dict[str, Any] = field(default_factory=lambda: {"messages": []})
    reasons: list[Reason] = field(default_factory=list)

    def add(
        self,
        field: str | None,
        text: str,
        message: dict[str, Any],
        *,
        path: str | None = None,
        schema: str | None = None,
        keyword: str | None = None,
        nearest: str | None = None,
    ) -> Self:
        """Add one reason and the message that Snowplow writes for it."""
        self.body["messages"].append(message)
        self.reasons.append(Reason(text, field, path, schema, keyword, nearest))
        return self

    def add_input(self, field: str, value: str | None, expectation: str) -> Self:
        """Add an input that the protocol does not allow."""
        shown = None if value is None else value[:MAX_SHOWN]
        text = f"{expectation}, {shown!r} found" if shown else expectation
        return self.add(field, text, {"field": field, "value": shown, "expectation": expectation})

    def add_invalid_json(self, field: str, text: bytes | str, error: str) -> Self:
        """Add an input that is not JSON."""
        shown = (text if isinstance(text, str) else text[:MAX_SHOWN].decode("utf-8", "replace"))[:MAX_SHOWN]
        message = {"field": field, "value": shown, "error": f"invalid json: {error}"}
        return self.add(field, f"not valid JSON: {error}", message, keyword="json")

    def add_not_self_describing(self, field: str, document: Any) -> Self:
        """Add JSON that is not self-describing."""
        text = "not self-describing JSON: an object with `schema` and `data` is expected"
        message = {"json": _shorten(document), "error": "INVALID_DATA_PAYLOAD"}
        return self.add(field, text, message, path="$", keyword="schema")

    def add_invalid_uri(self, field: str, document: Any) -> Self:
        """Add self-describing JSON whose schema is not an Iglu URI."""
        text = "`schema` is not an Iglu URI such as iglu:com.acme/purchase/jsonschema/1-0-0"
        message = {"json": _shorten(document), "error": "INVALID_IGLUURI"}
        return self.add(field, text, message, path="$.schema", keyword="schema")

    def add_unexpected_schema(self, field: str, uri: str, criterion: str) -> Self:
        """Add self-describing JSON of another schema than this place takes."""
        message = {"schemaKey": uri, "schemaCriterion": criterion}
        text = f"{uri} found, {criterion} expected"
        return self.add(field, text, message, path="$.schema", schema=uri, keyword="schema")

    def add_unknown_schema(self, field: str, error: SchemaNotFound) -> Self:
        """Add a schema that no registry has."""
        now = iso_time()
        history = [
            {"repository": place, "errors": [{"error": "NotFound"}], "attempts": 1, "lastAttempt": now}
            for place in error.looked
        ]
        message = {
            "schemaKey": error.uri,
            "error": {"error": "ResolutionError", "lookupHistory": history},
        }
        # the nearest schema is looked for when a person reads this
        return self.add(field, f"{UNKNOWN_SCHEMA}{error.uri}", message, schema=error.uri, keyword="schema")

    def add_faults(self, field: str, uri: str, faults: Iterable[Fault]) -> Self:
        """Add data that violates its schema: one message with a reason for each fault."""
        faults = list(faults)
        reports = [
            {"message": str(fault), "path": fault.path, "keyword": fault.keyword, "targets": [fault.expected]}
            for fault in faults
        ]
        self.body["messages"].append(_violation(uri, reports))
        self.reasons += [Reason(fault.message, field, fault.path, uri, fault.keyword) for fault in faults]
        return self

    def add_column(self, column: str, value: str | None, expectation: str) -> Self:
        """Add a value that a column of ``atomic.events`` cannot hold."""
        text = expectation if value is None else f"{expectation}, {value[:MAX_SHOWN]!r} found"
        report = {
            "message": f"$.{column}: {text}",
            "path": f"$.{column}",
            "keyword": "atomic",
            "targets": [expectation],
        }
        return self.add(column, text, _violation(ATOMIC, [report]), schema=ATOMIC, keyword="atomic")

    def extend(self, other: "BadRow") -> Self:
        """Add everything that another report of the same kind holds."""
        self.body["messages"] += other.body["messages"]
        self.reasons += other.reasons
        return self

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which the database stores it."""
        return {"kind": self.kind, "body": self.body, "reasons": [asdict(reason) for reason in self.reasons]}


def size_violation(limit: int, size: int) -> BadRow:
    """Return the report of a payload that is larger than a collector passes on."""
    body = {
        "maximumAllowedSizeBytes": limit,
        "actualSizeBytes": size,
        "expectation": "oversized collector payload",
    }
    reason = Reason(f"{size:,} bytes found, at most {limit:,} allowed", keyword="size")
    return BadRow("size_violation", body, [reason])


def internal_error(error: Exception) -> BadRow:
    """Return the report of a request that the collector itself failed on."""
    return BadRow("generic_error", {"errors": [f"{type(error).__name__}: {error}"]}, [Reason(str(error))])


def bad_row_document(
    failure: Mapping[str, Any], payload: Any, timestamp: str, processor: dict[str, str], **extra: Any
) -> dict[str, Any]:
    """Return a stored failure as the self-describing JSON that Snowplow writes.

    Parameters
    ----------
    failure : mapping
        From `BadRow.as_dict`.
    payload : any
        JSON values, as the schema of this kind has them.
    timestamp : str
        When it was processed.
    processor : dict of str to str
        Artifact and version.
    **extra
        More members of ``failure``.
    """
    kind = failure["kind"]
    return {
        "schema": f"iglu:{SNOWPLOW_VENDOR}.badrows/{kind}/jsonschema/{VERSIONS[kind]}",
        "data": {
            "processor": processor,
            "failure": {"timestamp": timestamp, **extra, **failure["body"]},
            "payload": payload,
        },
    }


def _violation(uri: str, reports: list[dict[str, Any]]) -> dict[str, Any]:
    return {"schemaKey": uri, "error": {"error": "ValidationError", "dataReports": reports}}


def _shorten(document: Any) -> Any:
    """Return a small document as it is, and the beginning of a large one."""
    text = str(document)
    return document if len(text) <= MAX_SHOWN else text[:MAX_SHOWN]
