"""The client: DataFrames, waiting, subscriptions, exports."""

import json
import os
import threading
import warnings

import pandas as pd
import pytest

from nbtrack.collector import LocalCollector
from nbtrack.collector.events.adapters import Request
from nbtrack.collector.events.enrichment import COLUMNS, Source, column_of, enrich
from nbtrack.protocol import CONTEXTS
from tests.support.collector import Sender, page_view, self_describing

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its source, of 2017, has escapes that Python warns about
    from snowplow_analytics_sdk.event_transformer import transform

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
PARENT = "iglu:com.snowplowanalytics.snowplow/parent_event/jsonschema/1-0-0"
GOOD = {"category": "io", "variable": "read\tit", "timing": 3.5}
TIMING_COLUMN = "unstruct_event_com_snowplowanalytics_snowplow_timing_1"
PARENT_COLUMN = "contexts_com_snowplowanalytics_snowplow_parent_event_1"


def entity(number):
    data = [{"schema": PARENT, "data": {"parentEventId": f"3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a{number}"}}]
    return json.dumps({"schema": CONTEXTS, "data": data})


def test_events_are_a_dataframe_with_the_sdks_columns(send):
    when = {"dtm": "1700000000000", "ttm": "1700000000123"}
    send.post(
        [
            page_view(aid="shop", res="800x600", vid="3", cookie="1", **when),
            self_describing(TIMING, GOOD, co=entity(1)),
        ]
    )
    frame = send.collector.events()
    first, second = frame.iloc[0], frame.iloc[1]
    assert (first["app_id"], first["dvce_screenwidth"], first["dvce_screenheight"]) == ("shop", 800, 600)
    assert (first["domain_sessionidx"], bool(first["br_cookies"]), first["event_name"]) == (
        3,
        True,
        "page_view",
    )
    assert (first["page_urlhost"], first["page_urlport"]) == ("acme.com", 80)
    assert first["true_tstamp"] == pd.Timestamp(1700000000123, unit="ms", tz="UTC") == first["derived_tstamp"]
    assert str(frame["collector_tstamp"].dtype).endswith(", UTC]")
    assert second[TIMING_COLUMN] == GOOD
    assert second[PARENT_COLUMN][0]["parentEventId"].endswith("1")
    assert first[TIMING_COLUMN] is None
    order = [name for name in frame.columns if name in COLUMNS]
    assert order == [name for name in COLUMNS if name in order]


def test_events_can_be_chosen(send):
    events = [page_view(aid=str(number)) for number in range(5)]
    send.post([*events, self_describing(TIMING, GOOD)])
    collector = send.collector
    assert list(collector.events(event_id=events[2]["eid"])["app_id"]) == ["2"]
    assert len(collector.events(schema=TIMING)) == 1
    assert len(collector.events(schema="iglu:*/page_view/*")) == 5
    assert len(collector.events(limit=2)) == 2
    assert collector.events(columns=["app_id", "contexts_com_acme_nothing_1"]).columns.tolist() == [
        "app_id",
        "contexts_com_acme_nothing_1",
    ]
    assert collector.events(schema="iglu:com.acme/none/jsonschema/1-0-0").empty
    assert [payload["aid"] for payload in collector.payloads(good=True)[:5]] == list("01234")


@pytest.mark.parametrize(
    ("chosen", "nearest"),
    [
        ({"schema": "com.snowplowanalytics.snowplow/timin/jsonschema/1-0-0"}, TIMING),
        ({"schema": TIMING.replace("timing/", "timings/")}, TIMING),
        ({"name": "timin"}, "timing"),
    ],
)
def test_a_misspelt_schema_is_answered_with_a_near_one(send, chosen, nearest):
    send.post([self_describing(TIMING, {"category": "io", "variable": "read", "timing": 1})])
    with pytest.raises(ValueError, match=f"did you mean {nearest}\\?"):
        send.collector.events(**chosen)
    assert send.collector.events(name="link_click").empty
    assert send.collector.events(schema=TIMING, since="2100-01-01").empty


def test_failed_events_are_a_row_for_each_reason(send):
    send.post([self_describing(TIMING, {"timing": "1"}, aid="x"), page_view()])
    bad = send.collector.bad()
    assert bad["path"].tolist() == ["$.category", "$.timing", "$.variable"]
    assert bad["payload"][0]["aid"] == "x"
    assert send.collector.by_schema().to_dict("records") == [
        {"schema": "iglu:com.snowplowanalytics.snowplow/page_view/jsonschema/1-0-0", "good": 1, "bad": 0},
        {"schema": TIMING, "good": 0, "bad": 1},
    ]


def test_waiting_ends_when_the_events_have_arrived(send):
    timer = threading.Timer(0.2, send.post, [[page_view(), page_view(), self_describing(TIMING, GOOD)]])
    timer.start()
    try:
        assert send.collector.wait_for(2, timeout=10) == 3
        assert send.collector.wait_for(schema=TIMING, timeout=10) == 1
    finally:
        timer.join()


def test_a_timeout_says_what_arrived_instead(send):
    send.post([page_view(), self_describing(TIMING, {})])
    with pytest.raises(
        TimeoutError, match=r"1 of 3 good events arrived; in all 1 good and 1 failed\n.*is missing"
    ):
        send.collector.wait_for(3, timeout=0.1)
    assert send.collector.wait_for(1, bad=1, timeout=5) == 1
    assert send.collector.wait_for(bad=1, timeout=5) == 1


def test_a_subscriber_is_called_after_changes_until_it_unsubscribes(send):
    called = threading.Event()

    def on_change(summary):
        if summary["total"] == 1:
            called.set()

    unsubscribe = send.collector.subscribe(on_change)
    send.post([page_view()])
    assert called.wait(10)
    unsubscribe()


def test_snowplows_analytics_sdk_reads_an_enriched_line(send, tmp_path):
    send.post([page_view(page="tab\there", aid="shop", refr="http://a.b/c?d=e", res="8x6", cookie="1")])
    send.post(
        [
            page_view(e="se", se_ca="a", se_ac="b", se_va="1.5"),
            self_describing(TIMING, GOOD, co=entity(2), dtm="1700000000005"),
        ]
    )
    path = tmp_path / "events.tsv"
    assert send.collector.export(path) == 3
    lines = path.read_text().splitlines()
    assert {line.count("\t") for line in lines} == {130}
    view, struct, timing = map(transform, lines)
    assert (view["app_id"], view["page_title"], view["br_cookies"]) == ("shop", "tab    here", True)
    assert (view["refr_urlhost"], view["dvce_screenwidth"]) == ("a.b", 8)
    assert float(struct["se_value"]) == 1.5
    assert timing[TIMING_COLUMN] == GOOD
    assert timing[PARENT_COLUMN][0]["parentEventId"].endswith("2")
    assert timing["dvce_created_tstamp"] == "2023-11-14T22:13:20.005Z"


@pytest.mark.parametrize(
    "uri",
    ["iglu:com.acme/linkClick/jsonschema/2-0-1", "iglu:com.acme.shop/XMLThing/jsonschema/1-0-0", "iglu:org.w3/PerformanceTiming/jsonschema/1-0-0"],
)  # fmt: skip
def test_columns_are_named_as_the_sdk_names_them(uri):
    payload = self_describing(uri, {})
    line = "\t".join("" for _ in COLUMNS).split("\t")
    line[COLUMNS.index("unstruct_event")] = payload["ue_pr"]
    line[COLUMNS.index("event_id")] = payload["eid"]
    (name,) = [key for key in transform("\t".join(line)) if key.startswith("unstruct_event_")]
    assert column_of(uri, "unstruct_event") == name


def test_events_are_exported_to_parquet_json_and_csv(send, tmp_path):
    pytest.importorskip("pyarrow")
    send.post([page_view(aid="shop"), self_describing(TIMING, GOOD)])
    for name in ("a.parquet", "a.ndjson", "a.csv"):
        assert send.collector.export(tmp_path / name) == 2
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert json.loads(frame[TIMING_COLUMN][1]) == GOOD
    assert frame["app_id"][0] == "shop"
    lines = [json.loads(line) for line in (tmp_path / "a.ndjson").read_text().splitlines()]
    assert lines[1][TIMING_COLUMN] == GOOD
    assert pd.read_csv(tmp_path / "a.csv")["event_name"].tolist() == ["page_view", "timing"]
    with pytest.raises(ValueError, match=r"\.parquet, \.tsv"):
        send.collector.export(tmp_path / "a.xlsx")


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
@pytest.mark.parametrize("ending", ["parquet", "tsv", "ndjson", "csv"])
def test_exported_events_are_readable_by_their_user_only(send, tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    send.post([page_view()])
    path = tmp_path / f"events.{ending}"
    send.collector.export(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_derived_time_is_corrected_by_the_clocks_error():
    request = Request(10_000)
    event = enrich(Source({"e": "pv", "dtm": "1000", "stm": "1400"}, request))
    assert event["derived_tstamp"] == 9_600
    assert enrich(Source({"e": "pv", "ttm": "7", "dtm": "1", "stm": "2"}, request))["derived_tstamp"] == 7
    assert enrich(Source({"e": "pv"}, request))["derived_tstamp"] == 10_000


def test_an_event_without_an_id_always_gets_the_same_one(send):
    send.post([{"e": "pv", "p": "web", "tv": "1"}])
    first = send.collector.events()["event_id"][0]
    assert first == send.collector.events()["event_id"][0]


def test_a_database_in_memory_or_in_a_given_file(tmp_path):
    with LocalCollector(db="memory") as collector:
        Sender(collector).post([page_view()])
        assert len(collector.events()) == 1
    path = tmp_path / "mine.sqlite"
    for expected in (1, 2):
        with LocalCollector(db=path) as collector:
            Sender(collector).post([page_view()])
            assert collector.counts()["good"] == expected
