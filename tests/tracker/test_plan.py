"""One description of an event, for tracking and for backfills."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.template import Col, col
from nbtrack.tracker import (
    PageView,
    Payload,
    SelfDescribing,
    SelfDescribingJson,
    StructuredEvent,
    Subject,
    Tracker,
)
from nbtrack.tracker.payload import TRACKER_VERSION
from nbtrack.tracker.plan import describe
from nbtrack.tracker.rendering import JsonNode, render

URI = "iglu:com.acme/order/jsonschema/1-0-0"
TEMPLATE = SelfDescribing(
    SelfDescribingJson(
        URI, {"id": col("id").format("o-{}"), "items": [col("n"), 1], "vip": col("vip").default(False)}
    ),
    event_subject=Subject().set_user_id(col("user")).set_viewport(col("size")),
    context=[SelfDescribingJson(URI, {"id": col("id")})],
    true_timestamp=col("at"),
    event_id=col("key"),
)
OPTIONS = {"tracker_subject": Subject().set_platform("srv"), "app_id": "app", "namespace": "ns"}


class Receiver:
    def input(self, payload):
        self.got = payload


def test_a_template_is_described_in_the_order_of_its_payload():
    plan = describe(TEMPLATE, **OPTIONS, encode_base64=True)
    pairs = dict(plan.pairs)
    assert list(pairs) == ["e", "ue_px", "cx", "ttm", "p", "uid", "vp", "eid", "dtm", "tv", "tna", "aid"]
    assert isinstance(pairs["ue_px"], JsonNode)
    assert pairs["ue_px"].base64
    assert pairs["ue_px"].tree["data"]["data"]["items"][0].same_as(col("n"))
    assert isinstance(pairs["ttm"], Col)
    assert (pairs["p"], pairs["dtm"], pairs["tv"]) == ("srv", None, TRACKER_VERSION)
    assert plan.columns() == ("id", "n", "vip", "at", "user", "size", "key")


def test_what_is_empty_is_not_described():
    plan = describe(PageView("u"), tracker_subject=None, app_id=None, namespace="ns", encode_base64=False)
    assert [key for key, _ in plan.pairs] == ["e", "url", "eid", "dtm", "tv", "tna"]


@given(
    n=st.none() | st.integers() | st.floats() | st.text(),
    vip=st.none() | st.booleans(),
    user=st.none() | st.text(min_size=1),
    encode=st.booleans(),
)
def test_rendering_the_plan_of_a_row_is_tracking_the_row(n, vip, user, encode):
    row = {
        "id": 7, "n": n, "vip": vip, "at": 1_769_817_600_000, "user": user, "size": "10x20",
        "key": "5d79770b-015b-4af8-8c91-b2ed6faf4b1e",
    }  # fmt: skip
    event = TEMPLATE.substitute(row)
    receiver = Receiver()
    Tracker("ns", receiver, OPTIONS["tracker_subject"], "app", encode).track(event)
    rendered = render(dict(describe(event, **OPTIONS, encode_base64=encode).pairs))
    del receiver.got["dtm"]
    assert rendered == receiver.got
    assert ("uid" in rendered) == (user is not None)
    body = base64.urlsafe_b64decode(rendered["ue_px"]) if encode else rendered["ue_pr"]
    assert json.loads(body)["data"]["data"]["vip"] is (vip is True)


def test_substituting_leaves_the_template_alone():
    TEMPLATE.substitute(dict.fromkeys(("id", "n", "vip", "user", "size", "at", "key")))
    assert TEMPLATE.event_json.data["items"][0].same_as(col("n"))


def test_a_missing_column_is_named():
    with pytest.raises(KeyError, match=r"col\('n'\).*no such column.*id, vip"):
        StructuredEvent("c", "a", value=col("n")).substitute({"id": 1, "vip": 2})


def test_the_event_speaks_of_the_page_before_the_subject_does():
    subject = Subject().set_page_url("https://acme.com/all").set_referrer("https://other.com")
    payload = Tracker("ns", Receiver(), subject).complete_payload(PageView("https://acme.com/one"))
    assert (payload["url"], payload["refr"]) == ("https://acme.com/one", "https://other.com")
    structured = Tracker("ns", Receiver(), subject).complete_payload(StructuredEvent("c", "a"))
    assert structured["url"] == "https://acme.com/all"


def test_a_payload_is_a_dict_with_the_methods_of_the_reference():
    payload = Payload({"a": ""})
    payload.add("b", "")
    payload.add("c", None)
    payload.add("d", 0)
    payload.add_dict({"e": "x", "f": None})
    payload.add_json({}, True, "px", "pr")
    payload.add_json(None, True, "px", "pr")
    payload.add_json({"a": "ü"}, True, "px", "pr")
    payload.add_json({"a": "ü"}, False, "px", "pr")
    assert payload.get() is payload.nv_pairs
    assert payload == {"a": "", "d": 0, "e": "x", "px": "eyJhIjoiw7wifQ==", "pr": '{"a":"ü"}'}
    assert (payload.get("d"), payload.get("z", 1), payload.get("z")) == (0, 1, None)
