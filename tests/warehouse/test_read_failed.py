"""Bad rows of every kind, and lines of the failed stream: one row for each event, with its payload where there is one."""

import bz2
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.bulk import MissingFileError, SourceError
from nbtrack.collector import LocalCollector
from nbtrack.common.payload_json import decode_fields
from nbtrack.protocol import ENRICHED_COLUMNS
from nbtrack.schemas import Registry
from nbtrack.tracker import Emitter, SelfDescribing, SelfDescribingJson, StructuredEvent, Subject, Tracker
from nbtrack.warehouse import FailedEvent, FailedEvents
from nbtrack.warehouse.thrift import read_thrift
from tests.support.bad_rows import (
    EVENT_ID,
    RAW,
    SCHEMA,
    bad_row,
    collector_payload,
    parameters,
    schema_violation,
    thrift,
)
from tests.support.tools import require

THRIFT = (
    "CwBkAAAACzIwMy4wLjExMy43CgDIAAABnKjh22ALANIAAAAFVVRGLTgLANwAAAARc3NjLTMuNC4wLWtpbmVzaXMLASwAAAAIY3VybC84LjALAUAAAAACL2kL"
    "AUoAAAA5ZT1wdiZwPXdlYiZ0dj1weS0xJnVybD1odHRwcyUzQSUyRiUyRmEuZXhhbXBsZSUyRiUzRnglM0QxDwFeCwAAAAEAAAAPSG9zdDogYy5leGFtcGxl"
    "CwGQAAAACWMuZXhhbXBsZQsBmgAAACQyYjZhZDJjNi0wZDNmLTRmMGUtOGY0ZS0wZjNkMmExYjRjNWQLemkAAABBaWdsdTpjb20uc25vd3Bsb3dhbmFseXRp"
    "Y3Muc25vd3Bsb3cvQ29sbGVjdG9yUGF5bG9hZC90aHJpZnQvMS0wLTAA"
)


def read(folder: Path, *rows: Any) -> FailedEvents:
    path = folder / "failed.ndjson"
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return nbtrack.read_failed(path)


def one(folder: Path, row: Any) -> FailedEvent:
    [event] = read(folder, row)
    return event


@pytest.mark.parametrize("version", ["1-0-0", "2-0-0", "2-0-1"])
def test_a_schema_violation_comes_back_whole(tmp_path: Path, version: str) -> None:
    event = one(tmp_path, schema_violation(parameters(n="x"), version=version))
    assert (event.kind, event.version, event.recoverable, event.event_name) == (
        "schema_violations",
        version,
        "yes",
        "thing",
    )
    [reason] = event.reasons
    assert (reason.reason, reason.schema) == ("$.n: string found, integer expected", SCHEMA)
    assert (reason.field, reason.value) == ("$.n", "x")
    assert event.payload == {
        "e": "ue", "p": "web", "tv": "js-3.0.0", "eid": EVENT_ID, "dtm": "1772359872345",
        "ue_pr": decode_fields(parameters(n="x"))["ue_px"],
        "ip": "203.0.113.7", "ua": "UA/1", "tnuid": RAW["userId"], "ttm": "1772359882000",
    }  # fmt: skip


def test_an_anonymous_event_stays_anonymous(tmp_path: Path) -> None:
    row = schema_violation(parameters(n="x"))
    row["data"]["payload"]["raw"] |= {
        "ipAddress": "unknown",
        "userId": "00000000-0000-0000-0000-000000000000",
    }
    payload = one(tmp_path, row).payload or {}
    assert not payload.keys() & {"ip", "ua", "url", "tnuid"}


def test_a_request_becomes_all_its_events(tmp_path: Path) -> None:
    first, second = (
        {"e": "pv", "p": "web", "tv": "x", "vid": 3, "cookie": True},
        {"e": "pp", "p": "web", "tv": "x"},
    )
    body = json.dumps(
        {
            "schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
            "data": [first, second],
        }
    )
    failure = {
        "timestamp": "2026-03-01T10:11:41.000Z", "vendor": "com.snowplowanalytics.snowplow", "version": "tp2",
        "messages": [{"schemaKey": "iglu:x/y/jsonschema/1-0-0", "error": {"error": "ValidationError", "dataReports": []}}],
    }  # fmt: skip
    row = bad_row("tracker_protocol_violations", "1-0-1", failure, collector_payload(body, {"aid": "shop"}))
    events = read(tmp_path, row)
    assert [event.part for event in events] == [0, 1]
    assert [event.recoverable for event in events] == ["yes", "yes"]
    payloads = [event.payload or {} for event in events]
    assert [payload["aid"] for payload in payloads] == ["shop", "shop"]
    assert (payloads[0]["vid"], payloads[0]["cookie"]) == ("3", "1")
    assert len({payload["eid"] for payload in payloads}) == 2
    assert [event.event_id for event in read(tmp_path, row)] == [payload["eid"] for payload in payloads]
    cut = bad_row("tracker_protocol_violations", "1-0-1", failure, collector_payload('{"a'))
    event = one(tmp_path, cut)
    assert (event.recoverable, event.payload) == ("no", None)
    assert '{\\"a' in event.raw


def test_a_request_in_thrift_is_decoded(tmp_path: Path) -> None:
    failure = {"timestamp": "2026-03-01T10:11:41.000Z", "loader": "clj", "message": {"error": "wrong path"}}
    event = one(tmp_path, bad_row("collector_payload_format_violation", "1-0-0", failure, THRIFT))
    expected = {
        "e": "pv", "p": "web", "tv": "py-1", "url": "https://a.example/?x=1", "ip": "203.0.113.7", "ua": "curl/8.0",
        "tnuid": RAW["userId"], "ttm": "1772359900000",
    }  # fmt: skip
    assert {name: value for name, value in (event.payload or {}).items() if name != "eid"} == expected
    assert event.reasons[0].reason == "wrong path"
    assert (
        one(
            tmp_path, bad_row("collector_payload_format_violation", "1-0-0", failure, "no thrift")
        ).recoverable
        == "no"
    )


@given(
    st.text(max_size=20),
    st.dictionaries(st.sampled_from(["aid", "p", "tna"]), st.text(min_size=1), max_size=3),
)
def test_any_request_in_thrift_is_read(agent: str, query: dict[str, str]) -> None:

    members = {
        "path": "/i",
        "timestamp": 5,
        "useragent": agent,
        "querystring": urlencode(query),
        "headers": ["a", agent],
    }
    assert read_thrift(thrift(members)) == members
    assert read_thrift(thrift(members)[:-8]) is None


def line(**columns: str) -> str:
    return "\t".join(columns.get(name, "") for name in ENRICHED_COLUMNS)


ENRICHED = {
    "app_id": "shop", "platform": "web", "collector_tstamp": "2026-03-01 10:11:40.000", "event": "struct",
    "event_id": EVENT_ID, "v_tracker": "js-3", "v_collector": "c", "v_etl": "e", "se_category": "a", "se_value": "1E-7",
    "dvce_created_tstamp": "2026-03-01 10:11:12.345", "dvce_sent_tstamp": "2026-03-01 10:11:30.345",
    "derived_tstamp": "2026-03-01 10:11:22.000", "dvce_screenwidth": "1920", "dvce_screenheight": "1080",
    "br_cookies": "1", "geo_country": "DE",
}  # fmt: skip
PAYLOAD = {
    "aid": "shop", "p": "web", "e": "se", "eid": EVENT_ID, "tv": "js-3", "se_ca": "a", "se_va": "0.0000001",
    "dtm": "1772359872345", "ttm": "1772359882000", "res": "1920x1080", "cookie": "1",
}  # fmt: skip


def test_rows_of_loaders_hold_enriched_events(tmp_path: Path) -> None:
    typed = ENRICHED | {
        "br_cookies": True,
        "dvce_screenwidth": 1920,
        "se_value": 1e-07,
        "unstruct_event": None,
        "contexts": {},
    }
    rows = [
        bad_row("loader_parsing_error", "2-0-0", {"type": "RowDecodingError", "errors": [
            {"type": "InvalidValue", "key": "br_cookies", "value": "2", "message": "not a bool"}]}, line(**ENRICHED)),
        bad_row("loader_iglu_error", "2-0-1", [{"schemaKey": SCHEMA, "error": {"error": "ResolutionError"}}], typed),
        bad_row("loader_runtime_error", "1-0-1", "boom", typed),
        bad_row("relay_failure", "1-0-0", {"timestamp": "2026-03-01T10:11:41Z", "message": {"messageText": "no"}},
                {"eventStruct": typed}),
        {"schema": "iglu:com.snowplowanalytics.snowplow.badrows/snowflake_error/jsonschema/1-0-0",
         "data": {"enrichedEvent": typed, "failures": [{"valueError": {"value": "x", "column": "c", "message": "bad"}}]}},
        {"schema": "iglu:com.snowplowanalytics.snowplow.badrows/loader_runtime_error/jsonschema/1-0-0",
         "data": {"event": typed, "error": "boom"}},
    ]  # fmt: skip
    for row in rows:
        event = one(tmp_path, row)
        assert event.payload == PAYLOAD, event.kind
        assert event.recoverable == "yes"
        assert event.reasons, event.kind
    reasons = [one(tmp_path, row).reasons[0] for row in rows]
    assert [reason.reason for reason in reasons] == [
        "not a bool",
        "schema not found",
        "boom",
        "no",
        "bad",
        "boom",
    ]
    short = one(
        tmp_path,
        bad_row("loader_parsing_error", "2-0-0", {"type": "FieldNumberMismatch", "fieldCount": 3}, "a\tb\tc"),
    )
    assert (short.recoverable, short.why_not) == ("no", "3 fields, 131 expected")
    assert short.reasons[0].reason == "3 fields, 131 expected"


def test_what_cannot_be_recovered_is_said(tmp_path: Path) -> None:
    size = {
        "timestamp": "2026-03-01T10:11:41Z", "maximumAllowedSizeBytes": 1_000_000, "actualSizeBytes": 1_200_345, "expectation": "x",
    }  # fmt: skip
    event = one(tmp_path, bad_row("size_violation", "1-0-0", size, line(**ENRICHED)[:300]))
    assert (event.recoverable, event.event_id, event.app_id) == ("no", EVENT_ID, "shop")
    assert event.reasons[0].reason == "1,200,345 bytes, at most 1,000,000"
    inner = schema_violation(parameters(n="x"))
    recovery = bad_row(
        "recovery_error", "1-0-1", {"error": "no such path", "configName": "c"}, inner, recoveries=1
    )
    event = one(tmp_path, recovery)
    assert (event.kind, event.recoveries, event.recoverable) == ("schema_violations", 1, "yes")
    assert [reason.reason for reason in event.reasons][1] == "recovery failed: no such path"
    event = one(tmp_path, bad_row("brand_new_kind", "1-0-0", {}, {}))
    assert (event.kind, event.recoverable) == ("brand_new_kind", "no")
    assert (
        one(tmp_path, bad_row("generic_error", "1-0-0", {"errors": ["boom"]}, "text")).reasons[0].reason
        == "boom"
    )
    assert (
        "in the warehouse already"
        in one(tmp_path, bad_row("event_forwarding_error", "1-0-0", {}, "x")).why_not
    )
    assert one(tmp_path, {"line": "x", "errors": []}).kind == "batch_era"
    assert one(tmp_path, bad_row("schema_violations", "2-0-1", {}, {"odd": 1})).why_not.startswith(
        "not as its schema says"
    )


def envelope(*entities: dict[str, Any]) -> str:
    return json.dumps(
        {"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1", "data": list(entities)}
    )


def failure(type_: str, source: str, schema: str | None, data: Any, **error: Any) -> dict[str, Any]:
    entity = {
        "failureType": type_, "errors": [{"message": "wrong", "source": source, **error}], "schema": schema, "data": data,
        "timestamp": "2026-03-01T10:11:41.000Z", "componentName": "enrich", "componentVersion": "6.10.0",
    }  # fmt: skip
    return {"schema": "iglu:com.snowplowanalytics.snowplow/failure/jsonschema/1-0-0", "data": entity}


def test_a_line_of_the_failed_stream_is_restored(tmp_path: Path) -> None:
    atomic = "iglu:com.snowplowanalytics.snowplow/atomic/jsonschema/1-0-0"
    good = {"schema": "iglu:com.acme/user/jsonschema/1-0-0", "data": {"id": 1}}
    text = line(
        app_id="shop", platform="web", event="unstruct", event_id=EVENT_ID, v_tracker="js-3",
        collector_tstamp="2026-03-01 10:11:40.000", derived_tstamp="2026-03-01 10:11:22.000", contexts=envelope(good),
        derived_contexts=envelope(
            failure("ValidationError", "unstruct", SCHEMA, {"n": "x"}, path="$.n", keyword="type", targets=["integer"]),
            failure("ResolutionError", "contexts", "iglu:com.acme/b/jsonschema/1-0-0", {"c": 2}, lookupHistory=[]),
            failure("ValidationError", "atomic_field", atomic, {"dtm": "soon"}, path="dtm", keyword="atomic", targets=[]),
        ),
    )  # fmt: skip
    event = one(tmp_path, text)
    assert (event.kind, event.recoverable) == ("failed_event", "yes")
    assert [(reason.schema, reason.field, reason.value) for reason in event.reasons] == [
        (SCHEMA, "$.n", "x"), ("iglu:com.acme/b/jsonschema/1-0-0", None, None), (atomic, "dtm", "soon"),
    ]  # fmt: skip
    payload = event.payload or {}
    assert payload["ue_pr"]["data"] == {"schema": SCHEMA, "data": {"n": "x"}}
    assert payload["co"]["data"] == [good, {"schema": "iglu:com.acme/b/jsonschema/1-0-0", "data": {"c": 2}}]
    assert (payload["dtm"], payload["e"], payload["ttm"]) == ("soon", "ue", "1772359882000")
    row = schema_violation(parameters(n="x"))
    [merged] = read(tmp_path, text, row)
    assert (merged.kind, len(merged.reasons)) == ("schema_violations", 3)


def test_a_time_that_failed_still_fails_when_it_is_tried_again(tmp_path: Path) -> None:
    atomic = "iglu:com.snowplowanalytics.snowplow/atomic/jsonschema/1-0-0"
    text = line(
        app_id="shop", platform="web", event="page_view", event_id=EVENT_ID, v_tracker="js-3", page_url="https://acme.com",
        collector_tstamp="2026-03-01 10:11:40.000", derived_tstamp="2026-03-01 10:11:22.000",
        derived_contexts=envelope(failure("ValidationError", "atomic_field", atomic, {"dtm": "soon"}, path="dtm")),
    )  # fmt: skip
    report = read(tmp_path, text).repair({}).replay(collector="http://127.0.0.1:9", dry_run=True)
    assert (report.sent, report.skipped) == (0, 1)
    assert "dtm" in report.errors["reason"][0] or "dvce_created_tstamp" in report.errors["reason"][0]


def test_entities_in_the_json_of_an_sdk_come_back_where_their_schema_is_known(tmp_path: Path) -> None:
    document = {
        "event_id": EVENT_ID, "app_id": "shop", "platform": "web", "event": "page_view", "page_url": "https://acme.com",
        "v_tracker": "js-3", "collector_tstamp": "2026-03-01T10:11:40.000Z",
        "contexts_com_snowplowanalytics_snowplow_web_page_1": [{"_schema_version": "1-0-0", "id": EVENT_ID}],
        "contexts_com_snowplowanalytics_snowplow_failure_1": [{"failure_type": "ValidationError", "errors": [{"message": "wrong"}]}],
    }  # fmt: skip
    event = one(tmp_path, json.dumps(document))
    assert (event.payload or {})["co"]["data"] == [
        {"schema": "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0", "data": {"id": EVENT_ID}}
    ]
    assert event.lost == []
    event = one(tmp_path, json.dumps(document | {"contexts_com_acme_secret_3": [{"a": 1}]}))
    assert event.recoverable == "partly"
    assert event.lost == ["contexts_com_acme_secret_3"]


def test_lines_that_are_no_events_are_counted_and_named(tmp_path: Path) -> None:
    failed = read(tmp_path, schema_violation(parameters(n="x")), "", "{oops", "a\tb", "null and void")
    assert len(failed) == 1
    assert [(bad.line, bad.reason.partition(":")[0]) for bad in failed.bad_lines] == [
        (3, "not valid JSON"), (4, "2 fields, 131 expected"), (5, "1 fields, 131 expected"),
    ]  # fmt: skip
    assert "3 lines could not be read, such as" in str(failed)


def test_files_are_unpacked_by_their_first_bytes_and_folders_are_read_whole(tmp_path: Path) -> None:
    rows = [
        json.dumps(schema_violation(parameters(n=str(n)) | {"eid": f"{n:08x}{EVENT_ID[8:]}"})).encode()
        for n in range(4)
    ]
    folder = tmp_path / "partitioned" / "com.snowplowanalytics.snowplow.badrows.schema_violations" / "2026"
    folder.mkdir(parents=True)
    (folder / "a.gz").write_bytes(gzip.compress(rows[0]) + gzip.compress(b"\n" + rows[1]))
    (folder / "b.txt").write_bytes(bz2.compress(rows[2]))
    (folder / "c").write_bytes(rows[3])
    for source in (
        tmp_path / "partitioned",
        str(tmp_path / "**" / "*"),
        [folder / "a.gz", folder / "b.txt", folder / "c"],
    ):
        assert len(nbtrack.read_failed(source)) == 4
    with pytest.raises(MissingFileError, match="no such file"):
        nbtrack.read_failed(tmp_path / "none-*.gz")
    with pytest.raises(SourceError, match="cannot read int; pass the path of files, or a list of paths"):
        nbtrack.read_failed(3)


def test_addresses_and_cookies_are_in_no_summary(tmp_path: Path) -> None:
    row = schema_violation(parameters(n="x"))
    report = row["data"]["failure"]["messages"][0]["error"]["dataReports"][0]
    report |= {"path": "$.ip", "message": "too long"}
    row["data"]["failure"]["messages"][0]["schemaKey"] = (
        "iglu:com.snowplowanalytics.snowplow/atomic/jsonschema/1-0-0"
    )
    row["data"]["payload"]["raw"]["parameters"].append({"name": "ip", "value": "203.0.113.7"})
    failed = read(tmp_path, row)
    shown = f"{failed}{failed._repr_html_()}{failed.summary().to_string()}{failed[0]}"
    assert failed[0].reasons[0].value == "203.0.113.7"
    assert "203.0.113.7" not in f"{failed}{failed._repr_html_()}{failed.summary().to_string()}"
    assert "Cookie" not in shown
    failed.write(tmp_path / "failed.parquet")
    assert (tmp_path / "failed.parquet").stat().st_mode & 0o077 == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def collector_and_tracker() -> Iterator[tuple[LocalCollector, Tracker]]:
    with LocalCollector() as collector:
        yield collector, Tracker("ns", Emitter(collector.url), app_id="app")


given_events = st.lists(
    st.tuples(st.dictionaries(st.text(min_size=1, max_size=5), json_values, max_size=3), st.text(max_size=8)),
    min_size=1,
    max_size=5,
)


@pytest.mark.filterwarnings("ignore::nbtrack.tracker.InvalidEventWarning")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_events)
def test_what_a_tracker_sent_comes_back_from_a_collector_as_it_was(
    collector_and_tracker: tuple[LocalCollector, Tracker], events: list[tuple[dict[str, Any], str]]
) -> None:
    collector, tracker = collector_and_tracker
    collector.reset()
    for data, user in events:
        unknown = SelfDescribingJson("iglu:com.acme/unknown/jsonschema/1-0-0", data)
        subject = Subject().set_user_id(user or "u").set_ip_address("203.0.113.9")
        tracker.track(SelfDescribing(unknown, context=[unknown], event_subject=subject))
        tracker.track(StructuredEvent("a" * 1_001, "b", event_subject=subject))
    tracker.flush()
    sent = collector.payloads(good=False)
    failed = collector.failed()
    assert len(failed) == len(sent) == 2 * len(events)
    for event, payload in zip(failed, sent, strict=True):
        decoded = decode_fields(payload)
        decoded = {
            "ue_pr" if key == "ue_px" else "co" if key == "cx" else key: value
            for key, value in decoded.items()
        }
        decoded.pop("stm", None)
        assert event.payload is not None
        assert {key: event.payload[key] for key in decoded} == decoded
        assert event.payload.keys() - decoded.keys() <= {"ttm", "ua", "tnuid", "url"}


@pytest.mark.iglu
def test_the_bad_rows_of_these_tests_follow_the_official_schemas() -> None:
    central = Registry([require("iglu")], builtin=False)
    violation = parameters(n="x")
    message = {"error": "wrong path"}
    rows = [
        schema_violation(violation, version="2-0-1"),
        schema_violation(violation, version="1-0-0"),
        bad_row("collector_payload_format_violation", "1-0-0", {
            "timestamp": "2026-03-01T10:11:41.000Z", "loader": "clj-tomcat", "message": message}, THRIFT),
        bad_row("size_violation", "1-0-0", {
            "timestamp": "2026-03-01T10:11:41Z", "maximumAllowedSizeBytes": 1, "actualSizeBytes": 2, "expectation": "x"}, "a"),
        bad_row("tracker_protocol_violations", "1-0-1", {
            "timestamp": "2026-03-01T10:11:41.000Z", "vendor": "v", "version": "tp2", "messages": [
                {"field": "body", "value": "x", "error": "invalid json"}]}, collector_payload("{")),
        bad_row("generic_error", "1-0-0", {"timestamp": "2026-03-01T10:11:41.000Z", "errors": ["boom"]}, "text"),
    ]  # fmt: skip
    for row in rows:
        faults = [str(fault) for fault in central.faults(row["schema"], row["data"])]
        assert faults == [], (row["schema"], faults)
