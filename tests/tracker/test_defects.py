"""Each defect of the reference that belongs to the tracker: a check that it fails and we pass.

The numbers are those of the project's list of the reference's defects; the emitter's are in the delivery room's tests.
"""

import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
import snowplow_tracker as reference

import nbtrack.tracker as ours

URI = "iglu:com.acme/thing/jsonschema/1-0-0"
OLD_METHODS = [name for name in vars(reference.Tracker) if name.startswith("track_")]
CHECKS: dict[str, Callable[..., None]] = {}


def defect(number: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def register(check: Callable[..., None]) -> Callable[..., None]:
        CHECKS[f"{number}: {check.__name__}"] = check
        return check

    return register


class Receiver:
    """An emitter that keeps what it gets, the very dict."""

    def __init__(self) -> None:
        self.got: list[dict] = []

    def input(self, payload):
        self.got.append(payload)


def tracked(library, *events, **options):
    receiver = Receiver()
    tracker = library.Tracker("ns", receiver, encode_base64=False, **options)
    for event in events:
        tracker.track(event)
    return receiver.got


def data_of(payload):
    return json.loads(payload["ue_pr"], parse_constant=pytest.fail)["data"]["data"]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


@defect(13)
def importing_touches_no_logger_of_the_application(library):
    name = library.__name__
    out = run(
        f"import logging; import {name}; root = logging.getLogger();"
        "levels = [n for n, l in root.manager.loggerDict.items() if getattr(l, 'level', 0) and n.startswith(('nbtrack', 'snowplow'))];"
        "print(root.handlers, levels)"
    )
    assert out == "[] []"


@defect(14)
def one_of_many_threads_gets_the_name(library):
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for turn in range(30):
            start = threading.Barrier(8)
            won: list[object] = []

            def create(namespace=f"same-{turn}", start=start, won=won):
                # a slow __contains__ widens the gap between looking and keeping
                start.wait()
                with suppress(TypeError):
                    won.append(library.Snowplow.add_tracker(library.Tracker(Slow(namespace), Receiver())))

            threads = [threading.Thread(target=create) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert len(won) == 1
    finally:
        sys.setswitchinterval(before)
        library.Snowplow.reset()


class Slow(str):
    """A name whose comparison lets other threads in."""

    __slots__ = ()

    def __hash__(self):
        threading.Event().wait(0.0005)
        return super().__hash__()


@defect(15)
def configurations_share_nothing(library):
    first, second = library.EmitterConfiguration(), library.EmitterConfiguration()
    first.set_retry_code(500, retry=False)
    try:
        assert second.custom_retry_codes == {}
    finally:
        second.custom_retry_codes.clear()


@defect(16)
def a_refused_rule_is_logged_not_printed(library):
    out = run(
        f"import logging, {library.__name__} as t; logging.disable(50);"
        "print(t.EmitterConfiguration().set_retry_code(200), end='')"
    )
    assert out == "False"


@defect(17)
def an_event_tracked_twice_gives_two_payloads(library):
    receiver = Receiver()
    tracker = library.Tracker("ns", receiver, library.Subject().set_user_id("alice"))
    page = library.PageView("u")
    first = tracker.track(page)
    second = tracker.set_subject(None).track(page)
    assert [one["eid"] for one in receiver.got] == [first, second]
    assert "uid" not in receiver.got[1]


@defect(18)
def emitters_do_not_share_a_payload(library):
    one, two = Receiver(), Receiver()
    library.Tracker("ns", [one, two]).track(library.PageView("u"))
    one.got[0]["stm"] = "1"
    assert "stm" not in two.got[0]


@defect(19)
def a_platform_nobody_set_overrides_nothing(library):
    page = library.PageView("u", event_subject=library.Subject().set_user_id("bob"))
    assert tracked(library, page, subject=library.Subject().set_platform("srv"))[0]["p"] == "srv"


@defect(20)
def nan_is_no_token_in_json(library):
    event = library.SelfDescribing(library.SelfDescribingJson(URI, {"a": float("nan")}))
    assert data_of(tracked(library, event)[0]) == {"a": None}


@defect(20)
def values_of_the_data_world_have_a_json_form(library):
    values = {
        "int": np.int64(3),
        "array": np.array([1.5, 2]),
        "when": datetime(2026, 1, 31, tzinfo=UTC),
        "stamp": pd.Timestamp("2026-01-31"),
        "none": pd.NaT,
        "price": Decimal("9.90"),
        "id": UUID(int=1),
    }
    event = library.SelfDescribing(library.SelfDescribingJson(URI, values))
    assert data_of(tracked(library, event)[0]) == {
        "int": 3,
        "array": [1.5, 2.0],
        "when": "2026-01-31T00:00:00.000000Z",
        "stamp": "2026-01-31T00:00:00.000000Z",
        "none": None,
        "price": 9.9,
        "id": "00000000-0000-0000-0000-000000000001",
    }


@defect(20)
def an_array_is_a_value_of_a_payload(library):
    made = library.Event()
    made.payload.add("url", np.array([1, 2]))
    assert tracked(library, made)[0]["url"] == "[1,2]"


@defect(21)
def a_numpy_integer_is_a_time(library):
    assert int(tracked(library, library.PageView("u", true_timestamp=np.int64(7)))[0]["ttm"]) == 7


@defect(21)
def a_datetime_is_a_time(library):
    page = library.PageView("u", true_timestamp=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert int(tracked(library, page)[0]["ttm"]) == 1000


@defect(21)
def a_time_that_is_none_is_refused_where_it_is_given(library):
    with pytest.raises(ValueError, match="true_timestamp"):
        library.PageView("u", true_timestamp=float("nan"))


@defect(21)
def seconds_in_place_of_milliseconds_are_noticed(library):
    with pytest.warns(UserWarning, match="looks like seconds"):
        library.PageView("u", true_timestamp=1_769_817_600)


@defect(23)
def none_clears_a_value(library):
    page = library.PageView("u", page_title="old")
    page.page_title = None
    assert "page" not in tracked(library, page)[0]


@defect(23)
def what_is_not_set_reads_as_none(library):
    screen = library.ScreenView("id", "name")
    assert [screen.type, screen.previous_id, screen.transition_type] == [None, None, None]


@defect(24)
def items_of_an_order_are_not_changed(library):
    items = [{"sku": "s", "price": 1, "quantity": 1}]
    with pytest.warns(DeprecationWarning, match="track_"):
        library.Tracker("ns", Receiver()).track_ecommerce_transaction("o", 1, items=items)
    assert items == [{"sku": "s", "price": 1, "quantity": 1}]


@defect(24)
def a_deprecated_method_warns_once_and_blames_the_caller(library):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        library.Tracker("ns", Receiver()).track_link_click("https://acme.com")
    assert [warning.filename for warning in caught] == [__file__]


@defect(26)
def disabled_contracts_check_nothing(library):
    library.disable_contracts()
    try:
        library.PageView("")
    finally:
        library.enable_contracts()


@defect(26)
def a_subclass_of_str_is_a_text(library):
    assert library.PageView(np.str_("https://acme.com")).page_url == "https://acme.com"


@defect(27)
def a_message_names_the_parameter_and_shows_the_value(library):
    with pytest.raises(ValueError, match=r"^page_url.*3"):
        library.PageView(3)


@defect(27)
def a_message_needs_no_source_code(library):
    name = library.__name__
    code = f"import {name} as t\ntry: t.StructuredEvent('', 'a')\nexcept ValueError as e: print(e)"
    assert run(code).startswith("category must not be empty")


@defect(28)
def a_width_of_a_wrong_type_is_a_value_error(library):
    with pytest.raises(ValueError, match="width"):
        library.Subject().set_screen_resolution("a", 2)


@defect(28)
def a_schema_should_be_an_iglu_uri(library):
    with pytest.warns(ours.InvalidEventWarning, match="schema"):
        library.SelfDescribingJson("acme/thing", {})


@defect(28)
def a_session_id_should_be_a_uuid(library):
    with pytest.warns(ours.InvalidEventWarning, match="sid"):
        library.Subject().set_domain_session_id("session-1")


@defect(28)
def a_context_is_a_list(library):
    with pytest.raises(ValueError, match="context must be a list"):
        library.PageView("u", context=library.SelfDescribingJson(URI, {}))


@defect(28)
def a_platform_may_be_of_any_type_to_be_refused(library):
    with pytest.raises(ValueError, match="must be one of"):
        library.Subject().set_platform(["web"])


@defect(29)
def the_type_of_an_element_may_be_in_capitals(library):
    element = {"name": "n", "value": "v", "nodeName": "INPUT", "type": "TEXT"}
    with pytest.warns(DeprecationWarning, match="track_"):
        library.Tracker("ns", Receiver()).track_form_submit("f", elements=[element])


@defect(29)
def an_element_that_is_no_dict_is_a_value_error(library):
    with pytest.warns(DeprecationWarning, match="track_"), pytest.raises(ValueError, match="must be a dict"):
        library.Tracker("ns", Receiver()).track_form_submit("f", elements=["age"])


@defect(30)
def what_is_said_once_is_written_once(library):
    assert library.PagePing.page_url is library.PageView.page_url
    bodies = {getattr(library.Tracker, name).__code__ for name in OLD_METHODS}
    assert len(bodies) == 1


@defect(31)
def a_tracker_holds_nothing_that_is_never_used(library):
    assert not hasattr(library.Tracker("ns", Receiver()), "timer")


@defect(32)
def an_event_takes_few_calls(library):
    """Count calls of Python functions, which no busy machine changes; `make bench` has the times."""
    emitter = library.Emitter("127.0.0.1", batch_size=1000)
    tracker = library.Tracker("ns", emitter)
    event = library.SelfDescribing(
        library.SelfDescribingJson(URI, {"a": 1}), context=[library.SelfDescribingJson(URI, {"b": 2})]
    )
    calls = []
    sys.setprofile(lambda frame, kind, _: calls.append(frame.f_code.co_name) if kind == "call" else None)
    try:
        tracker.track(event)
    finally:
        sys.setprofile(None)
    if library is ours:
        emitter.close(timeout=0)
    assert len(calls) < 30, calls


@defect(32)
def the_import_does_not_bring_requests(library):
    code = f"import sys, {library.__name__}; sys.exit('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@defect(33)
def a_slip_of_the_documentation_is_answered_with_the_right_name(library):
    with pytest.raises(TypeError, match="emitters="):
        library.Tracker(emitter=Receiver())
    with pytest.raises(AttributeError, match="add_emitter"):
        library.Tracker("ns", Receiver()).addEmitter(Receiver())
    with pytest.raises(AttributeError, match="set_useragent"):
        library.Subject().set_user_agent("x")
    with pytest.raises(AttributeError, match="subject"):
        library.Tracker("ns", Receiver()).set_platform("web")


@defect(33)
def an_argument_of_the_old_api_is_answered_with_the_new_one(library):
    with pytest.raises(TypeError, match="true_timestamp="):
        library.PageView("u", tstamp=1)
    with pytest.raises(TypeError, match="namespace, a str"):
        library.Tracker(Receiver(), namespace="ns")


@pytest.mark.parametrize("name", CHECKS)
def test_a_defect_of_the_reference_is_none_of_ours(name):
    CHECKS[name](ours)


@pytest.mark.parametrize("name", CHECKS)
def test_the_check_finds_the_defect_in_the_reference(name):
    logging.getLogger("snowplow_tracker.snowplow").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", DeprecationWarning)
    with pytest.raises((Exception, pytest.fail.Exception)):
        CHECKS[name](reference)


def test_defect_22_the_time_of_sending_is_never_before_the_time_of_the_event():
    from tests.support.recorder import recording

    with recording() as recorder, ours.Emitter(recorder.url, batch_size=1) as emitter:
        tracker = ours.Tracker("ns", emitter)
        for _ in range(20):
            tracker.track(ours.PageView("u"))
        emitter.flush()
        sent = recorder.take()
    assert len(sent) == 20
    assert all(int(one["stm"]) >= int(one["dtm"]) for one in sent)
    assert any(int(one["stm"]) % 1000 for one in sent)
