"""Bad rows: each documented cause, and their format."""

import base64
import json
import time
from pathlib import Path

import pytest

from nbtrack.collector import LocalCollector
from nbtrack.protocol import CONTEXTS, POST_PATH, UNSTRUCT_EVENT
from nbtrack.schemas import Registry
from tests.support.collector import JSON, Sender, page_view, self_describing
from tests.support.tools import require

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
PAYLOAD = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
GOOD_TIMING = {"category": "io", "variable": "read", "timing": 3}


def b64(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def entities(*items, uri=CONTEXTS):
    return json.dumps({"schema": uri, "data": list(items)})


EVENTS = [
    # name, payload, field, words of the reason
    ("no type", {"p": "web", "tv": "1", "e": ""}, "event", "is missing"),
    ("unknown type", page_view(e="xx"), "event", "one of pv"),
    ("retired type", page_view(e="ad"), "event", "one of pv"),
    ("self-describing data of another type", page_view(ue_pr="true"), "ue_pr", "not self-describing"),
    ("unknown platform", page_view(p="desk"), "platform", "one of"),
    ("event id", page_view(eid="1"), "event_id", "UUID expected"),
    ("session id", page_view(sid="1"), "domain_sessionid", "UUID expected"),
    ("decimal time", page_view(dtm="1.5"), "dvce_created_tstamp", "whole milliseconds"),
    ("time out of range", page_view(ttm="999999999999999"), "true_tstamp", "whole milliseconds"),
    ("sent time", page_view(stm="now"), "dvce_sent_tstamp", "whole milliseconds"),
    ("session index", page_view(vid="1e3"), "domain_sessionidx", "integer"),
    ("integer too large", page_view(vid="99999999999"), "domain_sessionidx", "integer of 32 bits"),
    ("transaction", page_view(tid="x"), "txn_id", "integer"),
    ("screen", page_view(res="10x"), "dvce_screenwidth", "WIDTHxHEIGHT"),
    ("viewport", page_view(vp="1.5x2"), "br_viewwidth", "WIDTHxHEIGHT"),
    ("flag", page_view(cookie="yes"), "br_cookies", "0 or 1"),
    ("url", page_view(url="http://[broken"), "page_url", "URI expected"),
    ("struct value", page_view(e="se", se_ca="a", se_ac="b", se_va="much"), "se_value", "number"),
    ("order total", page_view(e="tr", tr_id="1", tr_tt="many"), "tr_total", "number"),
    ("item quantity", page_view(e="ti", ti_sk="1", ti_pr="1", ti_qu="1.5"), "ti_quantity", "integer"),
    ("ping offset", page_view(e="pp", pp_mix="a"), "pp_xoffset_min", "integer"),
    ("no own data", page_view(e="ue"), "unstruct_event", "needs ue_pr or ue_px"),
    ("own data no JSON", page_view(e="ue", ue_pr="{"), "ue_pr", "not valid JSON"),
    ("own data no base64", page_view(e="ue", ue_px="%%%"), "ue_px", "not base64"),
    ("own data base64 of no JSON", page_view(e="ue", ue_px="AAAA"), "ue_px", "not valid JSON"),
    ("own data not self-describing", page_view(e="ue", ue_pr="[]"), "ue_pr", "not self-describing"),
    ("own data in another envelope", page_view(e="ue", ue_pr=entities()), "ue_pr", "unstruct_event"),
    ("envelope without inner schema", page_view(e="ue", ue_px=b64({"schema": UNSTRUCT_EVENT, "data": {}})), "ue_px", "required"),
    ("own data wrong type", self_describing(TIMING, GOOD_TIMING | {"timing": "3"}), "unstruct_event", "string found, number expected"),
    ("own data missing field", self_describing(TIMING, {"category": "a"}), "unstruct_event", "is missing, but required"),
    ("own data unknown field", self_describing(TIMING, GOOD_TIMING | {"colour": 1}), "unstruct_event", "not in the schema"),
    ("unknown schema", self_describing(TIMING.replace("timing", "timming"), {}), "unstruct_event", "did you mean " + TIMING),
    ("unknown version", self_describing(TIMING.replace("1-0-0", "2-0-0"), {}), "unstruct_event", "did you mean " + TIMING),
    ("too deep", page_view(e="ue", ue_pr="[" * 50 + "]" * 50), "ue_pr", "deeper than 40"),
    ("entity wrong", page_view(co=entities({"schema": TIMING, "data": {}})), "contexts[0]", "is missing"),
    ("second entity wrong", page_view(co=entities({"schema": TIMING, "data": GOOD_TIMING}, {"schema": TIMING, "data": []})), "contexts[1]", "array found, object expected"),
    ("entity unknown", page_view(cx=b64(json.loads(entities({"schema": TIMING.replace("timing", "x"), "data": {}})))), "contexts[0]", "unknown schema"),
    ("entities no JSON", page_view(co="nonsense"), "co", "not valid JSON"),
    ("entities no base64", page_view(cx="***"), "cx", "not base64"),
    ("entities no list", page_view(co=json.dumps({"schema": CONTEXTS, "data": {}})), "co", "object found, array expected"),
    ("entities in another envelope", page_view(co=json.dumps({"schema": TIMING, "data": []})), "co", "contexts/jsonschema/1-0-*"),
    ("entity without data", page_view(co=entities({"schema": TIMING})), "co", "is missing"),
]  # fmt: skip

REQUESTS = [
    # name, path, body, content type, kind of bad row, words of the reason
    ("empty body", POST_PATH, b"", JSON, "tracker_protocol_violations", "empty body"),
    ("content type", POST_PATH, b"{}", "text/plain", "tracker_protocol_violations", "application/json"),
    ("not JSON", POST_PATH, b"{", JSON, "tracker_protocol_violations", "not valid JSON"),
    ("not UTF-8", POST_PATH, b'{"a":"\xff"}', JSON, "tracker_protocol_violations", "not valid JSON"),
    ("bare NaN", POST_PATH, b'{"schema":NaN}', JSON, "tracker_protocol_violations", "not valid JSON"),
    ("not self-describing", POST_PATH, b"[]", JSON, "tracker_protocol_violations", "self-describing"),
    ("no Iglu URI", POST_PATH, b'{"schema":"x","data":[]}', JSON, "tracker_protocol_violations", "Iglu URI"),
    ("other schema", POST_PATH, json.dumps({"schema": TIMING, "data": []}).encode(), JSON, "tracker_protocol_violations", "payload_data/jsonschema/1-0-* expected"),
    ("unknown version", POST_PATH, json.dumps({"schema": PAYLOAD.replace("1-0-4", "1-0-9"), "data": []}).encode(), JSON, "tracker_protocol_violations", "did you mean"),
    ("no events", POST_PATH, json.dumps({"schema": PAYLOAD, "data": []}).encode(), JSON, "tracker_protocol_violations", "0 items found, at least 1 expected"),
    ("a number", POST_PATH, json.dumps({"schema": PAYLOAD, "data": [{"e": "pv", "p": "web", "tv": 1}]}).encode(), JSON, "tracker_protocol_violations", "integer found, string expected"),
    ("unknown key", POST_PATH, json.dumps({"schema": PAYLOAD, "data": [{"e": "pv", "p": "web", "tv": "1", "zz": "1"}]}).encode(), JSON, "tracker_protocol_violations", "property is not in the schema"),
    ("required key", POST_PATH, json.dumps({"schema": PAYLOAD, "data": [{"e": "pv"}]}).encode(), JSON, "tracker_protocol_violations", "is missing, but required"),
    ("unknown vendor", "/com.acme/v1", b"{}", JSON, "adapter_failures", "combination is not supported"),
    ("webhook empty", "/com.snowplowanalytics.iglu/v1", b"", JSON, "adapter_failures", "expected a body"),
    ("webhook not self-describing", "/com.snowplowanalytics.iglu/v1", b"{}", JSON, "adapter_failures", "self-describing"),
    ("webhook empty list", "/com.snowplowanalytics.iglu/v1", b"[]", JSON, "adapter_failures", "empty list"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "field", "words"), [row[1:] for row in EVENTS], ids=[row[0] for row in EVENTS]
)
def test_an_event_fails_with_its_reason_and_others_of_its_batch_do_not(send, payload, field, words):
    mate = page_view()
    assert send.post([mate, payload, page_view()]).status == 200
    assert send.collector.counts() == {"total": 3, "good": 2, "bad": 1}
    bad = send.collector.bad()
    assert set(bad["kind"]) == {"schema_violations"}
    hits = bad[(bad["field"] == field) & bad["reason"].str.contains(words, regex=False)]
    assert len(hits) >= 1, bad[["field", "path", "reason"]].to_string()


@pytest.mark.parametrize(
    ("path", "body", "content_type", "kind", "words"),
    [row[1:] for row in REQUESTS],
    ids=[row[0] for row in REQUESTS],
)
def test_a_request_fails_as_a_whole_and_is_answered_with_200(send, path, body, content_type, kind, words):
    assert send(path, body, "POST", Content_Type=content_type).status == 200
    assert send.collector.counts() == {"total": 1, "good": 0, "bad": 1}
    bad = send.collector.bad()
    assert set(bad["kind"]) == {kind}
    assert bad["reason"].str.contains(words, regex=False).any(), bad.to_string()


def test_an_empty_query_is_a_violation_of_the_protocol(send):
    assert send("/i").status == 200
    assert list(send.collector.bad()["kind"]) == ["tracker_protocol_violations"]


@pytest.mark.iglu
def test_bad_rows_follow_snowplows_own_schemas(send):
    central = Registry([require("iglu")], builtin=False)
    send.post([row[1] for row in EVENTS if "e" in row[1]])
    for _, path, body, content_type, _, _ in REQUESTS:
        send(path, body, "POST", Content_Type=content_type)
    send.post([page_view(page="x" * 1_100_000)])
    seen = set()
    for event in send.read("/micro/bad").json:
        assert event["errors"][0].startswith("Error while ")
        row = json.loads(event["errors"][1])
        assert central.faults(row["schema"], row["data"]) == []
        seen.add(row["schema"].split("/")[1])
    assert seen == {"schema_violations", "tracker_protocol_violations", "adapter_failures", "size_violation"}


def test_too_long_values_fail_and_are_a_note_with_lenient_lengths(send):
    reason = "app_id: at most 255 characters expected, 256 found"
    result = send.validate(page_view(aid="a" * 256), page_view(aid="a" * 255))
    assert (result["good"], result["reasons"]) == (1, [reason])
    assert send.validate(page_view(url="http://acme.com/" + "a" * 9_000))["good"] == 1
    for options in ({"lenient_lengths": True}, {"strict_lengths": False}):
        with LocalCollector(**options) as lenient:
            result = Sender(lenient).validate(page_view(aid="a" * 256))
            assert (result["good"], result["notes"]) == (1, [reason])


@pytest.mark.parametrize(
    ("payload", "notes"),
    [
        (page_view(e="se", se_ca="a"), ["se_action is missing"]),
        (page_view(e="tr", tr_tt="1"), ["tr_orderid is missing"]),
        (page_view(e="ti", ti_id="1", ti_sk="1", ti_qu="1"), ["ti_price is missing"]),
    ],
)
def test_what_a_type_of_event_should_have_is_a_note(send, payload, notes):
    result = send.validate(payload)
    assert (result["good"], result["notes"]) == (1, notes)


@pytest.mark.parametrize(
    ("uri", "nearest"),
    [
        (TIMING.replace("timing", "timng"), TIMING),
        (TIMING.replace("1-0-0", "1-0-9"), TIMING),
        ("iglu:com.acme/order/jsonschema/1-0-0", None),
        ("iglu:com.snowplow.agent.tracking/agent_nothing/jsonschema/1-0-0", None),
    ],
)
def test_an_unknown_schema_names_a_near_one_only_if_it_is_near(send, uri, nearest):
    send.post([self_describing(uri, {})])
    (reason,) = send.collector.bad().to_dict("records")
    assert reason["nearest"] == nearest
    assert reason["reason"].startswith(f"unknown schema {uri}")
    assert ("did you mean" in reason["reason"]) == (nearest is not None)


def test_a_thousand_unknown_schemas_cost_no_more_than_good_events(send):
    unknown = [
        self_describing(f"iglu:com.acme/thing_{number}/jsonschema/1-0-0", {}) for number in range(1000)
    ]
    began = time.monotonic()
    assert send.post(unknown).status == 200
    assert time.monotonic() - began < 5
    assert send.collector.counts()["bad"] == 1000


def test_an_edited_schema_takes_effect_with_the_next_request(tmp_path):
    uri = "iglu:com.acme/order/jsonschema/1-0-0"
    place = Path(tmp_path, "com.acme", "order", "jsonschema", "1-0-0")
    place.parent.mkdir(parents=True)
    place.write_text('{"type":"object","properties":{"n":{"type":"integer"}}}')
    with LocalCollector(iglu=[tmp_path]) as collector:
        send = Sender(collector)
        assert send.validate(self_describing(uri, {"n": "1"}))["bad"] == 1
        place.write_text('{"type":"object","properties":{"n":{"type":"string"}}}')
        assert send.validate(self_describing(uri, {"n": "1"}))["good"] == 1


def test_a_schema_registered_at_run_time_takes_effect_at_once(send):
    uri = send.collector.register(
        {
            "self": {"vendor": "com.acme", "name": "later", "format": "jsonschema", "version": "1-0-0"},
            "type": "object",
        }
    )
    assert send.validate(self_describing(uri, {}))["good"] == 1
    assert send.validate(self_describing(uri, []))["bad"] == 1
