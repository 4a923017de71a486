"""Reasons are counted by rule and column, with one example of each."""

import pickle

import pandas as pd
import pyarrow as pa

from nbtrack import backfill, col
from nbtrack.bulk import BackfillReport, ChunkReport
from nbtrack.bulk.models import FailedRow, Reason
from nbtrack.bulk.sources.chunks import REASON_COLUMN, reason_column, rechunk
from nbtrack.schemas import Registry
from nbtrack.tracker import SelfDescribing, SelfDescribingJson

URI = "iglu:com.acme/thing/jsonschema/1-0-0"
NAME = {"vendor": "com.acme", "name": "thing", "format": "jsonschema", "version": "1-0-0"}
EVENT = SelfDescribing(SelfDescribingJson(URI, {"total": col("total").to_number()}))


def test_values_that_break_one_rule_are_counted_together() -> None:
    frame = pd.DataFrame({"total": ["1"] * 7 + [f"{number}.000,00" for number in range(1, 401)]})
    report = backfill(frame, EVENT, dry_run=True)
    assert report.reasons == {"total: not a number": 400}
    assert "400 rows: total: not a number, e.g. '1.000,00' in row 7" in str(report)
    assert report.errors["reason"][399] == "total: not a number: '400.000,00'"


def test_so_are_those_that_break_one_rule_of_a_schema() -> None:
    registry = Registry()
    registry.register(
        {"self": NAME, "type": "object", "properties": {"total": {"type": "integer", "maximum": 3}}}
    )
    report = backfill(pd.DataFrame({"total": ["1", "20", "300"]}), EVENT, registry=registry, dry_run=True)
    assert list(report.reasons.values()) == [2]
    assert "2 rows: thing: $.total: expected at most 3, e.g. 20 in row 1" in str(report)


def test_nothing_is_said_about_what_did_not_happen() -> None:
    shown = str(backfill(pd.DataFrame({"total": ["1"]}), EVENT, dry_run=True))
    assert shown.startswith("dry run ok: 1 of 1 row would be sent\n")
    for word in ("skipped", "failed", "invalid", "repeated", "resumed"):
        assert word not in shown


def test_reasons_of_parts_add_up_after_a_journey() -> None:
    report, part = BackfillReport(), ChunkReport()
    part.count_failed([FailedRow(3, None, Reason("x: not a number", "'a'"), None)] * 2)
    report.add(pickle.loads(pickle.dumps(part)))
    assert (report.reasons, report.examples) == ({"x: not a number": 2}, {"x: not a number": "'a' in row 3"})
    assert pickle.loads(pickle.dumps(Reason("a", "b", "c"))).rule == "a"


def test_a_reason_may_quote_any_character() -> None:
    reason = Reason("too many fields", "a\x1fb\x1f\x1f", "3 fields, 2 expected: a\x1fb")
    table = pa.table({REASON_COLUMN: reason_column({1: reason}, 2), "x": [0, 1]})
    [rebuilt] = rechunk([table], 10)
    assert {row: (one.rule, str(one)) for row, one in rebuilt.reasons.items()} == {
        1: ("too many fields", "3 fields, 2 expected: a b")
    }
