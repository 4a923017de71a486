"""Bad rows in shapes that no schema has: none ends the reading of the others, and what a row holds comes back."""

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.warehouse import FailedEvents
from tests.support.bad_rows import (
    EVENT_ID,
    SCHEMA,
    bad_row,
    collector_payload,
    parameters,
    schema_violation,
    thrift,
)
from tests.support.enriched import line

ATOMIC_FAILURE = {
    "timestamp": "2026-03-01T10:11:41.000Z",
    "messages": [{"error": "no", "field": "vid", "value": "x"}],
}
ENRICHMENT = {
    "timestamp": "2026-03-01T10:11:41.000Z",
    "messages": [{"enrichment": {"schemaKey": SCHEMA, "identifier": "sql"}, "message": {"error": "boom"}}],
}
FAILURE = {
    "schema": "iglu:com.snowplowanalytics.snowplow/failure/jsonschema/1-0-0",
    "data": {
        "failureType": "ValidationError", "errors": [{"message": "wrong", "source": "unstruct", "path": "$.n"}], "schema": SCHEMA,
        "data": {"n": "x"}, "timestamp": "2026-03-01T10:11:41.000Z", "componentName": "enrich",
    },
}  # fmt: skip
CONTEXTS = {"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1", "data": [FAILURE]}
LOADED = {"event_id": EVENT_ID, "event": "struct", "se_category": "a"}
ROWS: list[dict[str, Any]] = [
    schema_violation(parameters(n="x")),
    schema_violation(parameters(n="x"), version="1-0-0"),
    bad_row("enrichment_failures", "2-0-1", ENRICHMENT, schema_violation(parameters(n=1))["data"]["payload"]),
    bad_row("tracker_protocol_violations", "1-0-0", ATOMIC_FAILURE, collector_payload(json.dumps({"schema": "x", "data": [parameters(n=1)]}))),
    bad_row("adapter_failures", "1-0-0", ATOMIC_FAILURE, collector_payload(None, {"e": "pv"})),
    bad_row("collector_payload_format_violation", "1-0-0", {"message": {"error": "no"}}, thrift({"querystring": "e=pv&p=web"})),
    bad_row("size_violation", "1-0-0", {"actualSizeBytes": 2, "maximumAllowedSizeBytes": 1}, line(event_id=EVENT_ID)),
    bad_row("loader_parsing_error", "2-0-0", {"type": "RowDecodingError", "errors": [{"message": "no"}]}, line(event_id=EVENT_ID)),
    bad_row("loader_iglu_error", "2-0-1", [{"schemaKey": SCHEMA, "error": {"error": "ResolutionError"}}], LOADED),
    bad_row("recovery_error", "1-0-1", {"error": "no"}, schema_violation(parameters(n="x")), recoveries=1),
    bad_row("generic_error", "1-0-0", {"errors": ["boom"]}, "text"),
    {"event_id": EVENT_ID, "event": "unstruct", "derived_contexts": CONTEXTS},
    {"event_id": EVENT_ID, "event": "unstruct", "contexts_com_snowplowanalytics_snowplow_failure_1": [FAILURE["data"]]},
]  # fmt: skip
ODD = st.sampled_from(
    [
        None,
        "",
        "x",
        0,
        -1,
        2**40,
        2.5,
        1e300,
        True,
        [],
        {},
        [None],
        ["x"],
        [[1]],
        [{}],
        {"x": None},
        {"data": 3},
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each value in nested dicts and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(*path, key), *places(item, (*path, key))]]


@st.composite
def odd_rows(draw: st.DrawFn) -> dict[str, Any]:
    row: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(ROWS)))
    for _ in range(draw(st.integers(1, 3))):
        found = places(row)
        if not found:
            break
        *path, last = draw(st.sampled_from(found))
        parent: Any = row
        for key in path:
            parent = parent[key]
        if draw(st.booleans()):
            parent[last] = copy.deepcopy(draw(ODD))
        else:
            del parent[last]
    return row


@settings(max_examples=200, deadline=None)
@given(st.lists(odd_rows(), min_size=1, max_size=3))
@example([{**ROWS[9], "data": {**ROWS[9]["data"], "recoveries": True}}])
def test_an_odd_row_costs_nothing_but_itself(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    whole = schema_violation({**parameters(n="x"), "eid": "00000000-1111-4222-8333-444455551b10"})
    path = tmp_path_factory.mktemp("failed") / "rows.ndjson"
    path.write_text("\n".join(map(json.dumps, [*rows, whole])), encoding="utf-8")
    failed = nbtrack.read_failed(path)
    assert not failed.bad_line_count
    last = failed[-1]
    assert (last.recoverable, last.event_name, [reason.value for reason in last.reasons]) == (
        "yes",
        "thing",
        ["x"],
    )
    check_uses(failed)


@pytest.mark.parametrize(
    "layout",
    [
        "\ufeff{0}\n{1}\n",
        "\r\n  \r\n{0}\r\n\r\n{1}\r\n",
        "{0},\n{1},\n",
        "[\n{0},\n{1}\n]\n",
        "[{0},\n{1}]",
        "[{0},{1}]",
    ],
)
def test_exports_of_other_layouts_are_read(tmp_path: Path, layout: str) -> None:
    ids = [EVENT_ID, "00000000-1111-4222-8333-444455551b10"]
    rows = [json.dumps(schema_violation({**parameters(n="x"), "eid": event_id})) for event_id in ids]
    for name, packed in (("rows.json", bytes), ("rows.gz", gzip.compress)):
        (tmp_path / name).write_bytes(packed(layout.format(*rows).encode()))
        failed = nbtrack.read_failed(tmp_path / name)
        assert not failed.bad_lines
        assert [event.event_id for event in failed] == ids
        assert {event.recoverable for event in failed} == {"yes"}


@pytest.mark.parametrize("text", ["[" * 5_000, "{}" + "]" * 5_000, "[1]", "[{}, 2]", "{", "{]", "[[{}]]"])
def test_lines_that_are_no_json_of_events_are_bad_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.ndjson").write_text(f"{text}\n{json.dumps(ROWS[0])}\n", encoding="utf-8")
    failed = nbtrack.read_failed(tmp_path)
    assert [line.line for line in failed.bad_lines] == [1]
    assert [event.recoverable for event in failed] == ["yes"]


def test_the_payload_comes_back_where_only_the_reason_is_odd(tmp_path: Path) -> None:
    rows = []
    for failure in (None, [], {"messages": None}, {"messages": [3, {"error": {"dataReports": [None]}}]}):
        row = schema_violation(parameters(n="x"))
        row["data"]["failure"] = failure
        rows.append(json.dumps(row))
    (tmp_path / "rows.ndjson").write_text("\n".join(rows), encoding="utf-8")
    failed = nbtrack.read_failed(tmp_path)
    assert [event.recoverable for event in failed] == ["yes"] * 4
    assert [reason.reason for reason in failed[3].reasons] == ["3", "a reason that is not as its schema says"]


def check_uses(failed: FailedEvents) -> None:
    """Use failed events in every way that does not send them."""
    assert "failed event" in str(failed)
    assert len(failed.to_pandas()) == len(failed)
    assert failed.summary()["events"].sum() == len(failed)
    assert failed.plot() is not None
    repaired = failed.repair({"ue.n": lambda _: 1, "aid": "shop"}, drop=["co[com.acme/user]"])
    assert str(repaired)
    assert repaired.replay("http://127.0.0.1:9", dry_run=True).failed == 0
