"""Values that the reference sends and pipelines fail: sent alike, with one warning for each line, or refused on demand."""

import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import snowplow_tracker as reference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbtrack.tracker as ours
from nbtrack.collector.events.validation import EventValidator
from nbtrack.schemas import Registry
from nbtrack.tracker import InvalidEvent, InvalidEventWarning
from tests.support.calls import URI, UUID

REGISTRY = Registry()
REGISTRY.register(
    {
        "self": {"vendor": "com.acme", "name": "thing", "format": "jsonschema", "version": "1-0-0"},
        "type": "object",
    }
)
Make = Callable[[ModuleType, Any], Any]


def subject(setter: str) -> Make:
    return lambda m, value: m.PageView("u", event_subject=getattr(m.Subject(), setter)(value))


MAKERS: dict[str, Make] = {
    "session id": subject("set_domain_session_id"),
    "session index": subject("set_domain_session_index"),
    "user id": subject("set_user_id"),
    "colour depth": subject("set_color_depth"),
    "language": subject("set_lang"),
    "address": subject("set_ip_address"),
    "width": lambda m, value: m.PageView(
        "u", event_subject=m.Subject().set_screen_resolution(value if type(value) is float else 3.5, 5)
    ),
    "scroll offset": lambda m, value: m.PagePing("u", min_x=value),
    "value": lambda m, value: m.StructuredEvent("c", "a", value=value),
    "label": lambda m, value: m.StructuredEvent("c", "a", label=value),
    "category": lambda m, value: m.StructuredEvent(str(value) or "c", "a"),
    "page": lambda m, value: m.PageView(str(value) or "u"),
    "title": lambda m, value: m.PageView("u", page_title=value),
    "bare event": lambda m, value: m.Event({"e": "pv", "vid": value, "url": "u"}),
    "type": lambda m, value: m.Event({"e": str(value) or "pv"}),
    "schema": lambda m, value: m.SelfDescribing(m.SelfDescribingJson(str(value) or URI, {})),
    "entity": lambda m, value: m.PageView("u", context=[m.SelfDescribingJson(str(value) or URI, {})]),
}
STRINGS = [
    *(
        "session-1",
        UUID,
        UUID.upper(),
        "",
        "12",
        "-3",
        "1.0",
        "many",
        "x" * 300,
        "x" * 5_000,
        "2147483648",
        "1e3",
        "1_000",
    ),
    *("\u0661", "pv", "http://a:b/", "http://[", URI, "acme/thing", "iglu:com.acme/thing/jsonschema/1"),
]
VALUES = st.one_of(
    st.sampled_from(STRINGS),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: value > 0),
)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbtrack.tracker.contracts._warned", set())


def caught(make: Callable[[], Any]) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        ours.contracts._warned.clear()
        event = make()
    return event, [str(one.message) for one in found if one.category is InvalidEventWarning]


class Keeper:
    """An emitter that keeps payloads as the reference's encoder would send them."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, str]] = []

    def input(self, payload: dict[str, Any]) -> None:
        self.payloads.append({key: str(value) for key, value in payload.items()})


def payload_of(library: ModuleType, event: Any, **options: Any) -> dict[str, str]:
    keeper = Keeper()
    library.Tracker("ns", keeper, encode_base64=False, **options).track(event)
    return {key: value for key, value in keeper.payloads[0].items() if value}


def differing(theirs: dict[str, str], mine: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    keys = (theirs.keys() | mine.keys()) - {"eid", "dtm", "tv", "ue_pr", "co"}
    return {key: (theirs.get(key), mine.get(key)) for key in keys if theirs.get(key) != mine.get(key)}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(MAKERS)), VALUES)
def test_what_a_pipeline_fails_is_sent_as_the_reference_sends_it_with_a_warning(
    name: str, value: Any
) -> None:
    make = MAKERS[name]
    event, found = caught(lambda: make(ours, value))
    mine = payload_of(ours, event)
    different = differing(payload_of(reference, make(reference, value)), mine)
    for key, (theirs, own) in different.items():
        # the one difference on purpose: an integral float in a field of integers
        assert key in {"vid", "pp_mix"}
        assert (theirs, own) == (str(value), str(int(value)))
    # the collector, which judges as a pipeline does, is the oracle
    fails = EventValidator(REGISTRY).validate(mine).failure is not None
    assert bool(found) == fails, (found, mine)
    strict = ours.Tracker("ns", Keeper(), encode_base64=False, validate="raise", registry=REGISTRY)
    if fails:
        with pytest.raises(InvalidEvent):
            strict.track(event)
    else:
        strict.track(event)


def sessions(values: list[str]) -> Iterator[Any]:
    for value in values:
        yield ours.Subject().set_domain_session_id(value)


def test_a_line_warns_once_whatever_its_values_and_shows_the_callers_file() -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        list(sessions(["a", "b", "c"]))
        ours.Subject().set_domain_session_id("d")
    assert [str(one.message).partition(";")[0] for one in found] == [
        "sid: UUID expected, got 'a'",
        "sid: UUID expected, got 'd'",
    ]
    assert {one.filename for one in found} == {__file__}


def test_a_filter_that_makes_the_warning_an_error_does_so_each_time() -> None:
    for _ in range(2):
        with pytest.raises(InvalidEventWarning):
            ours.SelfDescribingJson("acme/thing", {})


def test_switched_off_contracts_warn_of_nothing() -> None:
    ours.disable_contracts()
    try:
        assert caught(lambda: ours.SelfDescribingJson("acme/thing", {}))[1] == []
    finally:
        ours.enable_contracts()
