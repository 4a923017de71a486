"""The same calls give the same payloads as snowplow-tracker 1.1.0, over real HTTP."""

import inspect
import os
from datetime import date

import pytest
import snowplow_tracker as reference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbtrack.tracker as ours
from tests.support.calls import LISTED, UUID, contexts, dates, event, everything, method, sdj

LONG = bool(os.environ.get("NBTRACK_LONG"))
WIRE = [(method, base64) for method in ("get", "post") for base64 in (True, False)]
SUBJECTS = {"default": lambda library: library.Subject(), "full": everything}


@pytest.mark.parametrize(("http", "base64"), WIRE)
@pytest.mark.parametrize("name", LISTED)
def test_a_listed_call_sends_what_the_reference_sends(pair, name, http, base64):
    for subject in SUBJECTS.values():
        theirs, mine = pair.both(LISTED[name], http, base64, subject=subject)
        assert len(theirs) >= 1
        assert mine == theirs


def test_every_deprecated_method_and_every_event_class_is_listed():
    methods = {name for name in dir(reference.Tracker) if name.startswith("track_")}
    assert len(methods) == 15
    assert methods <= LISTED.keys()
    assert methods == {name for name in dir(ours.Tracker) if name.startswith("track_")}


def test_a_tracker_without_subject_sends_no_platform_like_the_reference(pair):
    def call(library, tracker):
        tracker.set_subject(None).track(library.PageView("u"))

    theirs, mine = pair.both(call)
    assert mine == theirs
    assert "p" not in mine[0]


def test_a_json_encoder_is_asked_like_that_of_the_reference(pair):
    call = event("SelfDescribing", event_json=lambda m: sdj(m, {"day": date(2026, 1, 31)}))
    theirs, mine = pair.both(call, json_encoder=dates)
    assert mine == theirs
    assert mine[0]["ue_pr"]["data"]["data"] == {"day": {"day": 739647}}


def test_signatures_take_the_arguments_of_the_reference_in_its_order():
    def positional(thing):
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD,)
        found = inspect.signature(thing).parameters.values()
        return [p.name for p in found if p.kind in kinds and p.name != "self"]

    classes = [
        "Tracker", "Event", "PageView", "PagePing", "StructuredEvent", "SelfDescribing", "ScreenView",
        "SelfDescribingJson", "TrackerConfiguration", "EmitterConfiguration", "Emitter", "AsyncEmitter",
    ]  # fmt: skip
    for name in classes:
        theirs = positional(getattr(reference, name).__init__)
        assert positional(getattr(ours, name).__init__)[: len(theirs)] == theirs, name
    for owner in ("Tracker", "Subject", "Snowplow", "SelfDescribingJson"):
        for name, function in inspect.getmembers(getattr(reference, owner), inspect.isroutine):
            if not name.startswith("_"):
                assert positional(getattr(getattr(ours, owner), name))[
                    : len(positional(function))
                ] == positional(function), f"{owner}.{name}"


def test_every_public_name_of_the_reference_is_here():
    missing = {
        name
        for name in dir(reference)
        if not name.startswith("_")
        and not inspect.ismodule(getattr(reference, name))
        and not hasattr(ours, name)
    }
    assert missing == set()
    from snowplow_tracker import typing as aliases

    for name in (
        "InMemoryEventStore",
        "Payload",
        "EmitterProtocol",
        "PayloadDict",
        "FORM_TYPES",
        "SupportedPlatform",
    ):
        assert hasattr(ours, name)
    assert ours.FORM_TYPES == aliases.FORM_TYPES
    assert ours.FORM_NODE_NAMES == aliases.FORM_NODE_NAMES
    assert ours.SUPPORTED_PLATFORMS >= aliases.SUPPORTED_PLATFORMS


BAD = {
    "empty url": lambda m: m.PageView(""),
    "no url": lambda m: m.PageView(None),
    "url of a wrong type": lambda m: m.PageView(3),
    "empty category": lambda m: m.StructuredEvent("", "a"),
    "no screen id": lambda m: m.ScreenView(None, "n"),
    "no schema": lambda m: m.SelfDescribingJson("", {}),
    "platform": lambda m: m.Subject().set_platform("toaster"),
    "no width": lambda m: m.Subject().set_screen_resolution(0, 1),
    "negative viewport": lambda m: m.Subject().set_viewport(1, -1),
    "no emitters": lambda m: m.Tracker("ns", []),
    "negative batch": lambda m: m.EmitterConfiguration(batch_size=-1),
    "batch of a wrong type": lambda m: m.EmitterConfiguration(batch_size="3"),
    "no endpoint": lambda m: m.Snowplow.create_tracker("ns", None),
    "empty endpoint": lambda m: m.Emitter(""),
    "protocol": lambda m: m.Emitter("localhost", protocol="ftp"),
    "method": lambda m: m.Emitter("localhost", method="put"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_is_refused_as_the_reference_refuses_it(name):
    with pytest.raises((ValueError, TypeError)) as theirs:
        BAD[name](reference)
    with pytest.raises(theirs.type):
        BAD[name](ours)


# strategies: values that the reference sends right; its defects are in test_intended_differences.py
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FULL = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NUMBER = st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)
MOMENT = st.none() | st.integers(1_300_000_000_000, 2_000_000_000_000) | st.floats(0, 10**8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=4)


@st.composite
def subjects(draw):
    setters = {
        "set_platform": draw(st.sampled_from(["pc", "web", "mob", "srv", "iot"])),
        "set_user_id": draw(FULL),
        "set_lang": draw(FULL),
        "set_domain_user_id": draw(TEXT),
        "set_domain_session_index": draw(st.integers(0, 99)),
        "set_ip_address": draw(FULL),
    }
    # the platform of an event's subject is always said: what it is when unsaid is an intended difference
    chosen = ["set_platform", *draw(st.lists(st.sampled_from(sorted(setters)), unique=True))]

    def make(library):
        subject = library.Subject()
        for name in chosen:
            getattr(subject, name)(setters[name])
        return subject

    return make


@st.composite
def calls(draw):
    entities = draw(st.lists(OBJECT, max_size=2))
    subject = draw(st.none() | subjects())
    common = {
        "context": lambda m: [sdj(m, data) for data in entities],
        "true_timestamp": draw(MOMENT),
        "event_subject": (lambda _: None) if subject is None else subject,
    }
    old = {"tstamp" if name == "true_timestamp" else name: value for name, value in common.items()}
    data = draw(OBJECT)
    optional = st.none() | TEXT
    return draw(
        st.sampled_from(
            [
                event("PageView", page_url=draw(FULL), page_title=draw(optional), referrer=draw(optional), **common),
                event("PagePing", page_url=draw(FULL), min_x=draw(st.integers(-9, 9)), max_y=draw(st.integers(0, 9)), **common),
                event(
                    "StructuredEvent", category=draw(FULL), action=draw(FULL), label=draw(optional),
                    property_=draw(optional), value=draw(st.none() | NUMBER), **common,
                ),
                event("SelfDescribing", event_json=lambda m: sdj(m, data), **common),
                event("ScreenView", id_=UUID, name=draw(FULL), type=draw(st.none() | FULL), **common),
                method("track_link_click", draw(FULL), draw(st.none() | FULL), draw(st.none() | st.lists(FULL)), **old),
                method("track_add_to_cart", draw(FULL), draw(st.integers(0, 9)), unit_price=draw(NUMBER), **old),
                method("track_site_search", draw(st.lists(FULL, min_size=1)), None, draw(st.integers(0, 9)), **old),
                method(
                    "track_ecommerce_transaction_item", draw(FULL), draw(FULL), draw(NUMBER), draw(st.integers(0, 9)),
                    draw(optional), **old,
                ),
                method("track_self_describing_event", lambda m: sdj(m, data), **old),
            ]
        )
    )  # fmt: skip


@settings(
    max_examples=500 if LONG else 50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(call=calls(), wire=st.sampled_from(WIRE), subject=subjects())
def test_a_generated_call_sends_what_the_reference_sends(pair, call, wire, subject):
    theirs, mine = pair.both(call, *wire, subject=subject)
    assert mine == theirs


def test_key_order_is_that_of_the_reference(pair):
    call = event(
        "PageView", page_url="u", page_title="t", context=contexts, true_timestamp=1, event_subject=everything
    )
    theirs, mine = pair.both(call)
    assert list(mine[0]) == list(theirs[0])
