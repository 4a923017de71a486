"""Validation of events: whether a pipeline would accept them, and why not."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress, islice, repeat
from operator import itemgetter
from typing import Any, NamedTuple, Self

import orjson

from nbtrack.collector.events.adapters import Parameters
from nbtrack.collector.events.bad_rows import BadRow
from nbtrack.collector.events.field_rules import EXPECTED, SINK_LIMITS, usual_event
from nbtrack.common.field_formats import RULES, Rule
from nbtrack.common.payload_json import MARK_TEXT, decode_many, json_text, parse_many, read_json, read_many
from nbtrack.plans.checks import Document, PlanChecks, names_specification, page_data
from nbtrack.protocol import CONTEXTS, EVENT_NAMES, FIELDS, SNOWPLOW_VENDOR, UNSTRUCT_EVENT, iglu
from nbtrack.schemas import BadSchema, Fault, Registry, SchemaNotFound
from nbtrack.schemas.compiling import Validator

ATOMIC_SCHEMAS = {
    "pv": iglu(SNOWPLOW_VENDOR, "page_view"),
    "pp": iglu(SNOWPLOW_VENDOR, "page_ping"),
    "se": iglu("com.google.analytics", "event"),
    "tr": iglu(SNOWPLOW_VENDOR, "transaction"),
    "ti": iglu(SNOWPLOW_VENDOR, "transaction_item"),
}
"""The schemas by which events without one of their own are named; no registry is asked for these."""
MIN_SHARING = 8
"""Different values of the field of entities for which a common beginning is looked for."""
MIN_SHARED = 200
"""Characters that the beginning has at least."""
UNSTRUCT_KEYS = ("ue_px", "ue_pr")
ENTITY_KEYS = ("cx", "co")
CONTEXTS_FAMILY = CONTEXTS.rpartition("-")[0] + "-"
NO_ENTITIES = frozenset({"", "null"})
SCHEMA_AND_DATA = itemgetter("schema", "data")
SHARED_BRACKETS = 2
"""Opening brackets of a document before its first entity."""
EXPLAIN_SECONDS = 2.0
"""Seconds that the reasons why events of one request fail are looked for."""


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What was found out about one event.

    Attributes
    ----------
    schema : str or None
        The event's schema; for a self-describing event, the one of its data.
    entities : tuple of str
        The schemas of its entities.
    failure : BadRow or None
        None if the event is good.
    notes : tuple of str
        What a pipeline might do differently although the event is good here.
    findings : tuple of dict
        What does not match the event's specification in a tracking plan: message, schema and path, as Snowplow has them.
    """

    schema: str | None = None
    entities: tuple[str, ...] = ()
    failure: BadRow | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[Mapping[str, str], ...] = ()


class EventValidator:
    """Validates the events of one request.

    It lives as long as the request: schemas are looked up anew for each request, so that an edited file takes effect at
    once, and entities that many events of a request share are decoded and validated once.

    Parameters
    ----------
    registry : Registry
    lenient_lengths : bool
        Whether a value longer than its column is a note; otherwise it fails the event, as in a pipeline.
    checks : PlanChecks or None
        The specifications of a tracking plan, which good events are checked against.
    """

    def __init__(
        self, registry: Registry, *, lenient_lengths: bool = False, checks: PlanChecks | None = None
    ) -> None:
        self._registry = registry
        self._checks = checks
        self._lenient_lengths = lenient_lengths
        self._validators: dict[str, Validator | SchemaNotFound | BadSchema | None] = {}
        self._entities: dict[str, tuple[tuple[str, ...], BadRow]] = {}
        self._explaining = 0.0

    def validate_all(self, events: Sequence[Parameters]) -> list[ValidationResult]:
        """Validate the events of a request; those that are surely good are found many at a time."""
        found = _SurelyGood(self).find(events)
        results = [result or self.validate(event) for event, result in zip(events, found, strict=True)]
        if self._checks is None:
            return results
        return [self._check_plan(self._checks, *pair) for pair in zip(events, results, strict=True)]

    def _check_plan(
        self, checks: PlanChecks, event: Parameters, result: ValidationResult
    ) -> ValidationResult:
        if result.failure is not None or not any(map(names_specification, result.entities)):
            return result
        about: Document | None = None
        kind = event.get("e")
        if kind == "ue":
            about = _documents(event, UNSTRUCT_KEYS)[0]
        elif kind in {"pv", "pp"}:
            about = page_data(event, is_ping=kind == "pp")
        findings = checks.check(about, _documents(event, ENTITY_KEYS))
        return (
            replace(result, findings=tuple(finding.to_json() for finding in findings)) if findings else result
        )

    def validate(self, event: Parameters) -> ValidationResult:
        """Validate one event, and find every reason why it fails."""
        report = BadRow("schema_violations")
        notes: list[str] = []
        event_type = event.get("e", "")
        if event_type not in EVENT_NAMES:
            expectation = "one of " + ", ".join(EVENT_NAMES) + " expected"
            if event_type:
                report.add_column("event", event_type, expectation)
            else:
                report.add_column("event", None, f"is missing, {expectation}")
        self._check_fields(event, report, notes)
        notes += [
            f"{FIELDS[key].column} is missing" for key in EXPECTED.get(event_type, ()) if not event.get(key)
        ]
        schema = self._check_unstruct_event(event, report)
        if event_type != "ue":
            schema = ATOMIC_SCHEMAS.get(event_type)
        entities = self._check_entities(event, report)
        size = sum(map(len, event.values())) + 8 * len(event)
        notes += [
            f"would be a size_violation on {sink}: {size:,} bytes, at most {limit:,}"
            for sink, limit in SINK_LIMITS.items()
            if size > limit
        ]
        return ValidationResult(schema, entities, report if report.reasons else None, tuple(notes))

    def find_validator(self, uri: str) -> Validator | SchemaNotFound | BadSchema | None:
        """Return the schema's validator, the reason why there is none, or None for what is not an Iglu URI."""
        if uri not in self._validators:
            try:
                self._validators[uri] = self._registry.validator(uri)
            except (SchemaNotFound, BadSchema) as error:
                self._validators[uri] = error
            except ValueError:
                self._validators[uri] = None
        return self._validators[uri]

    def _check_fields(self, event: Parameters, report: BadRow, notes: list[str]) -> None:
        for key, value in event.items():
            rule = RULES.get(key)
            if rule is None or not value:
                continue
            if len(value) > rule.max_length:
                self._add_too_long(rule, value, report, notes)
            if rule.format is not None and not rule.format.matches(value):
                report.add_column(rule.column, value, rule.format.expectation)

    def _add_too_long(self, rule: Rule, value: str, report: BadRow, notes: list[str]) -> None:
        text = f"at most {rule.max_length} characters expected, {len(value)} found"
        if self._lenient_lengths:
            notes.append(f"{rule.column}: {text}")
        else:
            report.add_column(rule.column, None, text)

    def _check_unstruct_event(self, event: Parameters, report: BadRow) -> str | None:
        """Check the self-describing event, which a pipeline reads whatever `e` is, and return its schema."""
        key = "ue_px" if event.get("ue_px") else "ue_pr"
        text = event.get(key)
        if not text:
            if event.get("e") == "ue":
                expectation = "is missing: a self-describing event needs ue_pr or ue_px"
                report.add_column("unstruct_event", None, expectation)
            return None
        try:
            envelope = read_json(key, text)
        except ValueError as error:
            report.add_invalid_json(key, text, str(error))
            return None
        uri = schema_named_by(envelope)
        if uri is None:
            report.add_not_self_describing(key, envelope)
            return None
        if uri != UNSTRUCT_EVENT:
            report.add_unexpected_schema(key, uri, UNSTRUCT_EVENT.removesuffix("0") + "*")
            return None
        document = envelope["data"]
        if not self._has_known_schema(document) and not self._check_data(
            UNSTRUCT_EVENT, document, key, report
        ):
            return None
        self._check_data(document["schema"], document["data"], "unstruct_event", report)
        return str(document["schema"])

    def _check_entities(self, event: Parameters, report: BadRow) -> tuple[str, ...]:
        schemas: tuple[str, ...] = ()
        for key in ENTITY_KEYS:
            text = event.get(key)
            if text and text not in NO_ENTITIES:
                checked = self._entities.get(text)
                if checked is None:
                    checked = self._entities[text] = self._read_entities(key, text)
                schemas += checked[0]
                if checked[1].reasons:
                    report.extend(checked[1])
        return schemas

    def _read_entities(self, key: str, text: str) -> tuple[tuple[str, ...], BadRow]:
        report = BadRow("schema_violations")
        try:
            envelope = read_json(key, text)
        except ValueError as error:
            return (), report.add_invalid_json(key, text, str(error))
        uri = schema_named_by(envelope)
        if uri is None:
            return (), report.add_not_self_describing(key, envelope)
        if not uri.startswith(CONTEXTS_FAMILY):
            return (), report.add_unexpected_schema(key, uri, CONTEXTS_FAMILY + "*")
        entities = envelope["data"]
        all_known = isinstance(entities, list) and entities and all(map(self._has_known_schema, entities))
        if not all_known and not self._check_data(uri, entities, key, report):
            return (), report
        for index, entity in enumerate(entities):
            self._check_data(entity["schema"], entity["data"], f"contexts[{index}]", report)
        return tuple(entity["schema"] for entity in entities), report

    def _has_known_schema(self, item: Any) -> bool:
        """Check whether an item is self-describing with a URI that was looked up before, which is usual."""
        return schema_named_by(item) in self._validators

    def _explain(self, validator: Validator, data: Any) -> list[Fault]:
        """Return what is wrong with data, unless that of earlier events took too long already."""
        if self._explaining > EXPLAIN_SECONDS:
            text = "does not match the schema; the reasons were not looked for, because those of earlier events took too long"
            return [Fault("$", text, "schema", "data that matches", "other data")]
        began = time.monotonic()
        faults = validator.faults(data)
        self._explaining += time.monotonic() - began
        return faults

    def _check_data(self, uri: str, data: Any, field: str, report: BadRow) -> bool:
        """Check data against a schema, and report to `field` what is wrong."""
        validator = self.find_validator(uri)
        if isinstance(validator, Validator):
            try:
                if validator.is_valid(data):
                    return True
                report.add_faults(field, uri, self._explain(validator, data))
            except (ValueError, RecursionError) as error:
                report.add_faults(field, uri, [_unusable_schema(error)])
        elif isinstance(validator, SchemaNotFound):
            report.add_unknown_schema(field, validator)
        elif isinstance(validator, BadSchema):
            report.add_faults(field, uri, [_unusable_schema(validator)])
        else:
            report.add_invalid_uri(field, {"schema": uri})
        return False


class _SurelyGood:
    """Finds the events of a request that are good without a note, many at a time, and leaves the others alone.

    Every step only takes events away, so that an event which is found here follows each rule of `EventValidator`.
    """

    def __init__(self, validator: EventValidator) -> None:
        self._validator = validator

    def find(self, events: Sequence[Parameters]) -> list[ValidationResult | None]:
        """Return the result of each event that is surely good, and None for any other."""
        schemas: list[str | None] = [None] * len(events)
        entities: list[tuple[str, ...]] = [()] * len(events)
        sure = self._with_usual_fields(events)
        sure = self._with_valid_data(events, sure, schemas)
        sure = self._with_valid_entities(events, sure, entities)
        keys = list(zip(schemas, entities, strict=True))
        # good results differ only in their schemas, of which there are few
        known = {key: ValidationResult(*key) for key in set(keys)}
        if len(sure) == len(events):
            return list(map(known.__getitem__, keys))
        results: list[ValidationResult | None] = [None] * len(events)
        for index in sure:
            results[index] = known[keys[index]]
        return results

    def _with_usual_fields(self, events: Sequence[Parameters]) -> Sequence[int]:
        usual = usual_event()
        if len(events) > 1 and usual.are_valid(list(events)):
            return range(len(events))
        return [index for index, event in enumerate(events) if usual.is_valid(event)]

    def _with_valid_data(
        self, events: Sequence[Parameters], sure: Sequence[int], schemas: list[str | None]
    ) -> Sequence[int]:
        for index in sure:
            schemas[index] = ATOMIC_SCHEMAS.get(events[index]["e"])
        valid = [index for index in sure if schemas[index] is not None]
        if len(valid) == len(sure):
            return sure
        groups = _Groups()
        for key in UNSTRUCT_KEYS:
            owners = [index for index in sure if schemas[index] is None and key in events[index]]
            if not owners:
                continue
            envelopes, documents = split_many(read_many(key, [events[index][key] for index in owners]))
            if set(envelopes) != {UNSTRUCT_EVENT}:
                usual = [name == UNSTRUCT_EVENT for name in envelopes]
                owners, documents = list(compress(owners, usual)), list(compress(documents, usual))
            uris, data = split_many(documents)
            for index, uri in zip(owners, uris, strict=True):
                schemas[index] = uri
            groups.add(owners, uris, data)
        for uri, owners, data in groups:
            valid += self._valid(uri, owners, data)
        return valid

    def _with_valid_entities(
        self, events: Sequence[Parameters], sure: Sequence[int], entities: list[tuple[str, ...]]
    ) -> Sequence[int]:
        base64, plain = ENTITY_KEYS
        valid = [index for index in sure if base64 not in events[index] and plain not in events[index]]
        if len(valid) == len(sure):
            return sure
        for key in ENTITY_KEYS:
            owners = [index for index in sure if key in events[index]]
            values = [events[index][key] for index in owners]
            found = self._valid_entities(key, list(dict.fromkeys(values)))
            for index, value in zip(owners, values, strict=True):
                if value in found:
                    entities[index] = found[value]
                    valid.append(index)
        return valid

    def _valid_entities(self, key: str, values: list[str]) -> dict[str, tuple[str, ...]]:
        """Return the values of a field whose entities are all valid, with the entities' schemas."""
        shared = _SharedHead.find(key, values)
        first: tuple[str, ...] = ()
        if shared is not None:
            first = self._schemas_if_valid(shared.entities)
            if not first:
                shared = None
        lists = _entities_of(key, values, shared)
        uris, data = split_many([*chain.from_iterable(lists)])
        owners = list(chain.from_iterable(map(repeat, values, map(len, lists))))
        groups = _Groups()
        groups.add(owners, uris, data)
        wrong = {value for value, items in zip(values, lists, strict=True) if not items}
        if None in uris:
            wrong.update(owner for owner, uri in zip(owners, uris, strict=True) if uri is None)
        for uri, group, pieces in groups:
            valid = self._valid(uri, group, pieces)
            if len(valid) < len(group):
                wrong.update(_without(group, valid))
        names = iter([uri or "" for uri in uris])
        schemas = [(*first, *islice(names, len(items))) for items in lists]
        return {value: found for value, found in zip(values, schemas, strict=True) if value not in wrong}

    def _schemas_if_valid(self, entities: list[Any]) -> tuple[str, ...]:
        """Return the schemas of entities; nothing if one of them is not valid."""
        schemas = tuple(uri for uri in map(schema_named_by, entities) if uri is not None)
        if len(schemas) == len(entities) and all(
            self._valid(uri, [entity], [entity["data"]])
            for uri, entity in zip(schemas, entities, strict=True)
        ):
            return schemas
        return ()

    def _valid(self, uri: str, owners: list[Any], data: list[Any]) -> list[Any]:
        """Return the owners of the pieces of data that follow a schema."""
        validator = self._validator.find_validator(uri)
        if not isinstance(validator, Validator):
            return []
        try:
            if validator.are_valid(data):
                return owners
            return [owner for owner, item in zip(owners, data, strict=True) if validator.is_valid(item)]
        except (ValueError, RecursionError):
            return []


class _SharedHead(NamedTuple):
    """The entities with which all events of a request begin, as those of one notebook do.

    The JSON is cut before the first entity that is not the same in all: what comes before it, closed by ``]}``, and the
    rest, opened by ``[``, are JSON exactly if the whole is, and have its entities.

    Attributes
    ----------
    entities : list
        The entities that all events have.
    length : int
        Characters of base64 that are the same in all.
    rest : bytes
        What these characters hold after the cut.
    brackets : int
        Opening brackets before the cut.
    """

    entities: list[Any]
    length: int
    rest: bytes
    brackets: int

    @classmethod
    def find(cls, key: str, values: Sequence[str]) -> Self | None:
        """Return what the values of a field have in common; None if it is not worth a cut."""
        if len(values) < MIN_SHARING or key != "cx":
            return None
        common = os.path.commonprefix([min(values), max(values)])  # noqa: RUF071 - strings, not paths
        length = len(common) // 4 * 4
        if length < MIN_SHARED:
            return None
        try:
            raw = json_text("cx", common[:length])
            raw = raw if isinstance(raw, bytes) else raw.encode()
            cut = raw.rfind(b"},{") + 1
            document = orjson.loads(raw[:cut] + b"]}")
        except ValueError:
            return None
        uri = schema_named_by(document)
        if uri is None or not uri.startswith(CONTEXTS_FAMILY) or not isinstance(document["data"], list):
            return None
        brackets = raw[:cut].count(b"{") + raw[:cut].count(b"[")
        return cls(document["data"], length, raw[cut + 1 :], brackets)

    def remaining_entities(self, values: Sequence[str]) -> list[list[Any]]:
        """Return the other entities of each value; none where they cannot be read for sure."""
        tails = decode_many([value[self.length :] for value in values])
        # the rest of the document is the value of a name that the document cannot have
        opening = b'{"%s":[%s' % (MARK_TEXT.encode(), self.rest)
        documents = parse_many(
            [None if tail is None else opening + tail for tail in tails], self.brackets - SHARED_BRACKETS
        )
        return [
            document[MARK_TEXT] if type(document) is dict and len(document) == 1 else []
            for document in documents
        ]


class _Groups:
    """Data by schema, with the owners of each piece."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[list[Any], list[Any]]] = {}

    def add(self, owners: Sequence[Any], uris: Sequence[str | None], data: Sequence[Any]) -> None:
        """Add pieces of data, each with its owner and its schema; those without a schema are left out."""
        names = set(uris)
        for uri in names:
            if uri is None:
                continue
            here = repeat(True) if len(names) == 1 else [name == uri for name in uris]
            group = self._groups.setdefault(uri, ([], []))
            group[0].extend(compress(owners, here))
            group[1].extend(compress(data, here))

    def __iter__(self) -> Iterator[tuple[str, list[Any], list[Any]]]:
        return ((uri, *group) for uri, group in self._groups.items())


def _entities_of(key: str, values: Sequence[str], shared: _SharedHead | None) -> list[list[Any]]:
    """Return the entities of the values of a field, without those that all share; none where they cannot be read for sure."""
    if shared is not None:
        return shared.remaining_entities(values)
    schemas, data = split_many(read_many(key, values))
    return [
        items if uri is not None and uri.startswith(CONTEXTS_FAMILY) and isinstance(items, list) else []
        for uri, items in zip(schemas, data, strict=True)
    ]


def _documents(event: Parameters, keys: tuple[str, ...]) -> list[Document]:
    """Return the self-describing JSON of a good event's fields, without the envelopes."""
    envelopes = [
        read_json(key, event[key])["data"] for key in keys if event.get(key) not in {None, "", "null"}
    ]
    items = [one for data in envelopes for one in (data if isinstance(data, list) else [data])]
    return [(item["schema"], item["data"]) for item in items]


def split_many(items: Sequence[Any]) -> tuple[Sequence[str | None], Sequence[Any]]:
    """Return the schemas that many items name, and their data; None for those that are not self-describing."""
    if set(map(type, items)) == {dict} and set(map(len, items)) == {2}:
        with contextlib.suppress(KeyError):
            schemas, data = zip(*map(SCHEMA_AND_DATA, items), strict=True)
            if set(map(type, schemas)) == {str}:
                return schemas, data
    schemas = tuple(map(schema_named_by, items))
    return schemas, [None if uri is None else item["data"] for uri, item in zip(schemas, items, strict=True)]


def schema_named_by(item: Any) -> str | None:
    """Return the schema that self-describing JSON names; None for anything else."""
    if type(item) is dict and len(item) == 2 and "data" in item:  # noqa: PLR2004 - `schema` and `data`
        uri = item.get("schema")
        if type(uri) is str:
            return uri
    return None


def _without(owners: list[Any], good: list[Any]) -> list[Any]:
    """Return the owners of something that is not good; both lists have the same order."""
    remaining = iter(good)
    expected = next(remaining, None)
    bad = []
    for owner in owners:
        if owner is expected:
            expected = next(remaining, None)
        else:
            bad.append(owner)
    return bad


def _unusable_schema(error: Exception) -> Fault:
    return Fault("$", str(error), "schema", "a usable schema", "none")
