"""Validation: events that are surely good are found many at a time, with the results that the careful path gives."""

import base64
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.collector.events import validation
from nbtrack.collector.events.validation import EventValidator
from nbtrack.protocol import CONTEXTS, FIELDS, UNSTRUCT_EVENT
from nbtrack.schemas import Registry
from tests.support.collector import page_view, self_describing
from tests.support.instances import mutate, sample

REGISTRY = Registry()
URIS = [uri for uri in REGISTRY.uris() if REGISTRY.find(uri).get("type") == "object"]
TEXTS = ["", "null", "1", "{}", "[]", "x" * 300, "x" * 11_000, "3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1", "1700000000000",
         "10x10", "-1", "1.5", "web", "http://[", "é\n", "A" * 100, "=", "a\nb"]  # fmt: skip


def encode(key, document, rng):
    text = json.dumps(document)
    if key not in ("ue_px", "cx"):
        return text
    encoded = rng.choice([base64.b64encode, base64.urlsafe_b64encode])(text.encode()).decode()
    return encoded.rstrip("=") if rng.random() < 0.5 else encoded


def described(rng):
    """Return self-describing JSON that is valid, or nearly."""
    uri = rng.choice(URIS)
    schema = REGISTRY.find(uri)
    data = sample(schema, rng, schema)
    if rng.random() < 0.3:
        data = mutate(data, rng, list(schema.get("properties", {})))
    return {
        "schema": uri if rng.random() < 0.95 else uri.replace("jsonschema/1", "jsonschema/7"),
        "data": data,
    }


def random_event(rng, shared):
    """Return a payload as trackers send it, often with something wrong."""
    event = page_view(e=rng.choice(["pv", "ue", "ue", "ue", "se", "pp", "tr", "xx"]))
    if event["e"] == "se":
        event |= {"se_ca": "a", "se_ac": "b"}
    if event["e"] == "ue" or rng.random() < 0.1:
        key = rng.choice(["ue_px", "ue_pr"])
        envelope = rng.choice([UNSTRUCT_EVENT] * 9 + [CONTEXTS])
        event[key] = encode(key, {"schema": envelope, "data": described(rng)}, rng)
    if rng.random() < 0.7:
        key = rng.choice(["cx", "co"])
        entities = [*shared, *(described(rng) for _ in range(rng.randrange(2)))]
        event[key] = encode(key, {"schema": CONTEXTS, "data": entities}, rng)
    if rng.random() < 0.4:
        event[rng.choice(list(FIELDS))] = rng.choice(TEXTS)
    return event


def notebook_event(rng, shared):
    """Return a payload whose entities begin as those of the others, in base64."""
    odd = [] if rng.random() < 0.9 else [rng.choice([1, "},{", {"schema": "x"}, described(rng)])]
    document = json.dumps(
        {"schema": CONTEXTS, "data": [*shared, *odd, described(rng)]}, separators=(",", ":")
    )
    if rng.random() < 0.1:
        document = rng.choice(
            [
                document[:-1],
                document + " ",
                document[:-2] + '],"data":[]}',
                document.replace("},{", "}, {", 1),
            ]
        )
    return page_view(e="pv", cx=base64.b64encode(document.encode()).decode())


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32))
def test_both_paths_give_the_same_results(seed):
    rng = random.Random(seed)
    shared = [described(rng) for _ in range(rng.randrange(3))]
    make = rng.choice([random_event, random_event, notebook_event])
    events = [make(rng, shared) for _ in range(rng.randrange(1, 30))]
    together = EventValidator(REGISTRY).validate_all(events)
    for event, result in zip(events, together, strict=True):
        careful = EventValidator(REGISTRY).validate(event)
        assert (result.schema, result.entities, result.notes) == (
            careful.schema,
            careful.entities,
            careful.notes,
        ), event
        assert _reasons(result) == _reasons(careful), event


def _reasons(result):
    return None if result.failure is None else [str(reason) for reason in result.failure.reasons]


@pytest.mark.parametrize(
    "texts",
    [
        ['{"a":[{}', "{}]}", "{},{}"],
        ['{"schema":"x","data":1},{"schema":"y","data":2}', " "],
        ["é", '{"schema":"x","data":{}}'],
        ["a\nb", "c"],
    ],
)
def test_the_json_of_one_event_is_never_read_as_that_of_another(texts):
    for key in ("ue_pr", "ue_px"):
        events = []
        for text in texts:
            value = base64.b64encode(text.encode()).decode() if key == "ue_px" and text.isascii() else text
            events.append(page_view(e="ue", **{key: value}))
        together = EventValidator(REGISTRY).validate_all(events)
        alone = [EventValidator(REGISTRY).validate(event) for event in events]
        assert [_reasons(result) for result in together] == [_reasons(result) for result in alone]


def test_events_still_fail_when_their_reasons_take_too_long(monkeypatch):
    monkeypatch.setattr(validation, "EXPLAIN_SECONDS", -1)
    wrong = {"category": 1, "variable": "b", "timing": 1}
    event = self_describing("iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0", wrong)
    (result,) = EventValidator(REGISTRY).validate_all([event])
    assert "the reasons were not looked for" in result.failure.reasons[0].message


def test_most_events_of_trackers_are_found_to_be_surely_good():
    from tests.support.events import CASES

    for make in CASES.values():
        events = [make(number) for number in range(20)]
        results = EventValidator(REGISTRY).validate_all(events)
        assert all(result.failure is None for result in results)
        assert len({id(result) for result in results}) == 1
