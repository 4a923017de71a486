"""The tracker: ids, times, entities, plugins, schema contracts, templates."""

import base64
import json
import logging
import pickle
import warnings
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

import numpy as np
import pandas as pd
import pytest

from nbtrack.schemas import Registry
from nbtrack.template import col
from nbtrack.tracker import (
    Emitter,
    Event,
    InvalidEvent,
    InvalidEventWarning,
    PageView,
    Payload,
    SelfDescribing,
    SelfDescribingJson,
    StructuredEvent,
    Subject,
    Timing,
    Tracker,
)
from tests.support.recorder import recording

URI = "iglu:com.acme/thing/jsonschema/1-0-0"
SOME_ID = "5d79770b-015b-4af8-8c91-b2ed6faf4b1e"


class Receiver:
    def __init__(self):
        self.got = []

    def input(self, payload):
        self.got.append(payload)


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
def tracker(receiver):
    return Tracker("ns", receiver, app_id="app", encode_base64=False)


def entities_of(payload):
    return [one["data"] for one in json.loads(payload["co"])["data"]]


def thing(**data):
    return SelfDescribingJson(URI, data)


def test_track_gives_the_id_of_the_payload(tracker, receiver):
    event_id = tracker.track(PageView("u"))
    assert receiver.got[0]["eid"] == event_id
    made = UUID(event_id)
    assert (made.version, made.variant) == (4, RFC_4122)
    assert str(made) == event_id


def test_ids_are_all_different(tracker):
    ids = [tracker.get_uuid() for _ in range(10_000)]
    assert len(set(ids)) == 10_000
    assert all(
        (one.version, one.variant, str(one)) == (4, RFC_4122, text) for text in ids for one in [UUID(text)]
    )


def test_json_is_url_safe_base64(receiver):
    content = SelfDescribingJson(URI, {"text": "".join(map(chr, range(1, 1_000)))})
    Tracker("ns", receiver).track(SelfDescribing(content))
    wanted = base64.urlsafe_b64encode(base64.urlsafe_b64decode(receiver.got[0]["ue_px"])).decode()
    assert receiver.got[0]["ue_px"] == wanted
    assert {"-", "_"} < set(wanted)


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Tracker, "addEmitter"), (Tracker, "set_user_id"), (Subject, "set_user_agent")],
)
def test_an_old_name_is_no_attribute(tracker, owner, name):
    one = tracker if owner is Tracker else Subject()
    with pytest.raises(AttributeError, match=f"^{owner.__name__} has no {name}: use "):
        getattr(one, name)
    assert not hasattr(one, name)
    assert name not in dir(one)
    assert not hasattr(one, "no_such_name")
    # which would make each look at an attribute four times as slow
    assert not hasattr(owner, "__getattr__")


def test_the_pairs_of_an_event_are_live(tracker, receiver):
    event = PageView("u")
    event.payload.add("refr", "r")
    event.page_title = "t"
    assert event.payload is event.payload
    assert (event.referrer, event.payload["page"]) == ("r", "t")
    event.payload = Payload({"e": "pv", "url": "v"})
    assert event.page_url == "v"
    tracker.track(event)
    assert (receiver.got[0]["url"], receiver.got[0].get("page")) == ("v", None)


def test_a_payload_is_a_flat_dict_of_texts(tracker, receiver):
    tracker.track(StructuredEvent("c", "a", value=2.5, context=[thing(a=1)], true_timestamp=1))
    assert type(receiver.got[0]) is dict
    assert all(type(value) is str for value in receiver.got[0].values())


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 31, tzinfo=UTC),
        pd.Timestamp("2026-01-31"),
        np.datetime64("2026-01-31"),
        1_769_817_600_000,
    ],
    ids=repr,
)
def test_an_event_has_an_id_and_a_time_of_its_own(tracker, moment):
    event = PageView("u", event_id=UUID(SOME_ID), device_timestamp=moment)
    assert tracker.track(event) == SOME_ID
    payload = tracker.complete_payload(event)
    assert (payload["eid"], payload["dtm"]) == (SOME_ID, "1769817600000")


def test_a_wrong_id_is_warned_of_and_a_wrong_time_refused():
    with pytest.warns(InvalidEventWarning, match="event_id: UUID expected, got 'x'"):
        PageView("u", event_id="x")
    with pytest.raises(ValueError, match=r"device_timestamp.*'yesterday'"):
        PageView("u", device_timestamp="yesterday")


def test_global_contexts_are_entities_functions_or_filtered(tracker, receiver):
    tracker.add_global_context(thing(n=1))
    tracker.add_global_context(lambda event: [thing(kind=type(event).__name__)])
    tracker.add_global_context((lambda event: isinstance(event, StructuredEvent), thing(n=3)))
    tracker.add_global_context(lambda _: None)
    own = [thing(n=0)]
    tracker.track(PageView("u", context=own))
    tracker.track(StructuredEvent("c", "a"))
    assert entities_of(receiver.got[0]) == [{"n": 0}, {"n": 1}, {"kind": "PageView"}]
    assert entities_of(receiver.got[1]) == [{"n": 1}, {"kind": "StructuredEvent"}, {"n": 3}]
    assert len(own) == 1
    assert "co" in tracker.complete_payload(PageView("u"))


def test_a_global_context_can_be_taken_back(tracker, receiver):
    entity = thing(n=1)
    tracker.add_global_context(entity).remove_global_context(entity).track(PageView("u"))
    assert "co" not in receiver.got[0]


def test_plugins_see_change_and_drop_events(tracker, receiver):
    seen = []

    class Plugin:
        def before_track(self, event, payload):
            payload["page"] = "changed"
            return payload["url"] != "secret"

        def after_track(self, event, payload):
            seen.append((type(event).__name__, payload["page"]))

    tracker.add_plugin(Plugin())
    tracker.track(PageView("u"))
    tracker.track(PageView("secret"))
    assert [payload["page"] for payload in receiver.got] == ["changed"]
    assert seen == [("PageView", "changed")]
    with pytest.raises(ValueError, match="plugin"):
        tracker.add_plugin(object())


def test_the_list_of_emitters_stays_the_callers(receiver):
    given = [receiver]
    Tracker("ns", given).add_emitter(Receiver())
    assert given == [receiver]
    assert len(Tracker("ns", (Receiver(), Receiver())).emitters) == 2


def test_what_is_no_event_is_refused_with_a_hint(tracker):
    for wrong, hint in ((thing(), "SelfDescribing"), (Payload({"e": "pv"}), "Event"), ("pv", "'pv'")):
        with pytest.raises(TypeError, match=hint):
            tracker.track(wrong)


@pytest.mark.parametrize(
    "template",
    [
        PageView(col("x")),
        SelfDescribing(thing(a=[{"b": col("x")}])),
        PageView("u", context=[thing(a=col("x"))]),
        PageView("u", true_timestamp=col("x")),
        PageView("u", event_id=col("x")),
        PageView("u", event_subject=Subject().set_user_id(col("x"))),
    ],
    ids=repr,
)
def test_a_template_is_for_backfill_only(tracker, receiver, template):
    with pytest.raises(TypeError, match=r"col\('x'\).*nbtrack.backfill"):
        tracker.track(template)
    assert receiver.got == []


def test_nan_raises_by_setting(receiver):
    tracker = Tracker("ns", receiver, nan="raise")
    with pytest.raises(ValueError, match="nan"):
        tracker.track(SelfDescribing(thing(a=float("nan"))))
    with pytest.raises(ValueError, match="nan"):
        tracker.track(StructuredEvent("c", "a", value=float("nan")))
    assert receiver.got == []


def test_schema_contracts_can_warn_or_raise(receiver):
    wrong = Timing("c", "v", "long", context=[thing(a=1)])
    assert Tracker("ns", receiver).track(wrong)
    with pytest.raises(InvalidEvent, match=r"timing/jsonschema/1-0-0 \$\.timing.*com\.acme/thing"):
        Tracker("ns", receiver, validate="raise").track(wrong)
    assert len(receiver.got) == 1
    with pytest.raises(InvalidEvent, match=r"^no schema iglu:com\.acme/thing/jsonschema/1-0-0 in [^:]*$"):
        Tracker("ns", receiver, validate="raise").track(PageView("https://acme.com", context=[thing(a=1)]))
    with pytest.warns(InvalidEventWarning, match=r"\$\.timing") as caught:
        Tracker("ns", receiver, validate="warn").track(wrong)
    assert caught[0].filename == __file__
    assert len(receiver.got) == 2
    with pytest.raises(ValueError, match="validate must be one of"):
        Tracker("ns", receiver, validate="maybe")


def test_schema_contracts_know_the_schemas_they_are_given(receiver):
    registry = Registry()
    registry.register(
        {
            "self": {"vendor": "com.acme", "name": "thing", "format": "jsonschema", "version": "1-0-0"},
            "type": "object",
            "properties": {"when": {"type": "string", "format": "date-time"}, "n": {"type": "integer"}},
            "additionalProperties": False,
        }
    )
    tracker = Tracker("ns", receiver, validate="raise", registry=registry)
    tracker.track(
        SelfDescribing(thing(when=datetime(2026, 1, 31, tzinfo=UTC), n=np.int64(1)), context=[thing(n=2)])
    )
    tracker.add_global_context(thing(n="x"))
    with pytest.raises(InvalidEvent, match=r"\$\.n") as caught:
        tracker.track(PageView("u"))
    assert len(caught.value.faults) == 1
    assert len(receiver.got) == 1


def test_flush_and_close_reach_real_emitters():
    with recording() as recorder:
        with Tracker("ns", Emitter(recorder.url, batch_size=100)) as tracker:
            tracker.track(PageView("first"))
            assert tracker.flush() is tracker
            assert [one["url"] for one in recorder.take()] == ["first"]
            tracker.track(PageView("second"))
        assert [one["url"] for one in recorder.take()] == ["second"]
        assert tracker.emitters[0].stats().state == "closed"
        assert tracker.close()[0].pending == 0


def test_an_emitter_needs_input_only(tracker):
    assert tracker.flush() is tracker
    assert tracker.flush(is_async=True) is tracker
    assert tracker.close() == []
    with pytest.raises(ValueError, match="emitters"):
        Tracker("ns", object())


def test_get_timestamp_takes_what_the_reference_takes():
    assert Tracker.get_timestamp(1_399_021_242_030) == 1_399_021_242_030
    assert Tracker.get_timestamp(1_399_021_242_240.0303) == 1_399_021_242_240
    now = Tracker.get_timestamp()
    assert abs(Tracker.get_timestamp("1399021242030") - now) < 60_000


def test_one_of_several_events_shows_what_it_is():
    assert repr(PageView("u")) == "PageView({'e': 'pv', 'url': 'u'})"
    assert "col('x')" in repr(SelfDescribing(thing(a=col("x"))))


def test_events_and_subjects_travel_between_processes(tracker):
    event = SelfDescribing(thing(a=1), event_subject=Subject().set_platform("srv"), true_timestamp=1)
    assert pickle.loads(pickle.dumps(event)).build_payload(False, None) == event.build_payload(False, None)


def test_no_log_without_a_handler_of_the_application(tracker, capfd):
    logging.getLogger("nbtrack.tracker").warning("a word")
    assert capfd.readouterr() == ("", "")


def test_an_event_is_not_changed_by_tracking(tracker):
    event = Event({"e": "pv", "url": "u"}, context=[thing(a=1)], true_timestamp=1)
    before = pickle.dumps(event)
    tracker.track(event)
    tracker.complete_payload(event)
    assert pickle.dumps(event) == before


def test_deprecated_methods_can_be_chained(tracker, receiver):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tracker.track_page_view("u").track_struct_event("c", "a").flush()
    assert [one["e"] for one in receiver.got] == ["pv", "se"]
