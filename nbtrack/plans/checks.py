"""Checks of events against the specifications of a tracking plan.

Source of the rules: the validation of event specifications in Snowplow's Enrich. Events are never changed or dropped by it;
versions are those of a lock file, and a specification without one is found by its id alone.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from nbtrack.plans.model import EventSpecification, Source, TrackingPlan
from nbtrack.plans.reader import read_tracking_plan
from nbtrack.plans.rules import relax
from nbtrack.schemas import BadSchema, Fault, Registry, SchemaNotFound
from nbtrack.schemas.compiling import Validator, compile_schema
from nbtrack.schemas.faults import json_path

SPECIFICATION_FAMILY = "iglu:com.snowplowanalytics.snowplow/event_specification/jsonschema/"
"""URI, without the version, of the entity that names an event's specification."""
VALIDATION_SCHEMA = "iglu:com.snowplowanalytics.snowplow/event_specification_validation/jsonschema/1-0-0"
"""Schema of the entity that Enrich adds to an event that does not match its specification."""
_PAGE_PARTS = (
    "url",
    "title",
    "referrer",
    "urlscheme",
    "urlhost",
    "urlport",
    "urlpath",
    "urlquery",
    "urlfragment",
)
_DEFAULT_PORTS = {"https": 443, "http": 80}
Document = tuple[str, Any]
"""The Iglu URI and the data of an event or an entity."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not match the event's specification.

    Attributes
    ----------
    message : str
        What is wrong.
    schema : str or None
        URI of the event's or the entity's schema.
    path : str or None
        JSON path in its data.
    fault : nbtrack.schemas.Fault or None
        What the rule does not allow, for a finding about data.

    Examples
    --------
    >>> Finding("Event spec not found: id=1, version=2").to_json()
    {'message': 'Event spec not found: id=1, version=2'}
    """

    message: str
    schema: str | None = None
    path: str | None = None
    fault: Fault | None = None

    def to_json(self) -> dict[str, str]:
        """Return it as an item of ``errors`` in Snowplow's ``event_specification_validation`` entity."""
        found = {"message": self.message, "schema": self.schema, "path": self.path}
        return {key: value for key, value in found.items() if value is not None}


class PlanChecks:
    """Checks events against the specifications of a tracking plan.

    Parameters
    ----------
    plan : TrackingPlan, str or pathlib.Path
        The plan, or its folder.

    Raises
    ------
    FileNotFoundError, TrackingPlanError
        As `read_tracking_plan`.

    Examples
    --------
    >>> from nbtrack.plans import PlanChecks, TrackingPlan
    >>> entity = {"id": "7a1e9c3b-58f4-4b7f-8a55-1c0f6d2e4b21", "version": 1}
    >>> uri = "iglu:com.snowplowanalytics.snowplow/event_specification/jsonschema/1-0-4"
    >>> [finding.message for finding in PlanChecks(TrackingPlan()).check(None, [(uri, entity)])]
    ['Event spec not found: id=7a1e9c3b-58f4-4b7f-8a55-1c0f6d2e4b21, version=1']
    """

    def __init__(self, plan: TrackingPlan | str | os.PathLike[str]) -> None:
        self.plan = plan if isinstance(plan, TrackingPlan) else read_tracking_plan(plan)
        self._by_id = {one.id: one for one in self.plan}
        self._compiled: dict[str, _Compiled] = {}

    def register_schemas(self, registry: Registry) -> None:
        """Register the plan's data structures with a registry that does not have them."""
        for uri, structure in self.plan.structures.items():
            try:
                registry.find(uri)
            except SchemaNotFound:
                registry.register(structure.schema)

    def check(self, event: Document | None, entities: Sequence[Document]) -> list[Finding]:
        """Return what does not match the event's specification; nothing if the event names none.

        Parameters
        ----------
        event : tuple of str and any, or None
            URI and data of a self-describing event or, by `page_data`, of a page view or page ping; None for other events.
        entities : sequence of tuple
            URI and data of each entity that the tracker attached.
        """
        named = next((data for uri, data in entities if names_specification(uri)), None)
        if not isinstance(named, Mapping) or not isinstance(named.get("id"), str):
            return []
        specification = self._by_id.get(named["id"].lower())
        version = named.get("version")
        known = specification.version if specification else None
        if specification is None or (None not in {version, known} and version != known):
            shown = "" if version is None else f", version={version}"
            return [Finding(f"Event spec not found: id={named['id']}{shown}")]
        try:
            # two threads may compile one specification at once, to the same effect
            rules = self._compiled.get(specification.id) or self._compile(specification)
        except BadSchema as error:
            return [Finding(f"Event spec compilation failed: {error}")]
        return rules.check(event, entities)

    def _compile(self, specification: EventSpecification) -> "_Compiled":
        event = specification.event
        rules = _Compiled(
            None if event is None else _compile_rule(event),
            [
                (source.uri, source.min_count or 0, source.max_count, _compile_rule(source))
                for source in specification.entities
            ],
        )
        self._compiled[specification.id] = rules
        return rules


@dataclass(slots=True)
class _Compiled:
    """The rules of a specification, ready to validate: URI, smallest and largest number, and rule of each entity."""

    event: Validator | None
    entities: list[tuple[str, int, int | None, Validator | None]]

    def check(self, event: Document | None, entities: Sequence[Document]) -> list[Finding]:
        """Return what does not match, in Enrich's order."""
        findings: list[Finding] = []
        if event is not None and self.event is not None and not self.event.is_valid(event[1]):
            findings += _explain(self.event, event)
        for uri, low, high, rule in self.entities:
            found = [one for one in entities if one[0] == uri]
            if len(found) < low:
                findings.append(_count_finding(uri, "least", low, len(found)))
            if high is not None and len(found) > high:
                findings.append(_count_finding(uri, "most", high, len(found)))
            if rule is not None:
                for one in found:
                    if not rule.is_valid(one[1]):
                        findings += _explain(rule, one)
        return findings


def _compile_rule(source: Source) -> Validator | None:
    return compile_schema(relax(source.rule), f"the rule on {source.uri}") if source.rule else None


def _explain(rule: Validator, document: Document) -> Iterator[Finding]:
    uri, data = document
    for fault in rule.faults(data):
        if fault.keyword == "required":
            # as in Enrich, what is missing is missing in its parent
            parent = fault.path.removesuffix(json_path([fault.expected])[1:])
            message = f"{fault.expected!r} {fault.message}"
            yield Finding(f"{parent}: {message}", uri, parent, replace(fault, path=parent, message=message))
        else:
            yield Finding(str(fault), uri, fault.path, fault)


def _count_finding(uri: str, bound: str, limit: int, found: int) -> Finding:
    return Finding(f"Entity {uri}: expected at {bound} {limit}, found {found}", uri)


def names_specification(uri: str) -> bool:
    """Return whether a schema is the entity's that names an event's specification, in any version."""
    return uri.startswith(SPECIFICATION_FAMILY)


def page_data(fields: Mapping[str, Any], *, is_ping: bool = False) -> Document:
    """Return a page view's or page ping's data as rules of event specifications see it.

    Parameters
    ----------
    fields : mapping
        The payload's fields: ``url``, ``page``, ``refr``, and of a ping its scroll offsets.
    is_ping : bool
        Whether it is a page ping.

    Examples
    --------
    >>> uri, data = page_data({"url": "https://acme.com/a?b=1"})
    >>> data["page_urlhost"], data["page_urlport"], data["page_title"]
    ('acme.com', 443, None)
    """
    url = str(fields.get("url") or "")
    split: tuple[Any, ...] = (None,) * 6
    with contextlib.suppress(ValueError):  # no URL has parts
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        split = (parts.scheme, parts.hostname, port, parts.path, parts.query, parts.fragment)
    values = (url, fields.get("page"), fields.get("refr"), *split)
    data = {
        f"page_{name}": value if value != "" else None
        for name, value in zip(_PAGE_PARTS, values, strict=True)
    }
    if is_ping:
        for name, key in (
            ("xoffset_min", "mix"),
            ("xoffset_max", "max"),
            ("yoffset_min", "miy"),
            ("yoffset_max", "may"),
        ):
            offset = str(fields.get(f"pp_{key}", ""))
            data[f"pp_{name}"] = int(offset) if offset.lstrip("-").isdecimal() else None
    kind = "page_ping" if is_ping else "page_view"
    return f"iglu:com.snowplowanalytics.snowplow/{kind}/jsonschema/1-0-0", data
