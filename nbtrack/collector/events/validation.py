"""Validation of one event: whether a pipeline would accept it, and why not."""

from dataclasses import dataclass, field
from typing import Any

from nbtrack.collector.events.adapters import SINK_LIMITS, Parameters
from nbtrack.collector.events.bad_rows import BadRow
from nbtrack.collector.events.field_rules import RULES, Rule, usual_event
from nbtrack.common.payload_json import read_json
from nbtrack.protocol import CONTEXTS, EVENT_NAMES, FIELDS, SNOWPLOW_VENDOR, UNSTRUCT_EVENT, iglu
from nbtrack.schemas import BadSchema, Fault, Registry, SchemaNotFound
from nbtrack.schemas.compiling import Validator

EVENT_TYPES = {**EVENT_NAMES, "ad": "ad_impression"}
"""Long names by the value of `e`."""
ATOMIC_SCHEMAS = {
    "pv": iglu(SNOWPLOW_VENDOR, "page_view"),
    "pp": iglu(SNOWPLOW_VENDOR, "page_ping"),
    "se": iglu("com.google.analytics", "event"),
    "tr": iglu(SNOWPLOW_VENDOR, "transaction"),
    "ti": iglu(SNOWPLOW_VENDOR, "transaction_item"),
    "ad": iglu(SNOWPLOW_VENDOR, "ad_impression"),
}
"""The schemas by which events without one of their own are named; no registry is asked for these."""
REQUIRED = {
    "se": ("se_ca", "se_ac"),
    "tr": ("tr_id", "tr_tt"),
    "ti": ("ti_sk", "ti_pr", "ti_qu"),
}
"""Payload keys that a type of event requires."""
CONTEXTS_FAMILY = CONTEXTS.rpartition("-")[0] + "-"
NO_ENTITIES = frozenset({"", "null"})


@dataclass(slots=True)
class ValidationResult:
    """What was found out about one event.

    Attributes
    ----------
    schema : str or None
        The event's schema; for a self-describing event, the one of its data.
    entities : list of str
        The schemas of its entities.
    failure : BadRow or None
        None if the event is good.
    notes : list of str
        What a pipeline might do differently although the event is good here.
    """

    schema: str | None = None
    entities: list[str] = field(default_factory=list)
    failure: BadRow | None = None
    notes: list[str] = field(default_factory=list)


class EventValidator:
    """Validates the events of one request.

    It lives as long as the request: schemas are looked up anew for each request, so that an edited file takes effect at
    once, and entities that many events of a request share are decoded and validated once.

    Parameters
    ----------
    registry : Registry
    strict_lengths : bool
        Whether a value longer than its column fails the event; otherwise it is a note.
    """

    def __init__(self, registry: Registry, *, strict_lengths: bool = False) -> None:
        self._registry = registry
        self._strict_lengths = strict_lengths
        self._has_usual_fields = usual_event().is_valid
        self._validators: dict[str, Validator | SchemaNotFound | BadSchema | None] = {}
        self._entities: dict[str, tuple[list[str], BadRow]] = {}

    def validate(self, event: Parameters, size: int = 0) -> ValidationResult:
        """Validate one event.

        Parameters
        ----------
        event : dict of str to str
            Its payload.
        size : int
            Its bytes as a sink would receive them; 0 if unknown.
        """
        result = ValidationResult()
        report = BadRow("schema_violations")
        event_type = event.get("e", "")
        result.schema = ATOMIC_SCHEMAS.get(event_type)
        if event_type not in EVENT_TYPES:
            expectation = "one of " + ", ".join(EVENT_NAMES) + " expected"
            if event_type:
                report.add_column("event", event_type, expectation)
            else:
                report.add_column("event", None, f"is missing, {expectation}")
        if not self._has_usual_fields(event):
            self._check_fields(event, result, report)
        for key in REQUIRED.get(event_type, ()):
            if not event.get(key):
                report.add_column(FIELDS[key].column or key, None, "is missing, but required")
        if event_type == "ue":
            self._check_unstruct_event(event, result, report)
        self._check_entities(event, result, report)
        if report.reasons:
            result.failure = report
        if size:
            result.notes += [
                f"would be a size_violation on {sink}: {size:,} bytes, at most {limit:,}"
                for sink, limit in SINK_LIMITS.items()
                if size > limit
            ]
        return result

    def _check_fields(self, event: Parameters, result: ValidationResult, report: BadRow) -> None:
        for key, value in event.items():
            rule = RULES.get(key)
            if rule is None or not value:
                continue
            if len(value) > rule.max_length:
                self._add_too_long(rule, value, result, report)
            if rule.format is not None and not rule.format.matches(value):
                report.add_column(rule.column, value, rule.format.expectation)

    def _add_too_long(self, rule: Rule, value: str, result: ValidationResult, report: BadRow) -> None:
        text = f"at most {rule.max_length} characters expected, {len(value)} found"
        if self._strict_lengths:
            report.add_column(rule.column, None, text)
        else:
            result.notes.append(f"{rule.column}: {text}")

    def _check_unstruct_event(self, event: Parameters, result: ValidationResult, report: BadRow) -> None:
        key = "ue_px" if event.get("ue_px") else "ue_pr"
        text = event.get(key)
        if not text:
            expectation = "is missing: a self-describing event needs ue_pr or ue_px"
            report.add_column("unstruct_event", None, expectation)
            return
        try:
            envelope = read_json(key, text)
        except ValueError as error:
            report.add_invalid_json(key, text, str(error))
            return
        uri = schema_named_by(envelope)
        if uri is None:
            report.add_not_self_describing(key, envelope)
            return
        if uri != UNSTRUCT_EVENT:
            report.add_unexpected_schema(key, uri, UNSTRUCT_EVENT.removesuffix("0") + "*")
            return
        document = envelope["data"]
        if self._has_known_schema(document) or self._check_data(UNSTRUCT_EVENT, document, key, report):
            result.schema = document["schema"]
            self._check_data(document["schema"], document["data"], "unstruct_event", report)

    def _check_entities(self, event: Parameters, result: ValidationResult, report: BadRow) -> None:
        for key in ("cx", "co"):
            text = event.get(key)
            if text and text not in NO_ENTITIES:
                checked = self._entities.get(text)
                if checked is None:
                    checked = self._entities[text] = self._read_entities(key, text)
                schemas, problems = checked
                result.entities += schemas
                if problems.reasons:
                    report.extend(problems)

    def _read_entities(self, key: str, text: str) -> tuple[list[str], BadRow]:
        report = BadRow("schema_violations")
        try:
            envelope = read_json(key, text)
        except ValueError as error:
            return [], report.add_invalid_json(key, text, str(error))
        uri = schema_named_by(envelope)
        if uri is None:
            return [], report.add_not_self_describing(key, envelope)
        if not uri.startswith(CONTEXTS_FAMILY):
            return [], report.add_unexpected_schema(key, uri, CONTEXTS_FAMILY + "*")
        entities = envelope["data"]
        all_known = isinstance(entities, list) and entities and all(map(self._has_known_schema, entities))
        if not all_known and not self._check_data(uri, entities, key, report):
            return [], report
        for index, entity in enumerate(entities):
            self._check_data(entity["schema"], entity["data"], f"contexts[{index}]", report)
        return [entity["schema"] for entity in entities], report

    def _has_known_schema(self, item: Any) -> bool:
        """Check whether an item is self-describing with a URI that was looked up before, which is usual."""
        return schema_named_by(item) in self._validators

    def _check_data(self, uri: str, data: Any, field: str, report: BadRow) -> bool:
        """Check data against a schema, and report to `field` what is wrong."""
        if uri not in self._validators:
            self._validators[uri] = self._find_validator(uri)
        validator = self._validators[uri]
        if isinstance(validator, Validator):
            try:
                if validator.is_valid(data):
                    return True
                report.add_faults(field, uri, self._registry.faults(uri, data))
            except (ValueError, RecursionError) as error:
                report.add_faults(field, uri, [_unusable_schema(error)])
        elif isinstance(validator, SchemaNotFound):
            report.add_unknown_schema(field, validator)
        elif isinstance(validator, BadSchema):
            report.add_faults(field, uri, [_unusable_schema(validator)])
        else:
            report.add_invalid_uri(field, {"schema": uri})
        return False

    def _find_validator(self, uri: str) -> Validator | SchemaNotFound | BadSchema | None:
        """Return the schema's validator, the reason why there is none, or None for what is not an Iglu URI."""
        try:
            return self._registry.validator(uri)
        except (SchemaNotFound, BadSchema) as error:
            return error
        except ValueError:
            return None


def schema_named_by(item: Any) -> str | None:
    """Return the schema that self-describing JSON names; None for anything else."""
    if isinstance(item, dict) and len(item) == 2 and "data" in item:  # noqa: PLR2004 - `schema` and `data`
        uri = item.get("schema")
        if isinstance(uri, str):
            return uri
    return None


def _unusable_schema(error: Exception) -> Fault:
    return Fault("$", str(error), "schema", "a usable schema", "none")
