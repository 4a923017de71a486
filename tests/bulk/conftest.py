"""A home folder of its own for the ledgers and dead letters of each test, and the arithmetic of every report."""

from pathlib import Path

import pytest

from nbtrack.bulk import BackfillPlan, BackfillReport
from nbtrack.bulk.sending import run
from tests.support.backfills import check_accounts


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NBTRACK_DISABLED", raising=False)
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that every row of every backfill of these tests is accounted for, once."""
    finish_report = run.finish_report

    def check_report(report: BackfillReport, plan: BackfillPlan) -> BackfillReport:
        check_accounts(report)
        return finish_report(report, plan)

    monkeypatch.setattr("nbtrack.bulk.api.finish_report", check_report)
    monkeypatch.setattr(run, "finish_report", check_report)
