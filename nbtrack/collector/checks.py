"""Whether one event is what a pipeline would take, and why not."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from nbtrack.collector.failures import Failure, atomic_fault, criterion_mismatch, invalid_json, not_iglu
from nbtrack.collector.intake import SINK_LIMITS, Parameters
from nbtrack.protocol import CONTEXTS, EVENT_NAMES, FIELDS, PLATFORMS, SNOWPLOW_VENDOR, UNSTRUCT_EVENT, iglu
from nbtrack.schemas import BadSchema, Fault, Registry, SchemaNotFound
from nbtrack.schemas.compiling import UUID, Validator
from nbtrack.schemas.payloads import read_json

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
INTEGER = re.compile(r"-?[0-9]{1,10}")
TIMESTAMP = re.compile(r"-?[0-9]{1,15}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
SIZE = re.compile(r"[0-9]{1,9}x[0-9]{1,9}")
CONTEXTS_FAMILY = CONTEXTS.rpartition("-")[0] + "-"
INT_MAX = 2**31 - 1
TIME_MAX = 253_402_300_799_999  # the last millisecond of the year 9999
ENVELOPE = {"schema", "data"}
NO_TEXT = frozenset({"", "null"})


def _uri(text: str) -> bool:
    try:
        return urlsplit(text).port is not False
    except ValueError:
        return False


# kind of a field -> whether its text is one, and how to say what one is
KINDS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "uuid": (UUID.fullmatch, "UUID expected"),
    "timestamp": (
        lambda text: TIMESTAMP.fullmatch(text) and abs(int(text)) <= TIME_MAX,
        "whole milliseconds since 1970 expected",
    ),
    "integer": (
        lambda text: INTEGER.fullmatch(text) and -INT_MAX - 1 <= int(text) <= INT_MAX,
        "integer of 32 bits expected",
    ),
    "number": (NUMBER.fullmatch, "number expected"),
    "flag": (lambda text: text in {"0", "1"}, "0 or 1 expected"),
    "size": (SIZE.fullmatch, "WIDTHxHEIGHT in whole pixels expected"),
    "uri": (_uri, "URI expected"),
    "enum": (PLATFORMS.__contains__, "one of " + ", ".join(sorted(PLATFORMS)) + " expected"),
}
Rule = tuple[int, Callable[[str], object] | None, str, str]
# key -> longest text, whether the text is of the field's kind, how to say what is expected, column; a plain tuple, as
# this is looked up for each field of each event. The event's type is looked at first, on its own.
RULES: Mapping[str, Rule] = {
    key: (
        spec.max_length or sys.maxsize,
        *KINDS.get(spec.kind, (None, "")),
        (spec.column or key).partition(",")[0],
    )
    for key, spec in FIELDS.items()
    if key != "e" and (spec.kind in KINDS or spec.max_length is not None)
}


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
        for key, value in event.items():
            rule = RULES.get(key)
            if rule is None or not value:
                continue
            longest, holds, expected, column = rule
            if len(value) > longest:
                self._too_long(rule, value, verdict, problems)
            if holds is not None and not holds(value):
                problems.append(atomic_fault(column, value, expected))
        problems += [
            atomic_fault(FIELDS[key].column or key, None, "is missing, but required")
            for key in REQUIRED.get(kind, ())
            if not event.get(key)
        ]
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

    def _too_long(self, rule: Rule, value: str, verdict: Verdict, problems: list[Failure]) -> None:
        text = f"at most {rule[0]} characters expected, {len(value)} found"
        if self.strict_lengths:
            problems.append(atomic_fault(rule[3], None, text))
        else:
            verdict.notes.append(f"{rule[3]}: {text}")

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
        uri = _envelope_uri(envelope)
        if uri is None:
            problems.append(not_iglu(KIND, key, envelope, "INVALID_DATA_PAYLOAD"))
        elif uri != UNSTRUCT_EVENT:
            problems.append(criterion_mismatch(KIND, uri, UNSTRUCT_EVENT.removesuffix("0") + "*", key))
        else:
            inner = envelope["data"]
            problem = None if self._seen(inner) else self._check_data(UNSTRUCT_EVENT, inner, key)
            if problem is None:
                verdict.schema = inner["schema"]
                problem = self._check_data(inner["schema"], inner["data"], "unstruct_event")
            if problem is not None:
                problems.append(problem)

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
        uri = _envelope_uri(envelope)
        if uri is None:
            return [], [not_iglu(KIND, key, envelope, "INVALID_DATA_PAYLOAD")]
        if not uri.startswith(CONTEXTS_FAMILY):
            return [], [criterion_mismatch(KIND, uri, CONTEXTS_FAMILY + "*", key)]
        entities = envelope["data"]
        if not (isinstance(entities, list) and entities and all(map(self._seen, entities))):
            problem = self._check_data(uri, entities, key)
            if problem is not None:
                return [], [problem]
        checked = (
            self._check_data(entity["schema"], entity["data"], f"contexts[{number}]")
            for number, entity in enumerate(entities)
        )
        return [entity["schema"] for entity in entities], [
            problem for problem in checked if problem is not None
        ]

    def _seen(self, item: Any) -> bool:
        """Tell whether an item is self-describing with a URI that was found sound before, which is most often so."""
        if not isinstance(item, dict) or item.keys() != ENVELOPE:
            return False
        uri = item["schema"]
        return isinstance(uri, str) and uri in self._validators

    def _check_data(self, uri: str, data: Any, name: str) -> Failure | None:
        validator = self._validators.get(uri)
        if validator is None:
            validator = self._validators[uri] = self._find(uri)
        if isinstance(validator, Failure):
            return validator.at(name)
        try:
            if validator.is_valid(data):
                return None
            return Failure.of_faults(KIND, uri, self.registry.faults(uri, data), name)
        except (ValueError, RecursionError) as error:
            return Failure.of_faults(
                KIND, uri, [Fault("$", str(error), "schema", "a usable schema", "none")], name
            )

    def _find(self, uri: str) -> Validator | Failure:
        try:
            return self.registry.validator(uri)
        except SchemaNotFound as error:
            return Failure.of_missing(KIND, error, "")
        except BadSchema as error:
            return Failure.of_faults(
                KIND, uri, [Fault("$", str(error), "schema", "a usable schema", "none")], ""
            )
        except ValueError:
            return not_iglu(KIND, "", {"schema": uri}, "INVALID_IGLUURI")


def _envelope_uri(envelope: Any) -> str | None:
    if isinstance(envelope, dict) and envelope.keys() == ENVELOPE and isinstance(envelope["schema"], str):
        return envelope["schema"]
    return None
