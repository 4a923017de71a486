"""A home folder of its own for each test."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NBTRACK_DISABLED", raising=False)
    return tmp_path / "home"
