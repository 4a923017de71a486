"""Whether one event is what a pipeline would take, and why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nbtrack.collector.events.adapters import SINK_LIMITS, Parameters
from nbtrack.collector.events.bad_rows import (
    Failure,
    atomic_fault,
    criterion_mismatch,
    invalid_json,
    not_iglu,
)
from nbtrack.collector.events.field_rules import RULES, Rule, plain_event
from nbtrack.common.payload_json import read_json
from nbtrack.protocol import CONTEXTS, EVENT_NAMES, FIELDS, SNOWPLOW_VENDOR, UNSTRUCT_EVENT, iglu
from nbtrack.schemas import BadSchema, Fault, Registry, SchemaNotFound
from nbtrack.schemas.compiling import Validator

KIND = "schema_violations"
NAMES = {**EVENT_NAMES, "ad": "ad_impression"}
# what an event without a schema of its own is called; nobody resolves these
SCHEMAS = {
    "pv": iglu(SNOWPLOW_VENDOR, "page_view"),
    "pp": iglu(SNOWPLOW_VENDOR, "page_ping"),
    "se": iglu("com.google.analytics", "event"),
    "tr": iglu(SNOWPLOW_VENDOR, "transaction"),
    "ti": iglu(SNOWPLOW_VENDOR, "transaction_item"),
    "ad": iglu(SNOWPLOW_VENDOR, "ad_impression"),
}
REQUIRED = {
    "se": ("se_ca", "se_ac"),
    "tr": ("tr_id", "tr_tt"),
    "ti": ("ti_sk", "ti_pr", "ti_qu"),
}
CONTEXTS_FAMILY = CONTEXTS.rpartition("-")[0] + "-"
NO_TEXT = frozenset({"", "null"})


@dataclass(slots=True)
class Verdict:
    """What was found out about one event.

    Attributes
    ----------
    schema : str or None
        The event's own schema; of a self-describing event, the one it names.
    contexts : list of str
        The schemas of its entities.
    failure : Failure or None
        None when the event is good.
    notes : list of str
        What a pipeline might do otherwise although the event is good here.
    """

    schema: str | None = None
    contexts: list[str] = field(default_factory=list)
    failure: Failure | None = None
    notes: list[str] = field(default_factory=list)


class Checker:
    """Checks the events of one request.

    It lives as long as a request: schemas are looked up anew for each, so that an edited file counts at once, and
    entities that many events of a batch share are decoded and validated once.

    Parameters
    ----------
    registry : Registry
    strict_lengths : bool
        Whether a value longer than its column fails the event, as it does in a pipeline with default settings;
        otherwise it is a note.
    """

    def __init__(self, registry: Registry, *, strict_lengths: bool = False) -> None:
        self.registry = registry
        self.strict_lengths = strict_lengths
        self._plain = plain_event().is_valid
        self._validators: dict[str, Validator | Failure] = {}
        self._entities: dict[str, tuple[list[str], list[Failure]]] = {}

    def check(self, event: Parameters, size: int = 0) -> Verdict:
        """Check one event.

        Parameters
        ----------
        event : dict of str to str
            Its payload.
        size : int
            Its bytes as they would be handed to a sink; 0 when nobody knows.
        """
        verdict = Verdict()
        problems: list[Failure] = []
        kind = event.get("e", "")
        if kind not in NAMES:
            known = "one of " + ", ".join(EVENT_NAMES) + " expected"
            problems.append(atomic_fault("event", kind or None, known if kind else "is missing, " + known))
        verdict.schema = SCHEMAS.get(kind)
        if not self._plain(event):
            self._check_fields(event, verdict, problems)
        for key in REQUIRED.get(kind, ()):
            if not event.get(key):
                problems.append(  # noqa: PERF401 - a list made for each event would cost more
                    atomic_fault(FIELDS[key].column or key, None, "is missing, but required")
                )
        if kind == "ue":
            self._check_own(event, verdict, problems)
        self._check_entities(event, verdict, problems)
        if problems:
            verdict.failure = problems[0] if len(problems) == 1 else Failure.join(KIND, problems)
        if size:
            verdict.notes += [
                f"would be a size_violation on {sink}: {size:,} bytes, at most {most:,}"
                for sink, most in SINK_LIMITS.items()
                if size > most
            ]
        return verdict

    def _check_fields(self, event: Parameters, verdict: Verdict, problems: list[Failure]) -> None:
        for key, value in event.items():
            rule = RULES.get(key)
            if rule is None or not value:
                continue
            if len(value) > rule.longest:
                self._too_long(rule, value, verdict, problems)
            if rule.form is not None and not rule.form.holds(value):
                problems.append(atomic_fault(rule.column, value, rule.form.expected))

    def _too_long(self, rule: Rule, value: str, verdict: Verdict, problems: list[Failure]) -> None:
        text = f"at most {rule.longest} characters expected, {len(value)} found"
        if self.strict_lengths:
            problems.append(atomic_fault(rule.column, None, text))
        else:
            verdict.notes.append(f"{rule.column}: {text}")

    def _check_own(self, event: Parameters, verdict: Verdict, problems: list[Failure]) -> None:
        key = "ue_px" if event.get("ue_px") else "ue_pr"
        text = event.get(key)
        if not text:
            problems.append(
                atomic_fault(
                    "unstruct_event", None, "is missing: a self-describing event needs ue_pr or ue_px"
                )
            )
            return
        try:
            envelope = read_json(key, text)
        except ValueError as error:
            problems.append(invalid_json(KIND, key, text, str(error)))
            return
        uri = _described(envelope)
        if uri is None:
            problems.append(not_iglu(KIND, key, envelope, "INVALID_DATA_PAYLOAD"))
        elif uri != UNSTRUCT_EVENT:
            problems.append(criterion_mismatch(KIND, uri, UNSTRUCT_EVENT.removesuffix("0") + "*", key))
        else:
            inner = envelope["data"]
            problem = None if self._sound(inner) else self._check_data(UNSTRUCT_EVENT, inner)
            if problem is not None:
                problems.append(problem.at(key))
                return
            verdict.schema = inner["schema"]
            problem = self._check_data(inner["schema"], inner["data"])
            if problem is not None:
                problems.append(problem.at("unstruct_event"))

    def _check_entities(self, event: Parameters, verdict: Verdict, problems: list[Failure]) -> None:
        for key in ("cx", "co"):
            text = event.get(key)
            if text and text not in NO_TEXT:
                known = self._entities.get(text)
                if known is None:
                    known = self._entities[text] = self._read_entities(key, text)
                verdict.contexts += known[0]
                problems += known[1]

    def _read_entities(self, key: str, text: str) -> tuple[list[str], list[Failure]]:
        try:
            envelope = read_json(key, text)
        except ValueError as error:
            return [], [invalid_json(KIND, key, text, str(error))]
        uri = _described(envelope)
        if uri is None:
            return [], [not_iglu(KIND, key, envelope, "INVALID_DATA_PAYLOAD")]
        if not uri.startswith(CONTEXTS_FAMILY):
            return [], [criterion_mismatch(KIND, uri, CONTEXTS_FAMILY + "*", key)]
        entities = envelope["data"]
        if not (isinstance(entities, list) and entities and all(map(self._sound, entities))):
            problem = self._check_data(uri, entities)
            if problem is not None:
                return [], [problem.at(key)]
        schemas, problems = [], []
        for number, entity in enumerate(entities):
            schemas.append(entity["schema"])
            problem = self._check_data(entity["schema"], entity["data"])
            if problem is not None:
                problems.append(problem.at(f"contexts[{number}]"))
        return schemas, problems

    def _sound(self, item: Any) -> bool:
        """Tell whether an item is self-describing with a URI that was looked up before, which is most often so."""
        return _described(item) in self._validators

    def _check_data(self, uri: str, data: Any) -> Failure | None:
        validator = self._validators.get(uri)
        if validator is None:
            validator = self._validators[uri] = self._find(uri)
        if isinstance(validator, Failure):
            return validator
        try:
            if validator.is_valid(data):
                return None
            return Failure.of_faults(KIND, uri, self.registry.faults(uri, data), "")
        except (ValueError, RecursionError) as error:
            return _unusable(uri, error)

    def _find(self, uri: str) -> Validator | Failure:
        try:
            return self.registry.validator(uri)
        except SchemaNotFound as error:
            return Failure.of_missing(KIND, error, "")
        except BadSchema as error:
            return _unusable(uri, error)
        except ValueError:
            return not_iglu(KIND, "", {"schema": uri}, "INVALID_IGLUURI")


def _unusable(uri: str, error: Exception) -> Failure:
    return Failure.of_faults(KIND, uri, [Fault("$", str(error), "schema", "a usable schema", "none")], "")


def _described(item: Any) -> str | None:
    """Give the schema that self-describing JSON names; None for anything else."""
    if isinstance(item, dict) and len(item) == 2 and "data" in item:  # noqa: PLR2004 - `schema` and `data`
        uri = item.get("schema")
        if isinstance(uri, str):
            return uri
    return None
