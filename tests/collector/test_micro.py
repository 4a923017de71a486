"""The paths of Snowplow Micro, in the formats of its versions 3 and 4."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.support.collector import page_view, self_describing

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
GOOD = {"category": "io", "variable": "read", "timing": 3}
PARENT = "iglu:com.snowplowanalytics.snowplow/parent_event/jsonschema/1-0-0"
CONTEXT = '{"schema":"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1","data":[{"schema":"%s","data":{"parentEventId":"3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1"}}]}'  # fmt: skip


def fill(send):
    send.post([page_view(aid="one"), self_describing(TIMING, GOOD, aid="two", co=CONTEXT % PARENT)])
    send.post([self_describing(TIMING, {}, aid="three")])


def test_all_counts(send):
    fill(send)
    for method, data in (("GET", None), ("POST", {})):
        assert send.read("/micro/all", data, method).json == {"total": 3, "good": 2, "bad": 1, "repeats": 0}


def test_good_events_come_newest_first_with_all_columns(send):
    fill(send)
    good = send.read("/micro/good").json
    assert [event["eventType"] for event in good] == ["unstruct", "page_view"]
    assert good[0]["schema"] == TIMING
    assert good[0]["contexts"] == [PARENT]
    assert good[0]["event"]["unstruct_event"]["data"] == {"schema": TIMING, "data": GOOD}
    assert good[0]["event"]["contexts"]["data"][0]["schema"] == PARENT
    assert good[1]["event"]["unstruct_event"] == {}
    assert good[1]["event"]["user_id"] is None
    assert len(good[1]["event"]) == 131
    assert good[1]["rawEvent"]["api"] == {"vendor": "com.snowplowanalytics.snowplow", "version": "tp2"}
    assert good[1]["rawEvent"]["parameters"]["aid"] == "one"
    assert good[1]["incomplete"] is False


def test_good_events_are_filtered_by_either_name_of_a_type_and_either_form_of_a_uri(send):
    fill(send)
    for wanted in ({"event_type": "pv"}, {"event_type": "page_view"}):
        assert len(send.read("/micro/good", wanted).json) == 1
    for uri in (TIMING, TIMING.removeprefix("iglu:")):
        assert len(send.read("/micro/good", {"schema": uri}).json) == 1
    for uri in (PARENT, PARENT.removeprefix("iglu:")):
        assert len(send.read("/micro/good", {"contexts": [uri]}).json) == 1
    assert send.read("/micro/good", {"contexts": [TIMING]}).json == []
    assert len(send.read("/micro/good", {"limit": 1}).json) == 1


def test_bad_events_say_why_they_failed(send):
    fill(send)
    send("/com.acme/v1", b"{}", "POST")
    bad = send.read("/micro/bad").json
    assert bad[0]["errors"][0].startswith("Error while extracting")
    assert (bad[0]["rawEvent"], bad[0]["collectorPayload"]["body"]) == (None, "{}")
    assert bad[1]["errors"][0] == "Error while validating the event."
    assert "$.category: is missing, but required" in bad[1]["errors"][1]
    assert bad[1]["rawEvent"]["parameters"]["aid"] == "three"
    assert len(send.read("/micro/bad", {"vendor": "com.acme"}).json) == 1
    assert len(send.read("/micro/bad", {"version": "tp2", "limit": 5}).json) == 1


def test_events_by_get_have_the_sdks_form_and_failed_ones_say_why(send):
    fill(send)
    events = send.read("/micro/events").json
    assert [event["app_id"] for event in events] == ["three", "two", "one"]
    assert events[1]["unstruct_event_com_snowplowanalytics_snowplow_timing_1"] == GOOD
    assert events[1]["contexts_com_snowplowanalytics_snowplow_parent_event_1"][0]["parentEventId"]
    failure = events[0]["contexts_com_snowplowanalytics_snowplow_failure_1"][0]
    assert (failure["failureType"], failure["schema"]) == ("ValidationError", TIMING)
    assert "unstruct_event_com_snowplowanalytics_snowplow_timing_1" not in events[0]


def test_events_by_post_come_in_pages(send):
    fill(send)
    page = send.read("/micro/events", {"page": 1, "pageSize": 2, "filters": []}).json
    assert (len(page["events"]), page["totalPages"], page["totalItems"]) == (2, 2, 3)
    assert len(send.read("/micro/events", {"page": 2, "pageSize": 2, "filters": []}).json["events"]) == 1
    for filters in ([{"column": "app_id", "values": ["TWO", "zz"]}], [{"column": "app_id", "value": "two"}]):
        found = send.read("/micro/events", {"page": 1, "pageSize": 9, "filters": filters}).json["events"]
        assert [event["app_id"] for event in found] == ["two"]
    asked = {"page": 1, "pageSize": 9, "filters": [], "validEvents": False}
    assert [event["app_id"] for event in send.read("/micro/events", asked).json["events"]] == ["three"]
    asked = {"page": 1, "pageSize": 9, "filters": [], "sorting": {"column": "app_id", "desc": False}}
    assert [event["app_id"] for event in send.read("/micro/events", asked).json["events"]] == [
        "one",
        "three",
        "two",
    ]
    part = [{"column": "app_id", "values": ["tw"]}]
    found = send.read("/micro/events", {"page": 1, "pageSize": 9, "filters": part}).json
    assert (found["events"], found["totalPages"], found["totalItems"]) == ([], 1, 0)
    assert send.read("/micro/events", {"page": 1}).status == 400


def test_a_time_range_compares_instants_and_excludes_its_end(send):
    fill(send)
    (newest, *_) = send.read("/micro/events").json
    moment = datetime.fromisoformat(newest["collector_tstamp"])
    elsewhere = moment.astimezone(timezone(timedelta(hours=5)))
    for time_range, count in (
        ({"start": (moment + timedelta(hours=1)).isoformat()}, 0),
        ({"start": elsewhere.isoformat()}, 1),
        ({"end": elsewhere.isoformat()}, 2),
        (
            {
                "start": (elsewhere - timedelta(minutes=1)).isoformat(),
                "end": (moment + timedelta(minutes=1)).isoformat(),
            },
            3,
        ),
    ):
        asked = PAGE | {"timeRange": time_range}
        assert send.read("/micro/events", asked).json["totalItems"] == count, time_range
    assert send.read("/micro/events", PAGE | {"timeRange": {"start": "noon"}}).status == 400


def test_the_columns_that_events_fill_are_listed(send):
    fill(send)
    assert {"app_id", "unstruct_event_com_snowplowanalytics_snowplow_timing_1"} <= set(
        send.read("/micro/columns").json
    )


def test_repeats_are_counted(send):
    event = page_view()
    send.post([event])
    send.post([event])
    assert send.read("/micro/all").json["repeats"] == 1
    assert send.collector.summary()["last_repeats"][0]["event_id"] == event["eid"]


def test_the_timeline_counts_spans(send):
    fill(send)
    now = datetime.now(UTC)
    spans = [{"start": (now - timedelta(minutes=2)).isoformat(), "end": (now - timedelta(minutes=1)).isoformat()},
             {"start": (now - timedelta(minutes=1)).isoformat(), "end": (now + timedelta(minutes=1)).isoformat()}]  # fmt: skip
    points = send.read("/micro/timeline", {"buckets": spans}).json["points"]
    assert [(point["validEvents"], point["failedEvents"]) for point in points] == [(0, 0), (2, 1)]
    assert points[1]["bucket"] == spans[1]
    assert send.read("/micro/timeline", {"buckets": [1]}).status == 400


PAGE = {"page": 1, "pageSize": 9, "filters": []}


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("good", {"contexts": 5}, "$.contexts: integer found, array or null expected"),
        ("good", {"contexts": PARENT}, "$.contexts: string found, array or null expected"),
        ("good", {"event_type": ["pv"]}, "$.event_type: array found, string or null expected"),
        ("good", {"schema": 5}, "$.schema: integer found, string or null expected"),
        ("good", {"limit": "1"}, "$.limit: string found, integer or null expected"),
        ("bad", {"vendor": 5}, "$.vendor: integer found, string or null expected"),
        ("events", {"page": 1}, "$.filters: is missing, but required; $.pageSize: is missing, but required"),
        ("events", PAGE | {"page": 0}, "$.page: 0 found, at least 1 expected"),
        ("events", PAGE | {"filters": [5]}, "$.filters[0]: integer found, object expected"),
        ("events", PAGE | {"filters": [{"column": "e", "values": 5}]}, "$.filters[0].values: integer found, array expected"),
        ("events", PAGE | {"validEvents": "x"}, "$.validEvents: string found, boolean or null expected"),
        ("events", PAGE | {"timeRange": "today"}, "$.timeRange: string found, object or null expected"),
        ("events", PAGE | {"sorting": "app_id"}, "$.sorting: string found, object or null expected"),
        ("timeline", {"buckets": 5}, "$.buckets: integer found, array or null expected"),
        ("timeline", {"buckets": [{"start": 1}]}, "$.buckets[0].end: is missing, but required"),
        ("timeline", {"buckets": [{"start": "noon", "end": 1}]}, "invalid start or end of a bucket: Invalid isoformat string: 'noon'"),
        ("timeline", {"buckets": [{"start": 2**63, "end": 1}]}, "$.buckets[0].start: 9223372036854775808 found, at most 9007199254740992 expected"),
    ],
)  # fmt: skip
def test_a_filter_of_another_type_is_rejected_with_the_reason(send, path, body, reason):
    fill(send)
    answer = send.read(f"/micro/{path}", body)
    assert (answer.status, answer.json) == (400, {"error": reason})


def test_filters_that_are_null_or_unknown_have_no_effect(send):
    fill(send)
    for body in (
        {"event_type": None, "schema": None, "contexts": None, "limit": None},
        {"output_format": "x"},
    ):
        assert len(send.read("/micro/good", body).json) == 2
    page = PAGE | {"validEvents": None, "timeRange": None, "sorting": None}
    assert send.read("/micro/events", page).json["totalItems"] == 3


def test_a_schema_is_shown_or_not_found_in_each_registry(send):
    assert (
        send.read("/micro/iglu/com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0").json["self"]["name"]
        == "timing"
    )
    missing = send.read("/micro/iglu/com.acme/x/jsonschema/1-0-0")
    assert missing.status == 404
    assert missing.json["value"]["the built-in registry"]["errors"] == [{"error": "NotFound"}]
    assert send.read("/micro/iglu/com.acme/x/jsonschema/none").status == 404


def test_reset_deletes_everything(send):
    for method in ("GET", "POST"):
        fill(send)
        assert send.read("/micro/reset", None, method).json == {"total": 0, "good": 0, "bad": 0}
        assert send.read("/micro/good").json == []


def test_unknown_paths_name_those_that_exist(send):
    reply = send.read("/micro/nothing")
    assert (reply.status, reply.body[:36]) == (404, b"Path for micro has to be one of: /ev")
    assert send.read("/micro/all", None, "OPTIONS").status == 200


def test_requests_during_a_load_get_responses(send):
    began = time.monotonic()
    for _ in range(20):
        send.post([page_view() for _ in range(50)])
        assert send.read("/micro/all").status == 200
    assert send.collector.counts()["good"] == 1000
    assert time.monotonic() - began < 30
