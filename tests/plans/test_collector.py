"""A collector with a tracking plan: events stay good, and what does not match is found, shown and counted."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from nbtrack import backfill, col
from nbtrack.cli import main
from nbtrack.collector import LocalCollector
from nbtrack.plans import TrackingPlanError, read_tracking_plan
from nbtrack.schemas import Registry
from nbtrack.tracker import Emitter, PageView, SelfDescribing, SelfDescribingJson, Tracker
from tests.support.tracking_plans import BASKET_ITEM_ADDED, SHOP, SPECIFICATION

BASKET = "iglu:com.example.shop/basket_change/jsonschema/1-1-0"
BOOK = "iglu:com.example.shop/book/jsonschema/1-0-0"
VALIDATION = "event_specification_validation_1"
NAMED = SelfDescribingJson(
    SPECIFICATION, {"id": BASKET_ITEM_ADDED, "version": 4, "name": "Basket Item Added"}
)


def event(*books: Any, **data: Any) -> SelfDescribing:
    values = {"action": "add", "quantity": 2, "currency": "EUR"} | data
    entities = [SelfDescribingJson(BOOK, {"isbn": "9", "format": book}) for book in books]
    return SelfDescribing(SelfDescribingJson(BASKET, values), context=[*entities, NAMED])


def send(collector: LocalCollector, *events: Any) -> list[str]:
    with Tracker("docs", Emitter(collector.url, batch_size=1)) as tracker:
        return [tracker.track(one) for one in events]


@pytest.fixture
def collector(tmp_path: Path) -> Any:
    with LocalCollector(tracking_plan=SHOP, db=tmp_path / "events.sqlite") as made:
        yield made


def test_events_stay_good_and_findings_are_shown(collector: LocalCollector) -> None:
    right, wrong, counted, _ = send(
        collector, event("paper"), event("paper", currency="USD"), event(), PageView("https://acme.com")
    )
    assert collector.counts() == {"total": 4, "good": 4, "bad": 0}
    findings = collector.findings()
    assert list(findings["event_id"]) == [wrong, counted]
    assert list(findings["schema"]) == [BASKET, BOOK]
    assert list(findings["path"]) == ["$.currency", None]
    assert findings["message"][1] == f"Entity {BOOK}: expected at least 1, found 0"
    assert set(findings["specification"]) == {"Basket Item Added"}
    frame = collector.events().set_index("event_id")
    [column] = [name for name in frame.columns if VALIDATION in name]
    [result] = frame[column][wrong]
    assert result["isValid"] is False
    [error] = result["errors"]
    assert error.keys() == {"message", "schema", "path"}
    assert (error["schema"], error["path"]) == (BASKET, "$.currency")
    assert frame[column][counted][0]["errors"] == [{"message": findings["message"][1], "schema": BOOK}]
    assert frame[column][right] in (None, []) or frame[column].isna()[right]


def test_the_entity_has_the_shape_of_snowplows_schema(collector: LocalCollector, tmp_path: Path) -> None:
    send(collector, event(currency="USD", quantity=0))
    path = tmp_path / "events.json"
    collector.export(path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    text = json.dumps(lines)
    assert "event_specification_validation" in text
    uri = "iglu:com.snowplowanalytics.snowplow/event_specification_validation/jsonschema/1-0-0"
    [key] = [key for key in lines[0] if VALIDATION in key]
    assert Registry().faults(uri, lines[0][key][0] | {}) == []


def test_the_monitor_is_told_what_does_not_match(collector: LocalCollector) -> None:
    send(collector, event("paper", currency="USD"))
    [last] = collector.summary()["last"]
    assert last["good"]
    assert last["reasons"][0].startswith("tracking plan: $.currency: ")


def test_a_backfill_says_what_does_not_match(collector: LocalCollector) -> None:
    frame = pd.DataFrame({"quantity": [1, 2, 0], "currency": ["EUR", "USD", "EUR"]})
    template = event("paper", quantity=col("quantity"), currency=col("currency"))
    report = backfill(frame, template, collector=collector, key="quantity", progress=False)
    assert (report.good, report.bad, report.unmatched, report.ok) == (3, 0, 2, True)
    assert "2 events found not to match the tracking plan" in str(report)
    assert any(finding.startswith("$.currency: ") for finding in report.findings)


def test_a_failed_event_is_not_checked(collector: LocalCollector) -> None:
    send(collector, event("paper", quantity="many"))
    assert collector.counts()["bad"] == 1
    assert collector.findings().empty


def test_findings_survive_a_restart_without_the_plan(tmp_path: Path) -> None:
    with LocalCollector(tracking_plan=SHOP, db=tmp_path / "events.sqlite") as first:
        send(first, event())
    with LocalCollector(db=tmp_path / "events.sqlite") as second:
        assert len(second.findings()) == 1


def test_a_plan_with_mistakes_is_refused_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(TrackingPlanError, match=r"broken\.json:1: not valid JSON"):
        LocalCollector(tracking_plan=tmp_path)
    result = CliRunner().invoke(main, ["collector", "--port", "0", "--tracking-plan", str(tmp_path)])
    assert result.exit_code == 1
    assert "broken.json:1: not valid JSON" in result.output


def test_coverage_counts_what_was_seen(collector: LocalCollector) -> None:
    run = CliRunner()
    command = ["plan", "coverage", str(SHOP), "--collector", collector.url, "--token", collector.token]
    result = run.invoke(main, [*command, "--threshold", "50"])
    assert result.exit_code == 1
    assert result.output.startswith("0 of 1 event specification seen (0%)")
    other = SelfDescribingJson(SPECIFICATION, {"id": "0" * 36, "name": "Another"})
    send(
        collector,
        event("paper"),
        event(),
        SelfDescribing(SelfDescribingJson(BASKET, {"action": "add", "quantity": 1}), context=[other]),
    )
    coverage = collector.coverage(read_tracking_plan(SHOP))
    assert (coverage.share, coverage.seen[BASKET_ITEM_ADDED], coverage.unknown) == (1.0, 2, ["0" * 36])
    result = run.invoke(main, [*command, "--threshold", "100"])
    assert result.exit_code == 0
    assert "Basket Item Added          2  Bookshop Checkout" in result.output
    assert f"not in the plan: {'0' * 36} (1 event)" in result.output


PROGRAM = """
from nbtrack.tracker import Emitter, Tracker
from tracking import BasketItemAdded, BasketItemAddedBook

def test_one(nbtrack_collector, assert_no_bad, assert_plan_followed):
    book = BasketItemAddedBook(isbn="9", format="paper")
    with Tracker("shop", Emitter(nbtrack_collector.url, batch_size=1)) as tracker:
        tracker.track(BasketItemAdded(action="add", quantity=2, currency=CURRENCY, book=book))
    assert_no_bad()
    assert_plan_followed()
"""

pytest_plugins = ["pytester"]


def test_a_test_run_shows_its_coverage(pytester: pytest.Pytester) -> None:
    result = CliRunner().invoke(main, ["generate", str(SHOP)])
    pytester.makepyfile(
        tracking=result.stdout,
        test_program=PROGRAM.replace("CURRENCY", '"EUR"'),
        test_nothing="def test_x(): pass",
    )
    pytester.makeini(f"[pytest]\nnbtrack_tracking_plan = {SHOP}\nnbtrack_coverage = 100\n")
    run = pytester.runpytest_subprocess("-p", "no:cacheprovider", "test_program.py")
    run.assert_outcomes(passed=1)
    run.stdout.fnmatch_lines(["1 of 1 event specification seen (100%)"])
    assert run.ret == 0
    pytester.makepyfile(test_program=PROGRAM.replace("CURRENCY", '"USD"'))
    run = pytester.runpytest_subprocess("-p", "no:cacheprovider", "test_program.py")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(
        ["*events do not match the tracking plan:*", "*Basket Item Added: $.currency: *"]
    )
    pytester.makepyfile(test_program="def test_none(nbtrack_collector): pass")
    run = pytester.runpytest_subprocess("-p", "no:cacheprovider", "test_program.py")
    run.assert_outcomes(passed=1)
    run.stdout.fnmatch_lines(
        ["0 of 1 event specification seen (0%)", "*fewer than the 100 % of nbtrack_coverage*"]
    )
    assert run.ret == 1
