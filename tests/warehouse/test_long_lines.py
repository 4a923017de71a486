"""Lines of megabytes: read back whole, or reported with their line and size."""

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import nbtrack
from nbtrack.warehouse import enriched_lines, lines
from tests.support.enriched import CONTEXTS, envelope, line, web_event

LONG = 11_000_000
"""Characters of a field: more than a block."""


def pack(path: Path, content: bytes) -> Path:
    packers: dict[str, Callable[[bytes], bytes]] = {
        ".gz": lambda raw: gzip.compress(raw, 1),
        ".bz2": bz2.compress,
    }
    path.write_bytes(packers.get(path.suffix, bytes)(content))
    return path


@pytest.mark.parametrize("name", ["events.tsv", "events.tsv.gz"])
def test_a_field_of_megabytes_is_read_back_whole(tmp_path: Path, name: str) -> None:
    title = "é" * (LONG // 2)
    entity = {"schema": "iglu:com.acme/note/jsonschema/1-0-0", "data": {"text": "x" * LONG}}
    texts = [
        line(app_id="a"), line(app_id="b", page_title=title), line(app_id="c"),
        line(app_id="d", contexts=envelope(CONTEXTS, [entity])), line(app_id="e"),
    ]  # fmt: skip
    path = pack(tmp_path / name, "".join(f"{text}\n" for text in texts).encode())
    events = nbtrack.read_enriched(path, columns=["app_id", "page_title", "contexts"])
    table = events.to_arrow()
    assert events.report.ok
    assert table["app_id"].to_pylist() == list("abcde")
    assert table["page_title"].to_pylist() == [None, title, None, None, None]
    assert json.loads(table["contexts"][3].as_py())["data"] == [entity]


def test_a_field_of_megabytes_beside_bad_lines_is_read_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    path.write_bytes(
        b"\n".join([b"\xff", line(page_title="x" * LONG).encode(), line(txn_id="x").encode(), b"short"])
    )
    events = nbtrack.read_enriched(path)
    assert [len(title or "") for title in events.to_arrow()["page_title"].to_pylist()] == [LONG, 0]
    assert events.report.bad_lines == [
        (str(path), 1, "1 field, 131 expected"), (str(path), 4, "1 field, 131 expected"),
    ]  # fmt: skip
    assert events.report.bad_cells == {"txn_id": 1}


def bad_row(text: str) -> str:
    row = {
        "schema": "iglu:com.snowplowanalytics.snowplow.badrows/size_violation/jsonschema/1-0-0",
        "data": {
            "processor": {"artifact": "collector", "version": "3"},
            "failure": {
                "timestamp": "2026-03-01T10:11:12Z", "maximumAllowedSizeBytes": 1, "actualSizeBytes": 2, "expectation": "less",
            },
            "payload": text,
        },
    }  # fmt: skip
    return json.dumps(row)


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 5_000)
    monkeypatch.setattr(enriched_lines, "_BLOCK_BYTES", 4_000)
    return 5_000


@pytest.mark.parametrize("size", [4_990, 4_999, 5_000, 5_001, 5_010, 9_999, 20_000])
@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_above_the_limit_is_reported_and_costs_itself_alone(
    tmp_path: Path, limit: int, size: int, suffix: str, end: str
) -> None:
    blank = len(line(app_id="b", page_title=""))
    texts = [line(app_id="a"), line(app_id="b", page_title="x" * (size - blank - 1)), line(app_id="c")]
    for order in (texts, texts[::2] + texts[1:2]):
        content = "\n".join(order) + end
        path = pack(tmp_path / f"events.tsv{suffix}", content.encode())
        events = nbtrack.read_enriched(path, columns=["app_id"])
        read = [name for name in events.to_arrow()["app_id"].to_pylist() if name]
        too_long = [
            index for index, text in enumerate(content.splitlines(keepends=True), 1) if len(text) > limit
        ]
        expected = [text.split("\t", 1)[0] for index, text in enumerate(order, 1) if index not in too_long]
        assert read == expected
        assert [(number, reason[:12]) for _, number, reason in events.report.bad_lines] == [
            (number, "the line has") for number in too_long
        ]
        failed = nbtrack.read_failed(path)
        assert [event.line for event in failed] == [index for index in (1, 2, 3) if index not in too_long]
        assert [bad.line for bad in failed.bad_lines] == too_long


def test_lines_of_json_above_the_limit_are_reported(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "rows.jsonl"
    long = {"event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb", "page_title": "x" * 2 * limit}
    path.write_text("\n".join([json.dumps(long | {"page_title": "a"}), json.dumps(long), bad_row("x")]))
    events = nbtrack.read_enriched(path, columns=["page_title"])
    assert events.to_arrow()["page_title"].to_pylist() == ["a"]
    assert events.report.bad_lines[0] == (str(path), 2, "the line has 10 kB; at most 5 kB are read")
    failed = nbtrack.read_failed(path)
    assert [bad.reason for bad in failed.bad_lines] == ["the line has 10 kB; at most 5 kB are read"]
    assert len(failed) == 2


def test_long_lines_of_json_are_held_a_few_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    event = {"event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb", "page_title": "x" * LONG}
    path.write_text(f"{json.dumps(event)}\n" * 10)
    sizes = [batch.num_rows for batch in nbtrack.read_enriched(path, columns=["page_title"]).batches()]
    assert sum(sizes) == 10
    assert max(sizes) <= 4


def test_a_bad_row_of_megabytes_is_read_back_whole(tmp_path: Path) -> None:
    path = pack(tmp_path / "rows.gz", "\n".join([bad_row("x" * LONG), bad_row("y")]).encode())
    failed = nbtrack.read_failed(path)
    assert [event.kind for event in failed] == ["size_violation"] * 2
    assert len(failed[0].raw) > LONG
    assert not failed.bad_lines


def test_columns_that_begin_to_be_filled_late_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enriched_lines, "_BLOCK_BYTES", 3 * len(web_event()))
    texts = (
        [web_event()] * 20
        + [line(tr_total="1.50")]
        + [web_event()] * 5
        + [line(se_value="2", mkt_term="t")]
        + [line()]
    )
    path = tmp_path / "events.tsv"
    path.write_text("".join(f"{text}\n" for text in texts))
    events = nbtrack.read_enriched(path, columns=["tr_total", "se_value", "mkt_term", "event_id"])
    rows = events.to_arrow().to_pylist()
    assert events.report.ok
    assert len(rows) == len(texts)
    assert [index for index, row in enumerate(rows) if row["tr_total"]] == [20]
    assert [
        (index, row["se_value"], row["mkt_term"]) for index, row in enumerate(rows) if row["mkt_term"]
    ] == [(26, 2, "t")]
