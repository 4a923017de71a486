"""A home folder of its own for the ledgers and dead letters of each test, and the arithmetic of every report."""

from pathlib import Path

import pytest

from tests.support.backfills import watch_accounts


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NBTRACK_DISABLED", raising=False)
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    watch_accounts(monkeypatch)
