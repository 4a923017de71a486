"""The setting `tracking_plan`: a session's events are checked against its specifications."""

import logging
from pathlib import Path

import pytest

import nbtrack
from nbtrack.collector import LocalCollector
from nbtrack.tracker import InvalidEvent, InvalidEventWarning, SelfDescribing, SelfDescribingJson
from tests.support.tracking_plans import BASKET_ITEM_ADDED, SHOP, SPECIFICATION

pytest.importorskip("yaml")
BASKET = "iglu:com.example.shop/basket_change/jsonschema/1-1-0"


def basket_event(**data: object) -> SelfDescribing:
    entity = SelfDescribingJson(SPECIFICATION, {"id": BASKET_ITEM_ADDED, "version": 4})
    return SelfDescribing(SelfDescribingJson(BASKET, data), context=[entity])


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_events_are_checked_and_the_collector_knows_the_plans_schemas() -> None:
    with LocalCollector() as collector:
        session = nbtrack.start(collector, store="memory", validate="raise", tracking_plan=str(SHOP))
        try:
            with pytest.raises(InvalidEvent, match=r"book/jsonschema/1-0-0: expected at least 1, found 0"):
                nbtrack.track(basket_event(action="add", quantity=1, currency="EUR"))
            session.settings.validate = "off"
            nbtrack.track(basket_event(action="add", quantity=1))
            session.flush()
        finally:
            nbtrack.stop()


def test_a_shared_collector_gets_the_plans_schemas(tmp_path: Path) -> None:
    session = nbtrack.start(store="memory", local_port=0, validate="warn", tracking_plan=str(SHOP))
    try:
        client = session.collector
        assert client is not None
        nbtrack.track(SelfDescribing(SelfDescribingJson(BASKET, {"action": "add", "quantity": 1})))
        session.flush()
        assert client.counts() == {"total": 1, "good": 1, "bad": 0}
    finally:
        nbtrack.stop()


def test_a_plan_that_cannot_be_read_loses_no_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "broken.json").write_text("{")
    session = nbtrack.start(
        "http://127.0.0.1:9", store="memory", validate="warn", tracking_plan=str(tmp_path / "plan")
    )
    try:
        with caplog.at_level(logging.WARNING), pytest.warns(InvalidEventWarning, match="no schema"):
            ids = [nbtrack.track(SelfDescribing(SelfDescribingJson(BASKET, {}))) for _ in range(2)]
        assert all(ids)
        warnings = [
            record.getMessage() for record in caplog.records if "tracking plan" in record.getMessage()
        ]
        assert len(warnings) == 1
        assert "broken.json:1: not valid JSON" in warnings[0]
        assert session.emitter.stats().accepted == 2
    finally:
        nbtrack.stop()


def test_a_plan_that_is_not_there_or_not_checked_is_named(tmp_path: Path) -> None:
    missing = nbtrack.runtime.NBTrack(tracking_plan="plan", validate="warn")
    assert missing.complaints == [
        f"tracking_plan (argument): no such file or folder: 'plan' ({tmp_path / 'plan'})"
    ]
    unchecked = nbtrack.runtime.NBTrack(tracking_plan=str(SHOP))
    assert unchecked.complaints == ["tracking_plan is checked with validate = 'warn' or 'raise' only"]
