"""Checks of made-up plans: what follows a specification has no finding, and each single violation has exactly one."""

import functools
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.collector import LocalCollector
from nbtrack.plans import EventSpecification, PlanChecks, Source, TrackingPlan, page_data, read_tracking_plan
from nbtrack.plans.rules import merge
from nbtrack.schemas import Registry
from nbtrack.tracker import Emitter, SelfDescribing, SelfDescribingJson, Tracker
from tests.support.instances import sample
from tests.support.tracking_plans import (
    SPECIFICATION,
    make_plan,
    product,
    specification,
    structure,
    write_plan,
)

EXAMPLES = 500 if os.environ.get("NBTRACK_LONG") else 60
SEEDS = range(12)
Document = tuple[str, Any]


@functools.cache
def plans() -> list[TrackingPlan]:
    with tempfile.TemporaryDirectory() as folder:
        return [read_tracking_plan(write_plan(Path(folder, str(seed)), make_plan(seed))) for seed in SEEDS]


def make_data(plan: TrackingPlan, source: Source, chance: random.Random) -> Any:
    schema = merge(plan.structures[source.uri].schema, source.rule)
    return sample(schema, chance, schema)


def make_event(
    plan: TrackingPlan, one: EventSpecification, chance: random.Random
) -> tuple[Document, list[Document]]:
    """Make an event that follows its specification, and its entities."""
    assert one.event is not None
    entities: list[Document] = []
    for source in one.entities:
        low, high = source.min_count or 0, source.max_count
        count = chance.randint(low, low + 2 if high is None else high)
        entities += [(source.uri, make_data(plan, source, chance)) for _ in range(count)]
    chance.shuffle(entities)
    return (one.event.uri, make_data(plan, one.event, chance)), [*entities, (SPECIFICATION, {"id": one.id})]


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_an_event_that_follows_its_specification_has_no_finding(seed: int) -> None:
    chance = random.Random(seed)
    plan = chance.choice(plans())
    event, entities = make_event(plan, chance.choice(plan.specifications), chance)
    registry, checks = Registry(), PlanChecks(plan)
    checks.register_schemas(registry)
    for uri, data in (event, *entities):
        assert registry.faults(uri, data) == []
    assert checks.check(event, entities) == []
    assert checks.check(event, entities[:-1]) == []  # without its name there is nothing to compare with


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_each_wrong_number_of_entities_is_found_and_named(seed: int) -> None:
    chance = random.Random(seed)
    plan = chance.choice(plans())
    one = chance.choice(plan.specifications)
    event, entities = make_event(plan, one, chance)
    for source in one.entities:
        others = [entity for entity in entities if entity[0] != source.uri]
        for bound, wrong in (
            ("least", (source.min_count or 0) - 1),
            ("most", (source.max_count if source.max_count is not None else -2) + 1),
        ):
            if wrong < 0:
                continue
            given = [(source.uri, make_data(plan, source, chance)) for _ in range(wrong)]
            limit = source.min_count if bound == "least" else source.max_count
            [finding] = PlanChecks(plan).check(event, [*given, *others])
            assert finding.message == f"Entity {source.uri}: expected at {bound} {limit}, found {wrong}"
            assert (finding.schema, finding.path) == (source.uri, None)


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_each_missing_property_of_a_rule_is_found_and_named(seed: int) -> None:
    chance = random.Random(seed)
    plan = chance.choice(plans())
    one = chance.choice(plan.specifications)
    event, entities = make_event(plan, one, chance)
    places = [
        (source, document)
        for source in (one.event, *one.entities)
        if source
        for document in (event, *entities)
        if document[0] == source.uri
    ]
    for source, (uri, data) in places:
        for name in (source.rule or {}).get("required") or ():
            if name not in data:
                continue
            value = data.pop(name)
            [finding] = PlanChecks(plan).check(event, entities)
            data[name] = value
            assert (finding.schema, finding.path) == (uri, "$")
            assert repr(name) in finding.message


@pytest.mark.parametrize("seed", range(4))
def test_a_collector_finds_the_same(tmp_path: Path, seed: int) -> None:
    folder = write_plan(tmp_path / "plan", make_plan(seed))
    plan, chance = read_tracking_plan(folder), random.Random(seed)
    checks, expected = PlanChecks(plan), []
    with LocalCollector(tracking_plan=folder) as collector:
        with Tracker("docs", Emitter(collector.url)) as tracker:
            for number in range(60):
                (uri, data), entities = make_event(plan, chance.choice(plan.specifications), chance)
                if number % 2:  # an entity too few, unless none is needed
                    entities = entities[1:] if len(entities) > 1 else entities
                named = [SelfDescribingJson(*one) for one in entities]
                tracker.track(SelfDescribing(SelfDescribingJson(uri, data), context=named))
                expected += [finding.message for finding in checks.check((uri, data), entities)]
        assert collector.counts() == {"total": 60, "good": 60, "bad": 0}
        assert collector.findings()["message"].to_list() == expected


BASE: dict[str, Any] = {
    "properties": {"a": {"type": "integer"}, "b": {"type": ["string", "null"]}, "list": {"type": "array"}}
}
URI = "iglu:com.example/a/jsonschema/1-0-0"


@pytest.mark.parametrize(
    ("rule", "data", "paths"),
    [
        ({}, {"a": 1}, []),
        ({"properties": {}}, {"a": 1, "z": 2}, []),
        ({"properties": {"a": {"maximum": 3}}, "additionalProperties": False}, {"a": 3, "b": "x"}, []),
        ({"properties": {"a": {"maximum": 3}}}, {"a": 4}, ["$.a"]),
        ({"properties": {"a": {"maximum": 3}}}, {}, []),
        ({"properties": {"a": {"type": "integer"}}}, {"a": "1"}, ["$.a"]),
        ({"properties": {"b": {"type": "string"}}}, {"b": None}, ["$.b"]),
        ({"properties": {"b": {"type": "string"}}, "required": ["b"]}, {}, ["$"]),
        (
            {"properties": {"list": {"items": {"enum": [1, 2]}}}},
            {"list": [1, 3, 2, 4]},
            ["$.list[1]", "$.list[3]"],
        ),
        ({"properties": {"list": {"items": {"required": ["x"]}}}}, {"list": [{}, {"x": 1}]}, ["$.list[0]"]),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, ["$"]),
        ({"properties": {"b": {"pattern": "^[a-z]+$"}}}, {"b": "A"}, ["$.b"]),
        ({"required": ["a"]}, {"b": "x"}, ["$"]),
        ({"required": [], "properties": {"a": {"minimum": 2}}}, {"a": 1}, ["$.a"]),
    ],
)
def test_rules_narrow_a_schema_down(
    tmp_path: Path, rule: dict[str, Any], data: Any, paths: list[str]
) -> None:
    one = specification("A", URI, rule={"type": "object"} | rule if rule else rule)
    plan = read_tracking_plan(write_plan(tmp_path, [structure("a", BASE), product([one])]))
    found = PlanChecks(plan).check((URI, data), [(SPECIFICATION, {"id": one["resourceName"]})])
    assert [finding.path for finding in found] == paths


def test_an_event_of_another_schema_meets_the_rule_all_the_same(tmp_path: Path) -> None:
    one = specification("A", URI, rule={"type": "object", "properties": {"a": {"maximum": 3}}})
    plan = read_tracking_plan(write_plan(tmp_path, [structure("a", BASE), product([one])]))
    other = "iglu:com.example/other/jsonschema/1-0-0"
    named = [(SPECIFICATION, {"id": one["resourceName"]})]
    assert [finding.schema for finding in PlanChecks(plan).check((other, {"a": 9}), named)] == [other]
    assert PlanChecks(plan).check(None, named) == []  # a structured event has no data of its own


def test_a_rule_that_is_no_schema_is_a_finding(tmp_path: Path) -> None:
    one = specification("A", URI, rule={"type": "object", "properties": {"a": {"type": "whole"}}})
    plan = read_tracking_plan(write_plan(tmp_path, [structure("a", BASE), product([one])]))
    [finding] = PlanChecks(plan).check((URI, {"a": 1}), [(SPECIFICATION, {"id": one["resourceName"]})])
    assert finding.message.startswith("Event spec compilation failed: ")
    assert finding.to_json().keys() == {"message"}


def test_the_first_specification_counts() -> None:
    named = [(SPECIFICATION, {"id": "a"}), (SPECIFICATION, {"id": "b"})]
    [finding] = PlanChecks(TrackingPlan()).check(None, named)
    assert finding.message == "Event spec not found: id=a"


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"url": "https://acme.com:8443/a?b=1#c", "page": "T", "refr": "http://x.y"}, ("https", "acme.com", 8443, "/a", "b=1", "c")),
        ({"url": "http://acme.com"}, ("http", "acme.com", 80, None, None, None)),
        ({"url": "no url"}, (None, None, None, "no url", None, None)),
        ({"url": "http://[broken"}, (None,) * 6),
        ({}, (None,) * 6),
    ],
)  # fmt: skip
def test_a_page_view_has_the_parts_of_its_url(fields: dict[str, Any], parts: tuple[Any, ...]) -> None:
    uri, data = page_data(fields)
    assert uri.split("/")[1] == "page_view"
    names = ("scheme", "host", "port", "path", "query", "fragment")
    assert tuple(data[f"page_url{name}"] for name in names) == parts
    assert (data["page_title"], data["page_referrer"]) == (fields.get("page"), fields.get("refr"))
    uri, data = page_data({**fields, "pp_mix": "1", "pp_may": 20}, is_ping=True)
    assert uri.split("/")[1] == "page_ping"
    assert (data["pp_xoffset_min"], data["pp_yoffset_max"], data["pp_yoffset_min"]) == (1, 20, None)
