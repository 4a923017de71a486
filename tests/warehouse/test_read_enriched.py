"""Enriched events: typed, streamed, and the same as the analytics SDK reads them."""

import gzip
import json
import os
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack import backfill, col
from nbtrack.bulk import MissingFileError, SourceError
from nbtrack.collector import LocalCollector
from nbtrack.protocol import ENRICHED_COLUMNS
from nbtrack.schemas import Registry
from nbtrack.tracker import Emitter, PageView, SelfDescribingJson, StructuredEvent, Tracker
from nbtrack.warehouse import EnrichedEvents
from tests.support.backfills import check_accounts
from tests.support.enriched import CONTEXTS, EVENT_ID, UNSTRUCT, envelope, line, web_event

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # escapes in its patterns
    from snowplow_analytics_sdk.event_transformer import transform


def write(folder: Path, *lines: str, name: str = "events.tsv") -> Path:
    path = folder / name
    path.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    return path


def test_cells_have_their_types(tmp_path: Path) -> None:
    text = line(
        dvce_created_tstamp="2026-03-01 10:11:12.345", geo_latitude="1.0E-4", se_value="1E-7", tr_total="12.50", br_cookies="1",
        page_title='He said "hi"', etl_tstamp="2026-03-01 10:11:12",
    )  # fmt: skip
    events = nbtrack.read_enriched(write(tmp_path, text))
    [row] = events.to_arrow().to_pylist()
    expected = {
        "dvce_created_tstamp": datetime(2026, 3, 1, 10, 11, 12, 345_000, UTC), "etl_tstamp": datetime(2026, 3, 1, 10, 11, 12, tzinfo=UTC),
        "collector_tstamp": datetime(2026, 3, 1, 10, 11, 40, tzinfo=UTC), "geo_latitude": 0.0001, "se_value": Decimal("1E-7"),
        "tr_total": Decimal("12.50"), "br_cookies": True, "page_title": 'He said "hi"', "event_id": EVENT_ID, "event": "struct",
        "v_collector": "c", "v_etl": "e",
    }  # fmt: skip
    assert row == dict.fromkeys(ENRICHED_COLUMNS) | expected
    assert events.report.ok
    assert events.report.rows == 1
    frame = events.to_pandas()
    assert str(frame["dvce_screenwidth"].dtype) == "Int64"
    assert str(frame["br_cookies"].dtype) == "boolean"


def test_bad_lines_and_cells_are_reported_and_cost_nothing_else(tmp_path: Path) -> None:
    lines = [
        line(),
        "\t".join(["x"] * 130),
        "",
        line(br_cookies="2", se_value="1" * 40, txn_id="x", etl_tstamp="soon"),
    ]
    for name in ("events.tsv", "packed"):
        path = write(tmp_path, *lines, name=name)
        if name == "packed":
            path.write_bytes(gzip.compress(path.read_bytes()))
        events = nbtrack.read_enriched(path)
        table = events.to_arrow()
        assert table.num_rows == 2
        assert events.report.bad_lines == [(str(path), 2, "130 fields, 131 expected")]
        assert events.report.bad_cells == {"br_cookies": 1, "se_value": 1, "txn_id": 1, "etl_tstamp": 1}
        assert table["br_cookies"].to_pylist() == [None, None]
        assert "1 line could not be read, such as" in str(events.report)


def test_text_that_is_not_utf_8_costs_its_bytes_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    path.write_bytes(
        line(page_title="a\ufffe").encode().replace("\ufffe".encode(), b"\xff") + b"\n" + line().encode()
    )
    assert nbtrack.read_enriched(path).to_arrow()["page_title"].to_pylist() == ["a\ufffd", None]


def test_a_bad_line_that_is_not_utf_8_costs_itself_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.tsv"
    path.write_bytes(b"\n".join([line(page_title="a").encode(), b"cut \xff\tshort", line().encode()]))
    events = nbtrack.read_enriched(path)
    assert events.to_arrow()["page_title"].to_pylist() == ["a", None]
    assert events.report.bad_lines == [(str(path), 2, "2 fields, 131 expected")]
    assert not capsys.readouterr().err


def test_the_rows_of_a_loaders_table_are_read_as_json_lines_and_its_files_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "event_id": ["6f1c7e0e-1111-4222-8333-444455551b10"],
            "collector_tstamp": [pd.Timestamp("2026-03-01T10:11:40.123Z")],
            "br_cookies": [True],
        }
    )
    frame.to_json(tmp_path / "events.jsonl", orient="records", lines=True, date_format="iso")
    [row] = nbtrack.read_enriched(tmp_path / "events.jsonl").to_arrow().to_pylist()
    assert row["collector_tstamp"] == frame["collector_tstamp"][0]
    assert row["br_cookies"] is True
    frame.to_parquet(tmp_path / "part.parquet")
    for read in (lambda path: nbtrack.read_enriched(path).to_arrow(), nbtrack.read_failed):
        with pytest.raises(SourceError, match=r"part\.parquet, a Parquet file: tables that loaders write"):
            read(tmp_path / "part.parquet")


def registry() -> Registry:
    known = Registry()
    for name, version, properties in (
        ("user", "1-0-2", {"id": {"type": "integer"}}),
        (
            "user",
            "1-0-3",
            {"id": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
        ),
        (
            "linkClick",
            "2-0-1",
            {"targetUrl": {"type": "string"}, "price": {"type": ["number", "null"]}, "any": {}},
        ),
    ):
        known.register(
            {
                "self": {"vendor": "com.acme", "name": name, "format": "jsonschema", "version": version},
                "type": "object",
                "properties": properties,
            }
        )
    return known


def test_entities_of_trackers_and_pipelines_are_one_list_with_their_versions(tmp_path: Path) -> None:
    user = "iglu:com.acme/user/jsonschema/1-0-"
    click = {
        "schema": "iglu:com.acme/linkClick/jsonschema/2-0-1",
        "data": {"targetUrl": "https://a.example", "any": [1]},
    }
    texts = {
        "contexts": envelope(CONTEXTS, [{"schema": f"{user}2", "data": {"id": 1}}]),
        "derived_contexts": envelope(CONTEXTS, [{"schema": f"{user}3", "data": {"id": 2, "tags": ["a"]}}]),
        "unstruct_event": envelope(UNSTRUCT, click),
    }
    events = nbtrack.read_enriched(write(tmp_path, line(**texts), line()), schemas=True, registry=registry())
    first, second = events.to_arrow().to_pylist()
    assert first["contexts_com_acme_user_1"] == [
        {"_schema_version": "1-0-2", "id": 1, "tags": None}, {"_schema_version": "1-0-3", "id": 2, "tags": ["a"]},
    ]  # fmt: skip
    assert first["unstruct_event_com_acme_link_click_2"] == {
        "targetUrl": "https://a.example",
        "price": None,
        "any": "[1]",
    }
    assert (second["contexts_com_acme_user_1"], second["unstruct_event_com_acme_link_click_2"]) == (
        None,
        None,
    )
    assert not {"contexts", "unstruct_event", "derived_contexts"} & set(events.schema.names)
    one = nbtrack.read_enriched(
        write(tmp_path, line(**texts)), columns=["contexts_com_acme_user_1", "event_id"]
    )
    assert one.schema.names == ["contexts_com_acme_user_1", "event_id"]
    assert one.schema.field(0).type == pa.list_(pa.string())
    assert json.loads(one.to_arrow()["contexts_com_acme_user_1"].to_pylist()[0][1]) == {
        "_schema_version": "1-0-3", "id": 2, "tags": ["a"],
    }  # fmt: skip


def test_columns_are_chosen_and_named(tmp_path: Path) -> None:
    path = write(tmp_path, line(refr_dvce_tstamp="2026-03-01 10:11:12.345"))
    events = nbtrack.read_enriched(path, columns=["refr_device_tstamp", "event_id"])
    assert events.schema.names == ["refr_dvce_tstamp", "event_id"]
    with pytest.raises(ValueError, match="no such column: 'evnt_id'; did you mean 'event_id'"):
        nbtrack.read_enriched(path, columns=["evnt_id"])
    with pytest.raises(MissingFileError):
        nbtrack.read_enriched(tmp_path / "none.tsv")
    assert nbtrack.read_enriched(write(tmp_path, name="empty")).to_arrow().num_rows == 0


def test_events_go_on_to_polars_duckdb_parquet_and_backfill(tmp_path: Path) -> None:
    events = nbtrack.read_enriched(write(tmp_path, line(), line(app_id="b")), columns=["event_id", "app_id"])
    assert events.to_polars().height == 2
    relation = events.to_duckdb()
    assert relation.aggregate("count(app_id)").fetchall() == [(1,)]
    assert events.write(tmp_path / "events.parquet") == 2
    assert pq.read_table(tmp_path / "events.parquet").num_rows == 2
    assert (tmp_path / "events.parquet").stat().st_mode & 0o077 == 0
    assert backfill(events, StructuredEvent("a", "b", label=col("app_id")), dry_run=True).rows == 2


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - written as UTC
CELLS: dict[str, st.SearchStrategy[str]] = {
    "string": texts,
    "uuid": st.uuids().map(str),
    "timestamp": times.map(lambda time: f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d}"),
    "integer": st.integers(-(2**31), 2**31 - 1).map(str),
    "flag": st.sampled_from("01"),
    "number": st.floats(-180, 180, width=32).map(repr),
    "decimal": st.decimals(-(10**12), 10**12, places=3, allow_nan=False).map(str),
}
json_values = (
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | texts | st.lists(st.integers(0, 9), max_size=2)
)
data = st.dictionaries(st.text("abcXYZ", min_size=1, max_size=4), json_values, max_size=3)
names = st.sampled_from(["user", "linkClick", "URLPath", "a_b"])
documents = st.builds(
    lambda vendor, name, version, value: {"schema": f"iglu:{vendor}/{name}/jsonschema/{version}", "data": value},
    st.sampled_from(["com.acme", "org.x.y"]), names, st.sampled_from(["1-0-0", "1-2-3", "2-0-0"]), data,
)  # fmt: skip


@st.composite
def enriched(draw: st.DrawFn) -> str:
    cells = {
        name: draw(CELLS[type_])
        for name, type_ in ENRICHED_COLUMNS.items()
        if type_ != "json" and draw(st.booleans())
    }
    cells |= {"event_id": draw(CELLS["uuid"]), "collector_tstamp": draw(CELLS["timestamp"])}
    if draw(st.booleans()):
        cells["unstruct_event"] = envelope(UNSTRUCT, draw(documents))
    if entities := draw(st.lists(documents, max_size=3)):
        cells["contexts"] = envelope(CONTEXTS, entities)
    return "\t".join(cells.get(name, "") for name in ENRICHED_COLUMNS)


def as_sdk(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return a row as the SDK has it.

    What differs on purpose: its name of one column, times as text, decimals as floats (of `se_value` as text), the position
    as one text, and entities without their versions.
    """
    shown: dict[str, Any] = {}
    for name in names:
        value = row[name]
        if value is None:
            continue
        if isinstance(value, datetime):
            value = f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
        if isinstance(value, Decimal) and name != "se_value":
            value = float(value)
        if name.startswith("contexts_"):
            value = [
                {key: part for key, part in json.loads(item).items() if key != "_schema_version"}
                for item in value
            ]
        if name.startswith("unstruct_event_"):
            value = json.loads(value)
        shown["refr_device_tstamp" if name == "refr_dvce_tstamp" else name] = value
    return shown


@settings(max_examples=200 if os.environ.get("NBTRACK_LONG") else 50, deadline=None)
@given(st.lists(enriched(), min_size=1, max_size=4))
def test_each_field_is_the_one_of_the_analytics_sdk(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = write(tmp_path_factory.mktemp("events"), *lines)
    events = nbtrack.read_enriched(path, schemas=True)
    rows = events.to_arrow().to_pylist()
    assert events.report.ok
    for row, text in zip(rows, lines, strict=True):
        expected = transform(text)
        expected.pop("geo_location", None)
        if "se_value" in expected:
            expected["se_value"] = Decimal(expected["se_value"])
        assert as_sdk(row, events.schema.names) == expected
    as_json = write(path.parent, *(json.dumps(transform(text)) for text in lines), name="events.json")
    flat = [name for name, type_ in ENRICHED_COLUMNS.items() if type_ != "json"]
    again = nbtrack.read_enriched(as_json, columns=flat)
    assert again.to_arrow().to_pylist() == [{name: row[name] for name in flat} for row in rows]
    assert again.report.ok


def many(folder: Path, count: int) -> Path:
    return write(folder, *[web_event()] * count)


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    path = many(tmp_path, 60_000)
    events = nbtrack.read_enriched(path)
    sizes = []
    for batch in events.batches():
        sizes.append(batch.nbytes)
        assert pa.total_allocated_bytes() < 250_000_000
    assert len(sizes) > 2


def test_the_events_of_a_collector_are_the_same_in_its_export(tmp_path: Path) -> None:
    with LocalCollector() as collector:
        tracker = Tracker("ns", Emitter(collector.url), app_id="app")
        entity = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0", {"id": EVENT_ID}
        )
        tracker.track(PageView("https://acme.com/a?utm_source=x", "A title", context=[entity]))
        tracker.track(StructuredEvent("a", "b", value=1e-7))
        tracker.flush()
        collector.export(tmp_path / "events.tsv")
        collector.export(tmp_path / "events.ndjson")
        frame = collector.events()
    events: EnrichedEvents = nbtrack.read_enriched(tmp_path / "events.tsv", schemas=True)
    read = events.to_pandas()
    assert events.report.ok
    assert read["contexts_com_snowplowanalytics_snowplow_web_page_1"][0][0]["id"] == EVENT_ID
    for name in set(frame.columns) & set(ENRICHED_COLUMNS):
        ours, theirs = read[name], frame[name]
        if name == "se_value":
            ours = ours.astype("Float64")
        assert [value for value in ours if value is not None] == [
            value for value in theirs if value is not None
        ] or (ours.isna().equals(theirs.isna()) and ours.dropna().tolist() == theirs.dropna().tolist()), name
    flat = nbtrack.read_enriched(
        tmp_path / "events.ndjson", columns=["event_id", "collector_tstamp", "se_value"]
    )
    assert flat.to_arrow().num_rows == 2
    assert flat.report.ok


def test_good_events_go_to_another_pipeline_only_if_asked_for(tmp_path: Path) -> None:
    text = line(
        app_id="shop", platform="web", v_tracker="js-3", se_category="a", se_action="b", se_value="1E-7",
        dvce_created_tstamp="2026-03-01 10:11:12.345", dvce_sent_tstamp="2026-03-01 10:11:30.345",
        derived_tstamp="2026-03-01 10:11:22.000", dvce_screenwidth="1920", dvce_screenheight="1080", br_cookies="1",
        geo_country="DE", user_ipaddress="203.0.113.7",
    )  # fmt: skip
    path = write(tmp_path, text, line(event_id=EVENT_ID.replace("c6", "d6")))
    events = nbtrack.read_enriched(path)
    with pytest.raises(
        ValueError, match="these events are good, and the pipeline that they came from would have each twice"
    ):
        events.replay("http://127.0.0.1:9")
    with LocalCollector() as collector:
        report = events.replay(collector, force=True, known=[EVENT_ID.replace("c6", "d6")])
        check_accounts(report)
        assert (report.rows, report.sent, report.excluded, report.good, report.ok) == (2, 1, 1, 1, True)
        [note] = report.notes
        assert note.startswith("not sent, since a pipeline fills them itself: ")
        assert set(note.partition(": ")[2].split(", ")) == {"v_collector", "v_etl", "geo_country"}
        assert events.replay(collector, force=True).resumed == 1
        [sent] = collector.payloads(event_id=EVENT_ID)
        collector.export(tmp_path / "again.tsv")
    expected = {
        "e": "se", "dtm": "1772359872345", "ttm": "1772359882000", "se_va": "0.0000001", "res": "1920x1080", "cookie": "1",
    }  # fmt: skip
    assert {key: sent[key] for key in expected} == expected
    names = [
        "event_id", "derived_tstamp", "dvce_created_tstamp", "se_value", "dvce_screenwidth", "br_cookies", "app_id", "platform",
        "user_ipaddress", "v_tracker", "se_category",
    ]  # fmt: skip
    [before, _] = nbtrack.read_enriched(path, columns=names).to_arrow().to_pylist()
    after = nbtrack.read_enriched(tmp_path / "again.tsv", columns=names).to_arrow().to_pylist()
    assert before in after


def test_names_of_columns_are_those_of_warehouses(tmp_path: Path) -> None:
    from nbtrack.collector.events.enrichment import column_of

    link, path = "iglu:com.acme-co/linkClick/jsonschema/2-0-1", "iglu:com.acme/URLPath/jsonschema/1-0-0"
    assert column_of(link, "unstruct_event") == "unstruct_event_com_acme_co_link_click_2"
    assert column_of(path, "contexts") == "contexts_com_acme_urlpath_1"
    event = {
        "event_id": EVENT_ID, "event": "unstruct", "event_vendor": "com.acme-co", "event_name": "linkClick",
        "event_version": "2-0-1", "unstruct_event_com_acme-co_link_click_2": {"target": "x"},
    }  # fmt: skip
    read = nbtrack.read_enriched(write(tmp_path, json.dumps(event), name="events.json"))
    [text] = read.to_arrow()["unstruct_event"].to_pylist()
    assert json.loads(text)["data"] == {"schema": link, "data": {"target": "x"}}


@pytest.mark.parametrize("app_id", ["{", '{"a":1}', "{}", '{"'])
def test_a_first_column_may_begin_like_json(tmp_path: Path, app_id: str) -> None:
    path = write(tmp_path, line(app_id=app_id), line())
    events = nbtrack.read_enriched(path, columns=["app_id"])
    assert events.to_arrow()["app_id"].to_pylist() == [app_id, None]
    assert events.report.ok
    assert len(nbtrack.read_failed(path)) == 2
